import { createAuthClient } from 'latchkey/client';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { PASSWORD } from '../world/auth-server.js';
import { PATIENCE } from '../world/patience.js';
import { type ClientApp, serveClientApp } from './client-app.js';
import { sleepFor } from './sleep-for.js';
import { withCookies } from './with-cookies.js';

afterEach(() => void vi.useRealTimers());

const login = (username: string) => ({ username, password: PASSWORD });

/** A page of a browser in which alice has signed in, and what signs bob in as a page without the client does. */
async function browserOfTwo() {
  const app = await serveClientApp();
  await app.addUser('alice');
  await app.addUser('bob');
  const fetch = withCookies();
  const signIn = (username: string) =>
    fetch(`${app.origin}/api/auth/login`, {
      method: 'POST',
      credentials: 'include',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ ...login(username), delivery: 'cookie' }),
    });
  const open = () => {
    const page = createAuthClient({ baseUrl: `${app.origin}/api`, delivery: 'cookie', fetch });
    onTestFinished(() => page.close());
    return page;
  };
  await signIn('alice');
  return { app, open, signIn };
}

const echoes = (app: ClientApp) => app.count('POST /api/echo');

describe('when another user has signed in elsewhere in the browser', () => {
  it('a request that was refused for the former user is not sent again as the other one', async () => {
    const { app, open, signIn } = await browserOfTwo();
    const page = open();
    await page.session();
    await page.token();
    await signIn('bob');
    const order = { method: 'POST', body: JSON.stringify({ of: 'alice' }) };
    expect((await page.fetch('/echo', order)).status).toBe(401);
    expect(echoes(app)).toBe(1);
    await vi.waitFor(
      () => expect(page.current).toMatchObject({ user: { username: 'bob' } }),
      PATIENCE,
    );
    expect(await (await page.fetch('/me')).json()).toMatchObject({ username: 'bob' });
  });

  it('a page that had no token yet says so with its first one', async () => {
    const { open, signIn } = await browserOfTwo();
    const page = open();
    expect(await page.session()).toMatchObject({ user: { username: 'alice' } });
    await signIn('bob');
    expect(await (await page.fetch('/me')).json()).toMatchObject({ username: 'bob' });
    await vi.waitFor(
      () => expect(page.current).toMatchObject({ user: { username: 'bob' } }),
      PATIENCE,
    );
  });

  it('a page that had no token yet says so when the other tab tells it', async () => {
    const { open } = await browserOfTwo();
    const page = open();
    await page.session();
    await open().login(login('bob'));
    await vi.waitFor(
      () => expect(page.current).toMatchObject({ user: { username: 'bob' } }),
      PATIENCE,
    );
  });
});

it('a page asks who is signed in once, when its tokens are of that user', async () => {
  const { app, open } = await browserOfTwo();
  const page = open();
  await page.session();
  for (let hour = 1; hour < 4; hour += 1) {
    expect((await page.fetch('/me')).status).toBe(200);
    sleepFor(3600);
  }
  expect(app.count('GET /api/auth/session')).toBe(1);
});
