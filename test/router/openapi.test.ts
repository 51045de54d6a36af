import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import express from 'express';
import type { AuthOptions, AuthRouterOptions } from 'latchkey';
import { createAuth, loadConfig } from 'latchkey';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createEvents } from '../../lib/events.js';
import { createCookies } from '../../lib/http/cookies.js';
import { createProviders } from '../../lib/providers/providers.js';
import { withOpenapi } from '../../lib/router/openapi/publish.js';
import { routeTable } from '../../lib/router/route-table.js';
import { addUser, BASE, bearer, PASSWORD, serveAuth } from '../world/auth-server.js';
import { createDescribedApi } from '../world/described-api.js';
import { expressVersions } from '../world/express-versions.js';
import { hostileLogin } from '../world/hostile-login.js';
import { serve } from '../world/serve.js';

const everything = {
  acceptApiKeys: true,
  serviceAccounts: true,
  ownOrganisations: true,
  passwordSignUp: true,
  impersonation: true,
  tokenScopes: ({ roles }) => (roles.includes('admin') ? ['users:admin', 'users:impersonate'] : []),
} as const satisfies AuthOptions;

const always = [
  ...['exchange', 'backchannelLogout', 'listProviders', 'refresh', 'revoke', 'logout', 'me'],
  ...['session', 'listSessions', 'endSession', 'listIdentities', 'removeIdentity'],
  ...['listUsers', 'createUser', 'updateUser', 'deleteUser', 'listUserSessions'],
  ...['endUserSessions', 'endUserSession', 'listUserIdentities', 'removeUserIdentity'],
  ...['status', 'publicKeys', 'openapi'],
];
const passwords = ['login', 'token', 'changePassword'];
const mailed = ['forgotPassword', 'resetPassword', 'resetUserPassword'];
const signUp = ['signUp', 'verifyEmail', 'changeEmail'];
const keys = ['listKeys', 'createKey', 'endKey', 'listUserKeys', 'endUserKey'];
const accounts = [
  ...['listServiceAccounts', 'createServiceAccount', 'showServiceAccount', 'updateServiceAccount'],
  ...['deleteServiceAccount', 'createSecret', 'endSecret'],
];
const orgs = [
  ...['listOrganisations', 'createOrganisation', 'showOrganisation', 'renameOrganisation'],
  ...['removeOrganisation', 'listMembers', 'changeMember', 'removeMember', 'switchOrganisation'],
];
const invitations = ['listInvitations', 'invite', 'withdrawInvitation', 'acceptInvitation'];

const noMail = { sendMail: undefined };

// Routes that are neither described nor known as pages would be answered with 500.
it.each<{
  title: string;
  options: AuthOptions;
  routes?: object;
  operations: readonly string[];
}>([
  {
    title: 'nothing but providers',
    options: { passwordLogin: false, serviceAccounts: false },
    routes: noMail,
    operations: always,
  },
  {
    title: 'passwords',
    options: { serviceAccounts: false },
    routes: noMail,
    operations: [...always, ...passwords],
  },
  {
    title: 'passwords and mails',
    options: { serviceAccounts: false },
    operations: [...always, ...passwords, ...mailed],
  },
  {
    title: 'signing up',
    options: { serviceAccounts: false, passwordSignUp: true },
    operations: [...always, ...passwords, ...mailed, ...signUp],
  },
  {
    title: 'service accounts without passwords',
    options: { passwordLogin: false, serviceAccounts: true },
    routes: noMail,
    operations: [...always, 'token', ...accounts],
  },
  {
    title: 'API keys',
    options: { serviceAccounts: false, acceptApiKeys: true },
    routes: noMail,
    operations: [...always, ...passwords, ...keys],
  },
  {
    title: 'organisations without mails',
    options: { serviceAccounts: false, ownOrganisations: true },
    routes: noMail,
    operations: [...always, ...passwords, ...orgs],
  },
  {
    title: "Google's button",
    options: { serviceAccounts: false, google: { clientId: 'reports', clientSecret: 'of-google' } },
    routes: noMail,
    operations: [...always, ...passwords, 'signInWithGoogle'],
  },
  {
    title: 'everything',
    options: { ...everything, dpop: { mode: 'accepted' } },
    operations: [
      ...[...always, ...passwords, ...mailed, ...signUp, ...keys, ...accounts],
      ...[...orgs, ...invitations, 'impersonate'],
    ],
  },
])('with $title the document has the operations that are there', async ({ options, ...more }) => {
  const { origin } = await serveAuth(options, more.routes);
  const { paths } = await createDescribedApi(`${origin}/api/auth`);
  const described = Object.values(paths).flatMap((path) => Object.values(path));
  const ids = described.map(({ operationId }) => operationId);
  expect(ids.toSorted()).toEqual(more.operations.toSorted());
});

