import { execFile, spawnSync } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { memoryStore } from 'latchkey';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { root } from '../package/build-package.js';
import { findBlock, readReadmes } from '../package/readmes.js';
import { plainEnvironment, stop } from '../package/start-script.js';
import { SECRET } from '../world/auth-server.js';
import { createClock } from '../world/clock.js';
import { startGoogleKeys } from '../world/google-keys.js';
import { compiledExamples } from './compiled-examples.js';
import { startCompiled } from './started-example.js';
import { formerToken, type ServedTenants, serveTenants } from './tenants-world.js';

const run = promisify(execFile);
const hasPython = spawnSync('python3', ['--version']).status === 0;
if (!hasPython) console.log('Left out: the Python client, for there is no python3 here.');

const NEW_PASSWORD = 'a password of her own';

/** An application until the test ends. */
async function world(...parts: Parameters<typeof serveTenants>): Promise<ServedTenants> {
  const served = await serveTenants(...parts);
  onTestFinished(() => served.close());
  return served;
}

/** One for all tests that change nothing in it. */
let tenants: ServedTenants;

beforeAll(async () => {
  tenants = await serveTenants();
});
afterAll(() => tenants.close());

describe('passwords in the multi-tenant example', () => {
  it('log-in answers what its clients know', async () => {
    const { call, passwordOf } = tenants;
    const login = { username: 'ben', password: passwordOf('ben') };
    const answer = await call('POST /api/auth/login', {}, login);
    expect(answer).toMatchObject({
      status: 200,
      body: {
        access_token: expect.any(String) as string,
        token_type: 'Bearer',
        must_reset_password: false,
      },
    });
    const [, claims = ''] = String(answer.body['access_token']).split('.');
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
      user_id: '2',
      role: 'user',
    });
    const wrong = await call('POST /api/auth/login', {}, { ...login, password: 'guessed' });
    expect(wrong).toMatchObject({ status: 401, body: { code: 'INVALID_CREDENTIALS' } });
  });

  it('a flagged user can only change the password', async () => {
    const { call, logIn, passwordOf } = await world();
    const { access_token: token, must_reset_password: isFlagged } = await logIn('cleo');
    expect(isFlagged).toBe(true);
    for (const route of ['GET /api/profile', 'GET /api/invoices', 'GET /api/auth/sessions'])
      expect(await call(route, { token })).toMatchObject({
        status: 403,
        body: { code: 'PASSWORD_CHANGE_REQUIRED' },
      });
    const passwords = { old_password: passwordOf('cleo'), new_password: NEW_PASSWORD };
    const { status, body } = await call('POST /api/auth/change-password', { token }, passwords);
    expect({ status, body }).toMatchObject({ status: 200, body: { must_reset_password: false } });
    const changed = String(body['access_token']);
    expect(await call('GET /api/invoices', { token: changed })).toMatchObject({
      status: 200,
      body: { org: 'globex' },
    });
  });

  it('who has forgotten the password sets another one by mail, which ends the sessions of before', async () => {
    const { call, tokensOf, mails } = await world();
    const { access_token: token } = await tokensOf('2');
    const forgotten = { email: 'ben@example.com' };
    expect((await call('POST /api/auth/forgot-password', {}, forgotten)).status).toBe(202);
    await expect.poll(() => mails[0]?.to).toBe('ben@example.com');
    const [mail] = mails;
    const reset = {
      token: mail?.kind === 'password_reset' ? mail.data.token : '',
      new_password: NEW_PASSWORD,
    };
    expect(await call('POST /api/auth/reset-password', {}, reset)).toMatchObject({
      status: 200,
      body: { must_reset_password: false },
    });
    expect((await call('POST /api/auth/reset-password', {}, reset)).status).toBe(400);
    expect(await call('GET /api/profile', { token })).toMatchObject({
      status: 401,
      body: { code: 'TOKEN_REVOKED' },
    });
  });

  it('an administrator resets the password of a user, who gets a temporary one by mail', async () => {
    const { call, tokensOf, logIn, mails } = await world();
    const [{ access_token: ada }, { access_token: ben }] = [
      await tokensOf('1'),
      await tokensOf('2'),
    ];
    expect(await call('POST /api/auth/users/1/reset-password', { token: ben })).toMatchObject({
      status: 403,
      body: { code: 'INSUFFICIENT_SCOPE' },
    });
    expect((await call('POST /api/auth/users/2/reset-password', { token: ada })).status).toBe(202);
    await expect.poll(() => mails.length).toBe(1);
    const [mail] = mails;
    const temporary = mail?.kind === 'temporary_password' ? mail.data.password : '';
    expect((await call('GET /api/profile', { token: ben })).body).toMatchObject({
      code: 'TOKEN_REVOKED',
    });
    expect(await logIn('ben', temporary)).toMatchObject({ must_reset_password: true });
  });
});

