import { describe, expect, it } from 'vitest';
import { type AuthOptions, ConfigError, createAuth } from 'latchkey';
import { SECRET } from '../world/auth-server.js';
import type { HostileProvider } from '../world/hostile-provider.js';
import { createHttpBrowser } from '../world/http-browser.js';
import { shareWorld } from '../world/shared-world.js';
import {
  expectRefusal,
  expectSignedIn,
  type HostileLogin,
  hostileLogin,
  loginCookiesOf,
  settingsOf,
  type Visit,
} from '../world/hostile-login.js';

type Misdeed = Parameters<HostileProvider['misbehave']>[0];

const FAILED = { status: 401, code: 'LOGIN_FAILED' };
const OUTAGE = { status: 502, code: 'PROVIDER_ERROR' };

/** Seconds from now, in seconds since 1970. */
const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds;

/** Of the OpenID Foundation's tests of relying parties, and some more. */
describe('C4 ID tokens', () => {
  const claimed: readonly { title: string; claims: Record<string, unknown> }[] = [
    { title: 'another nonce', claims: { nonce: 'of-another-log-in' } },
    { title: 'no nonce', claims: { nonce: undefined } },
    { title: 'a nonce that is a list', claims: { nonce: ['a'] } },
    { title: 'another audience', claims: { aud: 'another-client' } },
    { title: 'no audience', claims: { aud: undefined } },
    { title: 'an empty list of audiences', claims: { aud: [] } },
    { title: 'a list of other audiences', claims: { aud: ['one', 'two'] } },
    { title: 'two audiences and no azp', claims: { aud: ['hostile-client', 'another'] } },
    {
      title: 'two audiences and the azp of the other',
      claims: { aud: ['hostile-client', 'another'], azp: 'another' },
    },
    { title: 'the azp of another', claims: { azp: 'another' } },
    { title: 'a time of expiry in the past', claims: { exp: inSeconds(-60) } },
    { title: 'no time of expiry', claims: { exp: undefined } },
    { title: 'text for the time of expiry', claims: { exp: String(inSeconds(300)) } },
    { title: 'a time of issue in the future', claims: { iat: inSeconds(3600) } },
    { title: 'a time of issue long ago', claims: { iat: inSeconds(-86_400) } },
    { title: 'no time of issue', claims: { iat: undefined } },
    { title: 'text for the time of issue', claims: { iat: 'now' } },
    { title: 'a beginning in the future', claims: { nbf: inSeconds(3600) } },
    { title: 'another issuer', claims: { iss: 'https://evil.example' } },
    { title: 'no issuer', claims: { iss: undefined } },
    { title: 'a number for an issuer', claims: { iss: 7 } },
    { title: 'an empty issuer', claims: { iss: '' } },
    { title: 'a blank issuer', claims: { iss: ' ' } },
    { title: 'no subject', claims: { sub: undefined } },
    { title: 'an empty subject', claims: { sub: '' } },
    { title: 'a blank subject', claims: { sub: '  ' } },
    { title: 'a list for a subject', claims: { sub: ['user-1'] } },
    { title: 'a blank session', claims: { sid: ' ' } },
    { title: 'a number for a subject', claims: { sub: 7 } },
    { title: 'a subject of 256 characters', claims: { sub: 'a'.repeat(256) } },
    { title: 'text for auth_time', claims: { auth_time: 'now' } },
  ];
  const signed: readonly { title: string; misdeed: Misdeed }[] = [
    { title: 'no signature', misdeed: { sign: 'none' } },
    {
      title: 'no signature, as metadata announces',
      misdeed: {
        sign: 'none',
        discovery: { id_token_signing_alg_values_supported: ['none', 'RS256'] },
      },
    },
    { title: "a signature by the client's secret", misdeed: { sign: 'hs256-with-client-secret' } },
    {
      title: "a signature by the client's secret, as metadata announces",
      misdeed: {
        sign: 'hs256-with-client-secret',
        discovery: { id_token_signing_alg_values_supported: ['HS256', 'RS256'] },
      },
    },
    {
      title: 'a signature by the public key as secret',
      misdeed: { sign: 'hs256-with-public-key' },
    },
    {
      title: 'a signature by the public key as secret, as metadata announces',
      misdeed: {
        sign: 'hs256-with-public-key',
        discovery: { id_token_signing_alg_values_supported: ['HS256', 'RS256'] },
      },
    },
    { title: 'a bad signature', misdeed: { sign: 'bad-signature' } },
    { title: 'a signature by a key that is not published', misdeed: { sign: 'other-key' } },
    { title: 'an unknown kid', misdeed: { idTokenHeader: { kid: 'unknown' } } },
    { title: 'more than 16 kB', misdeed: { idTokenClaims: { padding: 'x'.repeat(12_600) } } },
    {
      title: 'no kid among several keys',
      misdeed: { idTokenHeader: { kid: undefined }, extraKeys: 1 },
    },
    {
      title: 'an unknown critical extension',
      misdeed: { idTokenHeader: { crit: ['urgent'], urgent: true } },
    },
    { title: 'an algorithm in other letters', misdeed: { idTokenHeader: { alg: 'rs256' } } },
    { title: 'no ID token at all', misdeed: { noIdToken: true } },
    { title: 'userinfo of another subject', misdeed: { userinfo: { sub: 'somebody-else' } } },
    { title: 'userinfo of no subject', misdeed: { userinfo: { sub: undefined } } },
  ];
  // A refused log-in leaves nothing behind but its event.
  const shared = shareWorld(() => hostileLogin());
  it.each(claimed)('a log-in with $title is refused', async ({ claims }) => {
    const app = shared();
    app.events.length = 0;
    app.corp.misbehave({ idTokenClaims: claims });
    expectRefusal({ app }, await app.signIn(), FAILED);
  });

  // With a world for each: metadata and keys are fetched once.
  it.each(signed)('a log-in with $title is refused', async ({ misdeed }) => {
    const app = await hostileLogin();
    app.corp.misbehave(misdeed);
    expectRefusal({ app }, await app.signIn(), FAILED);
  });

  it.each<{ title: string; misdeed: Misdeed }>([
    { title: 'no kid and one key', misdeed: { idTokenHeader: { kid: undefined } } },
    {
      title: 'no kid, and no kid of the one key',
      misdeed: { idTokenHeader: { kid: undefined }, keysWithoutKid: true },
    },
    { title: 'a kid among several keys', misdeed: { extraKeys: 3 } },
    {
      title: 'us as the only one in a list',
      misdeed: { idTokenClaims: { aud: ['hostile-client'] } },
    },
    {
      title: 'two audiences and our azp',
      misdeed: { idTokenClaims: { aud: ['hostile-client', 'another'], azp: 'hostile-client' } },
    },
    { title: 'all claims in it', misdeed: { idTokenClaims: { email: 'a@hostile.example' } } },
    { title: 'a clock three seconds ahead', misdeed: { idTokenClaims: { iat: inSeconds(3) } } },
  ])('a log-in with $title succeeds', async ({ misdeed }) => {
    const app = await hostileLogin();
    app.corp.misbehave(misdeed);
    await expectSignedIn(app, await app.signIn());
  });

  it.each([
    { title: 'another acr', query: '&acr_values=urn:mfa', claims: { acr: 'urn:pwd' } },
    { title: 'no acr', query: '&acr_values=urn:mfa', claims: {} },
    { title: 'a list for an acr', query: '&acr_values=urn:mfa', claims: { acr: ['urn:mfa'] } },
    { title: 'an old sign-in', query: '&max_age=60', claims: { auth_time: inSeconds(-120) } },
    { title: 'a sign-in of unknown age', query: '&max_age=60', claims: { auth_time: undefined } },
    { title: 'no new sign-in', query: '&max_age=0', claims: { auth_time: inSeconds(-30) } },
  ])('$title is refused where $query was asked for', async ({ query, claims }) => {
    const app = await hostileLogin();
    app.corp.misbehave({ idTokenClaims: claims });
    expectRefusal({ app }, await app.signIn(query), FAILED);
    app.corp.misbehave({ idTokenClaims: { acr: 'urn:mfa' } });
    await expectSignedIn(app, await app.signIn(query));
  });

  it.each([
    { title: 'a minute ahead', ourClock: -60 },
    { title: 'a minute behind', ourClock: 60 },
  ])('W14 a log-in at a provider whose clock is $title succeeds', async ({ ourClock }) => {
    const app = await hostileLogin();
    app.advance(ourClock);
    await expectSignedIn(app, await app.signIn());
  });

  it.each([
    { title: 'an end', claims: () => ({ exp: inSeconds(-50) }) },
    { title: 'a beginning', claims: () => ({ nbf: inSeconds(50) }) },
    { title: 'an issue', claims: () => ({ iat: inSeconds(50), auth_time: inSeconds(50) }) },
  ])('W14 a log-in with $title less than a minute off succeeds', async ({ claims }) => {
    const app = await hostileLogin();
    app.corp.misbehave({ idTokenClaims: claims() });
    await expectSignedIn(app, await app.signIn());
  });

  it('a key that is new since the last log-in is good at once', async () => {
    const app = await hostileLogin();
    await expectSignedIn(app, await app.signIn());
    await app.corp.rotate();
    await expectSignedIn(app, await app.signIn());
  });
});

