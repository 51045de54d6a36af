import { describe, expect, it } from 'vitest';
import { supportDesk } from '../../world/support-desk.js';

describe('POST /users/:id/impersonate', () => {
  it('is not there unless AUTH_IMPERSONATION is on', async () => {
    const { impersonate, tokensOf, sam } = await supportDesk({ impersonation: false });
    const { access_token: token } = await tokensOf(sam);
    expect((await impersonate(token)).status).toBe(404);
  });

  it('answers tokens of the user that say who acts, in every token and principal', async () => {
    const { acting, call, alice, sam } = await supportDesk();
    const { tokens } = await acting();
    const expected = { subject: alice.id, actor: { subject: sam.id } };
    const first = await call('GET /api/me', { token: tokens.access_token });
    expect(first.body).toMatchObject({ ...expected, claims: { act: { sub: sam.id } } });
    const renewed = await call('POST /api/auth/refresh', {
      json: { refresh_token: tokens.refresh_token },
    });
    const { access_token: token } = renewed.body as typeof tokens;
    expect((await call('GET /api/me', { token })).body).toMatchObject(expected);
  });

  it('begins a session without a sign-in: no auth_time, no amr, access tokens of five minutes at most', async () => {
    const { acting, call } = await supportDesk({ accessTtlSeconds: 600 });
    const { tokens } = await acting();
    expect(tokens.expires_in).toBe(300);
    const { body } = await call('GET /api/me', { token: tokens.access_token });
    const { claims } = body as { readonly claims: Readonly<Record<string, unknown>> };
    expect(claims).not.toHaveProperty('auth_time');
    expect(claims['amr']).toEqual([]);
    expect(claims['scope']).toBe('is:customer');
  });

  it.each([
    { title: '15 minutes', given: {}, seconds: 900 },
    { title: 'as long as was asked for', given: { duration_seconds: 60 }, seconds: 60 },
  ])('ends after $title, however often it is refreshed', async ({ given, seconds }) => {
    const { acting, call, clock } = await supportDesk();
    let { tokens } = await acting(given);
    const refresh = () =>
      call('POST /api/auth/refresh', { json: { refresh_token: tokens.refresh_token } });
    clock.advance(seconds - 1);
    const last = await refresh();
    expect(last.status).toBe(200);
    tokens = last.body as typeof tokens;
    expect(tokens.expires_in).toBe(1);
    clock.advance(1);
    expect(await refresh()).toMatchObject({ status: 401, body: { code: 'REFRESH_INVALID' } });
  });

  it('tells who, whom, why and until when by events, and of no sign-in', async () => {
    const { acting, events, eventsNamed, alice, sam, clock } = await supportDesk();
    await acting({ reason: '  Ticket 4711: invoice <b>missing</b> ' });
    expect(eventsNamed('impersonation.started')).toEqual([
      {
        userId: alice.id,
        actorId: sam.id,
        sessionId: expect.any(String),
        until: clock.now() + 900_000,
        note: 'Ticket 4711: invoice <b>missing</b>',
        ip: expect.any(String),
        requestId: undefined,
      },
    ]);
    expect(events.map(({ name }) => name)).not.toContain('login.succeeded');
  });

  it.each([
    { title: 'without a reason', json: {}, pointer: '#/reason' },
    { title: 'with an empty reason', json: { reason: '  ' }, pointer: '#/reason' },
    { title: 'with a long reason', json: { reason: 'x'.repeat(501) }, pointer: '#/reason' },
    {
      title: 'for seconds',
      json: { reason: 'x', duration_seconds: 59 },
      pointer: '#/duration_seconds',
    },
    {
      title: 'for hours',
      json: { reason: 'x', duration_seconds: 3601 },
      pointer: '#/duration_seconds',
    },
    {
      title: 'for a fraction',
      json: { reason: 'x', duration_seconds: 60.5 },
      pointer: '#/duration_seconds',
    },
    { title: 'by post', json: { reason: 'x', delivery: 'post' }, pointer: '#/delivery' },
    { title: 'with an unknown member', json: { reason: 'x', scopes: [] }, pointer: '#/scopes' },
  ])('is refused $title: 400, which names the member', async ({ json, pointer }) => {
    const { impersonate, tokensOf, sam } = await supportDesk();
    const answer = await impersonate((await tokensOf(sam)).access_token, json);
    expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST' } });
    const { errors } = answer.body as { readonly errors: readonly { readonly pointer: string }[] };
    expect(errors.map((error) => error.pointer)).toEqual([pointer]);
  });

  it('takes a reason of 500 characters and an hour', async () => {
    const { acting, eventsNamed, clock } = await supportDesk();
    await acting({ reason: 'ü'.repeat(500), duration_seconds: 3600 });
    expect(eventsNamed('impersonation.started')).toMatchObject([
      { note: 'ü'.repeat(500), until: clock.now() + 3_600_000 },
    ]);
  });
});

