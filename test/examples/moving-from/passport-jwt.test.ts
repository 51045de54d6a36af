import { createPublicKey } from 'node:crypto';
import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import { AuthError, createAuth } from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { Passport } from 'passport';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { describe, expect, it } from 'vitest';
import { createApp as after } from '../../../examples/moving-from/passport-jwt/after.js';
import {
  createApp as before,
  type UserRow,
} from '../../../examples/moving-from/passport-jwt/before.js';
import { createApp as sideBySide } from '../../../examples/moving-from/passport-jwt/side-by-side.js';
import { declaredNames, exportedNames, tabledNames } from '../../world/option-tables.js';
import { aMinuteAgo, askEach, type SameCase } from '../../world/same-requests.js';

const users: Readonly<Record<string, UserRow>> = {
  'user-1': { id: 'user-1', name: 'Ada', role: 'buyer' },
  7: { id: '7', name: 'Eve', role: 'guest' },
  'user-2': { id: 'user-2', name: 'Bob', role: 'guest' },
};

const issuer = await createTestIssuer({ audience: 'orders' });
const [key = {}] = issuer.jwks().keys;
const publicKey = createPublicKey({ key, format: 'jwk' })
  .export({ type: 'spki', format: 'pem' })
  .toString();
const settings = { publicKey, issuer: issuer.issuer, audience: 'orders' };

const asked: unknown[] = [];
const apps = [before, after].map((createApp) =>
  createApp({
    ...settings,
    findUser: async (id, site) => {
      asked.push({ id, site });
      if (id === 'user-of-a-broken-database') throw new Error('connection lost');
      return users[id];
    },
  }),
);

const [foreign] = await issuer.forge.foreignKey();

const NO_STORE = { 'cache-control': 'no-store' };
const UNKNOWN = { ...NO_STORE, 'www-authenticate': 'Bearer realm="api"' };
const BAD = { ...NO_STORE, 'www-authenticate': 'Bearer realm="api", error="invalid_token"' };
const VARY = { vary: 'Authorization' };

const HOUR = 3600;
const cookie = `theme=dark; token=${issuer.mintSync()}`;
const expired = { exp: aMinuteAgo() };
const same: readonly SameCase[] = [
  { title: 'a good token', route: '/me', claims: {}, status: 200 },
  { title: 'a good token in a cookie', route: '/me', headers: { cookie }, status: 200 },
  { title: 'no token', route: '/me', status: 401, adds: UNKNOWN },
  { title: 'an expired token', route: '/me', claims: expired, status: 401, adds: BAD },
  { title: 'another audience', route: '/me', claims: { aud: 'reports' }, status: 401, adds: BAD },
  {
    ...{ title: 'another issuer', route: '/me', status: 401, adds: BAD },
    claims: { iss: 'https://other.example/' },
  },
  { title: 'another key', route: '/me', token: foreign?.token, status: 401, adds: BAD },
  { title: 'an unknown user', route: '/me', claims: { sub: 'user-9' }, status: 401, adds: BAD },
  { title: 'garbage', route: '/me', token: 'garbage', status: 401, adds: BAD },
  {
    ...{ title: 'another scheme', route: '/me', status: 401, adds: UNKNOWN },
    headers: { authorization: 'Basic dTpw' },
  },
  {
    ...{ title: 'a scheme alone', route: '/me', status: 401, adds: BAD },
    headers: { authorization: 'Bearer' },
  },
  { title: 'a preflight', route: 'OPTIONS /me', status: 200 },
  { title: 'the role', route: 'POST /orders', claims: {}, status: 201 },
  {
    ...{ title: 'another role', route: 'POST /orders', status: 403, adds: NO_STORE },
    claims: { sub: 'user-2' },
  },
  { title: 'nobody', route: '/news', status: 200, adds: VARY },
  { title: 'a known user', route: '/news', claims: {}, status: 200, adds: VARY },
  { title: 'an expired token', route: '/news', claims: expired, status: 200, adds: VARY },
];

