import { generateKeyPairSync } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import type { AuthOptions, Identity } from 'latchkey';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type AppleServer, startAppleServer } from '../world/apple-server.js';
import { addUser } from '../world/auth-server.js';
import { createHttpBrowser } from '../world/http-browser.js';
import { openSocialWorld } from '../world/social-login.js';
import { accessTokenOf, refusalOn } from '../world/signed-in.js';

const APPLE = 'https://appleid.apple.com';

interface Setting extends Omit<AuthOptions, 'apple'> {
  readonly apple?: AuthOptions['apple'];
  readonly arrange?: (apple: AppleServer) => void;
}

async function world({ apple: settings, arrange, ...options }: Setting = {}) {
  const apple = await startAppleServer();
  arrange?.(apple);
  const { clientId, teamId, keyId, privateKey } = apple;
  const identities: Identity[] = [];
  const all = await openSocialWorld(
    { name: 'apple', site: APPLE, server: apple, authorize: (url) => apple.authorize(url) },
    {
      apple: { clientId, teamId, keyId, privateKey, ...settings },
      provision: (identity) => {
        identities.push(identity);
        return {};
      },
      ...options,
    },
  );
  return { ...all, apple, identities };
}

describe('Sign in with Apple', () => {
  it('ends where it began, by a form from the other site', async () => {
    const { signIn, user, origin, events } = await world();
    const page = await signIn();
    expect(page.url).toBe(`${origin}/inside`);
    expect(page.status).toBe(200);
    expect(await user()).toMatchObject({ email: 'dpdcnf87nu@privaterelay.appleid.com' });
    expect(events.map(({ name, event }) => ({ name, event }))).toMatchObject([
      { name: 'identity.linked', event: { provider: 'apple', by: 'new' } },
      { name: 'login.succeeded', event: { provider: 'apple' } },
    ]);
  });

  it('asks for name and address by form, with state, nonce and PKCE, and for nothing that Apple does not know', async () => {
    const { begin, apple, origin } = await world();
    const url = await begin(undefined, { prompt: 'login', login_hint: 'ada', max_age: '60' });
    expect(`${url.origin}${url.pathname}`).toBe(`${APPLE}/auth/authorize`);
    const {
      state,
      nonce,
      code_challenge: challenge,
      ...rest
    } = Object.fromEntries(url.searchParams);
    expect(rest).toEqual({
      client_id: apple.clientId,
      response_type: 'code',
      response_mode: 'form_post',
      redirect_uri: `${origin}/api/auth/callback/apple`,
      scope: 'openid name email',
      code_challenge_method: 'S256',
    });
    for (const random of [state, nonce, challenge]) expect(random).toMatch(/^[\w-]{43}$/);
  });

  it('is there for pages that make their own buttons', async () => {
    const { browser, origin } = await world();
    const { body } = await browser.fetch(`${origin}/api/auth/providers`);
    expect(JSON.parse(body)).toMatchObject({
      providers: [{ name: 'apple', label: 'Apple', login_url: '/api/auth/login/apple' }],
    });
  });

  it('finds the same account again', async () => {
    const { visit } = await world();
    const first = await visit();
    expect(first).toBeDefined();
    expect(await visit()).toEqual(first);
  });

  it.each([{ title: 'prompt=none', wishes: { prompt: 'none' }, reason: 'login_required' }])(
    '$title comes back at once: Apple asks each time',
    async ({ wishes }) => {
      const { browser, origin, apple } = await world();
      const query = new URLSearchParams({ returnTo: '/inside', ...wishes }).toString();
      const page = await browser.open(`${origin}/api/auth/login/apple?${query}`);
      expect(page.url).toBe(`${origin}/inside?auth_error=interaction_required`);
      expect(apple.requests('/auth/token')).toBe(0);
    },
  );

  it.each([
    { title: 'a minute ago', ago: 30, status: 200 },
    { title: 'an hour ago', ago: 3600, status: 401 },
    { title: 'who knows when', ago: undefined, status: 401 },
  ])('max_age=60 and a sign-in $title is $status', async ({ ago, status }) => {
    const { begin, comeBack, apple } = await world();
    const now = Math.floor(Date.now() / 1000);
    apple.claims = { auth_time: ago === undefined ? undefined : now - ago };
    const url = await begin(undefined, { max_age: '60' });
    expect((await comeBack(apple.authorize(url.href))).status).toBe(status);
  });

  it('has no log-out of its own: log-out ends here', async () => {
    const { signIn, browser, origin, user } = await world();
    await signIn();
    const { body } = await browser.fetch(`${origin}/api/auth/session`);
    const { logout_url: logout } = JSON.parse(body) as { readonly logout_url: string };
    const page = await browser.open(`${origin}${logout}`);
    expect(new URL(page.url).origin).toBe(origin);
    expect(await user()).toBeUndefined();
  });
});

