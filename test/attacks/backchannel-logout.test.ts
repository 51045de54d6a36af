import { memoryStore } from 'latchkey';
import { describe, expect, it } from 'vitest';
import { addUser, PASSWORD } from '../world/auth-server.js';
import { type Misdeed, startHostileProvider } from '../world/hostile-provider.js';
import { createHttpBrowser, type HttpBrowser } from '../world/http-browser.js';
import { type LoginApp, reservePort, serveLoginApp } from '../world/login-app.js';
import { shareWorld } from '../world/shared-world.js';
import { accessTokenOf, clientAt, refusalIn, userOf } from '../world/signed-in.js';

type Json = Readonly<Record<string, unknown>>;

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
const NOW = Math.floor(Date.now() / 1000);

/** An application whose users sign in with `corp` or `other`. */
async function world({ store = memoryStore(), corp = startHostileProvider() } = {}) {
  const port = await reservePort();
  const providers = { corp: await corp, other: await startHostileProvider() };
  const app = serveLoginApp(port, {
    oidc: { corp: clientAt(providers.corp), other: clientAt(providers.other) },
    store,
  });
  return { ...providers, app, store };
}

type World = Awaited<ReturnType<typeof world>>;

/** A session that began at a provider. */
interface Visitor {
  readonly browser: HttpBrowser;
  readonly accessToken: string;
}

async function visit(
  { app, ...providers }: World,
  said: { readonly sub: string; readonly sid?: string },
  name: 'corp' | 'other' = 'corp',
): Promise<Visitor> {
  const claims = { email: undefined, email_verified: false, ...said };
  providers[name].misbehave({ idTokenClaims: claims, userinfo: claims });
  const browser = createHttpBrowser();
  const page = await browser.open(`${app.origin}/api/auth/login/${name}?returnTo=/inside`);
  expect(page.url).toBe(`${app.origin}/inside`);
  providers[name].misbehave({});
  return { browser, accessToken: await accessTokenOf(browser, app.origin) };
}

/** By cookie and by access token. */
async function isIn({ app: { origin } }: World, { browser, accessToken }: Visitor) {
  const headers = { authorization: `Bearer ${accessToken}` };
  const { status } = await fetch(`${origin}/api/me`, { headers });
  const isByCookie = (await userOf(browser, origin)) !== undefined;
  expect(isByCookie).toBe(status === 200);
  return isByCookie;
}

/** As a provider's server does it: no cookie, no origin, a form. */
async function deliver({ origin }: LoginApp, token: string, name = 'corp'): Promise<Response> {
  const response = await fetch(`${origin}/api/auth/backchannel/${name}`, {
    method: 'POST',
    body: new URLSearchParams({ logout_token: token }),
  });
  expect(response.headers.get('cache-control')).toBe('no-store');
  return response;
}

/** What listeners heard of log-outs. */
function toldOf({ app: { events } }: World): readonly unknown[] {
  return events.filter(({ name }) => name === 'logout.backchannel').map(({ event }) => event);
}

const REFUSED = { status: 400, code: 'INVALID_REQUEST' };

