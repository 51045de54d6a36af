import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Express } from 'express';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { buildPackage, root } from '../../package/build-package.js';
import { compileExamples } from '../../package/readmes.js';
import { createScratchProject, dependencyNames } from '../../package/scratch-project.js';
import { reservePort } from '../../world/login-app.js';
import { AUDIENCE, startOpenIdProvider } from '../../world/openid-provider.js';
import { declaredNames, tabledNames } from '../../world/option-tables.js';
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

const reading = { scope: 'openid read:messages' };
const tester = { email: 'eve@example.com' };
const deleting = { permissions: ['read:messages', 'delete:messages'] };
const same: readonly SameCase[] = [
  { title: 'a good token', route: '/me', claims: {}, status: 200 },
  { title: 'no token', route: '/me', status: 401 },
  { title: 'an expired token', route: '/me', claims: { exp: aMinuteAgo() }, status: 401 },
  { title: 'another audience', route: '/me', claims: { aud: 'orders' }, status: 401 },
  { title: 'another issuer', route: '/me', claims: { iss: 'https://other.example/' }, status: 401 },
  { title: 'nobody', route: '/feed', status: 200 },
  { title: 'a token, optional', route: '/feed', claims: {}, status: 200 },
  { title: 'a bad one, optional', route: '/feed', claims: { exp: aMinuteAgo() }, status: 200 },
  { title: 'the scope', route: '/messages', claims: reading, status: 200 },
  { title: 'another scope', route: '/messages', claims: { scope: 'openid' }, status: 403 },
  { title: 'no scope', route: '/messages', claims: {}, status: 403 },
  { title: 'one of two scopes', route: '/search', claims: reading, status: 200 },
  { title: 'none of two scopes', route: '/search', claims: { scope: 'openid' }, status: 403 },
  { title: 'the permission', route: 'DELETE /messages/1', claims: deleting, status: 204 },
  { title: 'no permission', route: 'DELETE /messages/1', claims: reading, status: 401 },
  { title: 'the claim', route: '/plan', claims: { plan: 'pro' }, status: 200 },
  { title: 'another claim', route: '/plan', claims: { plan: 'free' }, status: 401 },
  { title: 'a good check', route: '/beta', claims: tester, status: 200 },
  { title: 'a bad check', route: '/beta', claims: { email: 'eve@other.example' }, status: 401 },
  { title: 'garbage', route: '/me', headers: { authorization: 'Bearer garbage' }, status: 401 },
];

describe('an API that moved from express-oauth2-jwt-bearer', () => {
  it.each(same)('answers $title as before: $route', async ({ claims, status, ...request }) => {
    const { issuer, apps } = await startIssuer();
    const token = claims && (await issuer.mint(claims));
    const [was, is] = await askEach(apps, { ...request, token });
    expect(was?.status).toBe(status);
    expect(is).toEqual({ ...was, challenge: is?.challenge });
  });

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
        ({ challenge }) => challenge,
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

  it('says 401 to another scheme, which was 400', async () => {
    const { apps } = await startIssuer();
    const headers = { authorization: 'Basic dTpw' };
    const [was, is] = await askEach(apps, { route: '/me', headers });
    expect([was?.status, is?.status]).toEqual([400, 401]);
    expect(is?.body).toEqual(was?.body);
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
  ])('under $heading', ({ heading, of }) => {
    expect(tabledNames('express-oauth2-jwt-bearer', heading)).toEqual(declaredNames(types, ...of));
  });

  it('and every guard', async () => {
    const specifier: string = 'express-oauth2-jwt-bearer';
    const { default: exported } = (await import(specifier)) as {
      readonly default: object;
    };
    const guards = Object.keys(exported).filter((name) => /^[a-z]/.test(name));
    expect(tabledNames('express-oauth2-jwt-bearer', 'Guards')).toEqual(new Set(guards));
  });
});
