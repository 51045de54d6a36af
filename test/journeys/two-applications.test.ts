import express from 'express';
import { createAuth } from 'latchkey';
import { expect, it } from 'vitest';
import { addUser, BASE, PASSWORD } from '../world/auth-server.js';
import { createHttpBrowser, type HttpBrowser } from '../world/http-browser.js';
import { reservePort } from '../world/login-app.js';

/** Browsers keep the cookies of a host whatever the port. */
async function application(cookieName: string) {
  const port = await reservePort();
  const auth = createAuth({
    ...BASE,
    publicUrl: port.origin,
    cookieName,
    github: { clientId: 'ours', clientSecret: 'only-ever-known-here' },
  });
  const app = express();
  app.use('/api/auth', auth.router());
  app.get('/', (_req, res) => void res.send('home'));
  port.serve(app);
  await addUser({ auth });
  return `${port.origin}/api/auth`;
}

async function signIn(browser: HttpBrowser, auth: string): Promise<void> {
  const page = await browser.open(`${auth}/signin`);
  await browser.submit(page, { username: 'alice', password: PASSWORD });
}

async function isSignedIn(browser: HttpBrowser, auth: string): Promise<unknown> {
  const { body } = await browser.fetch(`${auth}/session`);
  return (JSON.parse(body) as { authenticated: unknown }).authenticated;
}

it('two applications on one host, each with its AUTH_COOKIE_NAME, leave each other alone', async () => {
  const [one, two] = [await application('app'), await application('app-two')];
  const browser = createHttpBrowser();
  // Log-ins on their way, more than one application keeps.
  const away = (url: URL): boolean => !url.pathname.startsWith('/api/auth');
  await browser.open(`${one}/login/github`, { until: away });
  for (let tabs = 0; tabs < 7; tabs += 1)
    await browser.open(`${two}/login/github`, { until: away });
  const names = [...browser.cookies('localhost').keys()].filter((name) => /-login-/.test(name));
  expect(names.filter((name) => name.startsWith('app-login-'))).toHaveLength(1);
  expect(names.filter((name) => name.startsWith('app-two-login-'))).toHaveLength(5);

  await signIn(browser, one);
  await signIn(browser, two);
  const all = [...browser.cookies('localhost').keys()];
  expect(all.filter((name) => /^app(?:-two)?-(?:session|device)$/.test(name))).toHaveLength(4);
  expect(all.filter((name) => !name.startsWith('app-'))).toEqual([]);

  await browser.fetch(`${two}/logout`, { json: {} });
  expect(await isSignedIn(browser, one)).toBe(true);
  expect(await isSignedIn(browser, two)).toBe(false);
});
