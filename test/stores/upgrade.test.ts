import type { Store } from 'latchkey';
import { describe, expect, it, onTestFinished } from 'vitest';
import { bearer, serveAuth, type Tokens } from '../world/auth-server.js';
import { createClock } from '../world/clock.js';
import { startGoogleKeys } from '../world/google-keys.js';
import { releasePlaces } from '../world/release-store.js';

const DAY_MS = 24 * 3_600_000;

const sessionIdOf = (token = ''): string => token.split('.')[2] ?? '';

for (const { name, isMissing, restore, freshSchema } of await releasePlaces())
  describe.skipIf(isMissing)(`a ${name} database of release 0.3`, () => {
    /** The database, an application of today on it, and a clock that stands `laterSeconds` after the data. */
    async function world(laterSeconds = 60) {
      const place = await restore();
      onTestFinished(place.drop);
      const { known } = place;
      const store = await place.open();
      onTestFinished(() => store.close());
      const clock = createClock(known.savedAt / 1000 + laterSeconds);
      const google = await startGoogleKeys(clock.now);
      const app = await serveAuth({
        store,
        jwt: { secret: known.secret },
        now: clock.now,
        google: { clientId: google.clientId },
        providerFetch: google.fetch,
        loginLimit: { max: 10, windowSeconds: 3600 },
      });
      onTestFinished(() => app.auth.close());
      const refresh = (token: string): Promise<Response> =>
        app.post('/api/auth/refresh', { refresh_token: token });
      return { ...place, ...app, clock, google, store, refresh };
    }

    it('every refresh token still works, by body and by cookie, and so does its successor', async () => {
      const { known, refresh, post } = await world();
      for (const token of Object.values(known.before.tokens)) {
        const first = await refresh(token);
        expect(first.status).toBe(200);
        const { refresh_token: successor } = (await first.json()) as Tokens;
        expect((await refresh(successor)).status).toBe(200);
      }
      const { cookie } = known.before;
      const byCookie = await post(
        '/api/auth/refresh',
        {},
        { cookie, origin: 'http://localhost:3000' },
      );
      expect(byCookie.status).toBe(200);
      expect(byCookie.headers.getSetCookie()[0]).toContain(sessionIdOf(cookie));
    });

    it('a token that was replaced a moment ago gets the same successor, and ends its session later', async () => {
      const { known, refresh, clock } = await world(5);
      const { parent, stolenParent } = known.before.parents;
      expect(await (await refresh(parent[0])).json()).toMatchObject({ refresh_token: parent[1] });
      clock.advance(60);
      const reused = await refresh(stolenParent[0]);
      expect(await reused.json()).toMatchObject({ code: 'REFRESH_REUSED' });
      expect((await refresh(stolenParent[1])).status).toBe(401);
    });

    it('what has ended stays so, and this instance knows it', async () => {
      const { known, refresh, auth } = await world();
      await auth.ready();
      expect(await auth.sessions.isRevoked(sessionIdOf(known.before.ended.revokedByUser))).toBe(
        true,
      );
      expect(await auth.sessions.isRevoked(sessionIdOf(known.before.tokens.fresh))).toBe(false);
      for (const token of Object.values(known.before.ended))
        expect((await refresh(token)).status).toBe(401);
    });

    it('users sign in by every spelling of their names, or are refused as before', async () => {
      const { known, post, get, google } = await world();
      const { password } = known;
      const logIn = (username: string): Promise<Response> =>
        post('/api/auth/login', { username, password });
      for (const [spelling, id] of [
        ['ALICE', known.before.users.alice],
        ['alice@example.com', known.before.users.alice],
        ['bob', known.before.users.bob],
        ['Zoë', known.before.users.zoe],
        ['carol@EXAMPLE.com', known.before.users.carol],
      ] as const) {
        const tokens = (await (await logIn(spelling)).json()) as Tokens;
        const me = await get('/api/me', bearer(tokens));
        expect(await me.json()).toMatchObject({ user: { id } });
      }
      expect(await (await logIn('must-reset')).json()).toMatchObject({ must_reset_password: true });
      expect((await logIn('disabled')).status).toBe(401);
      expect((await logIn('limited')).status).toBe(429);
      const byGoogle = await post('/api/auth/google', { id_token: await google.idToken() });
      const me = await get('/api/me', bearer((await byGoogle.json()) as Tokens));
      expect(await me.json()).toMatchObject({ user: { email: 'ada@allowed.com' } });
    });

    it('values, facts of users and links to providers are all there', async () => {
      const { known, post, store } = await world();
      const { users, resetToken } = known.before;
      const reset = { token: resetToken, new_password: 'other words to sign in with, later' };
      expect((await post('/api/auth/reset-password', reset)).status).toBe(200);
      expect(await store.once.take('a value', known.savedAt)).toBe('kept');
      expect(await store.users.findById(users.zoe)).toMatchObject({
        roles: ['admin'],
        groups: ['staff', 'night shift'],
        attributes: { region: 'eu', level: 3, lead: true, none: null, list: ['a', 1] },
        orgs: [{ id: 'acme', roles: ['owner'], isDefault: true }],
      });
      const all = await store.users.list({ limit: 100 });
      expect(all).toHaveLength(Object.keys(users).length + 1);
      const ada = all.find(({ email }) => email === 'ada@allowed.com');
      expect(await store.credentials.listByOwner(ada?.id ?? '')).toHaveLength(1);
    });

    it('sessions are listed, ended by every selector, and swept when they have ended', async () => {
      const { known, store, clock } = await world();
      const { users, tokens, parents, ended } = known.before;
      const listed = await store.sessions.listByUser(users.alice, clock.now());
      expect(listed.map(({ id }) => id).toSorted()).toEqual(
        [tokens.fresh, tokens.current].map(sessionIdOf).toSorted(),
      );
      const at = { now: clock.now(), reason: 'test' };
      const { subject } = (await store.sessions.get(sessionIdOf(tokens.provider)))?.provider ?? {};
      const selector = { issuer: 'https://accounts.google.com', subject: subject ?? '' };
      expect(await store.sessions.revoke(selector, at)).toEqual([sessionIdOf(tokens.provider)]);
      const ofZoe = await store.sessions.revoke({ userId: users.zoe }, at);
      expect(ofZoe).toContain(sessionIdOf(parents.stolenParent[1]));
      await sweepAll(store, clock.now());
      // Redis lets rows expire by itself, at the end that the old release gave them.
      const isGone = (await store.sessions.get(sessionIdOf(ended.expired))) === undefined;
      expect(isGone).toBe(name !== 'Redis');
      expect(await store.sessions.get(sessionIdOf(tokens.fresh))).toBeDefined();
    });

    it('the schema becomes the one of a new database, also when several instances start at once', async () => {
      const place = await restore();
      onTestFinished(place.drop);
      const stores = await Promise.all(Array.from({ length: 4 }, place.open));
      await Promise.all(stores.map((store) => store.ping()));
      for (const store of stores)
        expect(
          await store.sessions.get(sessionIdOf(place.known.before.tokens.fresh)),
        ).toBeDefined();
      expect(await place.schema()).toEqual(await freshSchema());
      await Promise.all(stores.map((store) => store.close()));
    });

    it('an instance of release 0.3 can go on beside the new ones: what it writes counts', async () => {
      const { known, store, clock, sendLater, auth, refresh } = await world();
      await auth.ready();
      const [last] = (await store.sessions.revokedSince(0)).slice(-1);
      clock.advance(9 * 60);
      await sendLater();
      const { tokens, ended, userId } = known.after;
      const since = await store.sessions.revokedSince(0, { after: last?.position });
      expect(since.map(({ id }) => id)).toContain(sessionIdOf(ended.loggedOut));
      expect(await store.users.findByLogin('later@example.com')).toMatchObject({ id: userId });
      expect(await store.users.findByLogin('late@example.com')).toBeUndefined();
      const ofBob = await store.sessions.listByUser(known.before.users.bob, clock.now());
      expect(ofBob.map(({ id }) => id)).toContain(sessionIdOf(tokens.signIn));
      for (const token of Object.values(tokens)) expect((await refresh(token)).status).toBe(200);
      expect((await refresh(ended.loggedOut)).status).toBe(401);
    });

    // Redis sweeps nothing: it lets rows expire by itself, in real time.
    if (name === 'Redis') return;
    it('what it has written is swept when it has ended', async () => {
      const { known, store, sendLater } = await world();
      await store.ping();
      await sendLater();
      await sweepAll(store, known.savedAt + 2 * DAY_MS);
      expect(await store.sessions.get(sessionIdOf(known.after.tokens.signIn))).toBeDefined();
      expect(await store.sessions.get(sessionIdOf(known.after.ended.loggedOut))).toBeUndefined();
      await sweepAll(store, known.savedAt + 60 * DAY_MS);
      expect(await store.sessions.get(sessionIdOf(known.after.tokens.signIn))).toBeUndefined();
    });
  });

async function sweepAll(store: Store, before: number): Promise<void> {
  while ((await store.sessions.sweep(before, 3)) === 3);
  while ((await store.once.sweep(before, 3)) === 3);
}