describe('Google in the multi-tenant example', () => {
  it('signs in with an ID token for our client id and an allowed domain, into no organisation', async () => {
    const google = await startGoogleKeys();
    const { call } = await world({
      options: {
        google: { clientId: google.clientId, allowedDomains: ['allowed.com'] },
        providerFetch: google.fetch,
      },
    });
    const signIn = async (claims = {}) =>
      call('POST /api/auth/google', {}, { id_token: await google.idToken(claims) });
    const { status, body } = await signIn();
    expect({ status, body }).toMatchObject({ status: 200, body: { token_type: 'Bearer' } });
    const token = String(body['access_token']);
    expect((await call('GET /api/invoices', { token })).body).toMatchObject({
      code: 'ORG_REQUIRED',
    });
    expect((await call('GET /api/invoices', { token, org: 'acme' })).body).toMatchObject({
      code: 'ORG_FORBIDDEN',
    });
    expect(await signIn({ hd: 'elsewhere.com', sub: '2', jti: '2' })).toMatchObject({
      status: 403,
      body: { code: 'LOGIN_DENIED' },
    });
    expect(await signIn({ aud: 'another client', jti: '3' })).toMatchObject({
      status: 401,
      body: { code: 'LOGIN_FAILED' },
    });
  });
});

describe('organisations in the multi-tenant example', () => {
  it.each([
    { title: 'none, of two', user: '2', route: 'GET /api/invoices', code: 'ORG_REQUIRED' },
    { title: 'one of his', user: '2', route: 'GET /api/invoices', org: 'globex', chosen: 'globex' },
    { title: 'none, of one', user: '1', route: 'GET /api/invoices', chosen: 'acme' },
    { title: 'one in the path', user: '2', route: 'GET /api/orgs/acme/invoices', chosen: 'acme' },
    {
      ...{ title: 'the same twice', user: '2', route: 'GET /api/orgs/acme/invoices' },
      ...{ org: 'acme', chosen: 'acme' },
    },
    {
      ...{ title: 'two that differ', user: '2', route: 'GET /api/orgs/acme/invoices' },
      ...{ org: 'globex', code: 'INVALID_REQUEST' },
    },
    {
      ...{ title: 'one that is not there', user: '2', route: 'GET /api/invoices' },
      ...{ org: 'nowhere', code: 'ORG_FORBIDDEN' },
    },
  ])('a request that names $title', async ({ user, route, org, chosen, code }) => {
    const { access_token: token } = await tenants.tokensOf(user);
    const { status, body } = await tenants.call(route, { token, ...(org && { org }) });
    expect({ org: body['org'], code: body['code'] }).toEqual({ org: chosen, code });
    const statusOf = { ORG_REQUIRED: 400, INVALID_REQUEST: 400, ORG_FORBIDDEN: 403 };
    expect(status).toBe(code === undefined ? 200 : statusOf[code as keyof typeof statusOf]);
  });

  it('the default of a session is no choice of one', async () => {
    const { call, tokensOf } = tenants;
    const { access_token: token } = await tokensOf('2');
    const { body } = await call('POST /api/auth/switch-org', { token }, { org_id: 'acme' });
    const switched = { token: String(body['access_token']) };
    expect((await call('GET /api/invoices', switched)).body).toMatchObject({
      code: 'ORG_REQUIRED',
    });
  });

  /** The routes that an organisation has, with the body that they take. */
  const tenantRoutes = [
    { route: 'GET /api/invoices' },
    { route: 'POST /api/invoices', body: { customer: 'Mallory', amount: 1 } },
    { route: 'GET /api/invoices/:id' },
    { route: 'POST /api/invoices/:id/approval' },
    { route: 'GET /api/orgs/:orgId/invoices' },
  ] as const;
  const otherRoutes = ['GET /api/profile', 'GET /api/admin/organisations'];

  it('every route of the example is one that the tests below know', () => {
    const { stack } = tenants.app.router;
    const routes = stack.flatMap(({ route }) =>
      route ? route.stack.map(({ method }) => `${method.toUpperCase()} ${route.path}`) : [],
    );
    expect(new Set(routes)).toEqual(
      new Set([...tenantRoutes.map(({ route }) => route), ...otherRoutes]),
    );
  });

  /** Callers with every right at Acme, and none at Globex. */
  const callers = {
    async 'a user'() {
      return { token: (await tenants.tokensOf('1')).access_token };
    },
    async 'a token of the former system'() {
      return { token: formerToken({ sub: 'ada', user_id: 1, role: 'admin' }) };
    },
    async 'a service account'() {
      const { serviceAccounts } = tenants.auth;
      const scopes = ['invoices:read', 'invoices:write'];
      const { id } = await serviceAccounts.create({ org: 'acme', name: 'Import', scopes });
      const { secret } = await serviceAccounts.createSecret(id);
      const form = { grant_type: 'client_credentials', client_id: id, client_secret: secret };
      const response = await fetch(`${tenants.origin}/api/auth/token`, {
        method: 'POST',
        body: new URLSearchParams(form),
      });
      const { access_token: token } = (await response.json()) as { access_token: string };
      return { token };
    },
    async 'an API key'() {
      const { access_token: token } = await tenants.tokensOf('1');
      return { key: await makeKey(token) };
    },
    async 'an API key for one organisation, of a member of both'() {
      const { access_token: token } = await tenants.tokensOf('2');
      return { key: await makeKey(token, 'acme') };
    },
  };

  async function makeKey(token: string, org?: string): Promise<string> {
    const scopes = ['invoices:read', 'invoices:write'];
    const wanted = { name: 'CI', scopes, ...(org && { org }) };
    return String((await tenants.call('POST /api/auth/keys', { token }, wanted)).body['key']);
  }

  it.each(Object.entries(callers))(
    '%s of one reaches nothing of another',
    async (_title, prove) => {
      const credentials = await prove();
      const { call, invoices } = tenants;
      const [theirs] = invoices.list('globex');
      const before = structuredClone(invoices.list('globex'));
      for (const { route, ...rest } of tenantRoutes) {
        const url = route.replace(':id', theirs?.id ?? '').replace(':orgId', 'globex');
        const body = 'body' in rest ? rest.body : undefined;
        expect(await call(url, { ...credentials, org: 'globex' }, body), url).toMatchObject({
          status: 403,
          body: { code: 'ORG_FORBIDDEN' },
        });
      }
      const own = { ...credentials, org: 'acme' };
      expect((await call('GET /api/invoices', own)).body).toMatchObject({ org: 'acme' });
      expect(await call(`GET /api/invoices/${theirs?.id}`, own)).toMatchObject({ status: 404 });
      const added = await call('POST /api/invoices', own, { customer: 'Initech', amount: 5 });
      expect(added.status).toBe(201);
      expect(invoices.list('globex')).toEqual(before);
    },
  );

  it('an approver of one approves nothing of another', async () => {
    const { call, invoices, tokensOf } = tenants;
    const { access_token: token } = await tokensOf('1');
    const [theirs] = invoices.list('globex');
    const [ours] = invoices.list('acme');
    expect(await call(`POST /api/invoices/${theirs?.id}/approval`, { token })).toMatchObject({
      status: 404,
    });
    expect(await call(`POST /api/invoices/${ours?.id}/approval`, { token })).toMatchObject({
      status: 200,
      body: { approvedBy: '1' },
    });
  });
});

