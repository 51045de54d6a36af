import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { eventNames } from 'latchkey';
import { createDpopKey } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import { root } from '../package/build-package.js';
import { PASSWORD, SECRET } from '../world/auth-server.js';
import { type EveryFlowApp, everyFlowApp } from '../world/every-flow-app.js';
import { CLIENT } from '../world/introspection-server.js';
import { basic, JWT_BEARER } from '../world/machine.js';
import { accessTokenOf } from '../world/signed-in.js';
import { leaksIn, SECRET_NAMES, secretsOn } from '../world/wire-tap.js';

type Tokens = Readonly<Record<string, string>>;

const WRONG = 'entirely different words for wrong';
const AUTH = '/api/auth';

async function signIn(
  { call }: EveryFlowApp,
  username: string,
  password = PASSWORD,
): Promise<Tokens> {
  const { status, body } = await call(`POST ${AUTH}/login`, { json: { username, password } });
  expect(status).toBe(200);
  return body;
}

/** Expects each answer to have its status: a flow that was not taken proves nothing. */
function statusesOf(app: EveryFlowApp) {
  const ask = async (status: number, ...request: Parameters<EveryFlowApp['call']>) => {
    const answer = await app.call(...request);
    expect({ request: request[0], status: answer.status, body: answer.body }).toMatchObject({
      status,
    });
    return answer.body;
  };
  return ask;
}

async function passwords(app: EveryFlowApp): Promise<void> {
  const ask = statusesOf(app);
  const { id } = await app.user('alice');
  for (const [username, password] of [
    ['alice', WRONG],
    ['nobody', WRONG],
  ])
    await ask(401, `POST ${AUTH}/login`, { json: { username, password } });
  const first = await signIn(app, 'alice');
  await ask(200, 'GET /api/me', { token: first['access_token'] });
  await ask(403, 'GET /api/admin', { token: first['access_token'] });
  await ask(401, 'GET /api/me', { token: `${first['access_token']}x` });
  await ask(503, 'GET /api/loaded', { token: first['access_token'] });
  const second = await ask(200, `POST ${AUTH}/refresh`, {
    json: { refresh_token: first['refresh_token'] },
  });
  app.later(15);
  await ask(401, `POST ${AUTH}/refresh`, { json: { refresh_token: first['refresh_token'] } });
  await ask(401, `POST ${AUTH}/refresh`, { json: { refresh_token: second['refresh_token'] } });

  const third = await signIn(app, 'alice');
  const token = third['access_token'];
  const change = (old: string) => ({ old_password: old, new_password: `${PASSWORD} anew` });
  await ask(401, `POST ${AUTH}/change-password`, { token, json: change(WRONG) });
  await ask(200, `POST ${AUTH}/change-password`, { token, json: change(PASSWORD) });
  await ask(202, `POST ${AUTH}/forgot-password`, { json: { email: 'alice@corp.example' } });
  const reset = await app.mailed('password_reset');
  const json = { token: reset['token'], new_password: `${PASSWORD} once more` };
  const fourth = await ask(200, `POST ${AUTH}/reset-password`, { json });
  await ask(400, `POST ${AUTH}/reset-password`, { json });

  await ask(202, `POST ${AUTH}/change-email`, {
    token: fourth['access_token'],
    json: { email: 'alice@new.example', password: json.new_password },
  });
  const proof = await app.mailed('email_change');
  await ask(204, `POST ${AUTH}/verify-email`, {
    token: fourth['access_token'],
    json: { token: proof['token'] },
  });
  await ask(400, `POST ${AUTH}/verify-email`, { json: { token: proof['token'] } });
  await ask(200, `POST ${AUTH}/revoke`, { json: { refresh_token: fourth['refresh_token'] } });
  await app.auth.users.update(id, { passwordHash: `no hash ${WRONG}` });
  await ask(401, `POST ${AUTH}/login`, { json: { username: 'alice', password: PASSWORD } });
}