it('a document that could not be made is made again for the next request', async () => {
  const config = loadConfig({
    env: {},
    overrides: { jwt: BASE.jwt, publicUrl: 'http://localhost:3000' },
  });
  let failures = 1;
  const parts = {
    get config() {
      if (failures-- > 0) throw new Error('out of memory');
      return config;
    },
    pipeline: { readSession: () => undefined },
    cookies: createCookies({ name: 'latchkey', secure: false }),
    providers: createProviders(config, {}, { events: createEvents(), now: Date.now }),
    serviceAccounts: undefined,
  };
  const app = express();
  app.use(routeTable(withOpenapi(parts, {})).handle);
  const { origin } = await serve(app);
  const statuses = [];
  for (let count = 0; count < 2; count += 1)
    statuses.push((await fetch(`${origin}/openapi.json`)).status);
  expect(statuses).toEqual([500, 200]);
});

type Api = Awaited<ReturnType<typeof createDescribedApi>>;

async function serveDescribed(options: AuthOptions = {}, routes: AuthRouterOptions = {}) {
  const server = await serveAuth({ ...everything, ...options }, routes);
  const api = await createDescribedApi(`${server.origin}/api/auth`);
  return { ...server, api };
}

/** Members of an answer, as text. */
function partsOf(body: unknown): Record<string, string> {
  return body as Record<string, string>;
}