describe('rights in the multi-tenant example', () => {
  it('a role that is missing is 403, a bad token 401', async () => {
    const { call, tokensOf } = tenants;
    const route = 'GET /api/admin/organisations';
    const [ada, ben] = [await tokensOf('1'), await tokensOf('2')];
    expect((await call(route, { token: ada.access_token })).status).toBe(200);
    expect(await call(route, { token: ben.access_token })).toMatchObject({
      status: 403,
      body: { code: 'INSUFFICIENT_ROLE' },
    });
    const bad = await call(route, { token: `${ada.access_token.slice(0, -4)}AAAA` });
    expect(bad).toMatchObject({ status: 401, body: { code: 'INVALID_TOKEN' } });
    expect(bad.headers.get('www-authenticate')).toContain('error="invalid_token"');
  });

  it('groups are looked up for every request', async () => {
    const groups = new Map<string, readonly string[]>();
    const { call, invoices, tokensOf } = await world({
      groups: async (userId) => groups.get(userId) ?? [],
    });
    const { access_token: token } = await tokensOf('2');
    const route = `POST /api/invoices/${invoices.list('acme')[0]?.id}/approval`;
    const approve = async () => (await call(route, { token, org: 'acme' })).status;
    expect(await approve()).toBe(403);
    groups.set('2', ['approvers']);
    expect(await approve()).toBe(200);
    groups.clear();
    expect(await approve()).toBe(403);
  });

  it.each([
    { title: 'without a customer', body: { amount: 1 }, pointer: '#/customer' },
    { title: 'of nothing', body: { customer: 'Initech', amount: 0 }, pointer: '#/amount' },
  ])('an invoice $title is refused', async ({ body, pointer }) => {
    const { access_token: token } = await tenants.tokensOf('1');
    expect(await tenants.call('POST /api/invoices', { token }, body)).toMatchObject({
      status: 400,
      body: { errors: [{ pointer }] },
    });
  });
});

