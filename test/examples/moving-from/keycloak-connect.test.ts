import express from 'express';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp as after } from '../../../examples/moving-from/keycloak-connect/after.js';
import { createApp as before } from '../../../examples/moving-from/keycloak-connect/before.js';
import { createApp as sideBySide } from '../../../examples/moving-from/keycloak-connect/side-by-side.js';
import { root } from '../../package/build-package.js';
import { declaredNames, tabledNames } from '../../world/option-tables.js';
import { aMinuteAgo, askEach, type SameCase } from '../../world/same-requests.js';
import { listen, type Served } from '../../world/serve.js';
import { createTokenSigner } from '../../world/token-signer.js';

const signer = await createTokenSigner('realm-key', { use: 'sig', alg: 'RS256' });

/** What an API asks a Keycloak for, at Keycloak's paths. Permissions that a token doesn't bring along are not granted. */
async function startKeycloak() {
  const down = { is: false };
  const app = express();
  app.use((_req, res, next) => (down.is ? void res.status(503).end() : next()));
  app.get('/realms/main/.well-known/openid-configuration', (req, res) => {
    const issuer = `http://${req.headers.host}/realms/main`;
    res.json({ issuer, jwks_uri: `${issuer}/protocol/openid-connect/certs` });
  });
  app.get('/realms/main/protocol/openid-connect/certs', (_req, res) => {
    res.json({ keys: [signer.jwk] });
  });
  app.post('/realms/main/protocol/openid-connect/token', (_req, res) => {
    res.status(403).json({ error: 'access_denied', error_description: 'not_authorized' });
  });
  const served = await listen(app);
  const settings = { serverUrl: served.origin, realm: 'main', clientId: 'reports-api' };
  return { served, down, settings };
}

let keycloak: Served & { readonly issuer: string };
let apps: readonly ReturnType<typeof before>[];
let settings: Parameters<typeof before>[0];

beforeAll(async () => {
  const started = await startKeycloak();
  settings = started.settings;
  keycloak = { ...started.served, issuer: `${started.served.origin}/realms/main` };
  apps = [before(settings), after(settings)];
});
afterAll(() => keycloak.close());

type Claims = Readonly<Record<string, unknown>>;

/** An access token as Keycloak 26 makes one for a page's client, with an audience mapper for the API. */
function sign(changes: Claims = {}, issuer = keycloak.issuer): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    ...{ exp: now + 300, iat: now, auth_time: now, jti: 'onrtac:d58f5dc8', iss: issuer },
    ...{ aud: ['reports-api', 'account'], sub: '36fa0f91-f94d', typ: 'Bearer', azp: 'web' },
    ...{ sid: '2a88c258-f73a', acr: '1', 'allowed-origins': ['http://localhost:6080'] },
    realm_access: { roles: ['offline_access', 'default-roles-main', 'uma_authorization'] },
    resource_access: { account: { roles: ['manage-account', 'view-profile'] } },
    ...{ scope: 'openid email profile', email_verified: true, preferred_username: 'ada' },
    ...changes,
  };
  return signer.sign({ header: { typ: 'JWT' }, claims });
}

const realmRole = (role: string) => ({ realm_access: { roles: ['offline_access', role] } });
const clientRole = (client: string, role: string) => ({
  resource_access: { account: { roles: ['view-profile'] }, [client]: { roles: [role] } },
});
const permission = (rsname: string, ...scopes: string[]) => ({
  authorization: { permissions: [{ rsid: '9a1e', rsname, ...(scopes.length > 0 && { scopes }) }] },
});

const same: readonly SameCase[] = [
  { title: 'a good token', route: '/me', claims: {}, status: 200 },
  { title: 'no token', route: '/me', status: 403 },
  { title: 'an expired token', route: '/me', claims: { exp: aMinuteAgo() }, status: 403 },
  { title: 'another audience', route: '/me', claims: { aud: 'account' }, status: 403 },
  { title: 'another issuer', route: '/me', claims: { iss: 'https://other.example/' }, status: 403 },
  { title: 'an ID token', route: '/me', claims: { typ: 'ID', aud: 'reports-api' }, status: 403 },
  { title: 'a refresh token', route: '/me', claims: { typ: 'Refresh' }, status: 403 },
  { title: 'garbage', route: '/me', headers: { authorization: 'Bearer garbage' }, status: 403 },
  { title: 'another scheme', route: '/me', headers: { authorization: 'Basic dTpw' }, status: 403 },
  { title: 'a preflight', route: 'OPTIONS /me', status: 200 },
  { title: 'no token, no guard', route: '/health', status: 200 },
  { title: 'a bad one, no guard', route: '/health', claims: { exp: aMinuteAgo() }, status: 200 },
  { title: 'no token, nowhere', route: '/nowhere', status: 404 },
  { title: 'the role of the realm', route: '/users', claims: realmRole('admin'), status: 200 },
  { title: 'another role', route: '/users', claims: realmRole('auditor'), status: 403 },
  {
    ...{ title: 'a client’s role of that name', route: '/users', status: 403 },
    claims: clientRole('reports-api', 'admin'),
  },
  {
    ...{ title: 'the role of the own client', route: '/reports', status: 200 },
    claims: clientRole('reports-api', 'viewer'),
  },
  {
    ...{ title: 'a realm’s role of that name', route: '/reports', status: 403 },
    claims: realmRole('viewer'),
  },
  {
    ...{ title: 'the role of another client', route: '/invoices', status: 200 },
    claims: clientRole('billing', 'clerk'),
  },
  {
    ...{ title: 'the own client’s role of that name', route: '/invoices', status: 403 },
    claims: clientRole('reports-api', 'clerk'),
  },
  {
    ...{ title: 'one of two roles', route: '/drafts', status: 200 },
    claims: clientRole('reports-api', 'editor'),
  },
  { title: 'the other of two', route: '/drafts', claims: realmRole('admin'), status: 200 },
  { title: 'none of two', route: '/drafts', claims: {}, status: 403 },
  {
    ...{ title: 'a permission', route: '/archive', status: 200 },
    claims: permission('archive', 'read', 'list'),
  },
  { title: 'one without scopes', route: '/archive', claims: permission('archive'), status: 200 },
  {
    ...{ title: 'one for another scope', route: '/archive', status: 403 },
    claims: permission('archive', 'write'),
  },
  {
    ...{ title: 'one for another resource', route: '/archive', status: 403 },
    claims: permission('cellar', 'read'),
  },
  { title: 'no permission', route: '/archive', claims: {}, status: 403 },
];