describe('answers are as the document says', () => {
  it('to a user who signs in, looks around and changes the password', async () => {
    const server = await serveDescribed();
    await addUser(server, { email: 'alice@example.com' });
    const { api } = server;
    const signedIn = await api.call('POST /login', {
      json: { username: 'alice', password: PASSWORD },
    });
    const refreshed = await api.call('POST /refresh', {
      json: { refresh_token: partsOf(signedIn.body)['refresh_token'] },
    });
    const headers = { authorization: `Bearer ${partsOf(refreshed.body)['access_token']}` };
    for (const path of ['me', 'session', 'sessions', 'sessions?limit=1', 'identities'])
      await api.call(`GET /${path}`, { headers });
    await api.call('GET /session');
    const second = await server.signIn('alice');
    const { sessionId = '' } = await server.auth.authenticate({ headers: bearer(second) });
    await api.call(`DELETE /sessions/${sessionId}`, { headers });
    const json = { old_password: PASSWORD, new_password: 'another one with plenty of words' };
    const changed = await api.call('POST /change-password', { json, headers });
    await api.call('POST /logout', {
      headers: { authorization: `Bearer ${partsOf(changed.body)['access_token']}` },
    });
    await api.call('POST /revoke', { form: { token: 'unknown' } });
    for (const path of ['status', 'jwks.json', 'providers', 'openapi.json'])
      await api.call(`GET /${path}`);
    expect([...api.called]).toEqual([
      ...['login', 'refresh', 'me', 'session', 'listSessions', 'listIdentities', 'endSession'],
      ...['changePassword', 'logout', 'revoke', 'status', 'publicKeys', 'listProviders'],
      'openapi',
    ]);
  });

  it('to mailed tokens', async () => {
    const server = await serveDescribed();
    const { api, mails } = server;
    const mailedToken = async (): Promise<string> => {
      await server.auth.settled();
      const data: Readonly<Record<string, unknown>> = { ...mails.at(-1)?.data };
      return String(data['token']);
    };
    const email = 'bob@example.com';
    await api.call('POST /sign-up', { json: { email, username: 'bob', password: PASSWORD } });
    const { body } = await api.call('POST /verify-email', {
      json: { token: await mailedToken(), password: PASSWORD },
    });
    const headers = { authorization: `Bearer ${partsOf(body)['access_token']}` };
    await api.call('POST /change-email', {
      json: { email: 'robert@example.com', password: PASSWORD },
      headers,
    });
    const token = await mailedToken();
    const verified = await api.call('POST /verify-email', { json: { token }, headers });
    expect(verified.status).toBe(204);
    await api.call('POST /forgot-password', { json: { email: 'robert@example.com' } });
    await api.call('POST /reset-password', {
      json: { token: await mailedToken(), new_password: 'another one with plenty of words' },
    });
    expect([...api.called].toSorted()).toEqual(
      [...signUp, 'forgotPassword', 'resetPassword'].toSorted(),
    );
  });

  it('to administrators', async () => {
    const server = await serveDescribed();
    const { api } = server;
    await addUser(server, { roles: ['admin'] });
    const headers = bearer(await server.signIn('alice'));
    const given = { username: 'bob', email: 'bob@example.com', attributes: { desk: 7 } };
    const { body } = await api.call('POST /users', { json: given, headers });
    const { id: userId } = partsOf(body);
    const user = `/users/${userId}`;
    await api.call(`PATCH ${user}`, { json: { roles: ['analyst'] }, headers });
    await api.call('GET /users?limit=1', { headers });
    const reason = 'ticket 7';
    const acted = await api.call(`POST ${user}/impersonate`, { json: { reason }, headers });
    const acting = { authorization: `Bearer ${partsOf(acted.body)['access_token']}` };
    await api.call('GET /me', { headers: acting });
    await api.call('GET /session', { headers: acting });
    const { sessions } = (await api.call(`GET ${user}/sessions`, { headers })).body as {
      sessions: readonly { readonly id: string }[];
    };
    await api.call(`DELETE ${user}/sessions/${sessions[0]?.id}`, { headers });
    for (const path of ['identities', 'keys']) await api.call(`GET ${user}/${path}`, { headers });
    await api.call(`DELETE ${user}/sessions`, { headers });
    await api.call(`POST ${user}/reset-password`, { headers });
    await api.call(`DELETE ${user}`, { headers });
    expect(await api.call(`DELETE ${user}`, { headers })).toMatchObject({ status: 404 });
    expect([...api.called]).toEqual([
      ...['createUser', 'updateUser', 'listUsers', 'impersonate', 'me', 'session'],
      ...['listUserSessions', 'endUserSession', 'listUserIdentities', 'listUserKeys'],
      ...['endUserSessions', 'resetUserPassword', 'deleteUser'],
    ]);
  });

  it('to a user of an identity provider', async () => {
    const app = await hostileLogin();
    const api = await createDescribedApi(`${app.origin}/api/auth`);
    const verifier = 'v'.repeat(43);
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    const { page } = await app.signIn(`&mode=code&code_challenge=${challenge}`);
    const code = new URL(page.url).searchParams.get('auth_code');
    const { body } = await api.call('POST /exchange', { json: { code, code_verifier: verifier } });
    const headers = { authorization: `Bearer ${partsOf(body)['access_token']}` };
    expect(await api.call('GET /identities', { headers })).toMatchObject({
      body: { identities: [{ provider: 'corp' }] },
    });
    // The last way in stays.
    const removed = await api.call('DELETE /identities/corp', { headers });
    expect(removed.status).toBe(409);
    expect(await api.call('GET /providers')).toMatchObject({ status: 200 });
    const form = { logout_token: 'none' };
    expect(await api.call('POST /backchannel/corp', { form })).toMatchObject({ status: 400 });
  });

  it('to owners of API keys and service accounts', async () => {
    const server = await serveDescribed();
    const { api } = server;
    const { id } = await addUser(server, { roles: ['admin'] });
    const headers = bearer(await server.signIn('alice'));
    const first = await api.call('POST /keys', { json: { name: 'ci' }, headers });
    await api.call('GET /keys', { headers });
    await api.call('GET /me', { headers: { 'x-api-key': partsOf(first.body)['key'] ?? '' } });
    await api.call(`DELETE /keys/${partsOf(first.body)['id']}`, { headers });
    const second = await api.call('POST /keys', { json: { name: 'cd' }, headers });
    await api.call(`DELETE /users/${id}/keys/${partsOf(second.body)['id']}`, { headers });
    const org = await server.auth.organisations.create({ name: 'Acme', ownerId: id });
    const json = { name: 'reporter', org: org.id, scopes: ['reports:write'] };
    const created = await api.call('POST /service-accounts', { json, headers });
    const account = partsOf(created.body)['id'] ?? '';
    const path = `/service-accounts/${account}`;
    const added = await api.call(`POST ${path}/secrets`, { headers });
    const { client_secret: secret = '', id: secretId } = partsOf(added.body);
    await signInAsClient(api, { account, secret });
    await api.call(`PATCH ${path}`, { json: { roles: ['reporter'] }, headers });
    await api.call(`GET ${path}`, { headers });
    await api.call(`GET /service-accounts?org=${org.id}`, { headers });
    await api.call(`DELETE ${path}/secrets/${secretId}`, { headers });
    await api.call(`DELETE ${path}`, { headers });
    const expected = [...keys, ...accounts, 'me', 'token'].filter(
      (each) => each !== 'listUserKeys',
    );
    expect([...api.called].toSorted()).toEqual(expected.toSorted());
  });

  it('to members of organisations', async () => {
    const server = await serveDescribed();
    const { api, mails } = server;
    await addUser(server);
    await addUser(server, { username: 'bob', email: 'bob@example.com', emailVerified: true });
    const owner = { headers: bearer(await server.signIn('alice')) };
    const member = { headers: bearer(await server.signIn('bob')) };
    const { body } = await api.call('POST /orgs', { json: { name: 'Acme' }, ...owner });
    const { id = '' } = partsOf(body);
    const org = `/orgs/${id}`;
    const withdrawn = await api.call(`POST ${org}/invitations`, {
      json: { email: 'eve@example.com' },
      ...owner,
    });
    await api.call(`GET ${org}/invitations`, owner);
    await api.call(`DELETE ${org}/invitations/${partsOf(withdrawn.body)['id']}`, owner);
    await api.call(`POST ${org}/invitations`, { json: { email: 'bob@example.com' }, ...owner });
    await server.auth.settled();
    const { token }: Readonly<Record<string, unknown>> = { ...mails.at(-1)?.data };
    await api.call('POST /accept-invitation', { json: { token }, ...member });
    await api.call('POST /switch-org', { json: { org_id: id }, ...member });
    await api.call('GET /me', member);
    await api.call('GET /orgs', member);
    await api.call(`GET ${org}`, member);
    await api.call(`PATCH ${org}`, { json: { name: 'Acme Ltd' }, ...owner });
    await api.call(`GET ${org}/members`, owner);
    await api.call(`GET ${org}/members?limit=1`, member);
    const { subject } = await server.auth.authenticate(member);
    await api.call(`PATCH ${org}/members/${subject}`, { json: { roles: ['admin'] }, ...owner });
    await api.call(`DELETE ${org}/members/${subject}`, member);
    await api.call(`DELETE ${org}`, owner);
    expect([...api.called].toSorted()).toEqual([...orgs, ...invitations, 'me'].toSorted());
  });

  it.each([
    { route: 'GET /me', status: 401 },
    { route: 'GET /me', headers: { authorization: 'Bearer none' }, status: 401 },
    { route: 'GET /me', headers: { authorization: 'Bearer a', 'x-api-key': 'b' }, status: 400 },
    { route: 'GET /sessions?limit=0', signedIn: true, status: 400 },
    { route: 'GET /users', signedIn: true, status: 403 },
    { route: 'DELETE /sessions/unknown', signedIn: true, status: 404 },
    { route: 'GET /orgs/unknown', signedIn: true, status: 404 },
    { route: 'POST /switch-org', json: { org_id: 'other' }, signedIn: true, status: 403 },
    { route: 'POST /login', json: { username: 'alice', password: 'wrong' }, status: 401 },
    { route: 'POST /login', json: { username: 'alice', pasword: 'x' }, status: 400 },
    { route: 'POST /login', json: { username: 'x'.repeat(20_000) }, status: 413 },
    { route: 'POST /login', form: { username: 'alice' }, status: 415 },
    { route: 'POST /login', headers: { origin: 'https://evil.example' }, status: 403 },
    { route: 'POST /refresh', status: 401 },
    { route: 'POST /revoke', json: {}, status: 400 },
    { route: 'POST /token', form: { grant_type: 'password' }, status: 400 },
    { route: 'POST /token', form: { grant_type: 'client_credentials' }, status: 401 },
    { route: 'POST /sign-up', json: { email: 'a@example.com', password: 'a' }, status: 400 },
    { route: 'POST /reset-password', json: { token: 'a', new_password: 'b' }, status: 400 },
    { route: 'POST /exchange', json: { code: 'a'.repeat(43) }, status: 401 },
    { route: 'POST /backchannel/unknown', form: { logout_token: 'a' }, status: 404 },
  ])('refused: $route is answered $status', async ({ route, status, signedIn, ...call }) => {
    const server = await serveDescribed();
    if (signedIn) await addUser(server);
    const headers = signedIn ? bearer(await server.signIn('alice')) : {};
    const answer = await server.api.call(route, { headers, ...call });
    expect(answer.status).toBe(status);
  });

  it('too many requests', async () => {
    const { api } = await serveDescribed({ rateLimit: { max: 1, windowSeconds: 60 } });
    await api.call('POST /revoke', { json: { token: 'unknown' } });
    const { status } = await api.call('POST /revoke', { json: { token: 'unknown' } });
    expect(status).toBe(429);
  });
});