describe('while a support person acts for a user', () => {
  it('GET /me and GET /session say who, why and until when', async () => {
    const { acting, actingBrowser, call, origin, sam, clock } = await supportDesk();
    const actor = {
      id: sam.id,
      name: 'sam',
      reason: 'Ticket 4711',
      since: new Date(clock.now()).toISOString(),
      until: new Date(clock.now() + 900_000).toISOString(),
    };
    const { tokens } = await acting();
    for (const path of ['me', 'session']) {
      const answer = await call(`GET /api/auth/${path}`, { token: tokens.access_token });
      expect(answer.body).toMatchObject({ actor });
    }
    const { browser } = await actingBrowser();
    for (const path of ['me', 'session']) {
      const { body } = await browser.fetch(`${origin}/api/auth/${path}`);
      expect(JSON.parse(body)).toMatchObject({ actor, user: { email: 'alice@corp.example' } });
    }
  });

  it('and say nothing of the kind of a user in person', async () => {
    const { call, tokensOf, alice } = await supportDesk();
    const { access_token: token } = await tokensOf(alice);
    for (const path of ['me', 'session'])
      expect((await call(`GET /api/auth/${path}`, { token })).body).not.toHaveProperty('actor');
    expect((await call('GET /api/me', { token })).body).not.toHaveProperty('actor');
  });

  it('the user sees that session among theirs, without the reason, and can end it', async () => {
    const { acting, call, eventsNamed, tokensOf, alice, sam } = await supportDesk();
    const { tokens } = await acting();
    const { access_token: token } = await tokensOf(alice);
    const list = await call('GET /api/auth/sessions', { token });
    const { sessions } = list.body as {
      readonly sessions: readonly {
        readonly id: string;
        readonly actor?: { readonly id: string };
      }[];
    };
    expect(sessions.map(({ actor }) => actor)).toContainEqual({ id: sam.id });
    expect(JSON.stringify(list.body)).not.toContain('4711');
    const theirs = sessions.find(({ actor }) => actor);
    const ended = await call(`DELETE /api/auth/sessions/${String(theirs?.id)}`, { token });
    expect(ended.status).toBe(204);
    expect((await call('GET /api/me', { token: tokens.access_token })).status).toBe(401);
    expect(eventsNamed('impersonation.ended')).toEqual([
      { userId: alice.id, actorId: sam.id, sessionId: theirs?.id, reason: 'ended_by_user' },
    ]);
  });

  it('a guard may refuse the actor, and lets the user pass', async () => {
    const { acting, actingBrowser, call, origin, tokensOf, alice } = await supportDesk();
    const { tokens } = await acting();
    const refused = { status: 403, body: { code: 'IMPERSONATION_ACTIVE' } };
    expect(await call('GET /api/pay', { token: tokens.access_token })).toMatchObject(refused);
    const { browser } = await actingBrowser();
    expect((await browser.fetch(`${origin}/api/pay`)).status).toBe(403);
    const { access_token: token } = await tokensOf(alice);
    expect((await call('GET /api/pay', { token })).status).toBe(200);
  });

  it('a guard refuses an unknown word for that at start-up', async () => {
    const { auth } = await supportDesk();
    // @ts-expect-error a word that there is not
    expect(() => auth.requireAuth({ impersonation: 'denied' })).toThrow(TypeError);
  });
});