describe('the name of an Apple account', () => {
  it('reaches the provision hook at the first sign-in, and never again', async () => {
    const { visit, identities } = await world();
    await visit();
    await visit();
    expect(identities.map(({ claims }) => claims['name'])).toEqual(['Johnny Appleseed', undefined]);
    expect(identities[0]?.claims).toMatchObject({
      given_name: 'Johnny',
      family_name: 'Appleseed',
      real_user_status: 2,
    });
  });

  it.each([
    { title: 'no JSON', user: '{"name":', name: undefined },
    { title: 'a list', user: '[]', name: undefined },
    {
      title: 'names that are no text',
      user: '{"name":{"firstName":{},"lastName":7}}',
      name: undefined,
    },
    { title: 'a family name only', user: '{"name":{"lastName":"Ito"}}', name: 'Ito' },
    { title: 'markup', user: '{"name":{"firstName":"<b>x</b>"}}', name: '<b>x</b>' },
    {
      title: 'characters that nobody sees',
      user: String.raw`{"name":{"firstName":"\u0000a\u001b[31m\ud800\u202eb"}}`,
      name: 'a[31mb',
    },
    {
      title: 'far too much',
      user: JSON.stringify({ name: { firstName: 'x'.repeat(5000) } }),
      name: 'x'.repeat(100),
    },
    {
      title: 'claims of its own',
      user: '{"name":{"firstName":"A"},"sub":"somebody-else","email":"boss@icloud.com","email_verified":true}',
      name: 'A',
    },
  ])('is text for display only: $title', async ({ user, name }) => {
    const { signIn, identities, origin } = await world({
      arrange: (apple) => void (apple.firstUser = user),
    });
    expect((await signIn()).url).toBe(`${origin}/inside`);
    expect(identities[0]).toMatchObject({
      subject: '000544.5e201aec537347aeb79d23cbc345170a.1321',
      email: 'dpdcnf87nu@privaterelay.appleid.com',
    });
    expect(identities[0]?.claims['name']).toBe(name);
  });

  it('leaves the address out of the address bar', async () => {
    const { signIn } = await world();
    const { visited } = await signIn();
    expect(visited.join()).toContain('Appleseed');
    expect(visited.join()).not.toContain('privaterelay');
  });
});

describe('the address of an Apple account', () => {
  it.each([
    { claims: { email_verified: true, is_private_email: true }, isVerified: true },
    { claims: { email_verified: 'true', is_private_email: 'false' }, isVerified: true },
    { claims: { email_verified: false }, isVerified: false },
    { claims: { email_verified: 'false' }, isVerified: false },
    { claims: { email_verified: undefined }, isVerified: false },
    { claims: { email: undefined, email_verified: undefined }, isVerified: false },
    { claims: { email: '', email_verified: 'true' }, isVerified: false },
  ])('of $claims is verified: $isVerified', async ({ claims, isVerified }) => {
    const { signIn, identities, origin } = await world({
      arrange: (apple) => void (apple.claims = claims),
    });
    expect((await signIn()).url).toBe(`${origin}/inside`);
    expect(identities[0]?.emailVerified).toBe(isVerified);
  });

  it.each([
    { email: 'ada@icloud.com', trustEmail: undefined, joins: true },
    { email: 'ada@privaterelay.appleid.com', trustEmail: undefined, joins: true },
    { email: 'ada@corp.example', trustEmail: undefined, joins: false },
    { email: 'ada@icloud.com.evil.example', trustEmail: undefined, joins: false },
    { email: 'ada@corp.example', trustEmail: true, joins: true },
    { email: 'ada@icloud.com', trustEmail: false, joins: false },
  ])('$email joins an account: $joins, with trustEmail=$trustEmail', async (given) => {
    const { email, trustEmail, joins } = given;
    const all = await world({
      ...(trustEmail !== undefined && { apple: { trustEmail } }),
      arrange: (apple) => void (apple.claims = { email }),
    });
    const ada = await addUser(all, { username: 'ada', email, emailVerified: true });
    const page = await all.signIn();
    expect((await all.user())?.id).toBe(joins ? ada.id : undefined);
    expect(page.status).toBe(joins ? 200 : 403);
  });

  it('joins nobody when Apple does not call it verified', async () => {
    const all = await world({
      apple: { trustEmail: true },
      arrange: (apple) => void (apple.claims = { email: 'a@icloud.com', email_verified: 'false' }),
    });
    const ada = await addUser(all, { username: 'ada', email: 'a@icloud.com', emailVerified: true });
    expect((await all.visit())?.id).not.toBe(ada.id);
  });
});

