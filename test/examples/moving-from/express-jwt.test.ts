import { SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { createApp as after } from '../../../examples/moving-from/express-jwt/after.js';
import { createApp as before } from '../../../examples/moving-from/express-jwt/before.js';
import { createApp as sideBySide } from '../../../examples/moving-from/express-jwt/side-by-side.js';
import { declaredNames, tabledNames } from '../../world/option-tables.js';
import { aMinuteAgo, askEach, type SameCase } from '../../world/same-requests.js';

const SECRET = 'a-shared-secret-of-forty-characters-0123';
const settings = { secret: SECRET, issuer: 'https://id.example/', audience: 'articles' };
const apps = [before, after].map((createApp) =>
  createApp({ ...settings, isRevoked: (tokenId) => tokenId === 'revoked' }),
);

/** A token as `jsonwebtoken` signs it. */
function sign(changes: Readonly<Record<string, unknown>> = {}, secret = SECRET): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: settings.issuer, aud: settings.audience, sub: 'u1', iat: now };
  return new SignJWT({ ...claims, exp: now + 900, ...changes })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .sign(Buffer.from(secret));
}

const admin = { roles: ['admin'] };
const same: readonly SameCase[] = [
  { title: 'a good token', route: '/me', claims: { email: 'u1@example.com' }, status: 200 },
  { title: 'no token', route: '/me', status: 401 },
  { title: 'an expired token', route: '/me', claims: { exp: aMinuteAgo() }, status: 401 },
  { title: 'a revoked token', route: '/me', claims: { jti: 'revoked' }, status: 401 },
  { title: 'no token, by nobody', route: '/articles', status: 200 },
  { title: 'a token, optional', route: '/articles', claims: {}, status: 200 },
  { title: 'a bad one, optional', route: '/articles', claims: { exp: aMinuteAgo() }, status: 401 },
  { title: 'no token, no guard', route: '/health', status: 200 },
  { title: 'a bad one, no guard', route: '/health', claims: { exp: aMinuteAgo() }, status: 200 },
  { title: 'the role', route: 'DELETE /articles/1', claims: admin, status: 204 },
  { title: 'no role', route: 'DELETE /articles/1', claims: {}, status: 403 },
  { title: 'no token, nowhere', route: '/nowhere', status: 401 },
  { title: 'a token, nowhere', route: '/nowhere', claims: {}, status: 404 },
  {
    ...{ title: 'no token, but another scheme', route: '/articles', status: 200 },
    headers: { authorization: 'Basic dTpw' },
  },
];

describe('an API that moved from express-jwt', () => {
  it.each(same)('answers $title as before: $route', async ({ claims, status, ...request }) => {
    const token = claims && (await sign(claims));
    const [was, is] = await askEach(apps, { ...request, token });
    expect(was?.status).toBe(status);
    expect(is).toEqual({ ...was, challenge: is?.challenge });
  });

  it.each([
    { title: 'for another audience', token: () => sign({ aud: 'orders' }) },
    { title: 'of another issuer', token: () => sign({ iss: 'https://other.example/' }) },
    { title: 'with another signature', token: () => sign({}, `${SECRET}4`) },
    { title: 'that is not valid yet', token: () => sign({ nbf: aMinuteAgo() + 600 }) },
    { title: 'that is garbage', token: () => 'garbage' },
  ])('answers a token $title with the same code, and less talkative', async ({ token }) => {
    const [was, is] = await askEach(apps, { route: '/me', token: await token() });
    expect(was).toMatchObject({ status: 401, body: { code: 'invalid_token' } });
    expect(is).toMatchObject({
      status: 401,
      body: { code: 'invalid_token', message: 'invalid token' },
    });
  });

  it.each([
    { title: 'another scheme', authorization: 'Basic dTpw', code: 'credentials_required' },
    { title: 'a word too many', authorization: 'Bearer a b', code: 'invalid_token' },
  ])('has a more general code for $title', async ({ authorization, code }) => {
    const [was, is] = await askEach(apps, { route: '/me', headers: { authorization } });
    expect(was?.status).toBe(401);
    expect(was?.body).not.toMatchObject({ code });
    expect(is).toMatchObject({ status: 401, body: { code } });
  });

  it('challenges, which it did not', async () => {
    const token = await sign({ exp: aMinuteAgo() });
    const [was, is] = await askEach(apps, { route: '/me', token });
    expect(was?.challenge).toBeNull();
    expect(is?.challenge).toBe('Bearer realm="api", error="invalid_token"');
  });

  it('takes no token that never expires, which it did', async () => {
    const [was, is] = await askEach(apps, { route: '/me', token: await sign({ exp: undefined }) });
    expect(was?.status).toBe(200);
    expect(is).toMatchObject({ status: 401, body: { code: 'invalid_token' } });
  });

  it('leaves preflights to securityHeaders(), which passed the guard', async () => {
    const headers = { 'access-control-request-headers': 'authorization' };
    const [was, is] = await askEach(apps, { route: 'OPTIONS /me', headers });
    expect([was?.status, is?.status]).toEqual([200, 401]);
  });

  it('lets its routes move one after the other', async () => {
    const callers: unknown[] = [];
    const app = sideBySide({ ...settings, onRequest: (caller) => callers.push(caller) });
    const ask = async (route: string, token?: string) =>
      (await askEach([app], { route, token }))[0]?.status;
    expect(await ask('/me', await sign())).toBe(200);
    expect(await ask('DELETE /articles/1', await sign({ sub: 'u2', ...admin }))).toBe(204);
    expect(callers).toEqual([
      { guard: 'latchkey', id: 'u1' },
      { guard: 'express-jwt', id: 'u2' },
    ]);
    for (const route of ['/me', 'DELETE /articles/1']) {
      expect(await ask(route)).toBe(401);
      expect(await ask(route, await sign({ aud: 'orders' }))).toBe(401);
    }
  });
});

describe('the README names every option', () => {
  it('of express-jwt', () => {
    const own = declaredNames('express-jwt/dist/index.d.ts', 'Params');
    const others = declaredNames('@types/jsonwebtoken/index.d.ts', 'VerifyOptions');
    expect(tabledNames('express-jwt', 'Options')).toEqual(new Set([...own, ...others]));
  });

  it('of unless()', () => {
    const names = declaredNames('express-unless/dist/index.d.ts', 'Params', 'Path');
    expect(tabledNames('express-jwt', 'unless()')).toEqual(names);
  });
});
