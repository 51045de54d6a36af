import { createPublicKey } from 'node:crypto';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import { createApp as after } from '../../../examples/moving-from/passport-jwt/after.js';
import {
  createApp as before,
  type UserRow,
} from '../../../examples/moving-from/passport-jwt/before.js';
import { createApp as sideBySide } from '../../../examples/moving-from/passport-jwt/side-by-side.js';
import { declaredNames, tabledNames } from '../../world/option-tables.js';
import { aMinuteAgo, askEach, type SameCase } from '../../world/same-requests.js';

const users: Readonly<Record<string, UserRow>> = {
  'user-1': { id: 'user-1', name: 'Ada', role: 'buyer' },
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

const cookie = `theme=dark; token=${issuer.mintSync()}`;
const same: readonly SameCase[] = [
  { title: 'a good token', route: '/me', claims: {}, status: 200 },
  { title: 'a good token in a cookie', route: '/me', headers: { cookie }, status: 200 },
  { title: 'no token', route: '/me', status: 401 },
  { title: 'an expired token', route: '/me', claims: { exp: aMinuteAgo() }, status: 401 },
  { title: 'another audience', route: '/me', claims: { aud: 'reports' }, status: 401 },
  { title: 'another issuer', route: '/me', claims: { iss: 'https://other.example/' }, status: 401 },
  { title: 'another key', route: '/me', token: foreign?.token, status: 401 },
  { title: 'an unknown user', route: '/me', claims: { sub: 'user-9' }, status: 401 },
  { title: 'garbage', route: '/me', token: 'garbage', status: 401 },
  { title: 'another scheme', route: '/me', headers: { authorization: 'Basic dTpw' }, status: 401 },
  { title: 'the role', route: 'POST /orders', claims: {}, status: 201 },
  { title: 'another role', route: 'POST /orders', claims: { sub: 'user-2' }, status: 403 },
  { title: 'nobody', route: '/news', status: 200 },
  { title: 'a known user', route: '/news', claims: {}, status: 200 },
  { title: 'an expired token', route: '/news', claims: { exp: aMinuteAgo() }, status: 200 },
];

describe('an API that moved from passport-jwt', () => {
  it.each(same)('answers $title as before: $route', async ({ claims, status, ...request }) => {
    const token = claims ? issuer.mintSync(claims) : request.token;
    const [was, is] = await askEach(apps, { ...request, token });
    expect(was?.status).toBe(status);
    expect(is).toEqual({ ...was, challenge: is?.challenge });
  });

  it('looks users up by the same header of the request', async () => {
    asked.length = 0;
    const headers = { 'x-site': 'berlin' };
    await askEach(apps, { route: '/me', token: await issuer.mint(), headers });
    expect(asked).toEqual(apps.map(() => ({ id: 'user-1', site: 'berlin' })));
  });

  it('challenges, which it did not', async () => {
    const [was, is] = await askEach(apps, { route: '/me' });
    expect([was?.challenge, is?.challenge]).toEqual([null, 'Bearer realm="api"']);
  });

  it('says 503 when the database fails, which was 500', async () => {
    const token = await issuer.mint({ sub: 'user-of-a-broken-database' });
    const [was, is] = await askEach(apps, { route: '/me', token });
    expect([was?.status, is?.status]).toEqual([500, 503]);
  });

  it('takes no token that never expires, which it did', async () => {
    const token = await issuer.mint({ exp: undefined });
    const [was, is] = await askEach(apps, { route: '/me', token });
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
    { heading: 'ExtractJwt', file: '@types/passport-jwt/index.d.ts', types: ['ExtractJwt'] },
    {
      heading: 'passport.authenticate()',
      file: '@types/passport/index.d.ts',
      types: ['AuthenticateOptions'],
    },
  ])('under $heading', ({ heading, file, types }) => {
    expect(tabledNames('passport-jwt', heading)).toEqual(declaredNames(file, ...types));
  });
});