/** Where a log-in meets the fault. */
async function refusedVisit(app: HostileLogin, { discovery }: Misdeed): Promise<Visit> {
  if (discovery === undefined) return app.signIn();
  const browser = createHttpBrowser();
  const page = await app.open(browser, `${app.origin}/api/auth/login/corp`);
  expect(loginCookiesOf(browser)).toEqual([]);
  return { browser, page };
}

/** Nothing but the provider was asked, so no redirect was followed. */
function expectOnlyProviderAsked({ asked, corp }: HostileLogin): void {
  expect(new Set(asked.map((url) => new URL(url).origin))).toEqual(new Set([corp.issuer]));
}

describe('C9 outages', () => {
  it.each<{ title: string; misdeed: Misdeed; refusal?: typeof FAILED }>([
    { title: 'a token endpoint that fails', misdeed: { token: 'error500' } },
    { title: 'a token endpoint with a page', misdeed: { token: 'html' } },
    { title: 'a token endpoint with 5 MiB', misdeed: { token: 'huge' } },
    { title: 'a token endpoint that redirects inside', misdeed: { token: 'redirect' } },
    { title: 'a token endpoint with nothing to say', misdeed: { token: 'empty' } },
    { title: 'keys that fail', misdeed: { jwks: 'error' } },
    { title: 'keys that are a page', misdeed: { jwks: 'html' } },
    { title: 'an empty list of keys', misdeed: { jwks: 'empty' }, refusal: FAILED },
    { title: 'userinfo that fails', misdeed: { userinfo: 'error' } },
    { title: 'metadata that fails', misdeed: { discovery: 'error' } },
    { title: 'metadata that is a page', misdeed: { discovery: 'html' } },
    { title: 'metadata of 5 MiB', misdeed: { discovery: 'huge' } },
    { title: 'metadata that redirects inside', misdeed: { discovery: 'redirect' } },
  ])(
    '$title fails the log-in, and the next one succeeds',
    async ({ misdeed, refusal = OUTAGE }) => {
      const app = await hostileLogin();
      app.corp.misbehave(misdeed);
      expectRefusal({ app }, await refusedVisit(app, misdeed), refusal);
      expectOnlyProviderAsked(app);
      app.corp.misbehave({});
      await expectSignedIn(app, await app.signIn());
    },
  );

  it('an endpoint that never ends its answer is given up on after ten seconds', async () => {
    const slow: readonly Misdeed[] = [
      { token: 'hang' },
      { token: 'drip' },
      { jwks: 'hang' },
      { discovery: 'hang' },
    ];
    await Promise.all(
      slow.map(async (misdeed) => {
        const app = await hostileLogin();
        app.corp.misbehave(misdeed);
        const start = Date.now();
        expectRefusal({ app }, await refusedVisit(app, misdeed), OUTAGE);
        expect(Date.now() - start).toBeLessThan(20_000);
        app.corp.misbehave({});
        await expectSignedIn(app, await app.signIn());
      }),
    );
  }, 45_000);

  it.each<{ title: string; misdeed: Misdeed }>([
    { title: 'keys', misdeed: { jwks: 'error' } },
    { title: 'keys', misdeed: { jwks: 'html' } },
    { title: 'metadata', misdeed: { discovery: 'error' } },
    { title: 'metadata', misdeed: { discovery: 'html' } },
  ])(
    '$title that were fetched before serve on when $misdeed comes in their place',
    async ({ misdeed }) => {
      const app = await hostileLogin();
      await expectSignedIn(app, await app.signIn());
      const later = 4 * 3600;
      app.advance(later);
      const idTokenClaims = { iat: inSeconds(later), exp: inSeconds(later + 300) };
      app.corp.misbehave({ ...misdeed, idTokenClaims });
      await expectSignedIn(app, await app.signIn());
    },
  );

  it.each<{ title: string; endpoint: string }>([
    { title: 'token', endpoint: 'token_endpoint' },
    { title: 'key', endpoint: 'jwks_uri' },
    { title: 'userinfo', endpoint: 'userinfo_endpoint' },
  ])('a $title endpoint inside our own network is never asked', async ({ endpoint }) => {
    const app = await hostileLogin();
    app.corp.misbehave({ discovery: { [endpoint]: 'http://169.254.169.254/latest' } });
    expectRefusal({ app }, await app.signIn(), OUTAGE);
    expectOnlyProviderAsked(app);
  });

  it.each(['javascript:alert(1)', 'http://evil.example/authorize', 'data:text/html,x', 'x'])(
    'nobody is sent to an authorization endpoint %s',
    async (endpoint) => {
      const app = await hostileLogin();
      const discovery = { authorization_endpoint: endpoint };
      app.corp.misbehave({ discovery });
      expectRefusal({ app }, await refusedVisit(app, { discovery }), OUTAGE);
    },
  );
});