describe('tokens of the former system in the multi-tenant example', () => {
  it('count with their user id and the role of today, until they expire', async () => {
    const { call } = tenants;
    const ben = { token: formerToken() };
    expect(await call('GET /api/profile', ben)).toMatchObject({
      status: 200,
      body: { user_id: '2', username: 'ben', role: 'user' },
    });
    expect((await call('GET /api/invoices', ben)).body).toMatchObject({ code: 'ORG_REQUIRED' });
    expect((await call('GET /api/invoices', { ...ben, org: 'globex' })).status).toBe(200);
    const admin = 'GET /api/admin/organisations';
    expect((await call(admin, ben)).body).toMatchObject({ code: 'INSUFFICIENT_ROLE' });
    const demoted = { token: formerToken({ role: 'admin' }) };
    expect((await call(admin, demoted)).body).toMatchObject({ code: 'INSUFFICIENT_ROLE' });
    const ada = { token: formerToken({ user_id: 1, role: 'admin' }) };
    expect((await call(admin, ada)).status).toBe(200);
    const expired = { token: formerToken({ exp: Math.floor(Date.now() / 1000) - 60 }) };
    expect((await call('GET /api/profile', expired)).body).toMatchObject({ code: 'TOKEN_EXPIRED' });
  });

  it.each([
    { title: 'of nobody', token: () => formerToken({ user_id: 4711 }) },
    { title: 'for another audience', token: () => formerToken({ aud: 'elsewhere' }) },
    { title: 'of another issuer', token: () => formerToken({ iss: 'https://evil.example' }) },
    { title: 'in our own name', token: () => formerToken({ iss: 'http://localhost:3000' }) },
    { title: 'under another secret', token: () => formerToken({}, 'x'.repeat(40)) },
  ])('are refused: one $title', async ({ token }) => {
    expect(await tenants.call('GET /api/profile', { token: token() })).toMatchObject({
      status: 401,
      body: { code: 'INVALID_TOKEN' },
    });
  });

  it('end with the account, and wait for a new password like all others', async () => {
    const { call, auth } = await world();
    const token = formerToken();
    await auth.users.update('2', { mustResetPassword: true });
    expect((await call('GET /api/profile', { token })).body).toMatchObject({
      code: 'PASSWORD_CHANGE_REQUIRED',
    });
    await auth.users.update('2', { disabled: true });
    expect((await call('GET /api/profile', { token })).status).toBe(401);
  });
});

describe('the edge of the multi-tenant example', () => {
  it('a new secret logs nobody out while the former one is accepted, too', async () => {
    const store = memoryStore();
    const next = 'Qk8vR2mX5tB9nL4wY7cJ1pF6hD3sG0zAeUiOqWxE';
    const before = await world({ options: { store } });
    const { access_token: token, refresh_token: refreshToken } = await before.tokensOf('2');
    const rotated = await world({
      secrets: [next, SECRET],
      options: { store, jwt: { secret: next, secretPrevious: [SECRET] } },
    });
    for (const known of [token, formerToken(), formerToken({}, next)])
      expect((await rotated.call('GET /api/profile', { token: known })).status).toBe(200);
    const refresh = { refresh_token: refreshToken };
    const { status, body } = await rotated.call('POST /api/auth/refresh', {}, refresh);
    expect(status).toBe(200);
    const done = await world({ secrets: [next], options: { store, jwt: { secret: next } } });
    const renewed = String(body['access_token']);
    expect((await done.call('GET /api/profile', { token: renewed })).status).toBe(200);
    expect((await done.call('GET /api/profile', { token })).status).toBe(401);
  });

  it('five requests a second reach /api/auth, and the sixth is told when to come back', async () => {
    const clock = createClock();
    const { call } = await world({ options: { rateLimit: undefined, now: clock.now } });
    const guess = () => call('POST /api/auth/revoke', {}, { refresh_token: 'none' });
    for (let count = 0; count < 5; count += 1) expect((await guess()).status).toBe(200);
    const sixth = await guess();
    expect(sixth).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED' } });
    expect(sixth.headers.get('retry-after')).toBe('1');
    clock.advance(1);
    expect((await guess()).status).toBe(200);
  });

  it('only pages of listed origins may call', async () => {
    const { call } = await world({ options: { corsOrigins: ['https://app.example.com'] } });
    const from = (origin: string) => ({ headers: { origin } });
    const allowed = await call('GET /api/invoices', from('https://app.example.com'));
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
    const refused = await call('GET /api/invoices', from('https://evil.example'));
    expect(refused.headers.get('access-control-allow-origin')).toBeNull();
    const login = { username: 'ben', password: 'guessed' };
    const foreign = await call('POST /api/auth/login', from('https://evil.example'), login);
    expect(foreign).toMatchObject({ status: 403, body: { code: 'CROSS_SITE_REQUEST' } });
    const listed = await call('POST /api/auth/login', from('https://app.example.com'), login);
    expect(listed).toMatchObject({ status: 401, body: { code: 'INVALID_CREDENTIALS' } });
  });
});

