import { expect, it } from 'vitest';
import { addUser, bearer, PASSWORD, serveAuth } from '../../world/auth-server.js';
import { createHttpBrowser } from '../../world/http-browser.js';

it.each([
  { title: 'a proven address', email: 'alice@example.com', emailVerified: true },
  { title: 'an address nobody has proven', email: 'alice@example.com', emailVerified: false },
  { title: 'no address', email: undefined, emailVerified: false },
])(
  'a user with $title is told so: by token, by cookie, on /me, on /session and in req.auth',
  async ({ email, emailVerified }) => {
    const server = await serveAuth({
      cookieSessions: true,
      // What the application adds says nothing of addresses.
      tokenClaims: () => ({ email_verified: true }),
    });
    await addUser(server, { email, emailVerified });
    const { origin } = server;
    const browser = createHttpBrowser();
    await browser.fetch(`${origin}/api/auth/login`, {
      json: { username: 'alice', password: PASSWORD, delivery: 'cookie' },
    });
    const headers = bearer(await server.signIn('alice'));
    const get = async (path: string, byCookie: boolean): Promise<{ user: unknown }> => {
      if (byCookie) return JSON.parse((await browser.fetch(`${origin}${path}`)).body);
      return (await server.get(path, headers)).json() as Promise<{ user: unknown }>;
    };
    for (const byCookie of [false, true]) {
      for (const path of ['/api/auth/me', '/api/auth/session']) {
        const { user } = await get(path, byCookie);
        const address = email === undefined ? {} : { email };
        const said = { ...address, email_verified: emailVerified, username: 'alice' };
        expect(user).toEqual({
          id: expect.any(String),
          ...said,
          roles: [],
          groups: [],
          attributes: {},
        });
      }
      const { user } = await get('/api/me', byCookie);
      expect(user).toMatchObject({ emailVerified });
    }
  },
);