describe('ending it', () => {
  it('POST /logout ends this session and no other', async () => {
    const { acting, call, eventsNamed, tokensOf, alice } = await supportDesk();
    const { own, tokens } = await acting();
    const { access_token: hers } = await tokensOf(alice);
    const { status } = await call('POST /api/auth/logout', {
      token: tokens.access_token,
      json: {},
    });
    expect(status).toBe(204);
    expect((await call('GET /api/me', { token: tokens.access_token })).status).toBe(401);
    expect((await call('GET /api/me', { token: own.access_token })).status).toBe(200);
    expect((await call('GET /api/me', { token: hers })).status).toBe(200);
    expect(eventsNamed('impersonation.ended')).toMatchObject([{ reason: 'logout' }]);
  });

  it('POST /revoke ends it', async () => {
    const { acting, call, eventsNamed } = await supportDesk();
    const { tokens } = await acting();
    await call('POST /api/auth/revoke', { json: { token: tokens.refresh_token } });
    expect(eventsNamed('impersonation.ended')).toMatchObject([{ reason: 'revoked' }]);
  });

  it('in a browser it takes the place of the cookie; afterwards nobody is signed in there', async () => {
    const { actingBrowser, auth, origin } = await supportDesk();
    const { browser, own } = await actingBrowser();
    expect(await auth.sessions.isLive(own.id)).toBe(true);
    const out = await browser.fetch(`${origin}/api/auth/logout`, { json: {} });
    expect(out.status).toBe(204);
    const { body } = await browser.fetch(`${origin}/api/auth/session`);
    expect(JSON.parse(body)).toEqual({ authenticated: false });
    // Its cookie is gone: nothing could use it any more.
    expect(await auth.sessions.isLive(own.id)).toBe(false);
  });

  it('an administrator can', async () => {
    const { acting, auth, call, eventsNamed, tokensOf, alice } = await supportDesk();
    await acting();
    const root = await auth.users.create({ username: 'root', roles: ['admin'] });
    const [session] = await auth.sessions.list(alice.id);
    const { access_token: token } = await tokensOf(root);
    await call(`DELETE /api/auth/users/${alice.id}/sessions/${String(session?.id)}`, { token });
    expect(eventsNamed('impersonation.ended')).toMatchObject([{ reason: 'ended_by_admin' }]);
  });
});

describe('pages of the router', () => {
  it.each([
    {
      language: 'en',
      who: 'sam is acting as alice@corp.example.',
      until: 'in 15 minutes',
      support: 'Support (',
    },
    {
      language: 'de',
      who: 'sam handelt für alice@corp.example.',
      until: 'in 15 Minuten',
      support: 'Support (',
    },
  ])(
    'say who acts for whom, in $language, and how to stop',
    async ({ language, who, until, support }) => {
      const { actingBrowser, origin } = await supportDesk();
      const { browser } = await actingBrowser();
      const headers = { 'accept-language': language };
      for (const page of ['account', 'forgot-password', 'signed-out', 'signin?again=1']) {
        const { body } = await browser.open(`${origin}/api/auth/${page}`, { headers });
        expect(body.includes(who), page).toBe(true);
      }
      const { body } = await browser.open(`${origin}/api/auth/account`, { headers });
      expect(body).toContain(until);
      expect(body).toContain('role="status"');
      expect(body).toContain(support);
      const [, end = ''] = /class="acting"[^]*?href="([^"]+)"/.exec(body) ?? [];
      await browser.open(new URL(end.replaceAll('&#38;', '&'), origin).href);
      const after = await browser.open(`${origin}/api/auth/signin?again=1`, { headers });
      expect(after.body).not.toContain('class="acting"');
      expect(after.body).not.toContain('sam');
    },
  );

  it('say nothing of the kind to a user in person', async () => {
    const { samsBrowser, origin } = await supportDesk();
    const { browser } = await samsBrowser();
    const { body } = await browser.open(`${origin}/api/auth/account`);
    expect(body).toContain('sam');
    expect(body).not.toContain('class="acting"');
  });
});
