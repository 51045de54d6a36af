import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { keyPair } from '../world/key-pairs.js';
import { configOf, fileWith, load, OTHER_SECRET, SECRET } from './world.js';

const base = { AUTH_PUBLIC_URL: 'https://a.example' };
const ed = keyPair('Ed25519');
const ec = keyPair('P-256');
const rsa = keyPair('RSA-2048');
const pem = (pair: typeof ed) =>
  pair.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
const publicPem = (pair: typeof ed) =>
  pair.publicKey.export({ format: 'pem', type: 'spki' }).toString();
const jwk = (pair: typeof ed) => JSON.stringify(pair.privateKey.export({ format: 'jwk' }));
const publicJwk = (pair: typeof ed) => JSON.stringify(pair.publicKey.export({ format: 'jwk' }));

describe('AUTH_JWT_SECRET', () => {
  it.each([
    { title: 'base64', secret: randomBytes(32).toString('base64') },
    { title: 'hex', secret: randomBytes(32).toString('hex') },
    { title: 'exactly 32 bytes', secret: SECRET },
    { title: 'other scripts', secret: 'Grüße aus Übersee, naïveté & Ωmega?!' },
    {
      title: 'words that are none of the usual',
      secret: 'correct-horse-battery-staple-and-more-horses',
    },
    { title: 'inner spaces and braces', secret: 'kT v3q9Zr1L{wXb7NfYc}5JhGm2Pd=Sa8EuQ' },
  ])('takes $title', ({ secret }) => {
    expect(configOf({ env: { ...base, AUTH_JWT_SECRET: secret } }).jwt.secret).toBe(secret);
  });

  it('takes a thousand random secrets', () => {
    for (let count = 0; count < 1000; count++) {
      const secret = randomBytes(24).toString('base64');
      expect(load({ env: { ...base, AUTH_JWT_SECRET: secret } }).problems).toEqual([]);
    }
  });

  it.each([
    ['blank', '   '],
    ['zero-width characters only', '\u200B\uFEFF'],
    ['too short', SECRET.slice(1)],
    ['changeme', 'changeme'],
    ['a long changeme', 'changeme-changeme-changeme-changeme-changeme'],
    ['secret', 'secret'],
    ['passwords', 'Password123Password123Password123!!'],
    ['an example', 'your-super-secret-jwt-key-change-this-in-production'],
    ['another example', 'your-256-bit-secret-your-256-bit-secret'],
    ['a sequence', '0123456789abcdefghijklmnopqrstuvwxyz0123456789'],
    ['few different bytes', 'abcabcabcabcabcabcabcabcabcabcabcabcabc'],
    ['leading white space', ` ${SECRET}`],
    ['a trailing newline', `${SECRET}\n`],
    ['a byte order mark', `\uFEFF${SECRET}`],
    ['a trailing zero-width space', `${SECRET}\u200B`],
  ])('refuses %s', (_title, secret) => {
    const { settings, output } = load({ env: { ...base, AUTH_JWT_SECRET: secret } });
    expect(settings).toEqual(['AUTH_JWT_SECRET']);
    // Short words such as `secret` are part of the message's own words.
    expect(output.includes(secret.trim()) && secret.length > 20).toBe(false);
  });

  const keyMaterial = [
    ['a public PEM', publicPem(rsa)],
    ['a private PEM', pem(ec)],
    ['a certificate', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----'],
    ['PEM with text before it', `Bag Attributes\n${publicPem(rsa)}`],
    ['PEM in base64', Buffer.from(publicPem(rsa)).toString('base64')],
    ['DER in base64', ec.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')],
    ['a JWK', publicJwk(rsa)],
    ['a JWK set', `{ "keys": [${publicJwk(ec)}] }`],
    ['a list of JWKs', `[${publicJwk(ec)}]`],
    ['an SSH key', 'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC7vbqajDhA'],
  ] as const;

  // https://nvd.nist.gov/vuln/detail/CVE-2022-29217: a public key as HMAC secret lets everybody sign.
  it.each(keyMaterial)('refuses %s, however it begins', (_title, text) => {
    for (const start of ['', '\n ', '\uFEFF', '\u200B\u2060']) {
      const { settings, output } = load({ env: { ...base, AUTH_JWT_SECRET: start + text } });
      expect(settings).toEqual(['AUTH_JWT_SECRET']);
      expect(output).toContain('is a key');
    }
  });

  it.each(['AUTH_SECRET', 'AUTH_JWT_SECRET_PREVIOUS', 'AUTH_SECRET_PREVIOUS'])(
    'has the same rules as %s',
    (name) => {
      const env = { ...base, AUTH_JWT_SECRET: SECRET, AUTH_SECRET: OTHER_SECRET };
      expect(configOf({ env: { ...env, [name]: OTHER_SECRET } }).jwt.secret).toBe(SECRET);
      for (const bad of ['changeme', SECRET.slice(1), publicPem(rsa)])
        expect(load({ env: { ...env, [name]: bad } }).settings).toEqual([name]);
    },
  );

  it('can have several predecessors, in a JSON array where they hold commas', () => {
    const commas = `${OTHER_SECRET},,x`;
    const AUTH_JWT_SECRET_PREVIOUS = JSON.stringify([OTHER_SECRET, commas]);
    const env = { ...base, AUTH_JWT_SECRET: SECRET, AUTH_JWT_SECRET_PREVIOUS };
    expect(configOf({ env }).jwt.secretPrevious).toEqual([OTHER_SECRET, commas]);
  });

  it.each([
    { algorithm: 'HS384', bytes: 48 },
    { algorithm: 'HS512', bytes: 64 },
  ])('needs $bytes bytes for $algorithm, and so do its predecessors', ({ algorithm, bytes }) => {
    const long = randomBytes(bytes).toString('base64').slice(0, bytes);
    const short = long.slice(1);
    const env = { ...base, AUTH_JWT_ALGORITHM: algorithm };
    expect(configOf({ env: { ...env, AUTH_JWT_SECRET: long } }).jwt.algorithm).toBe(algorithm);
    expect(load({ env: { ...env, AUTH_JWT_SECRET: short } }).settings).toEqual(['AUTH_JWT_SECRET']);
    const previous = { AUTH_JWT_SECRET: long, AUTH_JWT_SECRET_PREVIOUS: `${long},${short}` };
    expect(load({ env: { ...env, ...previous } }).settings).toEqual(['AUTH_JWT_SECRET_PREVIOUS']);
  });

  const leaked = '!ChangeThisMercureHubJWTSecretKey!';
  const repeated = 'monkey-dragon monkey-dragon monkey-dragon';
  const production = { ...base, NODE_ENV: 'production', AUTH_STORE_URL: 'memory:' };
  const names = [
    'AUTH_JWT_SECRET',
    'AUTH_SECRET',
    'AUTH_JWT_SECRET_PREVIOUS',
    'AUTH_SECRET_PREVIOUS',
  ];

  it.each(names.flatMap((name) => [leaked, repeated].map((secret) => ({ name, secret }))))(
    'that others may know is refused in production and a warning in development: $name=$secret',
    ({ name, secret }) => {
      const env = { AUTH_JWT_SECRET: SECRET, AUTH_SECRET: OTHER_SECRET, [name]: secret };
      const refused = load({ env: { ...production, ...env } });
      expect(refused.settings).toEqual([name]);
      expect(refused.output).not.toContain(secret);
      const warned = load({ env: { ...base, ...env } });
      expect(warned.problems).toEqual([]);
      expect(warned.warnings).toEqual([expect.stringContaining(name)]);
      expect(warned.output).not.toContain(secret);
    },
  );

  it('that others may know is refused of a trusted issuer, too', () => {
    const keys = { secret: [SECRET, leaked] };
    const AUTH_TRUSTED_ISSUERS = JSON.stringify({ issuer: 'i', audience: 'a', keys });
    const env = { ...production, AUTH_TRUSTED_ISSUERS };
    expect(load({ env }).settings).toEqual(['AUTH_TRUSTED_ISSUERS']);
  });

  it('may be bytes in base64, whose length counts', () => {
    const bytes = randomBytes(48).toString('base64');
    const env = { ...base, AUTH_JWT_SECRET: `base64:${bytes}` };
    expect(configOf({ env: { ...env, AUTH_JWT_ALGORITHM: 'HS384' } }).jwt.algorithm).toBe('HS384');
    expect(load({ env: { ...env, AUTH_JWT_ALGORITHM: 'HS512' } }).settings).toEqual([
      'AUTH_JWT_SECRET',
    ]);
    const broken = { ...base, AUTH_JWT_SECRET: `base64:${bytes}!` };
    expect(load({ env: broken }).settings).toEqual(['AUTH_JWT_SECRET']);
  });

  it('is text', () => {
    const overrides: object = { jwt: { secret: 42 }, devToken: 42 };
    expect(load({ overrides, env: base }).settings).toEqual([
      'the option jwt.secret',
      'the option devToken',
    ]);
  });
});

describe('AUTH_JWT_PRIVATE_KEY', () => {
  const env = { ...base, AUTH_SECRET: SECRET };

  it.each([
    ['an RSA key as PEM', pem(rsa)],
    ['a PKCS #1 key', rsa.privateKey.export({ format: 'pem', type: 'pkcs1' }).toString()],
    ['an EC key as PEM', pem(ec)],
    ['an Ed25519 key as PEM', pem(ed)],
    ['a JWK', jwk(ed)],
    ['a P-384 key', pem(keyPair('P-384'))],
  ])('takes %s', (_title, text) => {
    expect(configOf({ env: { ...env, AUTH_JWT_PRIVATE_KEY: text } }).jwt.privateKey).toBe(
      text.trim(),
    );
  });

  it('takes PEM on one line, from a file, and a JWK in a tree', () => {
    const oneLine = pem(ec).replaceAll('\n', '\\n');
    const config = configOf({ env: { ...env, AUTH_JWT_PRIVATE_KEY: oneLine } });
    expect(config.jwt.privateKey).toBe(pem(ec).trim());
    const AUTH_JWT_PRIVATE_KEY_FILE = fileWith(pem(ec), 'key.pem');
    expect(configOf({ env: { ...env, AUTH_JWT_PRIVATE_KEY_FILE } }).jwt.privateKey).toBe(
      pem(ec).trim(),
    );
    const file = fileWith(`jwt: { privateKey: ${jwk(ec)} }`);
    expect(JSON.parse(configOf({ env, file }).jwt.privateKey ?? '')).toEqual(JSON.parse(jwk(ec)));
  });

  it.each([
    ['a public key', publicPem(rsa)],
    ['a public JWK', publicJwk(ec)],
    ['a symmetric JWK', '{"kty":"oct","k":"kTv3q9Zr1LwXb7NfYc5JhGm2"}'],
    ['a JWK set', `{"keys":[${jwk(ec)}]}`],
    ['text', 'kTv3q9Zr1LwXb7NfYc5JhGm2'],
    [
      'broken PEM',
      '-----BEGIN PRIVATE KEY-----\nkTv3q9Zr1LwXb7NfYc5JhGm2\n-----END PRIVATE KEY-----',
    ],
    ['broken JSON', '{"kty":"OKP","d":"kTv3q9Zr1LwXb7NfYc5JhGm2"'],
    ['a short RSA key', pem(keyPair('RSA-1024'))],
    ['an RSA exponent of 1', '{"kty":"RSA","e":"AQ"}'],
    ['another curve', pem(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }))],
    ['a key agreement key', pem(generateKeyPairSync('x25519'))],
    [
      'an encrypted key',
      ec.privateKey
        .export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' })
        .toString(),
    ],
  ])('refuses %s without quoting it', (_title, text) => {
    const { settings, output } = load({ env: { ...env, AUTH_JWT_PRIVATE_KEY: text } });
    expect(settings).toEqual(['AUTH_JWT_PRIVATE_KEY']);
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('-----'));
    expect(lines.filter((line) => output.includes(line))).toEqual([]);
  });

  it.each([
    ['PEM blocks in a row', pem(ec) + pem(rsa), 2],
    ['PEM blocks with commas', [pem(ec), pem(rsa)].join(','), 2],
    ['a JSON array of JWKs', `[${jwk(ec)},${jwk(ed)}]`, 2],
    ['a JSON array of PEM', JSON.stringify([pem(ec)]), 1],
    ['one JWK', jwk(ec), 1],
  ])('can have predecessors as %s', (_title, AUTH_JWT_PRIVATE_KEY_PREVIOUS, count) => {
    const all = { ...env, AUTH_JWT_PRIVATE_KEY: pem(ed), AUTH_JWT_PRIVATE_KEY_PREVIOUS };
    expect(configOf({ env: all }).jwt.privateKeyPrevious).toHaveLength(count);
  });

  it('can have predecessors in a tree, all of which are judged', () => {
    const jwtOf = (privateKeyPrevious: string[]) => ({
      jwt: { privateKey: pem(ed), privateKeyPrevious },
    });
    expect(configOf({ env, overrides: jwtOf([pem(ec)]) }).jwt.privateKeyPrevious).toHaveLength(1);
    expect(load({ env, overrides: jwtOf([pem(ec), publicPem(ec)]) }).settings).toHaveLength(1);
  });
});