describe('S4 a logout token that is none', () => {
  // None of these ends a session, so that the same one can outlast all of them.
  const shared = shareWorld(async () => {
    const all = await world();
    return { all, visitor: await visit(all, { sub: 'user-1', sid: 'sid-1' }) };
  });

  it.each<{ title: string; claims: Json }>([
    { title: 'with a nonce', claims: { nonce: 'n' } },
    { title: 'with a nonce that is null', claims: { nonce: null } },
    { title: 'without events', claims: { events: undefined } },
    { title: 'with events as a list', claims: { events: [EVENT] } },
    { title: 'with events as a list of objects', claims: { events: [{ [EVENT]: {} }] } },
    { title: 'with events as text', claims: { events: EVENT } },
    { title: 'with another event', claims: { events: { [`${EVENT}/other`]: {} } } },
    { title: 'with no event', claims: { events: {} } },
    { title: 'with an event that is no object', claims: { events: { [EVENT]: true } } },
    { title: 'with an event that is a list', claims: { events: { [EVENT]: [] } } },
    { title: 'for another client', claims: { aud: 'somebody-else' } },
    { title: 'for others beside us', claims: { aud: ['hostile-client', 'somebody-else'] } },
    { title: 'for nobody', claims: { aud: undefined } },
    { title: 'of another issuer', claims: { iss: 'https://other.example' } },
    { title: 'of no issuer', claims: { iss: undefined } },
    { title: 'of an issuer that is a number', claims: { iss: 7 } },
    { title: 'of an issuer that is empty', claims: { iss: '' } },
    { title: 'of an issuer that is a list', claims: { iss: ['https://other.example'] } },
    { title: 'made six minutes ago', claims: { iat: NOW - 361 } },
    { title: 'made in the future', claims: { iat: NOW + 120, exp: NOW + 240 } },
    { title: 'made at no time', claims: { iat: undefined } },
    { title: 'made at a time in words', claims: { iat: String(NOW) } },
    { title: 'that has expired', claims: { exp: NOW - 61 } },
    { title: 'that expires in words', claims: { exp: 'never' } },
    { title: 'with neither sub nor sid', claims: { sub: undefined } },
    { title: 'with a sub that is no text', claims: { sub: 1 } },
    { title: 'with a sub that is null', claims: { sub: null } },
    { title: 'with an empty sub', claims: { sub: '' } },
    { title: 'with a blank sub', claims: { sub: ' \t' } },
    { title: 'with a blank sid', claims: { sid: ' ' } },
    { title: 'with a sid that is a number', claims: { sid: 1 } },
    { title: 'with a sid that is a list', claims: { sid: ['sid-1'] } },
    { title: 'with an empty sid', claims: { sid: '' } },
    { title: 'without jti', claims: { jti: undefined } },
    { title: 'with an empty jti', claims: { jti: '' } },
    { title: 'with a jti that is no text', claims: { jti: 1 } },
  ])('$title is refused and ends nothing', async ({ claims }) => {
    const { all, visitor } = shared();
    const token = await all.corp.logoutToken(claims);
    expect(await refusalIn(await deliver(all.app, token))).toEqual(REFUSED);
    expect(await isIn(all, visitor)).toBe(true);
    expect(toldOf(all)).toEqual([]);
  });

  it.each<{ title: string; header: Json }>([
    { title: 'at+jwt', header: { typ: 'at+jwt' } },
    { title: 'secevent+jwt', header: { typ: 'secevent+jwt' } },
    { title: 'dpop+jwt', header: { typ: 'dpop+jwt' } },
    { title: 'a longer name', header: { typ: 'x-logout+jwt' } },
    { title: 'a name with an end', header: { typ: 'JWT+' } },
    { title: 'a list', header: { typ: ['logout+jwt'] } },
    { title: 'nothing', header: { typ: '' } },
  ])('of type $title is refused and ends nothing', async ({ header }) => {
    const { all, visitor } = shared();
    const token = await all.corp.logoutToken({}, header);
    expect(await refusalIn(await deliver(all.app, token))).toEqual(REFUSED);
    expect(await isIn(all, visitor)).toBe(true);
  });

  it.each<{ title: string; sign: NonNullable<Misdeed['sign']> }>([
    { title: 'by nobody', sign: 'none' },
    { title: "by our client's secret", sign: 'hs256-with-client-secret' },
    { title: 'by the public key as a secret', sign: 'hs256-with-public-key' },
    { title: 'badly', sign: 'bad-signature' },
    { title: 'by another key', sign: 'other-key' },
  ])('signed $title is refused and ends nothing', async ({ sign }) => {
    const { all, visitor } = shared();
    all.corp.misbehave({ sign });
    const token = await all.corp.logoutToken();
    all.corp.misbehave({});
    expect(await refusalIn(await deliver(all.app, token))).toEqual(REFUSED);
    expect(await isIn(all, visitor)).toBe(true);
  });

  it.each([
    { title: 'no token', token: '' },
    { title: 'three words', token: 'three.little.words' },
    { title: 'one of another provider', token: undefined },
  ])('$title is refused and ends nothing', async ({ token }) => {
    const { all, visitor } = shared();
    const given = token ?? (await all.other.logoutToken());
    expect(await refusalIn(await deliver(all.app, given))).toEqual(REFUSED);
    expect(await isIn(all, visitor)).toBe(true);
  });

  it('an ID token of our own log-in is refused and ends nothing', async () => {
    const all = await world();
    const { browser } = await visit(all, { sub: 'user-1' });
    const visitor = await visit(all, { sub: 'user-1' });
    // It stands in the address that leads to the log-out there.
    const { body } = await browser.fetch(`${all.app.origin}/api/auth/session`);
    const { logout_url: path } = JSON.parse(body) as { readonly logout_url: string };
    const { url } = await browser.open(`${all.app.origin}${path}`, {
      until: (place) => place.pathname === '/end-session',
    });
    const idToken = new URL(url).searchParams.get('id_token_hint') ?? '';
    expect(idToken.split('.')).toHaveLength(3);
    expect(await refusalIn(await deliver(all.app, idToken))).toEqual(REFUSED);
    expect(await isIn(all, visitor)).toBe(true);
  });

  it.each<{ title: string; claims: Json }>([
    { title: 'an ID token without a nonce', claims: { auth_time: NOW, at_hash: 'x' } },
    { title: 'an access token', claims: { scope: 'openid', client_id: 'hostile-client' } },
    { title: 'an access token of Keycloak', claims: { typ: 'Bearer', azp: 'hostile-client' } },
    {
      title: 'another security event',
      claims: {
        events: { 'https://schemas.openid.net/secevent/caep/event-type/session-revoked': {} },
      },
    },
  ])('$title of type JWT is refused and ends nothing', async ({ claims }) => {
    const { all, visitor } = shared();
    for (const typ of ['JWT', undefined]) {
      const token = await all.corp.logoutToken({ events: undefined, ...claims }, { typ });
      expect(await refusalIn(await deliver(all.app, token))).toEqual(REFUSED);
    }
    expect(await isIn(all, visitor)).toBe(true);
  });

  it.each<{ title: string; body: string | URLSearchParams; type?: string; status: number }>([
    { title: 'without a token', body: new URLSearchParams({ a: 'b' }), status: 400 },
    {
      title: 'with two tokens',
      body: new URLSearchParams([
        ['logout_token', 'a.b.c'],
        ['logout_token', 'd.e.f'],
      ]),
      status: 400,
    },
    { title: 'in JSON', body: '{"logout_token":"a.b.c"}', type: 'application/json', status: 415 },
    { title: 'in plain text', body: 'logout_token=a.b.c', type: 'text/plain', status: 415 },
  ])('a request $title is $status', async ({ body, type, status }) => {
    const { app } = shared().all;
    const response = await fetch(`${app.origin}/api/auth/backchannel/corp`, {
      method: 'POST',
      ...(type !== undefined && { headers: { 'content-type': type } }),
      body,
    });
    expect(response.status).toBe(status);
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  it.each(['nobody', 'github', 'default'])('there is no provider %s', async (name) => {
    const { all, visitor } = shared();
    const response = await deliver(all.app, await all.corp.logoutToken(), name);
    expect(await refusalIn(response)).toEqual({ status: 404, code: 'NOT_FOUND' });
    expect(await isIn(all, visitor)).toBe(true);
  });

  it('a GET is no log-out', async () => {
    const { app, corp } = shared().all;
    const query = new URLSearchParams({ logout_token: await corp.logoutToken() });
    const response = await fetch(`${app.origin}/api/auth/backchannel/corp?${query.toString()}`);
    expect(await refusalIn(response)).toEqual({ status: 405, code: 'METHOD_NOT_ALLOWED' });
    expect(response.headers.get('cache-control')).toBe('no-store');
  });
});

describe('S4 a logout token', () => {
  // Each case has a session of its own, which it ends.
  const shared = shareWorld(() => world());

  it.each<{ title: string; header: Json; claims?: Json }>([
    { title: 'as the specification has it', header: {} },
    { title: 'with a type in full', header: { typ: 'application/logout+jwt' } },
    { title: 'with a type in capitals', header: { typ: 'Logout+JWT' } },
    { title: 'without a type', header: { typ: undefined } },
    { title: 'of type JWT', header: { typ: 'JWT' } },
    {
      title: 'without exp, as Hydra makes them,',
      header: { typ: 'JWT' },
      claims: { exp: undefined, aud: ['hostile-client'] },
    },
    {
      title: 'of Keycloak, which says what it is in a claim',
      header: { typ: 'JWT' },
      claims: {
        typ: 'Logout',
        sid: '2a88c258-f73a-4103-b862-e1fbd8f4e04e',
        events: { [EVENT]: {}, 'https://www.keycloak.org/revoke-offline-access': true },
      },
    },
    {
      title: 'that names a session, of which the ID token said nothing,',
      header: {},
      claims: { sid: 'sid-1' },
    },
    { title: 'for a list of just us', header: {}, claims: { aud: ['hostile-client'] } },
    { title: 'that is a little old', header: {}, claims: { iat: NOW - 200 } },
  ])(
    '$title ends the session, by cookie and by access token, at once',
    async ({ header, claims }) => {
      const all = shared();
      all.app.events.length = 0;
      const visitor = await visit(all, { sub: 'user-1' });
      const response = await deliver(all.app, await all.corp.logoutToken(claims, header));
      expect(response.status).toBe(200);
      expect(await response.text()).toBe('');
      expect(await isIn(all, visitor)).toBe(false);
      const headers = { authorization: `Bearer ${visitor.accessToken}` };
      const refusal = await refusalIn(await fetch(`${all.app.origin}/api/me`, { headers }));
      expect(refusal).toEqual({ status: 401, code: 'TOKEN_REVOKED' });
      const refresh = await visitor.browser.fetch(`${all.app.origin}/api/auth/refresh`, {
        json: {},
      });
      expect(refresh.status).toBe(401);
      expect(toldOf(all)).toMatchObject([{ provider: 'corp', sessions: 1 }]);
    },
  );

  it.each([
    { title: 'ahead', seconds: 50 },
    { title: 'behind', seconds: -50 },
  ])('W14 of a clock nearly a minute $title ends the session', async ({ seconds }) => {
    const all = shared();
    const visitor = await visit(all, { sub: 'user-1' });
    const iat = Math.floor(Date.now() / 1000) + seconds;
    const token = await all.corp.logoutToken({ iat, exp: iat + 10 });
    expect((await deliver(all.app, token)).status).toBe(200);
    expect(await isIn(all, visitor)).toBe(false);
  });

  it('with sub alone ends all sessions of this user of this provider, and no other', async () => {
    const all = await world();
    const ended = [
      await visit(all, { sub: 'user-1', sid: 'sid-1' }),
      await visit(all, { sub: 'user-1', sid: 'sid-2' }),
      await visit(all, { sub: 'user-1' }),
    ];
    const spared = [
      await visit(all, { sub: 'user-2', sid: 'sid-3' }),
      await visit(all, { sub: 'user-1', sid: 'sid-1' }, 'other'),
    ];
    expect((await deliver(all.app, await all.corp.logoutToken())).status).toBe(200);
    for (const visitor of ended) expect(await isIn(all, visitor)).toBe(false);
    for (const visitor of spared) expect(await isIn(all, visitor)).toBe(true);
  });

  it('with sid alone ends the session that began in that one, and no other', async () => {
    const all = await world();
    const ended = await visit(all, { sub: 'user-1', sid: 'sid-1' });
    const spared = [
      await visit(all, { sub: 'user-1', sid: 'sid-2' }),
      await visit(all, { sub: 'user-1' }),
      await visit(all, { sub: 'user-1', sid: 'sid-1' }, 'other'),
    ];
    const token = await all.corp.logoutToken({ sub: undefined, sid: 'sid-1' });
    expect((await deliver(all.app, token)).status).toBe(200);
    expect(await isIn(all, ended)).toBe(false);
    for (const visitor of spared) expect(await isIn(all, visitor)).toBe(true);
  });

  it('with both ends what both fit', async () => {
    const all = await world();
    const ended = [
      await visit(all, { sub: 'user-1', sid: 'sid-1' }),
      // Which session there it began in is unknown: it may be this one.
      await visit(all, { sub: 'user-1' }),
    ];
    const spared = [
      await visit(all, { sub: 'user-1', sid: 'sid-2' }),
      await visit(all, { sub: 'user-2' }),
      await visit(all, { sub: 'user-1' }, 'other'),
    ];
    expect((await deliver(all.app, await all.corp.logoutToken({ sid: 'sid-1' }))).status).toBe(200);
    for (const visitor of ended) expect(await isIn(all, visitor)).toBe(false);
    for (const visitor of spared) expect(await isIn(all, visitor)).toBe(true);
  });

  it.each<{ title: string; claims: Json }>([
    { title: 'an unknown sid', claims: { sub: undefined, sid: 'nobody-knows' } },
    { title: 'an unknown sub', claims: { sub: 'nobody' } },
    {
      title: 'the sid of one user and the sub of another',
      claims: { sub: 'user-2', sid: 'sid-1' },
    },
  ])('with $title is 200 and ends nothing', async ({ claims }) => {
    const all = await world();
    const visitor = await visit(all, { sub: 'user-1', sid: 'sid-1' });
    expect((await deliver(all.app, await all.corp.logoutToken(claims))).status).toBe(200);
    expect(await isIn(all, visitor)).toBe(true);
    expect(toldOf(all)).toMatchObject([{ provider: 'corp', sessions: 0 }]);
  });

  it('leaves sessions alone that the same user began with a password', async () => {
    const all = await world();
    const { origin } = all.app;
    await addUser(all.app);
    const browser = createHttpBrowser();
    const json = { username: 'alice', password: PASSWORD, delivery: 'cookie' };
    const login = () => browser.fetch(`${origin}/api/auth/login`, { json });
    await login();
    await browser.open(`${origin}/api/auth/link/corp`, { form: {}, from: origin });
    await browser.open(`${origin}/api/auth/login/corp`);
    const linked = { browser, accessToken: await accessTokenOf(browser, origin) };
    const elsewhere = createHttpBrowser();
    await elsewhere.fetch(`${origin}/api/auth/login`, { json });
    const byPassword = { browser: elsewhere, accessToken: await accessTokenOf(elsewhere, origin) };
    expect((await deliver(all.app, await all.corp.logoutToken())).status).toBe(200);
    expect(await isIn(all, linked)).toBe(false);
    expect(await isIn(all, byPassword)).toBe(true);
  });
});

describe('S4 the same logout token twice', () => {
  it('is refused the second time, and a later log-in goes on', async () => {
    const all = await world();
    const before = await visit(all, { sub: 'user-1' });
    const token = await all.corp.logoutToken();
    expect((await deliver(all.app, token)).status).toBe(200);
    const after = await visit(all, { sub: 'user-1' });
    expect(await refusalIn(await deliver(all.app, token))).toEqual(REFUSED);
    expect(await isIn(all, after)).toBe(true);
    // And nothing brings the former session back.
    expect(await isIn(all, before)).toBe(false);
  });

  it('is known by its jti, whatever else it says', async () => {
    const all = await world();
    expect((await deliver(all.app, await all.corp.logoutToken({ jti: 'one' }))).status).toBe(200);
    const visitor = await visit(all, { sub: 'user-1' });
    const second = await all.corp.logoutToken({ jti: 'one', iat: NOW - 100 });
    expect(await refusalIn(await deliver(all.app, second))).toEqual(REFUSED);
    expect(await isIn(all, visitor)).toBe(true);
    // A number that another provider has used is no replay.
    expect(
      (await deliver(all.app, await all.other.logoutToken({ jti: 'one' }), 'other')).status,
    ).toBe(200);
  });

  it('is refused by another instance, too', async () => {
    const one = await world();
    const two = await world({ store: one.store, corp: Promise.resolve(one.corp) });
    const token = await one.corp.logoutToken();
    expect((await deliver(one.app, token)).status).toBe(200);
    expect(await refusalIn(await deliver(two.app, token))).toEqual(REFUSED);
  });

  it('counts once, however often it comes at the same moment', async () => {
    const all = await world();
    const token = await all.corp.logoutToken();
    const answers = await Promise.all(Array.from({ length: 20 }, () => deliver(all.app, token)));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 400)).toHaveLength(19);
  });

  it('a refused token does not use its jti up', async () => {
    const all = await world();
    const visitor = await visit(all, { sub: 'user-1' });
    const bad = await all.corp.logoutToken({ jti: 'one', nonce: 'n' });
    expect((await deliver(all.app, bad)).status).toBe(400);
    expect((await deliver(all.app, await all.corp.logoutToken({ jti: 'one' }))).status).toBe(200);
    expect(await isIn(all, visitor)).toBe(false);
  });
});

