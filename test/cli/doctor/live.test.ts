import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { createAppFolder } from '../../world/app-folder.js';
import { SECRET } from '../../world/auth-server.js';
import { latchkey } from '../../world/command-line.js';
import { startLoginProvider } from '../../world/login-provider.js';
import { root } from '../../package/build-package.js';

const { write } = createAppFolder();
const PUBLIC_URL = 'http://localhost:1';

interface Report {
  readonly findings: readonly {
    readonly check: string;
    readonly outcome: string;
    readonly says: string;
    readonly accepted?: true;
  }[];
}

async function ask(args: readonly string[], more: Readonly<Record<string, string>> = {}) {
  const env = { AUTH_JWT_SECRET: SECRET, AUTH_PUBLIC_URL: PUBLIC_URL, ...more };
  const { stdout } = await latchkey(['doctor', ...args, '--json'], { env });
  const { findings } = JSON.parse(stdout) as Report;
  return findings.filter(({ check }) => check.startsWith('live_'));
}

async function providerFor(router: string) {
  const provider = await startLoginProvider({ redirectUris: [`${PUBLIC_URL}${router}/callback`] });
  return {
    AUTH_OIDC_ISSUER: provider.issuer,
    AUTH_OIDC_CLIENT_ID: provider.clientId,
    AUTH_OIDC_CLIENT_SECRET: provider.clientSecret,
  };
}

it('asks nothing without --live', async () => {
  expect(await ask([], await providerFor('/api/auth'))).toEqual([]);
});

it('finds the router where --router says, and says of everything that it is right', async () => {
  const provider = await providerFor('/auth');
  const outcomes = async (...args: readonly string[]) =>
    new Set((await ask(['--live', ...args], provider)).map(({ outcome }) => outcome));
  expect([...(await outcomes('--router', '/auth'))]).toEqual(['pass']);
  expect([...(await outcomes())].toSorted()).toEqual(['fail', 'pass']);
});

it('knows of an application its store, its sendMail, its fetch and where its router is', async () => {
  const settings = await providerFor('/sign/in');
  const env = { AUTH_JWT_SECRET: SECRET, AUTH_PUBLIC_URL: PUBLIC_URL, ...settings };
  const file = write(`
    import express from 'express';
    import { createAuth, memoryStore } from 'latchkey';
    const providerFetch = (...request) => fetch(...request);
    const auth = createAuth({ env: ${JSON.stringify(env)}, store: memoryStore(), providerFetch });
    export const app = express();
    const inner = express.Router();
    inner.use('/in', auth.router({ sendMail: () => undefined }));
    app.use('/sign', inner);`);
  const findings = await ask([file, '--live', '--mail-to', 'ops@example.com']);
  expect(findings.filter(({ outcome }) => outcome !== 'pass')).toEqual([]);
  const said = findings.map(({ check, says }) => `${check} ${says}`).join('\n');
  expect(said).toMatch(/live_redirect_uri .*redirect URI/);
  expect(said).toMatch(/live_store_swap .*passed in code/);
  expect(said).toMatch(/live_mail .*ops@example\.com/);
});

it('accepts what AUTH_ACCEPTED_WARNINGS names', async () => {
  const warned = { AUTH_PUBLIC_URL: 'https://no-such-host.invalid' };
  const accepted = { ...warned, AUTH_ACCEPTED_WARNINGS: 'live_app' };
  expect(await ask(['--live'], warned)).toMatchObject([{ outcome: 'warn' }]);
  expect(await ask(['--live'], accepted)).toMatchObject([{ outcome: 'warn', accepted: true }]);
});

it.each([
  { title: '--mail-to without --live', args: ['--mail-to', 'a@example.com'] },
  { title: '--router without --live', args: ['--router', '/auth'] },
  { title: 'a router that is no path', args: ['--live', '--router', 'https://a.example/auth'] },
])('refuses $title', async ({ args }) => {
  const env = { AUTH_JWT_SECRET: SECRET, AUTH_PUBLIC_URL: PUBLIC_URL };
  expect((await latchkey(['doctor', ...args], { env })).code).toBe(2);
});

it('has every live check in its README', async () => {
  const readme = await readFile(path.join(root, 'lib/doctor/README.md'), 'utf8');
  const section = /^## Live\n(.*?)^## /ms.exec(readme)?.[1] ?? '';
  const documented = [...section.matchAll(/^\| `(live_[a-z_]+)` /gm)].map(([, name]) => name);
  const folder = path.join(root, 'lib/doctor/live');
  const files = await readdir(folder);
  const sources = await Promise.all(files.map((file) => readFile(path.join(folder, file), 'utf8')));
  const made = sources.flatMap((source) => source.match(/(?<=')live_[a-z_]+(?=')/g) ?? []);
  expect(new Set(documented)).toEqual(new Set(made));
});