describe('AUTH_JWT_PUBLIC_KEY', () => {
  const env = { ...base, AUTH_JWT_ISSUER: 'https://idp.example' };

  it.each([
    ['PEM', publicPem(rsa)],
    ['a JWK', publicJwk(ec)],
  ])('takes %s', (_title, text) => {
    expect(configOf({ env: { ...env, AUTH_JWT_PUBLIC_KEY: text } }).jwt.publicKey).toBe(
      text.trim(),
    );
  });

  it.each([
    ['a private PEM', pem(ec)],
    ['a private JWK', jwk(ec)],
    ['text', 'kTv3q9Zr1LwXb7NfYc5JhGm2'],
    ['a short RSA key', publicPem(keyPair('RSA-1024'))],
    [
      'an RSA exponent of 1',
      JSON.stringify({ ...rsa.publicKey.export({ format: 'jwk' }), e: 'AQ' }),
    ],
  ])('refuses %s', (_title, text) => {
    expect(load({ env: { ...env, AUTH_JWT_PUBLIC_KEY: text } }).settings).toEqual([
      'AUTH_JWT_PUBLIC_KEY',
    ]);
  });
});

describe('AUTH_APPLE_PRIVATE_KEY', () => {
  const client = {
    AUTH_APPLE_CLIENT_ID: 'com.example.web',
    AUTH_APPLE_TEAM_ID: 'DEF123GHIJ',
    AUTH_APPLE_KEY_ID: 'ABC123DEFG',
  };
  it('takes the .p8 file, also with its line ends written out', () => {
    const text = pem(ec);
    for (const AUTH_APPLE_PRIVATE_KEY of [text, text.replaceAll('\n', '\\n')])
      expect(configOf({ env: { ...client, AUTH_APPLE_PRIVATE_KEY } }).apple.privateKey).toBe(
        text.trim(),
      );
  });

  it.each([
    {
      title: 'of another curve',
      text: pem(keyPair('P-384')),
    },
    { title: 'of another kind', text: pem(ed) },
    { title: 'that is the public half', text: publicPem(ec) },
    { title: 'that is none', text: 'AuthKey_ABC123DEFG.p8' },
  ])('refuses a key $title', ({ text }) => {
    const { settings } = load({ env: { ...client, AUTH_APPLE_PRIVATE_KEY: text } });
    expect(settings).toEqual(['AUTH_APPLE_PRIVATE_KEY']);
  });
});
