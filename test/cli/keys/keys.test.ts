import { createPrivateKey, createPublicKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { calculateJwkThumbprint } from 'jose';
import { createVerifier, loadConfig } from 'latchkey';
import { expect, it, onTestFinished } from 'vitest';
import { createAccessTokenSigner } from '../../../lib/issuing/access-token-signer.js';
import { SECRET } from '../../world/auth-server.js';
import { latchkey } from '../../world/command-line.js';

function createFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'latchkey-keys-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const PUBLIC_URL = 'http://localhost:3000';

it.each(['ES256', 'EdDSA', 'PS256'])(
  'makes a private key for %s that signs with it, and its public half with the thumbprint as kid',
  async (alg) => {
    const out = createFolder();
    const { code, stdout, stderr } = await latchkey([
      'keys',
      'generate',
      '--alg',
      alg,
      '--out',
      out,
    ]);
    expect(code).toBe(0);
    const [privateFile = '', publicFile = ''] = stdout.trim().split('\n');
    expect(statSync(privateFile).mode & 0o777).toBe(0o600);
    const pem = readFileSync(privateFile, 'utf8');
    expect(pem).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
    expect(stdout + stderr).not.toContain('PRIVATE KEY-----');
    const jwk = JSON.parse(readFileSync(publicFile, 'utf8')) as Record<string, string>;
    expect(jwk).toMatchObject({ alg, use: 'sig', kid: await calculateJwkThumbprint(jwk) });
    expect(jwk).not.toHaveProperty('d');
    expect(stderr).toContain(`AUTH_JWT_PRIVATE_KEY_FILE=${privateFile}`);

    // What it says to set is a configuration that signs.
    const settings = /^ {2}(AUTH_JWT_ALGORITHM)=(\w+)$/m.exec(stderr)?.slice(1, 3);
    const config = loadConfig({
      env: {
        ...{ AUTH_JWT_PRIVATE_KEY_FILE: privateFile, AUTH_SECRET: SECRET },
        ...{ AUTH_PUBLIC_URL: PUBLIC_URL },
        ...(settings && Object.fromEntries([settings])),
      },
    });
    const { keys } = createAccessTokenSigner(config, { now: Date.now }).jwks();
    expect(keys).toEqual([jwk]);
  },
);

it('overwrites no file', async () => {
  const out = createFolder();
  const generate = () => latchkey(['keys', 'generate', '--out', out]);
  const first = await generate();
  const files = first.stdout.trim().split('\n');
  const before = files.map((file) => readFileSync(file, 'utf8'));
  expect(await generate()).toMatchObject({ code: 1, stdout: '' });
  expect(files.map((file) => readFileSync(file, 'utf8'))).toEqual(before);
  // Neither does it leave half a key where only the other half is.
  rmSync(files[0] ?? '');
  expect((await generate()).code).toBe(1);
  expect(() => statSync(files[0] ?? '')).toThrow('ENOENT');
});

it.each([
  { title: 'a folder that the system has no place for', out: () => '/proc/latchkey/keys' },
  { title: 'a folder of the system', out: () => '/proc' },
  {
    title: 'a folder below a link that leads nowhere',
    out: (folder: string) => {
      symlinkSync(path.join(folder, 'gone'), path.join(folder, 'link'));
      return path.join(folder, 'link', 'keys');
    },
  },
  {
    title: 'a file',
    out: (folder: string) => {
      writeFileSync(path.join(folder, 'file'), '');
      return path.join(folder, 'file');
    },
  },
])('$title takes no key, and the answer says so', async ({ out }) => {
  const outcome = await latchkey(['keys', 'generate', '--out', out(createFolder())]);
  expect(outcome).toMatchObject({ code: 1, stdout: '' });
  expect(outcome.stderr).toMatch(/^latchkey: .+ cannot be made \(E[A-Z]+\); name another folder/);
});

it('prints the key alone on standard output, so that it fits into a variable', async () => {
  const pem = (await latchkey(['keys', 'generate'])).stdout;
  expect(createPrivateKey(pem).asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
  const secret = (await latchkey(['keys', 'generate', '--alg', 'HS512'])).stdout.trim();
  const env = {
    ...{ AUTH_JWT_SECRET: secret, AUTH_JWT_ALGORITHM: 'HS512', AUTH_PUBLIC_URL: PUBLIC_URL },
    ...{ NODE_ENV: 'production', AUTH_STORE_URL: 'memory:' },
  };
  expect(loadConfig({ env: { ...env, AUTH_PUBLIC_URL: 'https://a.example' } }).jwt.secret).toBe(
    secret,
  );
});

it('prints JSON: all of it, or without the private key where that went to a file', async () => {
  const whole = JSON.parse((await latchkey(['keys', 'generate', '--json'])).stdout) as {
    key: string;
    kid: string;
    publicJwk: object;
  };
  expect(createPublicKey(whole.key).export({ format: 'jwk' })).toEqual(
    expect.objectContaining({ kty: 'EC' }),
  );
  expect(whole.publicJwk).toMatchObject({ kid: whole.kid });
  const saved = await latchkey(['keys', 'generate', '--json', '--out', createFolder()]);
  expect(JSON.parse(saved.stdout)).not.toHaveProperty('key');
  expect(JSON.parse(saved.stdout)).toHaveProperty('files.1');
});

it.each([
  {
    title: 'a private key',
    alg: 'EdDSA',
    variable: 'AUTH_JWT_PRIVATE_KEY',
    wait: '15 minutes 5 s',
  },
  { title: 'a secret', alg: 'HS256', variable: 'AUTH_JWT_SECRET', wait: '15 minutes 5 s' },
])('rotates $title: tokens of either key are accepted at every step', async ({ alg, ...row }) => {
  const { variable, wait } = row;
  const old = (await latchkey(['keys', 'generate', '--alg', alg])).stdout.trim();
  const out = path.join(createFolder(), 'next');
  const common = { AUTH_PUBLIC_URL: PUBLIC_URL, AUTH_SECRET: SECRET };
  const env = { ...common, [variable]: old };
  const { code, stdout } = await latchkey(['keys', 'rotate', '--out', out], { env });
  expect(code).toBe(0);
  expect(stdout).toContain(`${variable}_PREVIOUS`);
  expect(stdout).toContain(wait);
  expect(stdout).not.toContain(old);
  const file = new RegExp(`${out}/\\S+`).exec(stdout)?.[0] ?? '';
  const fresh = readFileSync(file, 'utf8').trim();
  expect(stdout).not.toContain(fresh);

  const before = env;
  const step1 = { ...env, [`${variable}_PREVIOUS`]: fresh };
  const step2 = { ...common, [variable]: fresh, [`${variable}_PREVIOUS`]: old };
  const after = { ...common, [variable]: fresh };
  for (const [signing, verifying] of [
    [before, step1],
    [step1, step1],
    [step2, step1],
    [step1, step2],
    [step2, after],
  ] as const)
    expect(await isAccepted(signing, verifying)).toBe(true);
  expect(await isAccepted(before, after)).toBe(false);
});

/** Whether an application with one configuration accepts what one with another signs. */
async function isAccepted(
  signing: Record<string, string>,
  verifying: Record<string, string>,
): Promise<boolean> {
  const signer = createAccessTokenSigner(loadConfig({ env: signing }), { now: Date.now });
  const { token } = await signer.sign({ subject: 'alice' });
  const own = createAccessTokenSigner(loadConfig({ env: verifying }), { now: Date.now });
  return createVerifier({ issuers: own.issuerOptions() })
    .verify(token)
    .then(
      () => true,
      () => false,
    );
}

it('waits for the longest session where sessions hang on the secret', async () => {
  const env = { AUTH_PUBLIC_URL: PUBLIC_URL, AUTH_JWT_SECRET: SECRET, AUTH_REFRESH_TTL: '40d' };
  const borrowed = await latchkey(['keys', 'rotate'], { env });
  expect(borrowed.stdout).toContain('40 days');
  expect(borrowed.stdout).not.toContain(SECRET);
  const root = { ...env, AUTH_SECRET: `another ${SECRET}` };
  expect((await latchkey(['keys', 'rotate'], { env: root })).stdout).not.toContain('40 days');
  const secret = await latchkey(['keys', 'rotate', '--secret'], { env: root });
  expect(secret.stdout).toContain('40 days');
  expect(secret.stdout).toContain('AUTH_SECRET_PREVIOUS');
  expect((await latchkey(['keys', 'rotate', '--secret'], { env })).code).toBe(1);
});

it('names the variables that are set: those with _FILE', async () => {
  const file = path.join(createFolder(), 'secret');
  writeFileSync(file, SECRET);
  const env = { AUTH_PUBLIC_URL: PUBLIC_URL, AUTH_JWT_SECRET_FILE: file };
  expect((await latchkey(['keys', 'rotate'], { env })).stdout).toContain('AUTH_JWT_SECRET_FILE');
});

it.each([
  { title: 'no key', env: {} },
  {
    title: "another issuer's keys",
    env: { AUTH_JWKS_URL: 'https://id.example/jwks', AUTH_JWT_ISSUER: 'https://id.example' },
  },
  { title: 'a configuration with problems', env: { AUTH_JWT_SECRET: 'short' } },
])('there is nothing to rotate with $title', async ({ env }) => {
  const outcome = await latchkey(['keys', 'rotate'], { env });
  expect(outcome).toMatchObject({ code: 1, stdout: '' });
  expect(outcome.stderr).not.toMatch(/(?!\n)\p{Cc}|\\u000a/u);
});

it.each([
  { title: 'an unknown algorithm', args: ['generate', '--alg', 'ES265'], nearest: 'ES256' },
  { title: 'an unknown command', args: ['genrate'], nearest: 'generate' },
  { title: 'an unknown option', args: ['generate', '--outt', 'x'], nearest: '--out' },
  { title: 'an option of another command', args: ['rotate', '--alg', 'ES256'], nearest: '' },
])('$title is wrong usage, and the nearest name is offered', async ({ args, nearest }) => {
  const outcome = await latchkey(['keys', ...args]);
  expect(outcome).toMatchObject({ code: 2, stdout: '' });
  expect(outcome.stderr.split('\n')[0]).toContain(nearest);
});
