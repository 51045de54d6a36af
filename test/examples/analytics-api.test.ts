import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { decodeProtectedHeader, decodeJwt } from 'jose';
import { createTestIssuer } from 'latchkey/testing';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createAnalyticsClient } from '../../examples/analytics-api/client.mjs';
import { createProjectAuth } from '../../examples/analytics-api/project-auth.js';
import { ProjectError } from '../../examples/analytics-api/project-file.js';
import { loadProject } from '../../examples/analytics-api/project.js';
import { root } from '../package/build-package.js';
import { findBlock, readReadmes } from '../package/readmes.js';
import { plainEnvironment, stop } from '../package/start-script.js';
import { SECRET } from '../world/auth-server.js';
import { serve } from '../world/serve.js';
import { DEVELOPMENT, type Environment, PROJECT, startApi } from './analytics-world.js';
import { compiledExamples } from './compiled-examples.js';
import { startCompiled } from './started-example.js';

const run = promisify(execFile);
const hasPython = spawnSync('python3', ['--version']).status === 0;
if (!hasPython) console.log('Left out: the Python client, for there is no python3 here.');

const folder = mkdtempSync(path.join(tmpdir(), 'latchkey-analytics-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The same until the test ends. */
async function startOwnApi(env: Environment) {
  const api = await startApi(env);
  onTestFinished(() => api.close());
  return api;
}

/** A second shorter than clients refresh ahead, so that each request has to. */
const SHORT_LIVED = { ...DEVELOPMENT, AUTH_ACCESS_TTL: '299' };

const ADAS_ROWS = [
  { region: 'eu', customer: 'a***@example.com', amount: 1200, margin: null },
  { region: 'eu', customer: 'b***@example.com', amount: 900, margin: null },
  { region: 'eu', customer: 'd***@example.org', amount: 2300, margin: null },
];
const UMAS_ROWS = [
  { region: 'us', customer: 'c***@example.com', amount: 3075, margin: 905 },
  { region: 'us', customer: 'e***@example.net', amount: 540, margin: 60 },
  { region: 'apac', customer: 'f***@example.com', amount: 1790, margin: 420 },
];

let api: Awaited<ReturnType<typeof startApi>>;
beforeAll(async () => {
  api = await startApi(DEVELOPMENT);
});
afterAll(() => api.close());

describe('the clients that were here before', () => {
  it.runIf(hasPython)('the Python client refreshes ahead of expiry, and signs out', async () => {
    const { base, passwordOf } = await startOwnApi(SHORT_LIVED);
    const { stdout } = await run('python3', ['examples/analytics-api/client.py', base], {
      cwd: root,
      env: {
        ...plainEnvironment(),
        ANALYTICS_USER: 'ada',
        ANALYTICS_PASSWORD: passwordOf('ada'),
      },
    });
    const [first = '', second = '', ...rest] = stdout.trim().split('\n');
    expect(JSON.parse(first)).toEqual(ADAS_ROWS);
    expect(JSON.parse(second)).toEqual(ADAS_ROWS);
    // The request after the sign-out tries to refresh, too.
    expect(rest).toEqual(['refreshed 2 times', '401 REFRESH_INVALID']);
  });

  it('the JavaScript client refreshes ahead of expiry, and signs out', async () => {
    const { signedIn } = await startOwnApi(SHORT_LIVED);
    const client = await signedIn('ada');
    expect(await client.get('/sales')).toEqual({ rows: ADAS_ROWS });
    expect(await client.get('/sales')).toEqual({ rows: ADAS_ROWS });
    expect(client.refreshes).toBe(2);
    await client.signOut();
    await expect(client.get('/sales')).rejects.toMatchObject({ code: 'REFRESH_INVALID' });
  });

  it('an access token of fifteen minutes is used until five are left, and ends with the session', async () => {
    const { signedIn } = await startOwnApi(DEVELOPMENT);
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const client = await signedIn('ada');
    vi.advanceTimersByTime(9 * 60_000);
    await client.get('/sales');
    expect(client.refreshes).toBe(0);
    vi.advanceTimersByTime(61_000);
    await client.get('/sales');
    expect(client.refreshes).toBe(1);
    await client.signOut();
    await expect(client.get('/sales')).rejects.toMatchObject({ code: 'TOKEN_REVOKED' });
  });

  it('the answer to a sign-in, and the claims of the token, have the names that clients know', async () => {
    const { base, passwordOf } = api;
    const answer = await post(`${base}/auth/token`, {
      username: 'eve',
      password: passwordOf('eve'),
    });
    expect(answer.status).toBe(200);
    const tokens = (await answer.json()) as { access_token: string };
    expect(tokens).toMatchObject({
      token_type: 'Bearer',
      expires_in: 900,
      refresh_token: expect.any(String) as string,
    });
    expect(decodeJwt(tokens.access_token)).toMatchObject({
      sub: expect.any(String) as string,
      email: 'eve@example.com',
      username: 'eve',
      roles: ['finance'],
      groups: ['stewards'],
      attributes: { region: 'eu' },
      session_id: expect.stringMatching(/^[\w-]{22}$/) as string,
    });
  });

  it('the curl lines of the README get what stands beside them', async () => {
    const readmes = await readReadmes();
    const readme = readmes.find(({ file }) => file === 'examples/analytics-api/README.md');
    const { code } = findBlock(readme, 'To try with curl', 'sh');
    const { base, passwordOf } = api;
    const { stdout } = await run('bash', ['-c', code], {
      env: {
        ...plainEnvironment(),
        API: base,
        ANALYTICS_USER: 'ada',
        ANALYTICS_PASSWORD: passwordOf('ada'),
      },
    });
    const answers = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(answers).toMatchObject([
      { rows: ADAS_ROWS },
      { title: 'Revenue by customer', total: { value: 4400 } },
      { error: { code: 'INSUFFICIENT_ROLE' } },
      { email: 'ada@example.com', attributes: { region: 'eu' }, auth_method: 'jwt' },
      { error: { code: 'INVALID_TOKEN' } },
    ]);
  });

  it('errors have the shape that they know', async () => {
    const { base } = api;
    const wrong = await post(`${base}/auth/token`, { username: 'ada', password: 'guessed' });
    expect(wrong.status).toBe(401);
    expect(await wrong.json()).toEqual({
      error: { code: 'INVALID_CREDENTIALS', message: expect.any(String) as string },
    });
    const anonymous = await fetch(`${base}/sales`);
    expect(anonymous.status).toBe(401);
    expect(await anonymous.json()).toMatchObject({ error: { code: 'CREDENTIALS_MISSING' } });
  });
});

describe('rows and columns', () => {
  it.each([
    { user: 'ada', title: 'the rows of her region, masked', rows: ADAS_ROWS },
    { user: 'uma', title: 'the rows of her regions, with amounts and margins', rows: UMAS_ROWS },
    { user: 'nina', title: 'no row, since she has no region', rows: [] },
  ])('$user sees $title', async ({ user, rows }) => {
    const { signedIn } = api;
    expect(await (await signedIn(user)).get('/sales')).toEqual({ rows });
  });

  it('an administrator sees every row, and still only the columns that are for administrators', async () => {
    const { signedIn } = api;
    const { rows } = (await (await signedIn('root')).get('/sales')) as { rows: object[] };
    expect(rows).toHaveLength(6);
    expect(rows[0]).toEqual({
      region: 'eu',
      customer: 'anna@example.com',
      amount: 1240,
      margin: null,
    });
  });

  it('a column that the project does not declare is in no answer', async () => {
    const { signedIn } = api;
    const data = await readFile(path.join(path.dirname(PROJECT), 'sales.json'), 'utf8');
    expect(data).toContain('asked for a rebate');
    const client = await signedIn('root');
    const answers = [await client.get('/sales'), await client.get('/pages/revenue')];
    expect(JSON.stringify(answers)).not.toMatch(/note|rebate/);
  });

  it('the security context is the same for everybody’s tokens', async () => {
    const { signedIn } = api;
    expect(await (await signedIn('uma')).get('/me')).toEqual({
      user_id: expect.any(String) as string,
      email: 'uma@example.com',
      roles: ['finance'],
      groups: [],
      attributes: { region: ['us', 'apac'] },
      auth_method: 'jwt',
    });
  });
});

describe('the pages of the project', () => {
  it('name their columns, how each is masked, and a sum of what is seen', async () => {
    const { signedIn } = api;
    expect(await (await signedIn('ada')).get('/pages/revenue')).toEqual({
      title: 'Revenue by customer',
      columns: [
        { name: 'region' },
        { name: 'customer', mask: 'email' },
        { name: 'amount', mask: 'round' },
      ],
      rows: ADAS_ROWS.map(({ region, customer, amount }) => ({ region, customer, amount })),
      total: { column: 'amount', value: 4400 },
    });
  });

  it('are listed for those who may open them, and refused to others', async () => {
    const { signedIn } = api;
    const ada = await signedIn('ada');
    expect(await ada.get('/pages')).toEqual({
      pages: [{ name: 'revenue', title: 'Revenue by customer' }],
    });
    await expect(ada.get('/pages/margins')).rejects.toMatchObject({ code: 'INSUFFICIENT_ROLE' });
    await expect(ada.get('/pages/constructor')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(ada.get('/constructor')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const administrator = await signedIn('root');
    // The page is for administrators, the column isn't: neither are its sums.
    expect(await administrator.get('/pages/margins')).toMatchObject({ total: { value: null } });
  });
});

describe('in production', () => {
  it('tokens are signed with a key file of openssl, and others verify them by the published keys', async () => {
    const keyFile = path.join(folder, 'private.pem');
    await run('openssl', ['genrsa', '-out', keyFile, '2048']);
    const { base, passwordOf } = await startOwnApi({
      NODE_ENV: 'production',
      AUTH_PUBLIC_URL: 'https://analytics.example.com',
      AUTH_STORE_URL: 'memory:',
      AUTH_JWT_PRIVATE_KEY_FILE: keyFile,
      AUTH_SECRET: SECRET,
    });
    const answer = await post(`${base}/auth/token`, {
      username: 'ada',
      password: passwordOf('ada'),
    });
    const { access_token: token } = (await answer.json()) as { access_token: string };
    expect(decodeProtectedHeader(token)).toMatchObject({ alg: 'RS256' });
    expect(await get(`${base}/sales`, token)).toEqual({ status: 200, body: { rows: ADAS_ROWS } });

    const other = await startOwnApi({
      AUTH_JWKS_URL: `${base}/auth/jwks.json`,
      AUTH_CLAIMS_ATTRIBUTES: 'attributes',
    });
    expect(await get(`${other.base}/sales`, token)).toMatchObject({ status: 200 });
  });
});

describe('tokens of another issuer', () => {
  const SAM = '36fa0f91-f94d-4a0c-afed-6b7d952e47da';
  type Issuer = Awaited<ReturnType<typeof createTestIssuer>>;

  const onlyIssuer = ({ issuer, audience, jwksUri }: Issuer): Environment => ({
    AUTH_JWT_ISSUER: issuer,
    AUTH_JWT_AUDIENCE: audience,
    AUTH_JWKS_URL: jwksUri,
    AUTH_CLAIMS_PRESET: 'keycloak',
    AUTH_CLAIMS_ATTRIBUTES: 'region',
  });
  const besideUsersOfOurOwn = ({ issuer, audience, jwksUri }: Issuer): Environment => ({
    ...DEVELOPMENT,
    AUTH_TRUSTED_ISSUERS: JSON.stringify([
      {
        ...{ issuer, audience, keys: { jwksUri } },
        claims: { preset: 'keycloak', attributes: ['region'] },
      },
    ]),
  });

  /** Keycloak's names of claims, by keys that are fetched over HTTP. */
  async function startKeycloak(settings: (issuer: Issuer) => Environment = onlyIssuer) {
    const issuer: Issuer = await createTestIssuer({
      issuer: (await serve((req, res) => issuer.handler(req, res))).origin,
      audience: 'analytics-api',
      profile: 'jwt',
    });
    const mint = (claims: object = {}) =>
      issuer.mint(
        {
          typ: 'Bearer',
          azp: 'dashboards',
          client_id: undefined,
          sub: SAM,
          preferred_username: 'sam',
          email: 'sam@thing.example',
          email_verified: true,
          realm_access: { roles: ['finance', 'offline_access'] },
          groups: ['/staff'],
          region: 'eu',
          ...claims,
        },
        { typ: 'JWT' },
      );
    const server = await startOwnApi(settings(issuer));
    return { issuer, mint, ...server };
  }

  it.each([
    { title: 'the only issuer', settings: onlyIssuer },
    { title: 'one beside users of our own', settings: besideUsersOfOurOwn },
  ])('feed the same security context, rows and masks, as $title', async ({ settings }) => {
    const { base, mint } = await startKeycloak(settings);
    const token = await mint();
    expect((await get(`${base}/me`, token)).body).toEqual({
      user_id: SAM,
      email: 'sam@thing.example',
      roles: ['finance', 'offline_access'],
      groups: ['/staff'],
      attributes: { region: 'eu' },
      auth_method: 'jwt',
    });
    expect((await get(`${base}/sales`, token)).body).toMatchObject({
      rows: [{ customer: 'a***@example.com', amount: 1240, margin: 310 }, {}, {}],
    });
    const nowhere = await mint({ region: undefined });
    expect(await get(`${base}/sales`, nowhere)).toEqual({ status: 200, body: { rows: [] } });
  });

  /** The same person as other issuers describe her. What is undefined is none of their claims. */
  const elsewhere = { typ: undefined, realm_access: undefined };
  it.each([
    {
      title: 'Okta',
      settings: { AUTH_CLAIMS_PRESET: 'okta' },
      claims: {
        ...{ azp: undefined, cid: 'dashboards', scp: ['data.read'], uid: SAM },
        ...{ sub: 'sam@thing.example', roles: ['finance'] },
      },
    },
    {
      title: 'Entra',
      settings: { AUTH_CLAIMS_PRESET: 'entra' },
      claims: {
        ...{ scp: 'data.read', oid: SAM, tid: '72f988bf-86f1-41af-91ab-2d7cd011db47' },
        ...{ sub: 'another one in each application', roles: ['finance'] },
      },
    },
    {
      title: 'a generic OpenID provider',
      settings: { AUTH_CLAIMS_PRESET: 'generic' },
      claims: { roles: ['finance'] },
    },
    {
      title: 'an issuer with paths of its own',
      settings: { AUTH_CLAIMS_PRESET: 'generic', AUTH_CLAIMS_ROLES: 'access.reports.roles' },
      claims: { access: { reports: { roles: ['finance'] } } },
    },
  ])('of $title make the same of it', async ({ settings, claims }) => {
    const { base, mint } = await startKeycloak((issuer) => ({
      ...onlyIssuer(issuer),
      ...settings,
    }));
    const token = await mint({ ...elsewhere, ...claims });
    expect((await get(`${base}/me`, token)).body).toEqual({
      user_id: SAM,
      email: 'sam@thing.example',
      roles: ['finance'],
      groups: ['/staff'],
      attributes: { region: 'eu' },
      auth_method: 'jwt',
    });
    expect((await get(`${base}/sales`, token)).body).toMatchObject({
      rows: [{ customer: 'a***@example.com', amount: 1240, margin: 310 }, {}, {}],
    });
  });

  it('are refused with the codes that clients know', async () => {
    const { base, mint } = await startKeycloak();
    const now = Math.floor(Date.now() / 1000);
    const expired = await get(`${base}/sales`, await mint({ iat: now - 900, exp: now - 60 }));
    expect(expired).toEqual({
      status: 401,
      body: {
        error: {
          code: 'TOKEN_EXPIRED',
          message: expect.any(String) as string,
          expired_at: `${new Date(now * 1000 - 60_000).toISOString().slice(0, 19)}Z`,
        },
      },
    });
    const invalid = { status: 401, body: { error: { code: 'INVALID_TOKEN' } } };
    for (const token of [
      (await mint()).replace(/\.[^.]*$/, `.${'A'.repeat(342)}`),
      await mint({ iss: 'https://elsewhere.example' }),
      await mint({ aud: 'billing-api' }),
    ])
      expect(await get(`${base}/sales`, token)).toMatchObject(invalid);
  });

  it('survive a change of its keys, and nobody can sign in here', async () => {
    const { base, mint, issuer } = await startKeycloak();
    expect((await get(`${base}/sales`, await mint())).status).toBe(200);
    await issuer.rotate();
    expect((await get(`${base}/sales`, await mint())).status).toBe(200);
    const signIn = await post(`${base}/auth/token`, { username: 'ada', password: 'guessed' });
    expect(signIn.status).toBe(401);
    expect(await signIn.json()).toMatchObject({ error: { code: 'CREDENTIALS_MISSING' } });
  });
});

describe('the project file', () => {
  /** Loads the project with one text in place of another. */
  async function load(from: string, to: string): Promise<string> {
    const text = await readFile(PROJECT, 'utf8');
    expect(text.split(from)).toHaveLength(2);
    const file = path.join(folder, 'project.yaml');
    writeFileSync(
      path.join(folder, 'sales.json'),
      await readFile(path.join(PROJECT, '../sales.json')),
    );
    writeFileSync(file, text.replace(from, to));
    const line = text.slice(0, text.indexOf(from)).split('\n').length;
    try {
      createProjectAuth(loadProject(file, DEVELOPMENT), { env: DEVELOPMENT });
      return 'loaded';
    } catch (error) {
      if (!(error instanceof ProjectError)) throw error;
      return error.message.replaceAll(`project.yaml:${line}:`, 'HERE:');
    }
  }

  it.each([
    ['region: clear', 'region: claer', 'HERE: datasets.sales.columns.region: '],
    ['{ mask: email,', '{ mask: emial,', 'HERE: datasets.sales.columns.customer.mask: '],
    ['mask: round, to: 100,', 'mask: round,', 'HERE: datasets.sales.columns.amount.to: '],
    [
      '{ groups: [stewards] }',
      '{ group: [stewards] }',
      'HERE: datasets.sales.columns.customer.clearFor.group: ',
    ],
    [
      'clearFor: { roles: [finance] }',
      'clearFor: {}',
      'HERE: datasets.sales.columns.margin.clearFor: ',
    ],
    ['region: clear', 'regoin: clear', 'HERE: datasets.sales.columns.regoin: '],
    [
      'region: attributes.region',
      'regoin: attributes.region',
      'HERE: datasets.sales.rows.1.where.regoin: ',
    ],
    ['region: attributes.region', 'region: email', 'HERE: datasets.sales.rows.1.where.region: '],
    ['{ region: attributes.region }', '{}', 'HERE: datasets.sales.rows.1.where: '],
    ['[region, customer, amount]', '[region, customer, note]', 'HERE: pages.revenue.columns.2: '],
    ['total: margin', 'total: profit', 'HERE: pages.margins.total: '],
    ['  sales:\n', '  me:\n', 'HERE: datasets.me: '],
    ['datasets:\n', 'auth:\n', 'HERE: is not valid YAML '],
    ['7d', '70 days', 'HERE: auth.refreshIdleTtlSeconds '],
    ['cookieName', 'cookiename', 'HERE: auth.cookiename '],
    ['${JWT_SECRET:-}', '${OTHER_SECRET}', 'HERE: set the variable OTHER_SECRET'],
  ])('%j → %j is refused with its line', async (from, to, beginning) => {
    const lines = (await load(from, to)).split('\n');
    expect(lines.some((line) => line.startsWith(beginning))).toBe(true);
  });

  it('the README shows how a mistake is told', async () => {
    const readmes = await readReadmes();
    const readme = readmes.find(({ file }) => file === 'examples/analytics-api/README.md');
    const { code } = findBlock(readme, 'The project file', '');
    const text = await readFile(PROJECT, 'utf8');
    const line = text.slice(0, text.indexOf('{ mask: email,')).split('\n').length;
    const told = await load('{ mask: email,', '{ mask: emial,');
    expect(code.trim()).toBe(told.replace('HERE:', `project.yaml:${line}:`));
  });

  it('quotes no value where a secret may be', async () => {
    const message = await load(
      'secret: ${JWT_SECRET:-}',
      'secret: [hunter2hunter2]\n    secrte: hunter3',
    );
    expect(message).toContain('auth.jwt.secrte');
    expect(message).not.toMatch(/hunter/);
    expect(await load('${JWT_SECRET:-}', '"hunter2\n  auth: }')).not.toMatch(/hunter/);
  });
});

describe('the one command', () => {
  const serverOf = compiledExamples();

  it('starts with nothing set, and ends when it is told to', async () => {
    const { script, printed } = startCompiled(serverOf('analytics-api'));
    const [, base = ''] = /=(\S+)/.exec(await printed(/^export API=.*$/m)) ?? [];
    const [, password = ''] = /uma +(\S+)/.exec(await printed(/^ +uma +\S+/m)) ?? [];
    const client = createAnalyticsClient(base);
    await client.signIn('uma', password);
    expect(await client.get('/sales')).toEqual({ rows: UMAS_ROWS });
    expect(await stop(script)).toBe(0);
    expect(script.output.stderr).not.toMatch(/error/i);
  }, 60_000);
});

function post(url: string, body: object): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
}

async function get(url: string, token: string) {
  const response = await fetch(url, { headers: { Authorization: `Bearer ${token}` } });
  return { status: response.status, body: await response.json() };
}
