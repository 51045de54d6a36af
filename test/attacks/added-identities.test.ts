import { describe, expect, it } from 'vitest';
import { addUser } from '../world/auth-server.js';
import { createHttpBrowser } from '../world/http-browser.js';
import { ADA, linkingApp } from '../world/linking-app.js';
import { accessTokenOf, AS_SCRIPT, refusalOn, userOf } from '../world/signed-in.js';

const DENIED = { status: 403, code: 'LOGIN_DENIED' };

describe('by invitation only', () => {
  const options = { signUp: false };
  const STRONG = { acr: 'mfa', amr: ['pwd', 'otp'] };

  /** Ada as an administrator has added her: with an address, and nothing to sign in with. */
  async function invited(setting: Parameters<typeof linkingApp>[0]) {
    const all = await linkingApp(setting);
    await addUser(all.app, { username: 'root', roles: ['admin'] });
    const root = createHttpBrowser();
    await all.signInLocally(root, 'root');
    const body = { email: 'ada@corp.example', email_verified: true, roles: ['analyst'] };
    const { status, body: ada } = await all.call(root, 'POST /users', body);
    expect(status).toBe(201);
    return { ...all, ada: ada as { id: string } };
  }

  it('who was invited signs in with any trusted provider that proves the address', async () => {
    const asked: unknown[] = [];
    const provision = (identity: unknown, user: { id: string } | undefined) => {
      asked.push([identity, user?.id]);
      return {};
    };
    const all = await invited({ trustEmail: true, options: { ...options, provision } });
    const { user, browser } = await all.visit({ ...ADA, ...STRONG });
    expect(user).toMatchObject({ id: all.ada.id, roles: ['analyst'] });
    expect(asked).toEqual([
      [expect.objectContaining({ email: 'ada@corp.example', emailVouched: true }), all.ada.id],
    ]);
    // As the first way in, it says how strong the sign-in was.
    const token = await accessTokenOf(browser, all.origin);
    expect(claimsOf(token)).toMatchObject(STRONG);
    expect((await all.visit({ sub: 'eve', email_verified: true })).refusal).toEqual(DENIED);
  });

  it.each([
    { title: 'is not trusted', trustEmail: false, said: ADA },
    { title: 'has not verified it', trustEmail: true, said: { ...ADA, email_verified: false } },
    { title: 'proves another', trustEmail: true, said: { ...ADA, email: 'eve@corp.example' } },
  ])('a provider that $title lets nobody in', async ({ trustEmail, said }) => {
    const { visit, users } = await invited({ trustEmail, options });
    expect((await visit(said)).refusal).toEqual(DENIED);
    expect(await users()).toHaveLength(2);
  });

  it('an address that a trusted provider has verified is stored as verified', async () => {
    const { auth, visit, users } = await linkingApp({ trustEmail: true });
    const { user } = await visit(ADA);
    expect(await users()).toMatchObject([{ email: 'ada@corp.example', emailVerified: true }]);
    await auth.users.update(user?.id ?? '', { emailVerified: false });
    await visit({ ...ADA, email_verified: false });
    expect(await users()).toMatchObject([{ emailVerified: false }]);
    await visit(ADA);
    expect(await users()).toMatchObject([{ emailVerified: true }]);
  });
});

describe('W7 an identity that was added', () => {
  const STRONG = { ...ADA, acr: 'mfa', amr: ['pwd', 'otp'] };

  async function added() {
    const all = await linkingApp({ options: { linkAcrAfterSeconds: 100 } });
    await addUser(all.app);
    const browser = createHttpBrowser();
    await all.signInLocally(browser, 'alice');
    const before = claimsOf(await accessTokenOf(browser, all.origin));
    all.speakOf(STRONG);
    await all.link(browser);
    return { ...all, browser, before };
  }

  it('raises neither the session that asked for it nor one that it begins', async () => {
    const { browser, origin, before, visit } = await added();
    const after = claimsOf(await accessTokenOf(browser, origin));
    for (const name of ['sid', 'acr', 'amr', 'auth_time'])
      expect(after[name], name).toEqual(before[name]);
    const there = await visit(STRONG);
    const claims = claimsOf(await accessTokenOf(there.browser, origin));
    expect(claims).not.toHaveProperty('acr');
    expect(claims['amr'] ?? []).toEqual([]);
  });

  it('is refused, and not sent round in circles, where a stronger sign-in is asked for', async () => {
    const { origin, speakOf } = await added();
    const browser = createHttpBrowser();
    speakOf(STRONG);
    const start = `${origin}/api/auth/login/corp?acr_values=mfa&returnTo=/inside`;
    expect(refusalOn(await browser.open(start, { headers: AS_SCRIPT }))).toEqual(DENIED);
    expect(await userOf(browser, origin)).toBeUndefined();
  });

  it('counts for what the provider says when it has been there long enough', async () => {
    const { origin, later, visit } = await added();
    later(100);
    const { browser } = await visit(STRONG);
    expect(claimsOf(await accessTokenOf(browser, origin))).toMatchObject({ acr: 'mfa' });
  });

  it('counts at once when the account was made for it', async () => {
    const { origin, visit } = await linkingApp();
    const { browser } = await visit(STRONG);
    expect(claimsOf(await accessTokenOf(browser, origin))).toMatchObject({ acr: 'mfa' });
  });
});

function claimsOf(token: string): Record<string, unknown> {
  const [, payload = ''] = token.split('.');
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
}
