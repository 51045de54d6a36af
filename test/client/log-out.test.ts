import { once } from 'node:events';
import { createAuthClient } from 'latchkey/client';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type ClientApp, refuse, serveClientApp } from './client-app.js';
import { signedIn } from './sign-in.js';
import { withCookies } from './with-cookies.js';
import { PATIENCE } from '../world/patience.js';

/** How many sessions the server has ended. */
function watchEnds(app: ClientApp): () => number {
  let ended = 0;
  app.auth.on('session.revoked', () => void (ended += 1));
  return () => ended;
}

describe('a tab that has asked nothing', () => {
  it('takes the token of another one, and still asks nothing', async () => {
    const app = await serveClientApp();
    const parts = { fetch: withCookies(), delivery: 'cookie' } as const;
    const silent = createAuthClient({ baseUrl: `${app.origin}/api`, ...parts });
    const ears = new BroadcastChannel(`latchkey ${app.origin}/api/auth/`);
    onTestFinished(() => {
      silent.close();
      ears.close();
    });
    const heard = once(ears, 'message');
    const other = await signedIn(app, parts);
    onTestFinished(() => other.close());
    await heard;
    const before = app.log.length;
    expect(await silent.token()).toBe(await other.token());
    expect(silent.current).toBeUndefined();
    expect(app.log.slice(before)).toEqual([]);
    expect(app.count('GET /api/auth/session')).toBe(1);
  });
});

describe('log-out', () => {
  it('ends the session at the server', async () => {
    const app = await serveClientApp();
    const client = await signedIn(app);
    const token = await client.token();
    await client.logout();
    expect(await client.token()).toBeUndefined();
    const headers = { Authorization: `Bearer ${token}` };
    expect((await client.fetch('/me', { headers })).status).toBe(401);
    expect((await client.fetch('/open')).status).toBe(200);
  });

  it('stays when the server could not end it', async () => {
    const app = await serveClientApp();
    const client = await signedIn(app, { retryForMs: 0 });
    app.outage = refuse('/logout', 503);
    await expect(client.logout()).rejects.toMatchObject({ code: 'UNAVAILABLE', status: 503 });
    app.outage = undefined;
    expect(await client.session()).toMatchObject({ authenticated: true });
    await client.logout({ all: true });
    expect(client.current).toEqual({ authenticated: false });
  });

  it.each(['body', 'cookie'] as const)(
    'ends the session also where the server takes the token for expired, because a clock is wrong: %s',
    async (delivery) => {
      let offsetMs = 0;
      const app = await serveClientApp({ now: () => Date.now() + offsetMs });
      const client = await signedIn(app, { delivery, fetch: withCookies() });
      onTestFinished(() => client.close());
      const ended = watchEnds(app);
      offsetMs = 3_600_000;
      await client.logout();
      expect(ended()).toBe(1);
      expect(client.current).toEqual({ authenticated: false });
    },
  );

  it('is no failure where the session has ended already', async () => {
    const app = await serveClientApp();
    const client = await signedIn(app);
    const { user } = (await client.session()) as { readonly user: { readonly id: string } };
    await app.auth.sessions.revoke({ userId: user.id }, 'admin');
    await client.logout();
    expect(client.current).toEqual({ authenticated: false });
  });

  it('is one when something else than the server has answered', async () => {
    const app = await serveClientApp();
    const client = await signedIn(app, { retryForMs: 0 });
    app.outage = (req, res) =>
      req.url === '/api/auth/logout' && !!res.end('<h1>Welcome to the hotel</h1>');
    await expect(client.logout()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(client.current).toMatchObject({ authenticated: true });
  });

  it('in another tab counts more than an answer that was on its way', async () => {
    const app = await serveClientApp();
    const fetch = withCookies();
    const first = await signedIn(app, { fetch, delivery: 'cookie' });
    const second = createAuthClient({
      baseUrl: `${app.origin}/api`,
      fetch,
      delivery: 'cookie',
    });
    onTestFinished(() => {
      first.close();
      second.close();
    });
    const told: boolean[] = [];
    second.onChange(({ authenticated }) => told.push(authenticated));
    const answered = new Promise<() => void>((resolve) => {
      app.outage = (req, res) => {
        if (req.url !== '/api/auth/session') return false;
        app.outage = undefined;
        const end = res.end.bind(res);
        Object.assign(res, { end: (text: string) => resolve(() => end(text)) });
        return false;
      };
    });
    const asked = second.session();
    const release = await answered;
    await first.logout();
    await vi.waitFor(() => expect(told).toEqual([false]), PATIENCE);
    release();
    expect(await asked).toEqual({ authenticated: false });
    expect(told).toEqual([false]);
  });
});