describe('an API that moved from passport-jwt', () => {
  it.each(same)(
    'answers $title as before: $route',
    async ({ claims, status, adds, ...request }) => {
      const token = claims ? issuer.mintSync(claims) : request.token;
      const [was, is] = await askEach(apps, { ...request, token });
      expect(was?.status).toBe(status);
      expect(is).toEqual({ ...was, headers: { ...was?.headers, ...adds } });
    },
  );

  it('looks users up by the same header of the request', async () => {
    asked.length = 0;
    const headers = { 'x-site': 'berlin' };
    await askEach(apps, { route: '/me', token: await issuer.mint(), headers });
    expect(asked).toEqual(apps.map(() => ({ id: 'user-1', site: 'berlin' })));
  });

  it('says 503 when the database fails, which was 500', async () => {
    const token = await issuer.mint({ sub: 'user-of-a-broken-database' });
    const [was, is] = await askEach(apps, { route: '/me', token });
    expect([was?.status, is?.status]).toEqual([500, 503]);
  });

  it.each([
    { title: 'that never expires', claims: { exp: undefined } },
    { title: 'with a number as sub', claims: { sub: 7 } },
    { title: 'of the future', claims: { iat: aMinuteAgo() + HOUR } },
  ])('takes no token $title, which it did', async ({ claims }) => {
    const [was, is] = await askEach(apps, { route: '/me', token: await issuer.mint(claims) });
    expect([was?.status, is?.status]).toEqual([200, 401]);
  });

  it('lets its routes move one after the other', async () => {
    const app = sideBySide(settings);
    const ask = (route: string, token?: string) => askEach([app], { route, token });
    const token = await issuer.mint();
    expect(await ask('/me', token)).toMatchObject([{ status: 200, body: { id: 'user-1' } }]);
    expect(await ask('POST /orders', token)).toMatchObject([
      { status: 201, body: { by: 'user-1' } },
    ]);
    for (const route of ['/me', 'POST /orders'])
      expect(await ask(route, 'garbage')).toMatchObject([{ status: 401 }]);
  });
});

describe('what a callback was told', () => {
  const told: unknown[] = [];
  const note = ({ name, message }: Error) => told.push(name === 'Error' ? message : name);
  const passport = new Passport();
  const jwtFromRequest = ExtractJwt.fromAuthHeaderAsBearerToken();
  passport.use(
    new Strategy({ jwtFromRequest, secretOrKey: publicKey, algorithms: ['RS256'] }, (...args) =>
      args[1](null, false, new Error('no such user')),
    ),
  );
  const former: RequestHandler = (req, res, next) => {
    const callback = (_error: unknown, _user: unknown, info: Error) => {
      note(info);
      res.end();
    };
    passport.authenticate('jwt', { session: false }, callback)(req, res, next);
  };
  const auth = createAuth({
    trustedIssuers: [{ issuer: issuer.issuer, audience: 'orders', keys: { publicKey } }],
    loadPrincipal: () => undefined,
  });
  // Express tells error handlers by their four parameters.
  // eslint-disable-next-line max-params
  const show: ErrorRequestHandler = (error, _req, res, next) => {
    if (error instanceof AuthError) res.json(error.code);
    else next(error);
  };

  it.each([
    { was: 'No auth token', is: 'CREDENTIALS_MISSING', token: () => undefined },
    { was: 'TokenExpiredError', is: 'TOKEN_EXPIRED', token: () => issuer.mintSync(expired) },
    { was: 'JsonWebTokenError', is: 'INVALID_TOKEN', token: () => 'garbage' },
    {
      ...{ was: 'NotBeforeError', is: 'INVALID_TOKEN' },
      token: () => issuer.mintSync({ nbf: aMinuteAgo() + HOUR }),
    },
    { was: 'no such user', is: 'INVALID_TOKEN', token: () => issuer.mintSync() },
  ])('was $was and is $is', async ({ was, is, token }) => {
    told.length = 0;
    const guards = [express().use(former), express().use(auth.requireAuth(), show)];
    const answers = await askEach(guards, { route: '/', token: token() });
    expect(told).toEqual([was]);
    expect(answers[1]?.body).toBe(is);
  });
});

describe('the README names every option', () => {
  it.each([
    {
      heading: 'Options',
      file: '@types/passport-jwt/index.d.ts',
      types: [
        'BaseStrategyOptions',
        'WithSecretOrKey',
        'WithSecretOrKeyProvider',
        'StrategyOptionsWithRequest',
      ],
    },
    {
      heading: 'passport.authenticate()',
      file: '@types/passport/index.d.ts',
      types: ['AuthenticateOptions'],
    },
  ])('under $heading', ({ heading, file, types }) => {
    expect(tabledNames('passport-jwt', heading)).toEqual(declaredNames(file, ...types));
  });

  it('under ExtractJwt, those that the types leave out included', () => {
    expect(tabledNames('passport-jwt', 'ExtractJwt')).toEqual(new Set(Object.keys(ExtractJwt)));
  });

  it('and every other name', () => {
    const names = exportedNames('@types/passport-jwt/index.d.ts');
    expect(tabledNames('passport-jwt', 'Names')).toEqual(names);
  });
});
