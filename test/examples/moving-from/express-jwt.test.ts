import express, { type ErrorRequestHandler, type Express } from 'express';
import { expressjwt, UnauthorizedError } from 'express-jwt';
import { SignJWT } from 'jose';
import { AuthError, type AuthEvents, createAuth } from 'latchkey';
import { describe, expect, it } from 'vitest';
import { createApp as after } from '../../../examples/moving-from/express-jwt/after.js';
import { createApp as before } from '../../../examples/moving-from/express-jwt/before.js';
import { createApp as sideBySide } from '../../../examples/moving-from/express-jwt/side-by-side.js';
import {
  declaredNames,
  declaredTexts,
  exportedNames,
  tabledNames,
} from '../../world/option-tables.js';
import { aMinuteAgo, askEach, type SameCase } from '../../world/same-requests.js';

const SECRET = 'a-shared-secret-of-forty-characters-0123';
const settings = { secret: SECRET, issuer: 'https://id.example/', audience: 'articles' };
const TRUSTED = {
  ...{ issuer: settings.issuer, audience: settings.audience },
  keys: { secret: SECRET },
};
const apps = [before, after].map((createApp) =>
  createApp({ ...settings, isRevoked: (tokenId) => tokenId === 'revoked' }),
);

type Claims = Readonly<Record<string, unknown>>;

/** A token as `jsonwebtoken` signs it. */
function sign(changes: Claims = {}, secret = SECRET, header: Claims = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: settings.issuer, aud: settings.audience, sub: 'u1', iat: now };
  return new SignJWT({ ...claims, exp: now + 900, ...changes })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT', ...header })
    .sign(Buffer.from(secret));
}

const NO_STORE = { 'cache-control': 'no-store' };
const UNKNOWN = { ...NO_STORE, 'www-authenticate': 'Bearer realm="api"' };
const BAD = { ...NO_STORE, 'www-authenticate': 'Bearer realm="api", error="invalid_token"' };
const VARY = { vary: 'Authorization' };

const admin = { roles: ['admin'] };
const [expired, email] = [{ exp: aMinuteAgo() }, { email: 'u1@example.com' }];
const same: readonly SameCase[] = [
  { title: 'a good token', route: '/me', claims: email, status: 200 },
  { title: 'no token', route: '/me', status: 401, adds: UNKNOWN },
  { title: 'no token', route: 'HEAD /me', status: 401, adds: UNKNOWN },
  { title: 'an expired token', route: '/me', claims: expired, status: 401, adds: BAD },
  { title: 'a revoked token', route: '/me', claims: { jti: 'revoked' }, status: 401, adds: BAD },
  { title: 'no token, by nobody', route: '/articles', status: 200, adds: VARY },
  { title: 'a token, optional', route: '/articles', claims: {}, status: 200, adds: VARY },
  {
    ...{ title: 'a bad one, optional', route: '/articles', claims: expired, status: 401 },
    adds: { ...BAD, ...VARY },
  },
  { title: 'no token, no guard', route: '/health', status: 200 },
  { title: 'a bad one, no guard', route: '/health', claims: expired, status: 200 },
  { title: 'the role', route: 'DELETE /articles/1', claims: admin, status: 204 },
  { title: 'no role', route: 'DELETE /articles/1', claims: {}, status: 403, adds: NO_STORE },
  { title: 'no token, nowhere', route: '/nowhere', status: 401, adds: UNKNOWN },
  { title: 'a token, nowhere', route: '/nowhere', claims: {}, status: 404 },
  {
    ...{ title: 'no token, but another scheme', route: '/articles', status: 200 },
    ...{ headers: { authorization: 'Basic dTpw' }, adds: VARY },
  },
];