async function signInAsClient(
  api: Api,
  { account, secret }: { readonly account: string; readonly secret: string },
): Promise<void> {
  const form = { grant_type: 'client_credentials', client_id: account, client_secret: secret };
  expect(await api.call('POST /token', { form })).toMatchObject({ status: 200 });
}

async function fetchDocument(url: string, headers: Record<string, string> = {}) {
  const response = await fetch(url, { headers });
  const text = await response.text();
  return { response, document: text === '' ? undefined : JSON.parse(text) };
}

describe('security', () => {
  it.each([
    { title: 'bearer tokens and the session cookie', options: {}, ways: ['bearer', 'cookie'] },
    {
      title: 'bound tokens as well',
      options: { dpop: { mode: 'accepted' } },
      ways: ['bearer', 'dpop', 'cookie'],
    },
    {
      title: 'bound tokens instead',
      options: { dpop: { mode: 'required' } },
      ways: ['dpop', 'cookie'],
    },
  ] satisfies { title: string; options: AuthOptions; ways: string[] }[])(
    'the routes of users take $title',
    async ({ options, ways }) => {
      const { origin } = await serveAuth(options);
      const { document } = await fetchDocument(`${origin}/api/auth/openapi.json`);
      const { security } = document.paths['/sessions'].get;
      expect(security).toEqual(ways.map((way) => ({ [way]: [] })));
      expect(document.paths['/users'].get.security).toEqual(
        ways.map((way) => ({ [way]: ['users:admin'] })),
      );
      expect(document.paths['/providers'].get.security).toEqual([]);
      expect(Object.keys(document.components.securitySchemes)).toEqual(
        expect.arrayContaining(ways),
      );
    },
  );

  it('an API key opens /me, and no route that changes an account', async () => {
    const { origin } = await serveAuth({ acceptApiKeys: true });
    const { document } = await fetchDocument(`${origin}/api/auth/openapi.json`);
    expect(document.paths['/me'].get.security).toContainEqual({ apiKey: [] });
    expect(document.paths['/keys'].post.security).not.toContainEqual({ apiKey: [] });
    expect(document.components.securitySchemes.apiKey).toMatchObject({ name: 'X-API-Key' });
  });
});

