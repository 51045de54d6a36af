import { type AuthOptions } from 'latchkey';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { addUser, bearer, PASSWORD, serveAuth } from '../world/auth-server.js';
import { everyStore } from '../world/every-store.js';
import { hostileLogin } from '../world/hostile-login.js';

const ODD = ['nul\0', '\uD800half', '\u001B[31mred'] as const;

const places = await everyStore(0);

type Send = readonly [method: string, path: string, body?: unknown];

/** Every place of a request where text can reach the store, with odd text there. */
function requestsWith(text: string): readonly Send[] {
  const name = `name-${text}`;
  return [
    ['POST', '/login', { username: name, password: PASSWORD }],
    ['POST', '/login', { email: `${name}@example.com`, password: PASSWORD }],
    ['POST', '/login', { username: 'alice', password: name }],
    ['POST', '/refresh', { refresh_token: `r1.kid.${name}.0.mac` }],
    ['POST', '/exchange', { code: name, code_verifier: 'x'.repeat(43) }],
    ['POST', '/reset-password', { token: name, new_password: PASSWORD }],
    ['POST', '/forgot-password', { email: `${name}@example.com` }],
    ['POST', '/users', { username: name }],
    ['POST', '/users', { email: `${name}@example.com` }],
    ['POST', '/users', { username: 'new', roles: [name] }],
    ['POST', '/users', { username: 'new', groups: [name] }],
    ['POST', '/users', { username: 'new', attributes: { [name]: 1 } }],
    ['POST', '/users', { username: 'new', orgs: [{ id: name }] }],
    ['POST', '/users', { username: 'new', orgs: [{ id: 'acme', roles: [name] }] }],
    ['POST', '/service-accounts', { org: name, name: 'robot' }],
    ['POST', '/service-accounts', { org: 'acme', name }],
    ['POST', '/service-accounts', { org: 'acme', name: 'robot', scopes: [name] }],
    ['POST', '/service-accounts', { org: 'acme', name: 'robot', roles: [name] }],
  ];
}

/** The same in addresses, which have no spelling for half a surrogate pair. */
const ADDRESSES: readonly Send[] = ['%00', 'a%00', '%1B%5B31m', '%ED%A0%80'].flatMap(
  (text): readonly Send[] => [
    ['DELETE', `/sessions/${text}`],
    ['GET', `/sessions?after=${text}`],
    ['GET', `/sessions?after=zzz.${text}`],
    ['PATCH', `/users/${text}`, { roles: [] }],
    ['DELETE', `/users/${text}`],
    ['POST', `/users/${text}/reset-password`],
    ['GET', `/service-accounts/${text}`],
    ['PATCH', `/service-accounts/${text}`, { roles: [] }],
    ['DELETE', `/service-accounts/${text}/secrets/${text}`],
    ['GET', `/login/${text}`],
    ['GET', `/callback/${text}?code=x&state=x`],
  ],
);

for (const { name, isMissing, open, create, drop } of places)
  describe.skipIf(isMissing)(`W13 text that no name may hold, on ${name}`, () => {
    beforeAll(create);
    afterAll(drop);

    it('is refused with 4xx wherever a request can bring it, and nothing is kept of it', async () => {
      const store = open();
      onTestFinished(() => store.close());
      const server = await serveAuth({
        ...{ store, serviceAccounts: true, tokenScopes: () => ['users:admin'] },
      });
      onTestFinished(() => server.auth.close());
      const { id } = await addUser(server);
      onTestFinished(async () => void (await store.users.delete(id)));
      const headers = {
        ...bearer(await server.signIn('alice')),
        'content-type': 'application/json',
      };
      for (const [method, path, body] of [...ODD.flatMap(requestsWith), ...ADDRESSES]) {
        const response = await fetch(`${server.origin}/api/auth${path}`, {
          method,
          headers,
          redirect: 'manual',
          ...(body !== undefined && { body: JSON.stringify(body) }),
        });
        const what = `${method} ${path} ${JSON.stringify(body)}`;
        expect(Math.floor(response.status / 100), what).toBe(4);
      }
      expect(await store.users.list({ limit: 10 })).toHaveLength(1);
      expect(await server.auth.sessions.list(id)).toHaveLength(1);
      expect(server.events.filter(({ name: event }) => event === 'store.failed')).toEqual([]);
    });

    it('is refused as `sub` and `sid` of a provider, and leaves no user and no session', async () => {
      const store = open();
      onTestFinished(() => store.close());
      const { signIn, corp, auth, origin } = await hostileLogin({ store });
      onTestFinished(() => auth.close());
      for (const claim of ['sub', 'sid'] as const)
        for (const text of ODD) {
          corp.misbehave({ idTokenClaims: { [claim]: text } });
          const { page } = await signIn();
          expect(page.status).toBe(401);
          const logoutToken = await corp.logoutToken({ [claim]: text });
          const response = await fetch(`${origin}/api/auth/backchannel/corp`, {
            method: 'POST',
            body: new URLSearchParams({ logout_token: logoutToken }),
          });
          expect(response.status).toBe(400);
        }
      expect(await store.users.list({ limit: 10 })).toEqual([]);
    });

    it('in what else a provider says keeps nobody out, and is not kept', async () => {
      const store = open();
      onTestFinished(() => store.close());
      const provision: AuthOptions['provision'] = ({ groups }) => ({ groups });
      const { signIn, corp, auth } = await hostileLogin({ store, provision });
      onTestFinished(() => auth.close());
      for (const [number, text] of ODD.entries()) {
        const sub = `odd-${process.pid}-${number}`;
        const email = `${text}@example.com`;
        const said = { email, email_verified: true, preferred_username: text, name: text };
        const claims = { sub, ...said, acr: text, amr: [text] };
        corp.misbehave({ idTokenClaims: claims });
        const { page } = await signIn();
        expect({ status: page.status, body: page.body }).toEqual({ status: 200, body: 'inside' });
        // Only what the application's own hook copies is refused, with 4xx.
        corp.misbehave({ idTokenClaims: { ...claims, groups: [text] } });
        expect(Math.floor((await signIn()).page.status / 100)).toBe(4);
      }
      const users = await store.users.list({ limit: 10 });
      onTestFinished(async () => {
        for (const { id } of users) await store.users.delete(id);
      });
      expect(users).toHaveLength(ODD.length);
      for (const user of users) {
        expect(user).toMatchObject({ email: undefined, groups: [] });
        expect(user.username).toMatch(/^corp-[\da-f]{12}$/);
      }
    });
  });
