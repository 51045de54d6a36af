import { type AuthClient, createAuthClient } from 'latchkey/client';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { PASSWORD } from '../world/auth-server.js';
import { type ClientApp, refuse, serveClientApp } from './client-app.js';
import { signedIn } from './sign-in.js';
import { sleepFor } from './sleep-for.js';
import { withCookies } from './with-cookies.js';

afterEach(() => void vi.useRealTimers());

const REFRESH = 'POST /api/auth/refresh';

/** A client whose token has expired, and which has been told to come back later. */
async function sentAway(app: ClientApp, retryAfter: string, status = 503) {
  const client = await signedIn(app, { retryForMs: 0 });
  const token = (await client.token()) ?? '';
  sleepFor(3600);
  app.outage = refuse('/refresh', status, { 'Retry-After': retryAfter });
  await expect(client.fetch('/me')).rejects.toMatchObject({ code: 'UNAVAILABLE', status });
  app.outage = undefined;
  return { client, token };
}

/** Lets so much time pass at once, and none after it. */
function passes(ms: number): void {
  const at = performance.now() + ms;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => at);
  onTestFinished(() => clock.mockRestore());
}

describe('until the time that Retry-After named', () => {
  it.each([503, 429])(
    'a refresh that was answered %i is not asked for again, and calls say what is left',
    async (status) => {
      const app = await serveClientApp();
      const { client } = await sentAway(app, '9', status);
      const failure: unknown = await client.fetch('/me').catch((error: unknown) => error);
      expect(failure).toMatchObject({ name: 'AuthClientError', code: 'UNAVAILABLE', status });
      const { retryAfter } = failure as { readonly retryAfter: number };
      expect(retryAfter).toBeGreaterThan(0);
      expect(retryAfter).toBeLessThanOrEqual(9);
      await expect(client.token()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      expect(app.count(REFRESH)).toBe(1);
      expect(client.current).toMatchObject({ authenticated: true });
    },
  );

  it('ends, and then the server is asked', async () => {
    const app = await serveClientApp();
    const { client } = await sentAway(app, '99');
    passes(98_995);
    expect((await client.fetch('/me')).status).toBe(200);
    expect(app.count(REFRESH)).toBe(2);
  });

  it('is five minutes away at most, whatever the header says', async () => {
    const app = await serveClientApp();
    const { client } = await sentAway(app, '99999999999');
    const failure: unknown = await client.fetch('/me').catch((error: unknown) => error);
    expect((failure as { readonly retryAfter: number }).retryAfter).toBeLessThanOrEqual(300);
    passes(301_000);
    expect((await client.fetch('/me')).status).toBe(200);
  });

  it('a page that does not know yet who is signed in asks no more either', async () => {
    const app = await serveClientApp();
    app.outage = refuse('/session', 503, { 'Retry-After': '9' });
    const options = { delivery: 'cookie', fetch: withCookies(), retryForMs: 0 } as const;
    const client = createAuthClient({ baseUrl: `${app.origin}/api`, ...options });
    onTestFinished(() => client.close());
    for (const call of [() => client.fetch('/me'), () => client.session(), () => client.token()])
      await expect(call()).rejects.toMatchObject({ code: 'UNAVAILABLE', status: 503 });
    expect(app.log).toEqual(['GET /api/auth/session']);
  });

  it.each([
    {
      act: 'log-in',
      does: async (client: AuthClient) => {
        await client.login({ username: 'alice', password: PASSWORD });
        expect((await client.fetch('/me')).status).toBe(200);
        // Also what has to be renewed after it.
        sleepFor(3600);
        expect((await client.fetch('/me')).status).toBe(200);
      },
    },
    {
      act: 'log-out',
      does: async (client: AuthClient) => {
        await client.logout();
        expect(client.current).toEqual({ authenticated: false });
      },
    },
    {
      act: 'token of the platform',
      does: async (client: AuthClient, token: string) => {
        vi.useRealTimers();
        client.setToken(token);
        expect((await client.fetch('/me')).status).toBe(200);
        expect(await client.session()).toMatchObject({ authenticated: true });
      },
    },
  ])('a $act waits for nothing', async ({ does }) => {
    const app = await serveClientApp();
    const { client, token } = await sentAway(app, '99');
    await does(client, token);
  });
});