describe('an API that moved from express-jwt', () => {
  it.each(same)(
    'answers $title as before: $route',
    async ({ claims, status, adds, ...request }) => {
      const token = claims && (await sign(claims));
      const [was, is] = await askEach(apps, { ...request, token });
      expect(was?.status).toBe(status);
      expect(is).toEqual({ ...was, headers: { ...was?.headers, ...adds } });
    },
  );

  it.each([
    { title: 'for another audience', token: () => sign({ aud: 'orders' }) },
    { title: 'of another issuer', token: () => sign({ iss: 'https://other.example/' }) },
    { title: 'with another signature', token: () => sign({}, `${SECRET}4`) },
    { title: 'that is not valid yet', token: () => sign({ nbf: aMinuteAgo() + 600 }) },
    { title: 'that is garbage', token: () => 'garbage' },
  ])('answers a token $title with the same code, and less talkative', async ({ token }) => {
    const [was, is] = await askEach(apps, { route: '/me', token: await token() });
    expect(was).toMatchObject({ status: 401, body: { code: 'invalid_token' } });
    expect(is).toEqual({
      status: 401,
      body: { code: 'invalid_token', message: 'invalid token' },
      headers: { ...was?.headers, ...BAD },
    });
  });

  it.each([
    { title: 'another scheme', authorization: 'Basic dTpw', code: 'credentials_required' },
    { title: 'a word too many', authorization: 'Bearer a b', code: 'invalid_token' },
    { title: 'no token behind the scheme', authorization: 'Bearer', code: 'invalid_token' },
  ])('has a more general code for $title', async ({ authorization, code }) => {
    const [was, is] = await askEach(apps, { route: '/me', headers: { authorization } });
    expect(was?.status).toBe(401);
    expect(was?.body).not.toMatchObject({ code });
    expect(is).toMatchObject({ status: 401, body: { code } });
  });

  it('leaves preflights to securityHeaders(), to cors() or to a guard that lets them pass', async () => {
    const headers = { 'access-control-request-headers': 'authorization' };
    const auth = createAuth({ trustedIssuers: [TRUSTED] });
    const passing = express().get('/me', auth.requireAuth({ allowPreflight: true }), () => {});
    const [was, is, passed] = await askEach([...apps, passing], { route: 'OPTIONS /me', headers });
    expect([was?.status, is?.status]).toEqual([200, 401]);
    expect(passed).toEqual(was);
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

/** As most tutorials have it: whatever has the right signature is good. */
const careless = express()
  .use(expressjwt({ secret: SECRET, algorithms: ['HS256'] }))
  .get('/me', (_req, res) => void res.json({}));

/** The same with Latchkey. */
function createApi(secret = SECRET, onRefused?: (event: AuthEvents['token.refused']) => void) {
  const auth = createAuth({ trustedIssuers: [{ ...TRUSTED, keys: { secret } }] });
  if (onRefused) auth.on('token.refused', onRefused);
  return express().get('/me', auth.requireAuth(), (_req, res) => void res.json({}));
}

const HOUR = 3600;
const changing = [
  { reason: 'issuer', title: 'without iss', claims: { iss: undefined } },
  { reason: 'audience', title: 'without aud', claims: { aud: undefined } },
  { reason: 'times', title: 'without exp', claims: { exp: undefined } },
  { reason: 'not_yet_valid', title: 'of the future', claims: { iat: aMinuteAgo() + HOUR } },
  { reason: 'subject', title: 'without sub', claims: { sub: undefined, id: 7 } },
  { reason: 'subject', title: 'with a number as sub', claims: { sub: 7 } },
  { reason: 'token_kind', title: 'for a client (ID token)', claims: { nonce: 'n-0S6_WzA2Mj' } },
  { reason: 'token_kind', title: 'for a refresh', claims: { token_use: 'refresh' } },
  {
    reason: 'type',
    title: 'that calls itself something else',
    claims: {},
    header: { typ: 'JOSE' },
  },
];

describe('tokens that have to change before the move', () => {
  it.each(changing)(
    'a token $title passed, and is refused: $reason',
    async ({ reason, claims, header }) => {
      const reasons: unknown[] = [];
      const strict = createApi(SECRET, (event) => reasons.push(event.reason));
      const token = await sign(claims, SECRET, header);
      const [was, is] = await askEach([careless, strict], { route: '/me', token });
      expect([was?.status, is?.status]).toEqual([200, 401]);
      expect(reasons).toEqual([reason]);
    },
  );

  it('are all in the README', () => {
    const reasons = new Set<string>(changing.map(({ reason }) => reason));
    expect(tabledNames('express-jwt', 'Tokens that have to change')).toEqual(reasons);
  });

  it('pass both, once they are signed as the README says', async () => {
    const token = await sign({ email: 'u1@example.com', sub: String(7) });
    const [lax, was, is] = await askEach([careless, ...apps], { route: '/me', token });
    expect(lax?.status).toBe(200);
    expect(was).toMatchObject({ status: 200, body: { id: '7', email: 'u1@example.com' } });
    expect(is).toEqual(was);
  });

  it('get a secret of 32 bytes in the place of a shorter one', async () => {
    const short = 'too-short';
    expect(() => createApi(short)).toThrow(/32 bytes/);
    const choosing = expressjwt({
      secret: (_req, token) => (token?.header.kid === 'long' ? SECRET : short),
      algorithms: ['HS256'],
    });
    const between = express().get('/me', choosing, (_req, res) => void res.json({}));
    const [old, fresh] = [await sign({}, short), await sign({}, SECRET, { kid: 'long' })];
    const ask = async (app: Express, token: string) =>
      (await askEach([app], { route: '/me', token }))[0]?.status;
    expect([await ask(between, old), await ask(between, fresh)]).toEqual([200, 200]);
    expect([await ask(createApi(), old), await ask(createApi(), fresh)]).toEqual([401, 200]);
  });
});

// Express tells error handlers by their four parameters.
// eslint-disable-next-line max-params
const showCode: ErrorRequestHandler = (error, _req, res, next) => {
  if (error instanceof UnauthorizedError || error instanceof AuthError) res.json(error.code);
  else next(error);
};

describe('the code of a refusal', () => {
  const auth = createAuth({ trustedIssuers: [TRUSTED], isRevoked: () => true });
  const former = expressjwt({ secret: SECRET, algorithms: ['HS256'], isRevoked: () => true });
  const guards = [former, auth.requireAuth()].map((guard) => express().use(guard, showCode));

  it.each([
    { was: 'credentials_required', is: 'CREDENTIALS_MISSING', authorization: '' },
    { was: 'credentials_bad_scheme', is: 'CREDENTIALS_MISSING', authorization: 'Basic dTpw' },
    { was: 'credentials_bad_format', is: 'INVALID_TOKEN', authorization: 'Bearer a b' },
    { was: 'invalid_token', is: 'INVALID_TOKEN', authorization: 'Bearer garbage' },
    { was: 'invalid_token', is: 'TOKEN_EXPIRED', claims: expired },
    { was: 'revoked_token', is: 'TOKEN_REVOKED', claims: {} },
  ])('was $was and is $is', async ({ was, is, authorization, claims }) => {
    const headers = { authorization: authorization ?? `Bearer ${await sign(claims)}` };
    const answers = await askEach(guards, { route: '/', headers });
    expect(answers.map(({ body }) => body)).toEqual([was, is]);
  });

  it('has a row in the README', () => {
    const file = 'express-jwt/dist/errors/UnauthorizedError.d.ts';
    expect(tabledNames('express-jwt', 'Error codes')).toEqual(declaredTexts(file, 'ErrorCode'));
  });
});

describe('the README names every option', () => {
  it('of express-jwt', () => {
    const own = declaredNames('express-jwt/dist/index.d.ts', 'Params');
    const others = declaredNames('@types/jsonwebtoken/index.d.ts', 'VerifyOptions');
    expect(tabledNames('express-jwt', 'Options')).toEqual(new Set([...own, ...others]));
  });

  it('and every other name', () => {
    const names = exportedNames('express-jwt/dist/index.d.ts');
    expect(tabledNames('express-jwt', 'Names')).toEqual(names);
  });

  it('of unless()', () => {
    const names = declaredNames('express-unless/dist/index.d.ts', 'Params', 'Path');
    expect(tabledNames('express-jwt', 'unless()')).toEqual(names);
  });
});
