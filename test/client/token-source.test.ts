import { setTimeout as sleep } from 'node:timers/promises';
import { type AuthClient, AuthClientError, createAuthClient } from 'latchkey/client';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { PASSWORD } from '../world/auth-server.js';
import { type ClientApp, serveClientApp } from './client-app.js';
import { signedIn } from './sign-in.js';
import { sleepFor } from './sleep-for.js';

afterEach(() => void vi.useRealTimers());

describe('a token source', () => {
  const given = async (app: ClientApp): Promise<string> => {
    const client = await signedIn(app);
    return (await client.token()) ?? '';
  };

  it('is asked once for all who wait, and again after its token was refused', async () => {
    const app = await serveClientApp();
    const token = await given(app);
    const asked: string[] = [];
    const client = createAuthClient({
      baseUrl: `${app.origin}/api`,
      tokenSource: async () => {
        asked.push('asked');
        await sleep(5);
        return asked.length === 1 ? 'not.a.token' : { access_token: token, expires_in: 60 };
      },
    });
    const answers = await Promise.all(Array.from({ length: 10 }, () => client.fetch('/me')));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(asked).toHaveLength(2);
    expect(await client.session()).toMatchObject({ user: { username: 'alice' } });
    sleepFor(61);
    await client.fetch('/open');
    expect(asked).toHaveLength(3);
    expect(app.count('POST /api/auth/refresh')).toBe(0);
  });

  it('that has no other token leaves the refusal to the caller', async () => {
    const app = await serveClientApp();
    const client = createAuthClient({ baseUrl: `${app.origin}/api`, tokenSource: () => 'a.b.c' });
    expect((await client.fetch('/me')).status).toBe(401);
    expect(app.count('GET /api/me')).toBe(1);
  });

  const cause = new Error('the frame is gone');
  it.each([
    {
      title: 'throws',
      source: () => {
        throw cause;
      },
      code: 'TOKEN_SOURCE_FAILED',
      facts: { cause },
    },
    {
      title: 'rejects',
      source: () => Promise.reject(cause),
      code: 'TOKEN_SOURCE_FAILED',
      facts: { cause },
    },
    { title: 'gives nothing', source: () => '', code: 'TOKEN_SOURCE_FAILED', facts: {} },
    { title: 'gives two lines', source: () => 'a\nb', code: 'TOKEN_SOURCE_FAILED', facts: {} },
    {
      title: 'does not answer',
      source: () => new Promise<string>(() => undefined),
      code: 'TOKEN_SOURCE_TIMEOUT',
      facts: {},
    },
  ])('that $title is a clear error', async ({ source, code, facts }) => {
    const app = await serveClientApp();
    const client = createAuthClient({
      baseUrl: `${app.origin}/api`,
      tokenSource: source,
      tokenSourceTimeoutMs: 50,
    });
    const failure = client.fetch('/me');
    await expect(failure).rejects.toBeInstanceOf(AuthClientError);
    await expect(failure).rejects.toMatchObject({ code, ...facts });
    expect(app.log).toEqual([]);
  });

  it('is replaced by a token that is handed in', async () => {
    const app = await serveClientApp();
    const token = await given(app);
    const client = createAuthClient({ baseUrl: `${app.origin}/api` });
    expect(() => client.setToken('two words')).toThrow(TypeError);
    client.setToken(token);
    expect((await client.fetch('/me')).status).toBe(200);
    sleepFor(3600);
    expect((await client.fetch('/me')).status).toBe(401);
    await client.logout();
    expect(await client.token()).toBeUndefined();
    expect(app.count('POST /api/auth/refresh')).toBe(0);
    expect(app.count('POST /api/auth/logout')).toBe(0);
    client.close();
  });

  it.each([
    { title: 'forgotten', end: async (client: AuthClient) => client.setToken(undefined) },
    { title: 'signed out', end: (client: AuthClient) => client.logout() },
    { title: 'replaced by a log-in', end: async () => {} },
  ])('that was handed in and is $title leaves nothing behind', async ({ end }) => {
    const app = await serveClientApp();
    await app.addUser('alice');
    const client = createAuthClient({ baseUrl: `${app.origin}/api` });
    client.setToken('given.by.platform');
    await end(client);
    await client.login({ username: 'alice', password: PASSWORD });
    sleepFor(3600);
    expect((await client.fetch('/me')).status).toBe(200);
    await client.logout();
    expect(app.count('POST /api/auth/logout')).toBe(1);
  });

  it('is asked again after a token that was handed in has expired or is forgotten', async () => {
    const app = await serveClientApp();
    const token = await given(app);
    let asked = 0;
    const client = createAuthClient({
      baseUrl: `${app.origin}/api`,
      tokenSource: () => ({ access_token: token, expires_in: 3600 * ++asked }),
    });
    client.setToken({ access_token: token, expires_in: 60 });
    await client.token();
    expect(asked).toBe(0);
    sleepFor(61);
    expect(await client.token()).toBe(token);
    expect(asked).toBe(1);
    client.setToken(undefined);
    expect(await client.token()).toBe(token);
    expect(asked).toBe(2);
  });
});