describe("Apple's client secret", () => {
  it('is made from the key, for an hour, and used again while it is fresh', async () => {
    let added = 0;
    const { visit, apple } = await world({ now: () => Date.now() + added });
    await visit();
    await visit();
    const [first, second] = apple.clientSecrets;
    expect(second).toBe(first);
    expect(decodeProtectedHeader(first ?? '')).toEqual({ alg: 'ES256', kid: apple.keyId });
    const { iat = 0, exp = 0, ...claims } = decodeJwt(first ?? '');
    expect(claims).toEqual({ iss: apple.teamId, sub: apple.clientId, aud: APPLE });
    expect(exp - iat).toBeLessThanOrEqual(3660);
    added = 45 * 60_000;
    apple.claims = { iat: Math.floor((Date.now() + added) / 1000) };
    await visit();
    const third = decodeJwt(apple.clientSecrets[2] ?? '');
    expect(third.exp).toBeGreaterThan(exp);
  });

  it('that could not be made is made again for the next sign-in', async () => {
    const { visit } = await world();
    const sign = crypto.subtle.sign.bind(crypto.subtle);
    let failures = 1;
    const spy = vi.spyOn(crypto.subtle, 'sign').mockImplementation(async (algorithm, ...others) => {
      const isOurs = typeof algorithm === 'object' && algorithm.name === 'ECDSA';
      if (isOurs && failures-- > 0) throw new Error('out of memory');
      return sign(algorithm, ...others);
    });
    onTestFinished(() => spy.mockRestore());
    await expect(visit()).rejects.toThrow(/client_id/);
    expect(failures).toBe(0);
    expect(await visit()).toBeDefined();
  });

  it('by another key is invalid_client in the event', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const other = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    const { signIn, reasons, user } = await world({ apple: { privateKey: other } });
    expect(refusalOn(await signIn())).toEqual({ status: 502, code: 'PROVIDER_ERROR' });
    expect(reasons()).toEqual(['invalid_client']);
    expect(await user()).toBeUndefined();
  });

  it('renews the upstream token', async () => {
    let added = 0;
    const { signIn, browser, origin, apple } = await world({ now: () => Date.now() + added });
    await signIn();
    added = 2 * 3_600_000;
    const token = await accessTokenOf(browser, origin);
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${origin}/api/upstream`, { headers });
    expect(response.status).toBe(200);
    expect(apple.requests('/auth/token')).toBe(2);
  });
});

describe("Apple's answer", () => {
  it.each([
    { error: 'user_cancelled_authorize', status: 403, reason: 'access_denied' },
    { error: 'invalid_request', status: 401, reason: 'invalid_request' },
    { error: 'of_tomorrow', status: 401, reason: 'refused_by_provider' },
  ])('$error is $status, and $reason in the event', async ({ error, status, reason }) => {
    const { begin, comeBack, apple, reasons, user } = await world();
    const { url, form } = apple.cancel((await begin()).href);
    const page = await comeBack({ url, form: { ...form, error } });
    expect(page.status).toBe(status);
    expect(reasons()).toEqual([reason]);
    expect(await user()).toBeUndefined();
  });

  it.each([
    { title: 'for another client', claims: { aud: 'com.example.other' } },
    { title: 'of another issuer', claims: { iss: 'https://evil.example' } },
    { title: 'with another nonce', claims: { nonce: 'theirs' } },
    { title: 'without a nonce', claims: { nonce: undefined } },
    { title: 'without a subject', claims: { sub: undefined } },
    { title: 'that has ended', claims: { iat: 1, exp: 2 } },
  ])('an ID token $title signs nobody in', async ({ claims }) => {
    const { signIn, user } = await world({ arrange: (apple) => void (apple.claims = claims) });
    expect(refusalOn(await signIn())).toEqual({ status: 401, code: 'LOGIN_FAILED' });
    expect(await user()).toBeUndefined();
  });

  it('of somebody else, or a second time, signs nobody in', async () => {
    const { begin, comeBack, apple, browser, user, origin } = await world();
    const attacker = createHttpBrowser();
    const theirs = apple.authorize((await begin(attacker)).href);
    await begin();
    expect(refusalOn(await comeBack(theirs))).toEqual({ status: 400, code: 'INVALID_REQUEST' });
    expect(await user()).toBeUndefined();
    const ours = apple.authorize((await begin()).href);
    await comeBack(ours);
    expect((await comeBack(ours)).url).toBe(`${origin}/inside`);
    expect(apple.requests('/auth/token')).toBe(1);
    expect(browser.cookies('localhost').size).toBeGreaterThan(0);
  });
});
