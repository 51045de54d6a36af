import { readFile } from 'node:fs/promises';
import path from 'node:path';
import express, { type Express } from 'express';
import { createAuth } from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { buildPackage, root } from '../../package/build-package.js';
import { compileExamples } from '../../package/readmes.js';
import { createScratchProject, dependencyNames } from '../../package/scratch-project.js';
import { reservePort } from '../../world/login-app.js';
import { AUDIENCE, startOpenIdProvider } from '../../world/openid-provider.js';
import { declaredNames, exportedNames, tabledNames } from '../../world/option-tables.js';
import { aMinuteAgo, askEach, type SameCase } from '../../world/same-requests.js';

interface Settings {
  readonly issuer: string;
  readonly audience: string;
}

interface Example {
  createApp(settings: Settings): Express;
}

const folder = path.join(root, 'examples/moving-from/express-oauth2-jwt-bearer');
const files = ['before.ts', 'after.ts', 'side-by-side.ts'] as const;

// In a variable, because the former package's types claim `req.auth` for every program that loads them.
const [before, after, sideBySide] = await Promise.all(
  files.map(async (name) => (await import(path.join(folder, name))) as Example),
);

function createApps(settings: Settings): readonly Express[] {
  return [before, after].flatMap((example) => example?.createApp(settings) ?? []);
}

/** An issuer behind HTTP. */
async function startIssuer() {
  const port = await reservePort();
  const settings = { issuer: port.origin, audience: 'messages' };
  const issuer = await createTestIssuer({ ...settings, algorithm: 'ES256' });
  port.serve(issuer.handler);
  return { issuer, settings, apps: createApps(settings) };
}

const NO_STORE = { 'cache-control': 'no-store' };
const UNKNOWN = { ...NO_STORE, 'www-authenticate': 'Bearer realm="api"' };
const BAD = { ...NO_STORE, 'www-authenticate': 'Bearer realm="api", error="invalid_token"' };
const lacks = (scope: string) => ({
  ...NO_STORE,
  'www-authenticate': `Bearer realm="api", error="insufficient_scope", scope="${scope}"`,
});
const VARY = { vary: 'Authorization' };

const HOUR = 3600;
const reading = { scope: 'openid read:messages' };
const openid = { scope: 'openid' };
const expired = { exp: aMinuteAgo() };
const eve = { email: 'eve@other.example' };
const tester = { email: 'eve@example.com' };
const deleting = { permissions: ['read:messages', 'delete:messages'] };
const garbage = { authorization: 'Bearer garbage' };
const same: readonly SameCase[] = [
  { title: 'a good token', route: '/me', claims: {}, status: 200 },
  { title: 'no token', route: '/me', status: 401, adds: UNKNOWN },
  { title: 'an expired token', route: '/me', claims: expired, status: 401, adds: BAD },
  { title: 'another audience', route: '/me', claims: { aud: 'orders' }, status: 401, adds: BAD },
  {
    ...{ title: 'another issuer', route: '/me', status: 401, adds: BAD },
    claims: { iss: 'https://other.example/' },
  },
  { title: 'no audience', route: '/me', claims: { aud: undefined }, status: 401, adds: BAD },
  { title: 'nobody', route: '/feed', status: 200, adds: VARY },
  { title: 'a token, optional', route: '/feed', claims: {}, status: 200, adds: VARY },
  { title: 'a bad one, optional', route: '/feed', claims: expired, status: 200, adds: VARY },
  { title: 'the scope', route: '/messages', claims: reading, status: 200 },
  {
    ...{ title: 'another scope', route: '/messages', claims: openid, status: 403 },
    adds: lacks('read:messages'),
  },
  {
    ...{ title: 'no scope', route: '/messages', claims: {}, status: 403 },
    adds: lacks('read:messages'),
  },
  { title: 'one of two scopes', route: '/search', claims: reading, status: 200 },
  {
    ...{ title: 'none of two scopes', route: '/search', claims: openid, status: 403 },
    adds: lacks('read:messages read:all'),
  },
  { title: 'the permission', route: 'DELETE /messages/1', claims: deleting, status: 204 },
  {
    ...{ title: 'no permission', route: 'DELETE /messages/1', claims: reading, status: 401 },
    adds: BAD,
  },
  { title: 'the claim', route: '/plan', claims: { plan: 'pro' }, status: 200 },
  { title: 'another claim', route: '/plan', claims: { plan: 'free' }, status: 401, adds: BAD },
  { title: 'a good check', route: '/beta', claims: tester, status: 200 },
  { title: 'a bad check', route: '/beta', claims: eve, status: 401, adds: BAD },
  { title: 'garbage', route: '/me', headers: garbage, status: 401, adds: BAD },
  { title: 'a preflight', route: 'OPTIONS /me', status: 401, adds: UNKNOWN },
];