describe('C13 allowed domains of a provider that users are sent to', () => {
  const withDomains = (): Promise<HostileLogin> =>
    hostileLogin((corp) => ({
      resolveProvider: (name) =>
        name === 'domains' ? { ...settingsOf(corp), allowedDomains: ['allowed.com'] } : undefined,
    }));

  it.each([
    { title: 'of another domain', claims: { hd: 'evil.com' } },
    { title: 'of none, whose address is there', claims: { email: 'a@allowed.com' } },
    { title: 'of a sub-domain', claims: { hd: 'sub.allowed.com' } },
    { title: 'of a list of domains', claims: { hd: ['allowed.com'] } },
    { title: 'of an empty one', claims: { hd: '' } },
  ])('an account $title is LOGIN_DENIED', async ({ claims }) => {
    const app = await withDomains();
    app.corp.misbehave({ idTokenClaims: claims });
    const denied = { status: 403, code: 'LOGIN_DENIED', provider: 'domains' };
    expectRefusal({ app }, await app.signIn('', { at: 'domains' }), denied);
    expect(await app.auth.users.list({ limit: 10 })).toEqual([]);
  });

  it('an account of one of them signs in', async () => {
    const app = await withDomains();
    app.corp.misbehave({ idTokenClaims: { hd: 'allowed.com' } });
    await expectSignedIn(app, await app.signIn('', { at: 'domains' }));
  });
});

