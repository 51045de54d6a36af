import type { AuthOptions } from 'latchkey';
import { createAuth } from 'latchkey';
import { describe, expect, it } from 'vitest';
import { createApp } from '../../examples/same-origin-bff/app.js';
import { createOwnApi } from '../../examples/same-origin-bff/own-api.js';
import { BASE, SECRET } from '../world/auth-server.js';
import { createHttpBrowser } from '../world/http-browser.js';
import { reservePort } from '../world/login-app.js';
import { signInAt, startLoginProvider } from '../world/login-provider.js';

async function start(options: AuthOptions = {}) {
  const port = await reservePort();
  const provider = await startLoginProvider({
    redirectUris: [`${port.origin}/api/auth/callback`],
    postLogoutRedirectUris: [`${port.origin}/`],
  });
  const { issuer, clientId, clientSecret } = provider;
  const auth = createAuth({
    ...BASE,
    publicUrl: port.origin,
    oidc: { default: { issuer, clientId, clientSecret } },
    tokenScopes: () => ['data.read'],
    ...options,
  });
  port.serve(createApp(auth, port.origin));
  return { auth, origin: port.origin, browser: createHttpBrowser() };
}

describe('the same-origin example', () => {
  it('leaves public what was public', async () => {
    const { origin, browser } = await start();
    expect((await browser.open(`${origin}/`)).body).toContain('Anybody may read this.');
    expect((await browser.fetch(`${origin}/api/public`)).status).toBe(200);
    expect((await browser.fetch(`${origin}/api/data`)).status).toBe(401);
  });

  it('shows a page to who signs in on the way, with data that the API gave to that user', async () => {
    const { origin, browser } = await start();
    const page = await browser.open(`${origin}/reports`);
    expect(page.url).toBe(`${origin}/api/auth/signin?returnTo=%2Freports`);
    const reports = await signInAt(browser, `${origin}/api/auth/login?returnTo=/reports`, {
      login: 'ada',
    });
    expect(reports.url).toBe(`${origin}/reports`);
    expect(reports.body).toContain('<li>a</li><li>b</li>');
    expect(JSON.parse((await browser.fetch(`${origin}/api/data`)).body)).toMatchObject({
      for: 'ada',
    });
  });

  it('passes the request’s id on from the page to the API', async () => {
    const { auth, origin, browser } = await start();
    await signInAt(browser, `${origin}/api/auth/login`, { login: 'ada' });
    const { body } = await browser.fetch(`${origin}/api/auth/refresh`, { json: {} });
    const { access_token: token } = JSON.parse(body) as { access_token: string };
    const principal = await auth.verifier.verify(token);
    const answer = await createOwnApi(origin)(
      { auth: principal, id: 'request-of-the-page' } as never,
      '/api/data',
    );
    expect(await answer.json()).toMatchObject({ requestId: 'request-of-the-page' });
    for (const path of ['//evil.example/', 'https://evil.example/', '/\\evil.example', 'api'])
      expect(() => createOwnApi(origin)({ auth: principal } as never, path)).toThrow(TypeError);
  });

  it('gives a page that keeps tokens one of our own for its code, which the API takes as before', async () => {
    const { origin, browser } = await start();
    const page = await signInAt(
      browser,
      `${origin}/api/auth/login?mode=code&returnTo=/token-page`,
      { login: 'ada' },
    );
    const code = new URL(page.url).searchParams.get('auth_code');
    const exchanged = await browser.fetch(`${origin}/api/auth/exchange`, { json: { code } });
    const tokens = JSON.parse(exchanged.body) as { access_token: string; token_type: string };
    expect(tokens).toMatchObject({ token_type: 'Bearer' });
    const headers = { authorization: `Bearer ${tokens.access_token}` };
    const data = await fetch(`${origin}/api/data`, { headers });
    expect(await data.json()).toMatchObject({ for: 'ada' });
  });

  it('logs nobody out when the secret is replaced with overlap', async () => {
    const { auth, origin, browser } = await start();
    await signInAt(browser, `${origin}/api/auth/login`, { login: 'ada' });
    const next = await start({
      store: auth.store,
      jwt: { secret: 'another-secret-of-enough-characters-0123456789', secretPrevious: [SECRET] },
    });
    const cookie = browser.cookies('localhost').get('latchkey-session') ?? '';
    next.browser.setCookie('localhost', 'latchkey-session', cookie);
    const session = await next.browser.fetch(`${next.origin}/api/auth/session`);
    expect(JSON.parse(session.body)).toMatchObject({ authenticated: true });
  });
});