it('bodies are described member by member, and others are refused', async () => {
  const { origin } = await serveAuth();
  const { document } = await fetchDocument(`${origin}/api/auth/openapi.json`);
  expect(document.components.schemas.LoginRequest).toEqual({
    type: 'object',
    properties: {
      username: { type: 'string' },
      email: { type: 'string' },
      password: { type: 'string', format: 'password', minLength: 1, maxLength: 256 },
      delivery: { type: 'string', enum: ['body', 'cookie'], default: 'body' },
      device_token: { type: 'string', maxLength: 2048 },
    },
    required: ['password'],
    additionalProperties: false,
  });
});

describe.each(expressVersions)('$name', ({ express: create }) => {
  it('names the path that the router is mounted at, and lets caches ask whether it has changed', async () => {
    const auth = createAuth({ ...BASE, publicUrl: 'http://localhost:3000' });
    onTestFinished(() => auth.close());
    const app = create();
    app.use('/:tenant/auth', auth.router());
    app.use(auth.errorHandler());
    const { origin } = await serve(app);
    const first = await fetchDocument(`${origin}/acme/auth/openapi.json`);
    expect(first.document.servers).toEqual([{ url: '/acme/auth' }]);
    expect(first.response.headers.get('cache-control')).toBe('no-cache');
    const etag = first.response.headers.get('etag') ?? '';
    const again = { 'if-none-match': etag, 'cache-control': 'max-age=0' };
    const second = await fetchDocument(`${origin}/acme/auth/openapi.json`, again);
    expect(second.response.status).toBe(304);
    const other = await fetchDocument(`${origin}/globex/auth/openapi.json`, again);
    expect(other.document.servers).toEqual([{ url: '/globex/auth' }]);
  });
});

it('says the version of the package', async () => {
  const auth = createAuth({ ...BASE, publicUrl: 'http://localhost:3000' });
  onTestFinished(() => auth.close());
  const { origin } = await serve(express().use(auth.router()));
  const { document } = await fetchDocument(`${origin}/openapi.json`);
  const { version } = JSON.parse(await readFile('package.json', 'utf8'));
  expect(document.info.version).toBe(version);
  expect(document.servers).toEqual([{ url: '/' }]);
});