describe('C10 issuers', () => {
  it.each([
    { title: 'somebody else', written: '', named: () => 'https://evil.example' },
    { title: 'itself with a slash more', written: '', named: (issuer: string) => `${issuer}/` },
    { title: 'itself without the slash that is configured', written: '/', named: String },
    { title: 'nobody', written: '', named: () => undefined },
  ])('a provider that names $title is refused', async ({ written, named }) => {
    const app = await hostileLogin(writtenWith(written));
    const discovery = { issuer: named(app.corp.issuer) };
    app.corp.misbehave({ discovery });
    expectRefusal({ app }, await refusedVisit(app, { discovery }), OUTAGE);
    expect(app.corp.requests('/authorize')).toBe(0);
  });

  it('a provider that names itself wrongly is good as soon as that is put right', async () => {
    const app = await hostileLogin();
    const discovery = { issuer: 'https://evil.example' };
    app.corp.misbehave({ discovery });
    await refusedVisit(app, { discovery });
    app.corp.misbehave({});
    await expectSignedIn(app, await app.signIn());
  });

  it('a slash at the end is part of the issuer, everywhere', async () => {
    const app = await hostileLogin(writtenWith('/'));
    const issuer = `${app.corp.issuer}/`;
    const slashed = { discovery: { issuer }, callback: { iss: issuer } };
    app.corp.misbehave({ ...slashed, idTokenClaims: { iss: issuer } });
    await expectSignedIn(app, await app.signIn());
    app.events.length = 0;
    app.corp.misbehave(slashed);
    expectRefusal({ app }, await app.signIn(), FAILED);
  });

  it('an http issuer in production stops the application from starting', () => {
    const start = (issuer: string) => () =>
      createAuth({
        env: { NODE_ENV: 'production' },
        publicUrl: 'https://app.example',
        jwt: { secret: SECRET },
        store: { url: 'memory:' },
        oidc: { corp: { issuer, clientId: 'us', clientSecret: 'not a secret' } },
        onWarning: () => undefined,
      });
    for (const issuer of ['http://idp.example', 'http://127.0.0.1:8080']) {
      expect(start(issuer)).toThrow(ConfigError);
      expect(start(issuer)).toThrow(settingIs('the option oidc.corp.issuer'));
    }
  });

  it('no public URL in production stops the application from starting', () => {
    const start = () =>
      createAuth({
        env: { NODE_ENV: 'production' },
        jwt: { secret: SECRET, issuer: 'https://app.example' },
        store: { url: 'memory:' },
        oidc: { corp: { issuer: 'https://idp.example', clientId: 'us', clientSecret: 'none' } },
        onWarning: () => undefined,
      });
    expect(start).toThrow(ConfigError);
    expect(start).toThrow(settingIs('AUTH_PUBLIC_URL'));
  });
});

/** A configuration that has nothing else wrong with it. */
function settingIs(setting: string) {
  return expect.objectContaining({ problems: [expect.objectContaining({ setting })] });
}

/** The issuer as it is configured, with or without a slash at its end. */
function writtenWith(end: string): (corp: HostileProvider) => AuthOptions {
  return (corp) => ({ oidc: { corp: { ...settingsOf(corp), issuer: `${corp.issuer}${end}` } } });
}
