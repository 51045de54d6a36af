import { decodeJwt } from 'jose';
import { expect, it, onTestFinished } from 'vitest';
import { SECRET, serveAuth } from '../../world/auth-server.js';
import { latchkey } from '../../world/command-line.js';

const env = { AUTH_JWT_SECRET: SECRET, AUTH_PUBLIC_URL: 'http://localhost:3000' };
const mint = (...args: readonly string[]) => latchkey(['token', 'mint', ...args], { env });

it('prints a token alone on standard output, which the application accepts', async () => {
  const { code, stdout, stderr } = await mint(
    ...['--sub', 'alice', '--scope', 'invoices:read invoices:write', '--scope', 'x'],
    ...['--role', 'admin', '--claim', 'team=blue', '--claim', 'beta=true', '--ttl', '5m'],
  );
  expect(code).toBe(0);
  expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  const token = stdout.trim();
  expect(stderr).not.toContain(token);
  const { exp = 0, iat = 0, ...claims } = decodeJwt(token);
  expect(exp - iat).toBe(300);
  expect(claims).toMatchObject({
    ...{ sub: 'alice', scope: 'invoices:read invoices:write x', roles: ['admin'] },
    ...{ team: 'blue', beta: true },
  });

  const server = await serveAuth();
  onTestFinished(() => server.auth.close());
  const headers = { authorization: `Bearer ${token}` };
  const me = await server.get('/api/me', headers);
  expect(await me.json()).toMatchObject({ subject: 'alice', user: { roles: ['admin'] } });
  // It is of no session, so a route that asks whether its session lives refuses it.
  expect((await server.get('/api/strict', headers)).status).toBe(401);
});

it('lives as long as the tokens of the application unless told otherwise, also longer', async () => {
  const lifeOf = async (...args: readonly string[]): Promise<number> => {
    const { exp = 0, iat = 0 } = decodeJwt((await mint('--sub', 'a', ...args)).stdout.trim());
    return exp - iat;
  };
  expect(await lifeOf()).toBe(900);
  expect(await lifeOf('--ttl', '8h')).toBe(28_800);
});

it.each([
  {
    title: 'production',
    env: {
      ...env,
      NODE_ENV: 'production',
      AUTH_STORE_URL: 'memory:',
      AUTH_PUBLIC_URL: 'https://a.example',
    },
  },
  { title: 'a configuration without a key', env: {} },
  {
    title: "another issuer's key",
    env: { AUTH_JWKS_URL: 'https://id.example/jwks', AUTH_JWT_ISSUER: 'https://id.example' },
  },
])('signs nothing in $title', async ({ env: others }) => {
  const outcome = await latchkey(['token', 'mint', '--sub', 'alice'], { env: others });
  expect(outcome).toMatchObject({ code: 1, stdout: '' });
  expect(outcome.stderr).not.toContain(SECRET);
});

it.each([
  { title: 'no subject', args: [] },
  { title: 'a claim without a value', args: ['--sub', 'a', '--claim', 'team'] },
  { title: "a claim that is the signer's own", args: ['--sub', 'a', '--claim', 'exp=1'] },
  { title: 'roles as a claim', args: ['--sub', 'a', '--claim', 'roles=["admin"]'] },
  { title: 'a life that is no duration', args: ['--sub', 'a', '--ttl', 'soon'] },
  { title: 'a life of a year', args: ['--sub', 'a', '--ttl', '365d'] },
])('$title is wrong usage', async ({ args }) => {
  expect(await mint(...args)).toMatchObject({ code: 2, stdout: '' });
});
