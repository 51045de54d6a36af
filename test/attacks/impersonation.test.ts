import { readdir, readFile } from 'node:fs/promises';
import { createAuth, memoryStore, type Mail } from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BASE } from '../world/auth-server.js';
import { AS_SCRIPT, refusalIn, refusalOn } from '../world/signed-in.js';
import { supportDesk } from '../world/support-desk.js';

type SupportDesk = Awaited<ReturnType<typeof supportDesk>>;

describe('I1 who may act as another user', () => {
  it.each([
    { title: 'an ordinary user', roles: ['customer'] },
    { title: 'an administrator without the scope', roles: ['admin'] },
  ])('$title is 403', async ({ roles }) => {
    const { auth, impersonate, tokensOf } = await supportDesk();
    const user = await auth.users.create({ username: 'other', roles });
    const answer = await impersonate((await tokensOf(user)).access_token);
    expect(answer).toMatchObject({ status: 403, body: { code: 'INSUFFICIENT_SCOPE' } });
  });

  it('one who has lost the role since the token was issued is 403', async () => {
    const { auth, impersonate, tokensOf, sam } = await supportDesk();
    const { access_token: token } = await tokensOf(sam);
    await auth.users.update(sam.id, { roles: [] });
    expect(await impersonate(token)).toMatchObject({
      status: 403,
      body: { code: 'INSUFFICIENT_SCOPE' },
    });
  });

  it.each([
    { title: 'ten minutes ago', age: 601 },
    { title: 'at a time that nobody knows', age: undefined },
  ])('one who signed in $title has to sign in again', async ({ age }) => {
    const { auth, clock, impersonate, call, sam } = await supportDesk();
    const authTime = age === undefined ? undefined : clock.now() / 1000 - age;
    const notes = { amr: ['pwd'], authTime, acr: undefined, device: undefined };
    const { refreshToken } = await auth.sessions.start(sam, { ...notes, delivery: 'body' });
    const json = { refresh_token: refreshToken };
    const { body } = await call('POST /api/auth/refresh', { json });
    const { access_token: token } = body as { readonly access_token: string };
    expect(await impersonate(token)).toMatchObject({
      status: 401,
      body: { code: 'AUTH_CONTEXT_REQUIRED', max_age: 600 },
    });
  });

  it('a caller without a credential is 401, and so is another issuer’s with the same id and scope', async () => {
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    const { auth, impersonate, call, alice, sam } = await supportDesk({
      trustedIssuers: [issuer.policy],
    });
    const { session } = await auth.sessions.start(sam, {
      ...{ amr: [], authTime: 1_800_000_000, acr: undefined, device: undefined, delivery: 'body' },
    });
    const iat = 1_800_000_000;
    const times = { iat, nbf: iat, exp: iat + 300, auth_time: iat };
    const claims = { sub: sam.id, sid: session.id, scope: 'users:impersonate', ...times };
    const foreign = await issuer.mint(claims);
    expect((await call('GET /api/me', { token: foreign })).status).toBe(200);
    expect(await impersonate(foreign)).toMatchObject({
      status: 401,
      body: { code: 'INVALID_TOKEN' },
    });
    const json = { reason: 'Ticket 4711' };
    const path = `/api/auth/users/${alice.id}/impersonate`;
    expect((await call(`POST ${path}`, { json })).status).toBe(401);
  });

  it('Sam’s own API key is 401, whatever it may do elsewhere', async () => {
    const { auth, origin, alice, sam } = await supportDesk({ acceptApiKeys: true });
    const scopes = ['users:impersonate'];
    const { key } = await auth.apiKeys.create({ owner: sam.id, name: 'backup', scopes });
    const answer = await fetch(`${origin}/api/auth/users/${alice.id}/impersonate`, {
      method: 'POST',
      headers: { 'x-api-key': key, 'content-type': 'application/json' },
      body: JSON.stringify({ reason: 'Ticket 4711' }),
    });
    expect(await refusalIn(answer)).toEqual({ status: 401, code: 'INVALID_TOKEN' });
  });

  it('another site’s page cannot make a browser do it', async () => {
    const { samsBrowser, origin, alice } = await supportDesk();
    const { browser } = await samsBrowser();
    const page = await browser.fetch(`${origin}/api/auth/users/${alice.id}/impersonate`, {
      json: { reason: 'Ticket 4711' },
      headers: { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
    });
    expect(refusalOn(page)).toEqual({ status: 403, code: 'CROSS_SITE_REQUEST' });
  });
});

describe('I2 as whom', () => {
  it.each([
    { title: 'an administrator', user: { roles: ['admin'] }, reason: 'protected_user' },
    { title: 'another support person', user: { roles: ['support'] }, reason: 'protected_user' },
    { title: 'a user who is disabled', user: { disabled: true }, reason: 'disabled' },
  ])('$title: 403, which says no more', async ({ user, reason }) => {
    const { auth, impersonate, tokensOf, eventsNamed, sam } = await supportDesk();
    const { id } = await auth.users.create({ username: 'other', ...user });
    const { access_token: token } = await tokensOf(sam);
    const answer = await impersonate(token, undefined, id);
    const himself = await impersonate(token, undefined, sam.id);
    expect(answer.status).toBe(403);
    expect(answer.body).toMatchObject({ code: 'IMPERSONATION_DENIED' });
    expect(answer.body).toEqual(himself.body);
    expect(eventsNamed('impersonation.refused')).toMatchObject([
      { actorId: sam.id, userId: id, reason },
      { actorId: sam.id, userId: sam.id, reason: 'self' },
    ]);
    expect(await auth.sessions.list(id)).toEqual([]);
  });

  it('a user with a temporary password: 409', async () => {
    const { auth, impersonate, tokensOf, eventsNamed, sam } = await supportDesk();
    const user = await auth.users.create({ username: 'other', mustResetPassword: true });
    const answer = await impersonate((await tokensOf(sam)).access_token, undefined, user.id);
    expect(answer).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
    expect(eventsNamed('impersonation.refused')).toMatchObject([{ reason: 'must_reset_password' }]);
  });

  it.each(['nobody', '%00', 'a%00', '%1B%5B31m', '%ED%A0%80', 'x'.repeat(2000)])(
    'an id that no user has, %s: 404, and no event repeats it',
    async (id) => {
      const { impersonate, tokensOf, eventsNamed, sam } = await supportDesk();
      const answer = await impersonate((await tokensOf(sam)).access_token, undefined, id);
      expect(answer).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
      expect(eventsNamed('impersonation.refused')).toMatchObject([
        { userId: undefined, reason: 'unknown_user' },
      ]);
    },
  );

  it('a user who becomes an administrator at that moment: 409, and no session', async () => {
    const memory = memoryStore();
    let meanwhile: () => Promise<unknown> = async () => undefined;
    const store = {
      ...memory,
      once: {
        ...memory.once,
        incr: async (...given: Parameters<typeof memory.once.incr>) => {
          // The count of endings: asked for between the look at the user and the start.
          if (given[0].startsWith('ended:user:')) await meanwhile();
          return memory.once.incr(...given);
        },
      },
    };
    const { auth, impersonate, tokensOf, eventsNamed, sam, alice } = await supportDesk({ store });
    const { access_token: token } = await tokensOf(sam);
    meanwhile = () => auth.users.update(alice.id, { roles: ['admin'] });
    expect(await impersonate(token)).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
    meanwhile = async () => undefined;
    expect(await auth.sessions.list(alice.id)).toEqual([]);
    expect(eventsNamed('impersonation.refused')).toMatchObject([{ reason: 'changed' }]);
  });
});

describe('W13 I3 a reason that would break or turn a line of a log', () => {
  it.each([
    { name: 'NUL', text: 'a\0b' },
    { name: 'ESC', text: '\u001B[2Jx' },
    { name: 'a line break', text: 'a\nsudo: granted' },
    { name: 'half a surrogate pair', text: 'a\uD800' },
    { name: 'a line separator', text: 'a\u2028b' },
    { name: 'text that turns round', text: 'a\u202Eb' },
    { name: 'too much', text: 'x'.repeat(501) },
    { name: 'no text', text: 7 },
  ])('$name is 400', async ({ text }) => {
    const { impersonate, tokensOf, events, sam } = await supportDesk();
    const answer = await impersonate((await tokensOf(sam)).access_token, { reason: text });
    expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST' } });
    expect(events.map(({ name }) => name)).not.toContain('impersonation.started');
  });
});

describe('I4 it stops with what it rests on', () => {
  const endings: readonly {
    readonly title: string;
    readonly reason: string;
    readonly end: (world: SupportDesk) => Promise<unknown>;
  }[] = [
    {
      title: 'the actor is disabled',
      reason: 'actor_gone',
      end: ({ auth, sam }) => auth.users.update(sam.id, { disabled: true }),
    },
    {
      title: 'the actor is deleted',
      reason: 'actor_gone',
      end: ({ auth, sam }) => auth.users.delete(sam.id),
    },
    {
      title: 'the actor loses the scope',
      reason: 'actor_scope',
      end: ({ auth, sam }) => auth.users.update(sam.id, { roles: [] }),
    },
    {
      title: 'the actor’s own session ends',
      reason: 'actor_signed_out',
      end: ({ auth, sam }) => auth.sessions.revoke({ userId: sam.id }, 'logout'),
    },
    {
      title: 'the user becomes an administrator',
      reason: 'protected_user',
      end: ({ auth, alice }) => auth.users.update(alice.id, { roles: ['admin'] }),
    },
    {
      title: 'the user is disabled',
      reason: 'user_gone',
      end: ({ auth, alice }) => auth.users.update(alice.id, { disabled: true }),
    },
  ];

  it.each(endings)('$title: no token more, and the session is over', async ({ reason, end }) => {
    const world = await supportDesk();
    const { acting, call, eventsNamed, clock, alice, sam } = world;
    const { tokens } = await acting();
    await end(world);
    clock.advance(1);
    const strict = await call('GET /api/strict', { token: tokens.access_token });
    expect(strict).toMatchObject({ status: 401, body: { code: 'TOKEN_REVOKED' } });
    const json = { refresh_token: tokens.refresh_token };
    const answer = await call('POST /api/auth/refresh', { json });
    expect(answer).toMatchObject({ status: 401, body: { code: 'REFRESH_INVALID' } });
    expect((await call('GET /api/me', { token: tokens.access_token })).status).toBe(401);
    expect(eventsNamed('impersonation.ended')).toMatchObject([
      { userId: alice.id, actorId: sam.id, reason },
    ]);
  });

  it.each(endings)('$title: the cookie is worth nothing within the lag', async ({ end }) => {
    const world = await supportDesk();
    const { browser } = await world.actingBrowser();
    const look = () => browser.fetch(`${world.origin}/api/me`);
    expect((await look()).status).toBe(200);
    await end(world);
    world.clock.advance(6);
    expect(refusalOn(await look())).toEqual({ status: 401, code: 'CREDENTIALS_MISSING' });
  });

  it('AUTH_IMPERSONATION is turned off: sessions of before end', async () => {
    const store = memoryStore();
    const { acting, origin, clock } = await supportDesk({ store });
    const { tokens } = await acting();
    const after = createAuth({ ...BASE, publicUrl: origin, store, now: clock.now });
    onTestFinished(() => after.close());
    expect(await after.sessions.recognise(tokens.refresh_token)).toBeUndefined();
    await expect(after.sessions.refresh(tokens.refresh_token)).rejects.toMatchObject({
      code: 'REFRESH_INVALID',
      reason: 'impersonation_off',
    });
  });
});

/** Unsafe routes that do nothing in the name of the caller, or end what the actor began. */
const FOR_ACTORS: ReadonlySet<string> = new Set([
  ...['POST /login', 'POST /token', 'POST /signin', 'POST /google', 'POST /exchange'],
  ...['POST /callback', 'POST /callback/:provider', 'POST /backchannel/:provider'],
  ...['POST /sign-up', 'POST /forgot-password', 'POST /reset-password'],
  ...['POST /refresh', 'POST /revoke', 'POST /logout'],
  // By a mailed token. See below for one that needs the caller as well.
  'POST /verify-email',
]);

/** Settings without which some of the router's routes are not there. */
const EVERY_ROUTE = {
  ...{ passwordSignUp: true, acceptApiKeys: true, serviceAccounts: true },
  ownOrganisations: true,
};

const BODIES: Readonly<Record<string, unknown>> = {
  'POST /change-password': { old_password: 'x', new_password: 'plenty of words for a password' },
  'POST /change-email': { email: 'mallory@evil.example' },
  'POST /accept-invitation': { token: 'x' },
};

/** By the cookie only. */
const IN_BROWSERS: ReadonlySet<string> = new Set(['POST /link/:provider']);

/** Every path of the router, from its source: a new one is not to be forgotten. */
async function routerPaths(): Promise<readonly string[]> {
  const files = await readdir('lib/router', { recursive: true });
  const sources = files.filter((file) => file.endsWith('.ts'));
  const texts = await Promise.all(sources.map((file) => readFile(`lib/router/${file}`, 'utf8')));
  const names = texts.flatMap((text) => [...text.matchAll(/'(\/[a-z][\w\-.:/]*)': /g)]);
  return [...new Set(names.map(([, path = '']) => path))];
}

describe('I5 what only the user in person may do', () => {
  /** Every unsafe route, with the methods that the router itself names. */
  async function unsafeRoutes({ call, alice }: SupportDesk) {
    const paths = await routerPaths();
    const found = paths.map(async (path) => {
      const { status, headers } = await call(`PUT /api/auth${fill(path, alice.id)}`);
      // Where this fails, there is a route that only a setting brings: turn it on in the world of this test.
      expect(status, path).toBe(405);
      const methods = (headers.get('allow') ?? '').split(', ');
      return methods
        .filter((method) => method !== 'GET' && method !== 'HEAD')
        .map((method) => `${method} ${path}`);
    });
    return (await Promise.all(found)).flat();
  }

  const fill = (path: string, id: string): string =>
    path.replace('/users/:id', `/users/${id}`).replaceAll(/:\w+/g, 'any');

  it('is refused by every unsafe route, by token and by cookie, whatever they are one day', async () => {
    const world = await supportDesk(EVERY_ROUTE);
    const { acting, actingBrowser, auth, eventsNamed, origin, sam, alice } = world;
    const { session: hers } = await world.signIn(alice);
    const routes = (await unsafeRoutes(world)).filter((route) => !FOR_ACTORS.has(route));
    expect(routes.length).toBeGreaterThan(15);
    const { tokens } = await acting();
    const { browser } = await actingBrowser();
    const before = await auth.users.findById(alice.id);
    const byForm = async (url: string) => [
      refusalOn(
        await browser.open(url, { form: { returnTo: '/' }, from: origin, headers: AS_SCRIPT }),
      ),
    ];
    const byScript = async (url: string, method: string, json: unknown) => [
      refusalOn(await browser.fetch(url, { method, json })),
      await refusalIn(await sendJson(url, { method, json, token: tokens.access_token })),
    ];
    /** What takes no JSON is for the forms of the pages. */
    const byAnyMeans = async (url: string, method: string, json: unknown) => {
      const refusals = await byScript(url, method, json);
      return refusals.some(({ status }) => status === 415) ? byForm(url) : refusals;
    };
    for (const route of routes) {
      const [method = '', path = ''] = route.split(' ');
      const url = `${origin}/api/auth${fill(path, alice.id)}`;
      const json = method === 'DELETE' ? undefined : (BODIES[route] ?? {});
      const refusals = await (IN_BROWSERS.has(route) ? byForm(url) : byAnyMeans(url, method, json));
      for (const refusal of refusals)
        expect(refusal, route).toEqual({ status: 403, code: 'IMPERSONATION_ACTIVE' });
    }
    expect(eventsNamed('impersonation.refused')).toContainEqual(
      expect.objectContaining({ actorId: sam.id, userId: alice.id, reason: 'active' }),
    );
    expect(await auth.users.findById(alice.id)).toEqual(before);
    expect(await auth.sessions.isLive(hers.id)).toBe(true);
  });

  it('forms of the pages are refused on a page that says why', async () => {
    const { actingBrowser, origin } = await supportDesk();
    const { browser } = await actingBrowser();
    const url = `${origin}/api/auth/sessions`;
    const { status, body } = await browser.open(url, { method: 'POST', form: {}, from: origin });
    expect(status).toBe(403);
    expect(body).toContain('Only that user can do this.');
    expect(body).toContain('class="acting"');
  });

  it('to end all sessions of the user', async () => {
    const { acting, auth, call, signIn, alice } = await supportDesk();
    const { session } = await signIn(alice);
    const { tokens } = await acting();
    const answer = await call('POST /api/auth/logout', {
      token: tokens.access_token,
      json: { all: true },
    });
    expect(answer).toMatchObject({ status: 403, body: { code: 'IMPERSONATION_ACTIVE' } });
    expect(await auth.sessions.isLive(session.id)).toBe(true);
  });

  it('to confirm a new address that the user has asked for', async () => {
    const mails: Mail[] = [];
    const world = await supportDesk({ mails, passwordSignUp: true });
    const { acting, auth, call, tokensOf, alice } = world;
    const { access_token: token } = await tokensOf(alice);
    const json = { email: 'alice@new.example' };
    expect((await call('POST /api/auth/change-email', { token, json })).status).toBe(202);
    await expect.poll(() => mails.length).toBeGreaterThan(0);
    const mailed = mails.flatMap((mail) => ('token' in mail.data ? [mail.data.token] : []))[0];
    const { tokens } = await acting();
    const confirm = (by: string) =>
      call('POST /api/auth/verify-email', { token: by, json: { token: mailed } });
    expect(await confirm(tokens.access_token)).toMatchObject({
      status: 403,
      body: { code: 'IMPERSONATION_ACTIVE' },
    });
    expect((await auth.users.findById(alice.id))?.email).toBe('alice@corp.example');
    expect((await confirm(token)).status).toBe(204);
  });

  it('to act as somebody else in turn', async () => {
    const { acting, auth, impersonate } = await supportDesk();
    const { tokens } = await acting();
    const { id } = await auth.users.create({ username: 'other' });
    expect(await impersonate(tokens.access_token, undefined, id)).toMatchObject({
      status: 403,
      body: { code: 'IMPERSONATION_ACTIVE' },
    });
    expect(await auth.sessions.list(id)).toEqual([]);
  });
});

describe('I6 what tokens say', () => {
  it('tokenClaims can neither forge nor hide who acts', async () => {
    const forged = { act: { sub: 'nobody' }, may_act: { sub: 'nobody' } };
    const { acting, call, tokensOf, sam, alice } = await supportDesk({ tokenClaims: () => forged });
    const { access_token: token } = await tokensOf(alice);
    const own = await call('GET /api/me', { token });
    expect(own.body).not.toMatchObject({ claims: { act: expect.anything() } });
    const { tokens } = await acting();
    const { body } = await call('GET /api/me', { token: tokens.access_token });
    expect(body).toMatchObject({ claims: { act: { sub: sam.id } } });
    expect(body).not.toMatchObject({ claims: { may_act: expect.anything() } });
  });

  it('a refresh token for bodies is no cookie, and one that was replaced ends the session', async () => {
    const { acting, call, origin, clock, eventsNamed } = await supportDesk();
    const { tokens } = await acting();
    const asCookie = await fetch(`${origin}/api/me`, {
      headers: { cookie: `latchkey-session=${tokens.refresh_token}` },
    });
    expect(asCookie.status).toBe(401);
    const json = { refresh_token: tokens.refresh_token };
    const { body } = await call('POST /api/auth/refresh', { json });
    clock.advance(60);
    await call('POST /api/auth/refresh', { json: { refresh_token: tokenIn(body) } });
    clock.advance(60);
    expect(await call('POST /api/auth/refresh', { json })).toMatchObject({
      body: { code: 'REFRESH_REUSED' },
    });
    expect(eventsNamed('impersonation.ended')).toMatchObject([{ reason: 'refresh_reused' }]);
  });

  it('the user’s “sign out everywhere” ends it', async () => {
    const { acting, call, tokensOf, alice } = await supportDesk();
    const { tokens } = await acting();
    const { access_token: token } = await tokensOf(alice);
    const out = await call('POST /api/auth/logout', { token, json: { all: true } });
    expect(out.status).toBe(204);
    expect((await call('GET /api/me', { token: tokens.access_token })).status).toBe(401);
  });

  it('another issuer’s actor is told as well, and refused by a guard that wants the user in person', async () => {
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    const { call } = await supportDesk({ trustedIssuers: [issuer.policy] });
    const iat = 1_800_000_000;
    const times = { iat, nbf: iat, exp: iat + 300 };
    const named = await issuer.mint({ ...times, act: { sub: 'desk', act: { sub: 'former' } } });
    const unnamed = await issuer.mint({ ...times, act: { client_id: 'desk' } });
    const { body } = await call('GET /api/me', { token: named });
    expect(body).toMatchObject({ actor: { subject: 'desk' } });
    expect((await call('GET /api/auth/me', { token: named })).body).toMatchObject({
      actor: { id: 'desk' },
    });
    for (const token of [named, unnamed])
      expect(await call('GET /api/pay', { token })).toMatchObject({
        status: 403,
        body: { code: 'IMPERSONATION_ACTIVE' },
      });
  });
});

function tokenIn(body: unknown): unknown {
  return (body as { readonly refresh_token: string }).refresh_token;
}

function sendJson(
  url: string,
  {
    method,
    json,
    token,
  }: { readonly method: string; readonly json: unknown; readonly token: string },
): Promise<Response> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const body = json === undefined ? {} : { body: JSON.stringify(json) };
  return fetch(url, { method, headers, ...body });
}
