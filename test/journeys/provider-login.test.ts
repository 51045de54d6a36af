import { describe, expect, it } from 'vitest';
import { createHttpBrowser } from '../world/http-browser.js';
import { reservePort, serveLoginApp } from '../world/login-app.js';
import { signInAt, startLoginProvider } from '../world/login-provider.js';

async function world() {
  const port = await reservePort();
  const provider = await startLoginProvider({
    redirectUris: [`${port.origin}/api/auth/callback/corp`],
    postLogoutRedirectUris: [`${port.origin}/`],
    backchannelLogoutUri: `${port.origin}/api/auth/backchannel/corp`,
  });
  const app = serveLoginApp(port, {
    oidc: {
      corp: {
        issuer: provider.issuer,
        clientId: provider.clientId,
        clientSecret: provider.clientSecret,
        scope: 'openid profile email offline_access',
      },
    },
  });
  return { provider, app, browser: createHttpBrowser() };
}

describe('signing in with a provider', () => {
  it('ends where it began, with a session in a cookie', async () => {
    const { app, browser } = await world();
    const page = await signInAt(browser, `${app.origin}/api/auth/login/corp?returnTo=/inside`, {
      login: 'ada',
    });
    expect(app.events.map(({ name, event }) => ({ name, event }))).toMatchObject([
      { name: 'identity.linked' },
      { name: 'login.succeeded' },
    ]);
    expect(page.url).toBe(`${app.origin}/inside`);
    const session = await browser.fetch(`${app.origin}/api/auth/session`);
    expect(JSON.parse(session.body)).toMatchObject({
      authenticated: true,
      user: { email: 'ada@idp.example', username: 'ada' },
    });
  });
});
