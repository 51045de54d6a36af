import type { RequestListener } from 'node:http';
import express from 'express';
import { createAuth, type Mail, principalOf } from 'latchkey';
import { describe, expect, it } from 'vitest';
import { addUser, BASE, PASSWORD } from '../world/auth-server.js';
import { createHttpBrowser } from '../world/http-browser.js';
import { reservePort } from '../world/login-app.js';
import { signInAt, startLoginProvider } from '../world/login-provider.js';

/** A proxy that gives only what is below `/app` to the application, and may take that part of the path away. */
function proxy(application: RequestListener, strips: boolean): RequestListener {
  return (request, response) => {
    const { url = '' } = request;
    if (!url.startsWith('/app/')) {
      response.writeHead(404).end('another application');
      return;
    }
    if (strips) request.url = url.slice('/app'.length);
    application(request, response);
  };
}

async function world(strips: boolean) {
  const port = await reservePort();
  const publicUrl = `${port.origin}/app`;
  const provider = await startLoginProvider({
    redirectUris: [`${publicUrl}/api/auth/callback/corp`],
    postLogoutRedirectUris: [`${publicUrl}/`],
  });
  const { issuer, clientId, clientSecret } = provider;
  const mails: Mail[] = [];
  const auth = createAuth({
    ...BASE,
    publicUrl,
    oidc: { corp: { issuer, clientId, clientSecret, label: 'Corp' } },
  });
  const app = express();
  const below = strips ? '' : '/app';
  app.use(`${below}/api/auth`, auth.router({ sendMail: (mail) => mails.push(mail) }));
  app.get(`${below}/`, (_req, res) => void res.send('home'));
  app.get(`${below}/inside`, auth.requireAuth({ redirect: true }), (req, res) => {
    res.send(`hello ${principalOf(req).user.username}`);
  });
  app.get(
    `${below}/fresh`,
    auth.requireAuth({ redirect: true }),
    auth.requireAuthContext({ acrValues: ['strong'], redirect: true }),
    (_req, res) => void res.send('fresh'),
  );
  app.use(auth.errorHandler());
  port.serve(proxy(app, strips));
  await addUser({ auth }, { username: 'alice', email: 'alice@example.com', emailVerified: true });
  return { auth, mails, publicUrl, issuer, browser: createHttpBrowser() };
}

describe.each([
  { title: 'that the proxy takes away', strips: true },
  { title: 'that the proxy leaves', strips: false },
])('an application below a path $title', ({ strips }) => {
  it('signs in with a password: guard, page, form and the way back are below it', async () => {
    const { browser, publicUrl } = await world(strips);
    const page = await browser.open(`${publicUrl}/inside?a=1`);
    expect(page.url).toBe(
      `${publicUrl}/api/auth/signin?returnTo=${encodeURIComponent('/app/inside?a=1')}`,
    );
    const inside = await browser.submit(page, { username: 'alice', password: PASSWORD });
    expect([inside.url, inside.body]).toEqual([`${publicUrl}/inside?a=1`, 'hello alice']);
  });

  it('signs in and out with a provider', async () => {
    const { browser, publicUrl } = await world(strips);
    const start = `${publicUrl}/api/auth/login/corp?returnTo=/app/inside`;
    const page = await signInAt(browser, start, { login: 'ada' });
    expect([page.url, page.body]).toEqual([`${publicUrl}/inside`, 'hello ada']);
    const session = await browser.fetch(`${publicUrl}/api/auth/session`);
    const { logout_url: logout } = JSON.parse(session.body) as { logout_url: string };
    const away = await browser.open(new URL(logout, publicUrl).href, {
      until: (url) => url.pathname.includes('/session/end'),
    });
    expect(new URL(away.url).searchParams.get('post_logout_redirect_uri')).toBe(`${publicUrl}/`);
    const again = await browser.open(`${publicUrl}/api/auth/logout`);
    expect([again.url, again.body]).toEqual([`${publicUrl}/`, 'home']);
  });

  it('asks for a stronger sign-in below it', async () => {
    const { browser, publicUrl, issuer } = await world(strips);
    const page = await browser.open(`${publicUrl}/fresh`);
    const away = await browser.open(page.url, {
      form: { username: 'alice', password: PASSWORD, returnTo: '/app/fresh' },
      from: new URL(publicUrl).origin,
      until: (url) => url.origin === issuer,
    });
    expect(away.visited.slice(1, -1).map((url) => url.split('?')[0])).toEqual([
      `${publicUrl}/fresh`,
      `${publicUrl}/api/auth/login`,
    ]);
  });

  it('mails links below it, is the issuer there, and publishes its keys there', async () => {
    const { auth, browser, mails, publicUrl } = await world(strips);
    await browser.fetch(`${publicUrl}/api/auth/forgot-password`, {
      json: { email: 'alice@example.com' },
    });
    await auth.close();
    expect(mails).toMatchObject([{ data: { url: expect.stringMatching(/\/app\//) as string } }]);
    expect(auth.config.jwt.issuer).toBe(publicUrl);
    expect((await browser.fetch(`${publicUrl}/api/auth/jwks.json`)).status).toBe(200);
  });
});