async function signUp(app: EveryFlowApp): Promise<void> {
  const ask = statusesOf(app);
  const email = 'dora@new.example';
  const password = `${PASSWORD} of Dora`;
  for (const address of [email, 'alice@new.example'])
    await ask(202, `POST ${AUTH}/sign-up`, { json: { email: address, password } });
  const { token } = await app.mailed('sign_up');
  await ask(401, `POST ${AUTH}/verify-email`, { json: { token, password: WRONG } });
  const tokens = await ask(200, `POST ${AUTH}/verify-email`, { json: { token, password } });
  await ask(403, `POST ${AUTH}/refresh`, {
    json: { refresh_token: tokens['refresh_token'] },
    headers: { origin: 'https://evil.example' },
  });
  await ask(204, `POST ${AUTH}/logout`, { token: tokens['access_token'], json: {} });
  for (let tries = 0; tries < 13; tries += 1)
    await app.call(`POST ${AUTH}/login`, {
      json: { username: 'nobody-else', password: `${WRONG} ${tries}` },
    });
}

async function keys(app: EveryFlowApp): Promise<void> {
  const ask = statusesOf(app);
  await app.user('kim');
  const { access_token: token } = await signIn(app, 'kim');
  const made = await ask(201, `POST ${AUTH}/keys`, {
    token,
    json: { name: 'nightly', scopes: [] },
  });
  const byKey = { headers: { 'x-api-key': made['key'] ?? '' } };
  await ask(200, 'GET /api/me', byKey);
  await ask(204, `DELETE ${AUTH}/keys/${made['id']}`, { token });
  await ask(401, 'GET /api/me', byKey);
  await ask(401, 'GET /api/me', { headers: { 'x-api-key': `${made['key']?.slice(0, -4)}AAAA` } });
}

async function dpop(app: EveryFlowApp): Promise<void> {
  const ask = statusesOf(app);
  await app.user('dan');
  const key = await createDpopKey({ now: Date.now });
  const url = `${app.origin}${AUTH}/login`;
  const dpopHeader = { dpop: key.proof({ method: 'POST', url }) };
  const json = { username: 'dan', password: PASSWORD };
  const tokens = await ask(200, `POST ${AUTH}/login`, { json, headers: dpopHeader });
  await ask(401, `POST ${AUTH}/login`, { json, headers: dpopHeader });
  const authorization = `DPoP ${tokens['access_token']}`;
  const proof = key.proof({ url: `${app.origin}/api/me`, token: tokens['access_token'] ?? '' });
  await ask(200, 'GET /api/me', { headers: { authorization, dpop: proof } });
  await ask(401, 'GET /api/me', { headers: { authorization, dpop: proof } });
  await ask(401, `POST ${AUTH}/refresh`, { json: { refresh_token: tokens['refresh_token'] } });
}

async function administration(app: EveryFlowApp): Promise<void> {
  const ask = statusesOf(app);
  await app.user('root', { roles: ['admin'] });
  const { access_token: token } = await signIn(app, 'root');
  const json = { username: 'eve', email: 'eve@corp.example', password: `${PASSWORD} of Eve` };
  const { id } = await ask(201, `POST ${AUTH}/users`, { token, json });
  for (const change of [{ roles: ['support'] }, { disabled: true }, { disabled: false }])
    await ask(200, `PATCH ${AUTH}/users/${id}`, { token, json: change });
  await ask(202, `POST ${AUTH}/users/${id}/reset-password`, { token, json: {} });
  await app.mailed('temporary_password');
  await ask(204, `DELETE ${AUTH}/users/${id}/sessions`, { token });
  await ask(204, `DELETE ${AUTH}/users/${id}`, { token });

  const { id: org } = await ask(201, `POST ${AUTH}/orgs`, { token, json: { name: 'Machines' } });
  const wanted = { name: 'export', org, scopes: ['is:export'] };
  const account = await ask(201, `POST ${AUTH}/service-accounts`, { token, json: wanted });
  const secret = await ask(201, `POST ${AUTH}/service-accounts/${account['id']}/secrets`, {
    token,
    json: {},
  });
  const form = { grant_type: 'client_credentials' };
  const clientId = account['id'] ?? '';
  await ask(200, `POST ${AUTH}/token`, {
    form,
    headers: basic(clientId, secret['client_secret'] ?? ''),
  });
  await ask(401, `POST ${AUTH}/token`, {
    form: { ...form, client_id: clientId, client_secret: `${secret['client_secret']}x` },
  });
  const assertion = { client_assertion_type: JWT_BEARER, client_assertion: 'no.assertion.at.all' };
  await ask(401, `POST ${AUTH}/token`, { form: { ...form, ...assertion } });
  for (const change of [{ scopes: [] }, { disabled: true }, { disabled: false }])
    await ask(200, `PATCH ${AUTH}/service-accounts/${clientId}`, { token, json: change });
  await ask(204, `DELETE ${AUTH}/service-accounts/${clientId}/secrets/${secret['id']}`, { token });
  await ask(204, `DELETE ${AUTH}/service-accounts/${clientId}`, { token });
}