describe('an API that moved from express-oauth2-jwt-bearer', () => {
  it.each(same)(
    'answers $title as before: $route',
    async ({ claims, status, adds, ...request }) => {
      const { issuer, apps } = await startIssuer();
      const token = claims && (await issuer.mint(claims));
      const [was, is] = await askEach(apps, { ...request, token });
      expect(was?.status).toBe(status);
      expect(is).toEqual({ ...was, headers: { ...was?.headers, ...adds } });
    },
  );

  it('takes the tokens of a real provider', async () => {
    const provider = await startOpenIdProvider({ algorithm: 'RS256' });
    const apps = createApps({ issuer: provider.issuer, audience: AUDIENCE });
    const token = await provider.mint();
    const [was, is] = await askEach(apps, { route: '/me', token });
    expect(was).toMatchObject({ status: 200, body: { id: 'billing-robot' } });
    expect(is).toEqual(was);
  });

  it('names the same error in its challenges, without a description', async () => {
    const { issuer, apps } = await startIssuer();
    const ask = async (route: string, claims?: Readonly<Record<string, unknown>>) =>
      (await askEach(apps, { route, token: claims && issuer.mintSync(claims) })).map(
        ({ headers }) => headers['www-authenticate'],
      );
    expect(await ask('/me')).toEqual([
      expect.stringMatching(/^Bearer realm="api", DPoP algs="/),
      'Bearer realm="api"',
    ]);
    expect(await ask('/me', { exp: aMinuteAgo() })).toEqual([
      expect.stringMatching(/^Bearer realm="api", error="invalid_token", error_description="/),
      'Bearer realm="api", error="invalid_token"',
    ]);
    expect(await ask('/messages', {})).toEqual([
      expect.stringMatching(/^Bearer realm="api", error="insufficient_scope", error_description="/),
      'Bearer realm="api", error="insufficient_scope", scope="read:messages"',
    ]);
  });

  it('says 503 while the issuer has no keys for it, which was 401', async () => {
    const { issuer, apps } = await startIssuer();
    issuer.goDown();
    const [was, is] = await askEach(apps, { route: '/me', token: await issuer.mint() });
    expect([was?.status, is?.status]).toEqual([401, 503]);
  });

  it.each([
    { title: 'another scheme', authorization: 'Basic dTpw', challenge: UNKNOWN },
    { title: 'a scheme alone', authorization: 'Bearer', challenge: BAD },
    { title: 'a word too many', authorization: 'Bearer a b', challenge: BAD },
  ])('says 401 to $title, which was 400', async ({ authorization, challenge }) => {
    const { apps } = await startIssuer();
    const [was, is] = await askEach(apps, { route: '/me', headers: { authorization } });
    expect(was?.status).toBe(400);
    expect(is).toMatchObject({ status: 401, headers: challenge });
  });

  it.each([
    { reason: 'subject', title: 'of no user and no client', claims: { sub: undefined } },
    {
      ...{ reason: 'token_kind', title: 'for a client (ID token)' },
      ...{ claims: { nonce: 'n-0S6_WzA2Mj' }, header: { typ: 'JWT' } },
    },
    { reason: 'not_yet_valid', title: 'of the future', claims: { iat: aMinuteAgo() + HOUR } },
    { reason: 'type', title: 'that calls itself something else', header: { typ: 'JOSE' } },
  ])('refuses a token $title, which passed: $reason', async ({ reason, claims, header }) => {
    const { issuer, settings } = await startIssuer();
    const trusted = { ...settings, keys: { discovery: true } } as const;
    const auth = createAuth({ trustedIssuers: [trusted] });
    const reasons: unknown[] = [];
    auth.on('token.refused', (event) => reasons.push(event.reason));
    const is = express().get('/me', auth.requireAuth(), (_req, res) => void res.end());
    const token = await issuer.mint({ client_id: undefined, ...claims }, header);
    const answers = await askEach([...createApps(settings).slice(0, 1), is], {
      route: '/me',
      token,
    });
    expect(answers.map(({ status }) => status)).toEqual([200, 401]);
    expect(reasons).toEqual([reason]);
  });

  it('reads no token in a query string, which it did', async () => {
    const { issuer, apps } = await startIssuer();
    const route = `/me?access_token=${await issuer.mint()}`;
    const [was, is] = await askEach(apps, { route });
    expect([was?.status, is?.status]).toEqual([200, 401]);
  });

  it('lets its routes move one after the other', async () => {
    const { issuer, settings } = await startIssuer();
    const apps = [sideBySide].flatMap((example) => example?.createApp(settings) ?? []);
    const ask = (route: string, token?: string) => askEach(apps, { route, token });
    const token = await issuer.mint(reading);
    expect(await ask('/me', token)).toMatchObject([{ status: 200, body: { id: 'user-1' } }]);
    expect(await ask('/messages', token)).toMatchObject([{ status: 200, body: { for: 'user-1' } }]);
    expect(await ask('/messages', await issuer.mint())).toMatchObject([{ status: 403 }]);
    expect(await ask('/me')).toMatchObject([{ status: 401 }]);
    expect(await ask('/messages')).toMatchObject([{ status: 401 }]);
  });

  it('compiles beside the former package, whose types say what `req.auth` is', async () => {
    await buildPackage();
    const packages = ['@types/node', '@types/express', 'express-oauth2-jwt-bearer'];
    const project = await createScratchProject([...(await dependencyNames()), ...packages]);
    onTestFinished(() => project.remove());
    const copies = files.map(async (name) =>
      project.write(name, await readFile(path.join(folder, name), 'utf8')),
    );
    expect(await compileExamples(project, await Promise.all(copies))).toBe('');
  }, 120_000);
});

describe('the README names every option', () => {
  const types = 'express-oauth2-jwt-bearer/dist/index.d.ts';

  it.each([
    { heading: 'Options', of: ['JwtVerifierOptions', 'AuthOptions$1', 'AuthOptions'] },
    { heading: 'dpop, mtls', of: ['DPoPOptions', 'MtlsOptions'] },
    {
      heading: 'mcd',
      of: [
        'MCDOptions',
        'AsymmetricIssuerConfig',
        'SymmetricIssuerConfig',
        'IssuerResolverContext',
      ],
    },
    { heading: 'validators', of: ['Validators'] },
    { heading: 'req.auth', of: ['VerifyJwtResult'] },
  ])('under $heading', ({ heading, of }) => {
    expect(tabledNames('express-oauth2-jwt-bearer', heading)).toEqual(declaredNames(types, ...of));
  });

  it('and every other name', () => {
    const guards = tabledNames('express-oauth2-jwt-bearer', 'Guards');
    const further = tabledNames('express-oauth2-jwt-bearer', 'Names');
    expect(new Set([...guards, ...further])).toEqual(exportedNames(types));
  });
});