describe('an API that moved from keycloak-connect', () => {
  it.each(same)('answers $title as before: $route', async ({ claims, status, ...request }) => {
    const token = claims && (await sign(claims));
    const [was, is] = await askEach(apps, { ...request, token });
    expect(was?.status).toBe(status);
    expect(is).toEqual(was);
  });

  it('refuses a token that was changed, as before', async () => {
    const [header, , signature] = (await sign()).split('.');
    const [, payload] = (await sign(realmRole('admin'))).split('.');
    const token = [header, payload, signature].join('.');
    const [was, is] = await askEach(apps, { route: '/users', token });
    expect(was).toMatchObject({ status: 403, body: 'Access denied' });
    expect(is).toEqual(was);
  });

  it('says 503 while Keycloak has no keys for it, which was 403', async () => {
    const { served, down, settings: others } = await startKeycloak();
    down.is = true;
    const token = await sign({}, `${served.origin}/realms/main`);
    const fresh = [before(others), after(others)];
    const [was, is] = await askEach(fresh, { route: '/me', token });
    expect([was?.status, is?.status]).toEqual([403, 503]);
    await served.close();
  });

  it('lets its routes move one after the other, and then says 401 to no token', async () => {
    const app = sideBySide(settings);
    const ask = (route: string, token?: string) => askEach([app], { route, token });
    const token = await sign(realmRole('admin'));
    expect(await ask('/me', token)).toMatchObject([{ status: 200, body: { id: '36fa0f91-f94d' } }]);
    expect(await ask('/users', token)).toMatchObject([{ status: 200 }]);
    expect(await ask('/me')).toMatchObject([
      { status: 401, headers: { 'www-authenticate': 'Bearer realm="api"' } },
    ]);
    const [unmoved] = await ask('/users');
    expect(unmoved?.status).toBe(403);
    expect(unmoved?.headers).not.toHaveProperty('www-authenticate');
  });
});

describe('the README names every option', () => {
  const types = 'keycloak-connect/keycloak.d.ts';

  it('of keycloak.json, those that the types leave out included', () => {
    const names = namesIn('middleware/auth-utils/config.js', /\bconfig(?:\.(\w+)|\['([\w-]+)'\])/g);
    const declared = declaredNames(types, 'KeycloakConfig');
    expect(tabledNames('keycloak-connect', 'keycloak.json')).toEqual(
      new Set([...declared, ...names]),
    );
  });

  const utils = ['token', 'grant', 'grant-manager'].map(
    (name) => `middleware/auth-utils/${name}.js`,
  );
  const methods = /\.prototype\.(\w+) = /g;

  it.each([
    {
      ...{ heading: 'new Keycloak()', of: ['KeycloakOptions', 'Keycloak#middleware'] },
      ...{ files: ['keycloak.js'], reads: /(?<!this\.)\bconfig\.(\w+)/g },
    },
    {
      ...{ heading: 'enforcer()', of: ['EnforcerOptions'] },
      ...{ files: ['middleware/enforcer.js'], reads: /\bconfig\.(\w+)/g },
    },
    {
      ...{ heading: 'Methods', of: ['Keycloak', 'Token', 'GrantManager', 'Grant'] },
      ...{ files: ['keycloak.js', ...utils], reads: methods },
    },
    {
      ...{ heading: 'req.kauth', of: ['GrantProperties'] },
      ...{ files: ['middleware/auth-utils/token.js'], reads: /\bthis\.(\w+) =/g },
    },
  ])('under $heading', ({ heading, of, files, reads }) => {
    const found = files.flatMap((file) => namesIn(file, reads));
    const names = new Set([...declaredNames(types, ...of), ...found]);
    expect(tabledNames('keycloak-connect', heading)).toEqual(names);
  });
});

/** What an expression finds in a file of the package, which its types may leave out. */
function namesIn(file: string, expression: RegExp): readonly string[] {
  const text = readFileSync(path.join(root, 'node_modules/keycloak-connect', file), 'utf8');
  return [...text.matchAll(expression)].map(([, ...names]) => names.find(Boolean) ?? '');
}