describe('S4 an older logout token', () => {
  it('that names a session there does not end the one that began later', async () => {
    const all = await world();
    const token = await all.corp.logoutToken({ sid: 'sid-1' });
    const before = await visit(all, { sub: 'user-1', sid: 'sid-1' });
    const after = await visit(all, { sub: 'user-1', sid: 'sid-2' });
    expect((await deliver(all.app, token)).status).toBe(200);
    expect(await isIn(all, before)).toBe(false);
    expect(await isIn(all, after)).toBe(true);
  });
});

describe('S4 when a logout token cannot be judged', () => {
  it('the provider may try again: 503, and nothing is used up', async () => {
    const all = await world();
    const visitor = await visit(all, { sub: 'user-1' });
    const token = await all.corp.logoutToken();
    all.corp.misbehave({ jwks: 'error' });
    const response = await deliver(all.app, token);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refusalIn(response)).toEqual({ status: 503, code: 'KEYS_UNAVAILABLE' });
    expect(await isIn(all, visitor)).toBe(true);
    all.corp.misbehave({});
    expect((await deliver(all.app, token)).status).toBe(200);
    expect(await isIn(all, visitor)).toBe(false);
  });

  it('a failure of the store ends nothing and says so: the provider tries again', async () => {
    const store = memoryStore();
    let isDown = false;
    const sessions = {
      ...store.sessions,
      revoke: (...given: Parameters<typeof store.sessions.revoke>) =>
        isDown ? Promise.reject(new Error('down')) : store.sessions.revoke(...given),
    };
    const all = await world({ store: { ...store, sessions } });
    const visitor = await visit(all, { sub: 'user-1' });
    const token = await all.corp.logoutToken();
    isDown = true;
    expect((await deliver(all.app, token)).status).toBe(503);
    isDown = false;
    expect((await deliver(all.app, token)).status).toBe(200);
    expect(await isIn(all, visitor)).toBe(false);
  });

  it('a key that the provider has just begun to use is found', async () => {
    const all = await world();
    const first = await visit(all, { sub: 'user-1' });
    expect((await deliver(all.app, await all.corp.logoutToken())).status).toBe(200);
    expect(await isIn(all, first)).toBe(false);
    await all.corp.rotate();
    expect((await deliver(all.app, await all.corp.logoutToken())).status).toBe(200);
  });
});