async function impersonation(app: EveryFlowApp): Promise<void> {
  const ask = statusesOf(app);
  const sam = await app.user('sam', { roles: ['support'] });
  const { id } = await app.user('uma');
  const { access_token: token } = await signIn(app, 'sam');
  const json = { reason: 'Ticket 4711' };
  await ask(403, `POST ${AUTH}/users/${sam.id}/impersonate`, { token, json });
  const acting = await ask(200, `POST ${AUTH}/users/${id}/impersonate`, { token, json });
  await ask(204, `POST ${AUTH}/logout`, { token: acting['access_token'], json: {} });
}

async function organisations(app: EveryFlowApp): Promise<void> {
  const ask = statusesOf(app);
  await app.user('olga');
  const guest = await app.user('gus');
  const { access_token: token } = await signIn(app, 'olga');
  const { access_token: ofGuest } = await signIn(app, 'gus');
  const { id } = await ask(201, `POST ${AUTH}/orgs`, { token, json: { name: 'Acme' } });
  await ask(200, `PATCH ${AUTH}/orgs/${id}`, { token, json: { name: 'Acme Ltd' } });
  const invite = (email: string) =>
    ask(201, `POST ${AUTH}/orgs/${id}/invitations`, { token, json: { email } });
  await invite('gus@corp.example');
  const invitation = { json: { token: (await app.mailed('invitation'))['token'] } };
  await ask(403, `POST ${AUTH}/accept-invitation`, { token, ...invitation });
  await ask(200, `POST ${AUTH}/accept-invitation`, { token: ofGuest, ...invitation });
  await ask(400, `POST ${AUTH}/accept-invitation`, { token: ofGuest, ...invitation });
  const other = await invite('hal@corp.example');
  await ask(204, `DELETE ${AUTH}/orgs/${id}/invitations/${other['id']}`, { token });
  await ask(200, `PATCH ${AUTH}/orgs/${id}/members/${guest.id}`, {
    token,
    json: { roles: ['admin'] },
  });
  await ask(204, `DELETE ${AUTH}/orgs/${id}/members/${guest.id}`, { token });
  await ask(204, `DELETE ${AUTH}/orgs/${id}`, { token });
}

async function providers(app: EveryFlowApp): Promise<void> {
  const ask = statusesOf(app);
  const { origin } = app;
  const browser = app.browser();
  expect((await app.signInAtCorp(browser, 'ada')).url).toBe(`${origin}/inside`);
  const token = await accessTokenOf(browser, origin);
  await ask(200, 'GET /api/upstream', { token });
  const late = app.browser();
  const isBack = (url: URL): boolean => url.pathname.startsWith(`${AUTH}/callback/`);
  const back = new URL((await app.signInAtCorp(late, 'dee', isBack)).url);
  back.searchParams.set('code', `${back.searchParams.get('code')}-and-more`);
  expect((await late.open(back.href)).status).toBe(401);
  const { body } = await browser.fetch(`${origin}${AUTH}/session`);
  const { logout_url: away } = JSON.parse(body) as { readonly logout_url: string };
  await browser.submit(await browser.open(`${origin}${away}`, { from: origin }), { logout: 'yes' });
  const other = app.browser();
  await app.signInAtCorp(other, 'bea');
  const byCode = await other.open(`${origin}${AUTH}/login/corp?mode=code&returnTo=/inside`);
  const json = { code: new URL(byCode.url).searchParams.get('auth_code') };
  const exchanged = await other.fetch(`${origin}${AUTH}/exchange`, { json });
  const { access_token: upstream } = JSON.parse(exchanged.body) as Tokens;
  expect((await other.fetch(`${origin}${AUTH}/exchange`, { json })).status).toBe(401);
  const gone = app.browser();
  await app.signInAtCorp(gone, 'cem');
  await gone.submit(await gone.open(`${app.corp.issuer}/session/end`), { logout: 'yes' });
  const isTold = () => app.seen.events.some(({ name }) => name === 'logout.backchannel');
  await expect.poll(isTold).toBe(true);
  await ask(400, `POST ${AUTH}/backchannel/corp`, {
    form: { logout_token: await app.google.idToken() },
  });

  const idToken = await app.google.idToken();
  const google = await ask(200, `POST ${AUTH}/google`, { json: { id_token: idToken } });
  await ask(401, `POST ${AUTH}/google`, { json: { id_token: idToken } });
  const form = {
    credential: await app.google.idToken(),
    g_csrf_token: 'as-the-script-of-google-says',
  };
  await ask(403, `POST ${AUTH}/google`, {
    form,
    headers: { cookie: 'g_csrf_token=as-somebody-else-says' },
  });
  await ask(401, `POST ${AUTH}/google`, {
    json: { id_token: await app.google.forgedIdToken('published') },
  });
  const [{ id } = { id: '' }] = (await app.auth.users.list({ limit: 100 })).filter(
    ({ email }) => email === 'ada@allowed.com',
  );
  expect(google['access_token']).toBeDefined();
  await app.user('boss', { roles: ['admin'] });
  const boss = await signIn(app, 'boss');
  await ask(204, `DELETE ${AUTH}/users/${id}/identities/google`, { token: boss['access_token'] });

  await app.corp.kill();
  await ask(502, 'GET /api/upstream', { token: upstream });
}