describe('programs that call the multi-tenant example', () => {
  const runClient = (origin: string, { id, secret }: ServedTenants['serviceAccount']) =>
    run('python3', [path.join(root, 'examples/multi-tenant/client.py'), `${origin}/api`], {
      env: { ...plainEnvironment(), CLIENT_ID: id, CLIENT_SECRET: secret },
    });

  it.runIf(hasPython)('the Python client of a service account', async () => {
    const { origin, serviceAccount } = tenants;
    const { stdout } = await runClient(origin, serviceAccount);
    const [invoices = '', ...refusals] = stdout.trim().split('\n');
    expect(invoices).toContain('["Initech", "Hooli"');
    expect(refusals).toEqual([
      'another organisation: 403 ORG_FORBIDDEN',
      'without the permission: 403 INSUFFICIENT_SCOPE',
      'a route for people: 403 INSUFFICIENT_ROLE',
      'tokens: 1',
    ]);
  });

  it.runIf(hasPython)('the same client waits as long as it is told to', async () => {
    const clock = createClock();
    const { origin, serviceAccount, auth, call } = await world({
      options: { rateLimit: { max: 1, windowSeconds: 1 }, now: clock.now },
    });
    let refusals = 0;
    auth.on('rate.limited', () => {
      refusals += 1;
      // By the time that the client comes back.
      clock.advance(1);
    });
    await call('POST /api/auth/revoke', {}, { refresh_token: 'none' });
    const { stdout } = await runClient(origin, serviceAccount);
    expect(stdout).toContain('tokens: 1\n');
    expect(refusals).toBe(1);
  });

  it('the curl lines of the README get what stands beside them', async () => {
    const readmes = await readReadmes();
    const readme = readmes.find(({ file }) => file === 'examples/multi-tenant/README.md');
    const { code } = findBlock(readme, 'To try with curl', 'sh');
    const { origin, passwordOf } = await world();
    const { stdout } = await run('bash', ['-c', code], {
      env: {
        ...plainEnvironment(),
        API: `${origin}/api`,
        ADA: passwordOf('ada'),
        BEN: passwordOf('ben'),
        CLEO: passwordOf('cleo'),
        FORMER_TOKEN: formerToken(),
      },
    });
    const answers = stdout.trim().split('\n');
    const told = code.split('\n').filter((line) => line.startsWith('call '));
    expect(answers).toHaveLength(told.length);
    const codes = answers.map((answer) => (JSON.parse(answer) as { code?: string }).code);
    expect(codes).toEqual(told.map((line) => /# \d{3} ([A-Z_]+)/.exec(line)?.[1]));
  });
});

describe('the one command of the multi-tenant example', () => {
  const serverOf = compiledExamples();

  it('starts it with nothing set, and it ends when it is told to', async () => {
    const { script, printed } = startCompiled(serverOf('multi-tenant'));
    const [, origin = ''] = /=(\S+)\/api$/.exec(await printed(/^export API=.*$/m)) ?? [];
    const page = await fetch(`${origin}/`);
    expect(page.status).toBe(200);
    const client = await fetch(`${origin}/client/index.js`);
    expect(client.headers.get('content-type')).toContain('javascript');
    expect(await stop(script)).toBe(0);
    expect(script.output.stderr).toBe('');
  }, 60_000);
});
