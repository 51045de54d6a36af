import { createAuthClient } from 'latchkey/client';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { PASSWORD } from '../world/auth-server.js';
import { serveClientApp } from './client-app.js';

afterEach(() => void vi.useRealTimers());

/** Keeps cookies as a browser does, and sends them unless they are to be left out. Sends other bodies for codes. */
function withCookies(codes: Readonly<Record<string, object>> = {}): typeof fetch {
  const jar = new Map<string, string>();
  return async (input, init = {}) => {
    const headers = new Headers(init.headers);
    const cookies = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    if (init.credentials === 'include' && cookies !== '') {
      headers.set('Cookie', cookies);
      headers.set('X-CSRF', '1');
    }
    const { code = '' } = (typeof init.body === 'string' ? JSON.parse(init.body) : {}) as {
      code?: string;
    };
    const body = codes[code] ? JSON.stringify(codes[code]) : init.body;
    const answer = await fetch(input, { ...init, headers, ...(body != null && { body }) });
    for (const cookie of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      jar.set(name, value);
    }
    return answer;
  };
}

async function serveTwoUsers() {
  const app = await serveClientApp();
  await app.addUser('alice');
  await app.addUser('bob');
  return app;
}

const anHourLater = () => vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 });

describe('a refresh token in memory', () => {
  it('is the one that counts where another log-in has a cookie', async () => {
    const app = await serveTwoUsers();
    const parts = { baseUrl: `${app.origin}/api`, fetch: withCookies() };
    const client = createAuthClient({ ...parts, retryForMs: 0 });
    await client.login({ username: 'alice', password: PASSWORD });
    const page = createAuthClient({ ...parts, delivery: 'cookie' });
    onTestFinished(() => page.close());
    await page.login({ username: 'bob', password: PASSWORD });
    anHourLater();
    expect(await (await client.fetch('/me')).json()).toMatchObject({ username: 'alice' });
    expect(app.count('POST /api/auth/refresh')).toBe(1);
  });

  it('is forgotten when a log-in has put its own into the cookie', async () => {
    const app = await serveTwoUsers();
    // What a code is exchanged for is in the body, also where passwords lead to a cookie.
    app.outage = (req) => {
      if (req.url === '/api/auth/exchange') req.url = '/api/auth/login';
      return false;
    };
    const client = createAuthClient({
      baseUrl: `${app.origin}/api`,
      fetch: withCookies({ code: { username: 'alice', password: PASSWORD, delivery: 'body' } }),
      delivery: 'cookie',
    });
    onTestFinished(() => client.close());
    await client.login({ code: 'code' });
    await client.login({ username: 'bob', password: PASSWORD });
    anHourLater();
    expect(await (await client.fetch('/me')).json()).toMatchObject({ username: 'bob' });
  });
});