async function outages(app: EveryFlowApp): Promise<void> {
  const ask = statusesOf(app);
  await ask(200, 'GET /api/me', { token: await app.issuer.mint() });
  await ask(503, 'GET /api/me', { token: 'opaque-token-that-nobody-can-judge' });
  const [header = '', payload = '', signature = ''] = (await app.issuer.mint()).split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
  const forged = Buffer.from(JSON.stringify({ ...claims, iss: app.badKeys.origin })).toString(
    'base64url',
  );
  await ask(503, 'GET /api/me', { token: `${header}.${forged}.${signature}` });
  await app.user('zoe');
  const { refresh_token: token } = await signIn(app, 'zoe');
  app.switched.onGet = () => {
    throw new Error(`the store choked on ${token}`);
  };
  await ask(503, `POST ${AUTH}/refresh`, { json: { refresh_token: token } });
  app.switched.onGet = () => undefined;
}

describe('what others may read', () => {
  it('holds no secret, whatever happens; every event happens, for documented reasons', async () => {
    const app = await everyFlowApp();
    const flows = [
      ...[passwords, signUp, keys, dpop, administration],
      ...[impersonation, organisations, providers, outages],
    ];
    // One after the other: they share the application, its mails and its clock.
    for (const flow of flows) await flow(app);
    await app.auth.settled();
    const { events } = app.seen;
    const told = new Set(events.map(({ name }) => name));
    expect(eventNames.filter((name) => !told.has(name))).toEqual([]);
    const found = secretsOn(app.tape);
    // Without one of them the search would be blind there.
    expect(found.names).toEqual(SECRET_NAMES);
    const own = [SECRET, PASSWORD, WRONG, app.corp.clientSecret, CLIENT.clientSecret];
    const all = { ...found, secrets: new Set([...found.secrets, ...own]) };
    expect(leaksIn(app.seen.text(), all)).toEqual([]);

    const reasons = await documentedReasons();
    const undocumented = events.flatMap(({ name, event }) => {
      const { reason = '', provider } = event as { reason?: string; provider?: string };
      const words = reasons.get(name);
      return provider !== undefined || !words || words.has(reason) ? [] : [`${name}: ${reason}`];
    });
    expect(undocumented).toEqual([]);
  });

  const token = 'eyJhbGciOiJFUzI1NiJ9.c2VjcmV0LW9mLXRoaXMtdG9rZW4.Zm9yZ2VkLXNpZ25hdHVyZQ';
  const id = 'kQ3vX9pLs0aT7uWm2dYfGg';
  const found = { secrets: new Set([token, 'short/one', `1.${id}.0.rest`]), ids: new Set([id]) };

  it.each([
    { title: 'a token', text: `refused ${token}.` },
    { title: 'the end of a token', text: token.slice(-16) },
    { title: 'the middle of a token', text: `"${token.slice(30, 46)}"` },
    { title: 'a token in base64', text: Buffer.from(`token=${token}`).toString('base64') },
    { title: 'a token in base64url', text: Buffer.from(`x${token}`).toString('base64url') },
    { title: 'a short secret', text: 'it was short/one' },
    { title: 'a short secret in an address', text: '?password=short%2Fone' },
  ])('would be noticed as $title', ({ text }) => {
    expect(leaksIn(JSON.stringify({ reason: text }), found)).toHaveLength(1);
  });

  it.each([
    { title: 'fifteen characters of a token', text: token.slice(30, 45) },
    { title: 'the public id in a token', text: `session ${id} ended` },
  ])('is not taken for a secret as $title', ({ text }) => {
    expect(leaksIn(text, found)).toEqual([]);
  });

  it('is searched wherever it stands: in events, on channels, in warnings and in refusals', async () => {
    const app = await everyFlowApp();
    const plants = Array.from({ length: 4 }, () => randomBytes(24).toString('base64url'));
    const [inEvent = '', inWarning = '', inRefusal = '', inChallenge = ''] = plants;
    app.auth.verifier.events.emit('login.failed', { reason: inEvent, userId: undefined });
    process.emitWarning(`refused ${inWarning}`);
    await new Promise(setImmediate);
    const headers = { 'www-authenticate': `Bearer error="${inChallenge}"` };
    app.tape.push({ status: 400, body: JSON.stringify({ detail: inRefusal }), headers });
    const text = app.seen.text();
    expect(leaksIn(text, { secrets: new Set(plants), ids: new Set<string>() })).toEqual(plants);
    // By a listener, and on the channel.
    expect(text.split(inEvent)).toHaveLength(3);
  });

  it('has reasons that the README lists', async () => {
    const readme = await readFile(path.join(lib, 'middleware', 'README.md'), 'utf8');
    const [, table = ''] = readme.split(/^\| reasons of /m);
    const reasons = await documentedReasons();
    // The store's have a table of their own, and a test of that.
    const others = [...reasons].filter(([name]) => name !== 'store.failed');
    const missing = others.flatMap(([name, words]) => {
      const rows = table.split('\n').filter((row) => row.startsWith(`| \`${name}\``));
      const cited = rows.flatMap((row) => row.match(/(?<=those of `)[\w.]+/g) ?? []);
      const known = [...cited].flatMap((other) => [...(reasons.get(other) ?? [])]);
      const listed = [...words].filter((word) => !known.includes(word));
      return listed
        .filter((word) => !rows.join().includes(`\`${word}\``))
        .map((word) => `${name}: ${word}`);
    });
    expect(missing).toEqual([]);
  });

  it('has reasons that the code knows', async () => {
    const files = (await readdir(lib, { recursive: true })).filter(
      (file) => file.endsWith('.ts') && !file.startsWith('events'),
    );
    const sources = await Promise.all(files.map((file) => readFile(path.join(lib, file), 'utf8')));
    const code = sources.join('\n');
    const reasons = await documentedReasons();
    expect(reasons.size).toBeGreaterThan(8);
    // Made of two words where they are given.
    const composed = new Set(['password_change', 'password_reset']);
    const unknown = [...reasons].flatMap(([name, words]) =>
      [...words]
        .filter((word) => !composed.has(word) && !code.includes(`'${word}'`))
        .map((word) => `${name}: ${word}`),
    );
    expect(unknown).toEqual([]);
  });
});

const lib = path.join(root, 'lib');

/** The words that the documentation of an event lists as its reasons. */
async function documentedReasons(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const source = await readFile(path.join(lib, 'events', 'auth-events.ts'), 'utf8');
  const documented = [...source.matchAll(/\/\*\*((?:(?!\*\/).)*)\*\/\s+'([a-z_.]+)': /gs)];
  const comments = new Map(
    documented.map(([, comment = '', name = '']) => [name, comment.replaceAll(/\s*\*\s/g, ' ')]),
  );
  const wordsOf = (name: string): readonly string[] => {
    const [, list = ''] = comments.get(name)?.split(/Reasons\b/) ?? [];
    const others = [...list.matchAll(/those of `([a-z_.]+)`/g)].map(([, other = '']) => other);
    const items = list.replaceAll(/\([^)]*\)/g, '').split(/[,;:.]\s|\band\b/);
    const own = items
      .map((item) => item.trim())
      .filter((item) => /^[a-z]+(?:_[a-z]+)*$/.test(item));
    return [...own, ...others.flatMap(wordsOf)];
  };
  const listed = [...comments.keys()].map((name) => [name, new Set(wordsOf(name))] as const);
  return new Map(listed.filter(([, words]) => words.size > 0));
}
