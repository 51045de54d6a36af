import { randomUUID } from 'node:crypto';
import { memoryStore } from 'latchkey';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createRootKeys } from '../../lib/secrets/derived-keys.js';
import { createSealer } from '../../lib/secrets/sealing.js';
import { BASE } from '../world/auth-server.js';
import { sharedStores } from '../world/every-store.js';
import { type HostileProvider, startHostileProvider } from '../world/hostile-provider.js';
import { createHttpBrowser } from '../world/http-browser.js';
import { type LoginApp, reservePort, serveLoginApp } from '../world/login-app.js';
import { accessTokenOf, AS_SCRIPT, clientAt, refusalIn } from '../world/signed-in.js';

const stores = [
  { name: 'memory', url: undefined, isMissing: false },
  ...(await sharedStores(13)),
] as const;

const SIGN_IN_AGAIN = { status: 401, code: 'AUTH_CONTEXT_REQUIRED' };
const TOO_LARGE = { status: 502, code: 'PROVIDER_ERROR' };

describe.each(stores)("a provider's tokens in $name", (place) => {
  if ('create' in place) {
    beforeAll(() => (place.isMissing ? undefined : place.create()));
    afterAll(() => (place.isMissing ? undefined : place.drop()));
  }

  /** Two instances of one application over the store, which may know different providers by the name `corp`. */
  async function world(
    provider: HostileProvider,
    {
      misdeed = {},
      there = provider,
    }: {
      readonly misdeed?: Parameters<HostileProvider['misbehave']>[0];
      readonly there?: { readonly issuer: string; readonly clientId: string };
    } = {},
  ) {
    // Other tests' users are in the same store. Within the ID token: a long access token fits no header of ours.
    const email = `${randomUUID()}@hostile.example`;
    provider.misbehave({ ...misdeed, idTokenClaims: { email, ...misdeed.idTokenClaims } });
    let added = 0;
    const now = (): number => Date.now() + added;
    const ports = [await reservePort(), await reservePort()] as const;
    const publicUrl = ports[0].origin;
    const store = place.url === undefined ? memoryStore() : { url: place.url };
    const [here, elsewhere] = (
      [clientAt(provider), { ...clientAt(provider), ...there }] as const
    ).map(({ issuer, clientId, clientSecret }, index) => {
      const oidc = { corp: { issuer, clientId, clientSecret } };
      const app = serveLoginApp(ports[index] ?? ports[0], { publicUrl, oidc, store, now });
      onTestFinished(() => app.auth.close());
      return app;
    });
    if (!here || !elsewhere) throw new Error('two instances');
    const browser = createHttpBrowser();

    /** From the instance, by the token that the other one knows as well. */
    async function ask(origin = publicUrl, query = ''): Promise<Response> {
      const authorization = `Bearer ${await accessTokenOf(browser, publicUrl)}`;
      return fetch(`${origin}/api/upstream${query}`, { headers: { authorization } });
    }

    async function tokenFrom(origin = publicUrl, query = ''): Promise<string> {
      const response = await ask(origin, query);
      expect(response.status).toBe(200);
      return ((await response.json()) as { readonly token: string }).token;
    }

    async function session() {
      const { body } = await browser.fetch(`${publicUrl}/api/auth/session`);
      const { user } = JSON.parse(body) as { readonly user: { readonly id: string } };
      const [newest] = (await here?.auth.sessions.list(user.id)) ?? [];
      if (!newest) throw new Error('no session');
      return newest;
    }

    const signIn = () => browser.open(`${publicUrl}/api/auth/login/corp?returnTo=/inside`);
    const reasons = (app: LoginApp) =>
      app.events.filter(({ name }) => name === 'upstream.failed').map(({ event }) => event);
    const pass = (seconds: number): void => void (added += seconds * 1000);
    return { here, elsewhere, browser, ask, tokenFrom, session, signIn, reasons, pass };
  }

  describe.skipIf(place.isMissing)('when they are long', () => {
    it('are kept whole with 20 kB each, by redirect and by one-time code, and renewed whole', async () => {
      const provider = await startHostileProvider();
      const groups = Array.from({ length: 250 }, (_, at) => `group-with-a-guid-as-its-name-${at}`);
      const misdeed = { tokenLength: 20_480, idTokenClaims: { groups } };
      const { here, browser, tokenFrom, signIn, reasons, pass } = await world(provider, {
        misdeed,
      });
      const { url } = await browser.open(
        `${here.origin}/api/auth/login/corp?mode=code&returnTo=/inside`,
      );
      const code = new URL(url).searchParams.get('auth_code');
      const page = await browser.fetch(`${here.origin}/api/auth/exchange`, { json: { code } });
      const { access_token: own } = JSON.parse(page.body) as { readonly access_token: string };
      const headers = { authorization: `Bearer ${own}` };
      const answer = await fetch(`${here.origin}/api/upstream`, { headers });
      expect(((await answer.json()) as { token: string }).token).toHaveLength(20_480);

      await signIn();
      const first = await tokenFrom();
      expect(first).toHaveLength(20_480);
      pass(3580);
      const second = await tokenFrom();
      expect(second).toHaveLength(20_480);
      expect(second).not.toBe(first);
      pass(3580);
      // The long refresh token has come to the provider as it was.
      expect(await tokenFrom()).not.toBe(second);
      expect(reasons(here)).toEqual([]);
    });
  });

  describe.skipIf(place.isMissing)('without `expires_in`', () => {
    it('count as good for an hour, and for no longer than they are refused', async () => {
      const provider = await startHostileProvider();
      const misdeed = { tokenResponse: { expires_in: undefined } };
      const { elsewhere, tokenFrom, signIn, pass } = await world(provider, { misdeed });
      await signIn();
      const first = await tokenFrom();
      pass(3560);
      expect(await tokenFrom()).toBe(first);
      pass(20);
      const second = await tokenFrom();
      expect(second).not.toBe(first);
      pass(10);
      const asked = provider.requests('/token');
      const forced = await Promise.all(
        [undefined, elsewhere.origin].flatMap((origin) =>
          Array.from({ length: 5 }, () => tokenFrom(origin, '?force')),
        ),
      );
      expect(new Set(forced).size).toBe(1);
      expect(forced).not.toContain(second);
      expect(provider.requests('/token')).toBe(asked + 1);
      expect(await tokenFrom()).toBe(forced[0]);
    });
  });

  // A store keeps and returns the text of a session's notes. What becomes of it below is decided by what the text says.
  if (place.url !== undefined) return;

  describe('that are not kept, or kept for nothing', () => {
    it('too long to be kept are left out with an event, and the user is signed in', async () => {
      const provider = await startHostileProvider();
      const misdeed = { tokenLength: 60_000 };
      const { here, ask, signIn, reasons } = await world(provider, { misdeed });
      expect((await signIn()).url).toBe(`${here.origin}/inside`);
      expect(reasons(here)).toEqual([{ provider: 'corp', reason: 'too_large' }]);
      // Signing in again would bring as long ones.
      expect(await refusalIn(await ask())).toEqual(TOO_LARGE);
    });

    it('too long to be kept when they are renewed are left out with an event, and our session lives', async () => {
      const provider = await startHostileProvider();
      const { here, tokenFrom, ask, signIn, session, reasons, pass } = await world(provider);
      await signIn();
      await tokenFrom();
      provider.misbehave({ tokenLength: 60_000 });
      pass(3580);
      expect(await tokenFrom()).toHaveLength(60_000);
      expect(await refusalIn(await ask())).toEqual(TOO_LARGE);
      const { id: sessionId } = await session();
      expect(reasons(here)).toEqual([{ sessionId, provider: 'corp', reason: 'too_large' }]);
    });

    it('without `expires_in` and without a refresh token are good until they are refused; then the user signs in again', async () => {
      const provider = await startHostileProvider();
      const misdeed = { tokenResponse: { expires_in: undefined, refresh_token: undefined } };
      const { tokenFrom, ask, signIn, pass } = await world(provider, { misdeed });
      await signIn();
      const first = await tokenFrom();
      pass(86_400);
      expect(await tokenFrom()).toBe(first);
      expect(await refusalIn(await ask(undefined, '?force'))).toEqual(SIGN_IN_AGAIN);
    });
  });

  // The same: which provider they are of stands in the text.
  describe('when the provider of that name is another one (W12)', () => {
    it.each([
      { title: 'issuer', client: async () => clientAt(await startHostileProvider()) },
      { title: 'client', client: async () => ({ clientId: 'another-client' }) },
    ])('are not sent to another $title', async ({ client }) => {
      const provider = await startHostileProvider();
      const there = { ...clientAt(provider), ...(await client()) };
      const { here, elsewhere, ask, tokenFrom, signIn, session, reasons, pass } = await world(
        provider,
        { there },
      );
      await signIn();
      await tokenFrom();
      const asked = provider.requests('/token');
      pass(3580);
      for (const query of ['', '?force'])
        expect(await refusalIn(await ask(elsewhere.origin, query))).toEqual(SIGN_IN_AGAIN);
      expect(provider.requests('/token')).toBe(asked);
      const { id: sessionId } = await session();
      const refused = { sessionId, provider: 'corp', reason: 'other_provider' };
      expect(reasons(elsewhere)).toEqual([refused, refused]);
      // They are good where they came from.
      await tokenFrom(here.origin);
    });

    it('and they were kept by an earlier release, are sent to the issuer of the session alone', async () => {
      const provider = await startHostileProvider();
      const other = await startHostileProvider();
      const { here, elsewhere, ask, tokenFrom, signIn, session, pass } = await world(provider, {
        there: other,
      });
      await signIn();
      const { id, data } = await session();
      const keys = createRootKeys([BASE.jwt.secret]);
      const sealer = createSealer(keys, 'upstream tokens', { now: Date.now, maxLength: 131_072 });
      const { upstream } = JSON.parse(data) as { readonly upstream: string };
      const tokens = (await sealer.open(upstream)) as object;
      expect(tokens).toMatchObject({ client: { issuer: provider.issuer } });
      const former = await sealer.seal({ ...tokens, client: undefined }, 86_400);
      await here.auth.sessions.note(id, (notes) => ({ ...notes, upstream: former }));
      pass(3580);
      expect(await refusalIn(await ask(elsewhere.origin))).toEqual(SIGN_IN_AGAIN);
      expect(other.requests('/token')).toBe(0);
      await tokenFrom(here.origin);
    });

    it('leave no ID token in the address of its log-out', async () => {
      const provider = await startHostileProvider();
      const other = await startHostileProvider();
      const { here, elsewhere, browser, signIn } = await world(provider, { there: other });
      await signIn();
      const { body } = await browser.fetch(`${here.origin}/api/auth/session`);
      const { logout_url: path } = JSON.parse(body) as { readonly logout_url: string };
      const isAway = ({ origin }: URL): boolean => !origin.includes('localhost');
      const page = await browser.open(`${elsewhere.origin}${path}`, { until: isAway });
      expect(page.url).toContain(`${other.issuer}/end-session`);
      expect(page.url).not.toContain('id_token_hint');
    });
  });
});

describe('wishes of a log-in that no cookie can hold', () => {
  it('are refused with 400; a browser would drop the cookie in silence', async () => {
    const provider = await startHostileProvider();
    const { issuer, clientId, clientSecret } = provider;
    const app = serveLoginApp(await reservePort(), {
      oidc: { corp: { issuer, clientId, clientSecret } },
    });
    const acr = Array.from({ length: 128 }, () => 'a').join(' ');
    const begin = (length: number) =>
      createHttpBrowser().open(
        `${app.origin}/api/auth/login/corp?acr_values=${acr}&returnTo=/${'x'.repeat(length)}`,
        { headers: AS_SCRIPT, until: ({ origin }) => origin === issuer },
      );
    const { status, body } = await begin(2047);
    expect(status).toBe(400);
    expect(JSON.parse(body)).toMatchObject({ code: 'INVALID_REQUEST' });
    expect((await begin(1000)).url).toContain(issuer);
  });
});
