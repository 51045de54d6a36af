import type { AuthOptions, ProviderAccess } from 'latchkey';
import { describe, expect, it } from 'vitest';
import { addUser } from '../world/auth-server.js';
import { type GoogleServer, startGoogleServer } from '../world/google-server.js';
import { openSocialWorld } from '../world/social-login.js';
import { refusalOn } from '../world/signed-in.js';

const GOOGLE = 'https://accounts.google.com';

interface Setting extends Omit<AuthOptions, 'google'> {
  readonly google?: AuthOptions['google'];
  readonly arrange?: (google: GoogleServer) => void;
}

async function world({ google: settings, arrange, ...options }: Setting = {}) {
  const google = await startGoogleServer();
  arrange?.(google);
  const { clientId, clientSecret } = google;
  const all = await openSocialWorld(
    { name: 'google', site: GOOGLE, server: google, authorize: (url) => google.authorize(url) },
    { google: { clientId, clientSecret, ...settings }, ...options },
  );
  return { ...all, google };
}

describe('signing in with Google by code', () => {
  it('ends where it began, with the parameters that Google adds to its callback', async () => {
    const { signIn, user, origin, google } = await world();
    const page = await signIn();
    expect(page.url).toBe(`${origin}/inside`);
    expect(await user()).toMatchObject({ email: 'ada@allowed.com' });
    // The ID token says it all.
    expect(google.requests('/v1/userinfo')).toBe(0);
  });

  it('asks for identity only, with state, nonce and PKCE', async () => {
    const { begin, google, origin } = await world();
    const url = await begin();
    expect(`${url.origin}${url.pathname}`).toBe(`${GOOGLE}/o/oauth2/v2/auth`);
    const {
      state,
      nonce,
      code_challenge: challenge,
      ...rest
    } = Object.fromEntries(url.searchParams);
    expect(rest).toEqual({
      client_id: google.clientId,
      response_type: 'code',
      redirect_uri: `${origin}/api/auth/callback/google`,
      scope: 'openid profile email',
      code_challenge_method: 'S256',
    });
    for (const random of [state, nonce, challenge]) expect(random).toMatch(/^[\w-]{43}$/);
  });

  it.each([{ iss: 'https://evil.example' }, { iss: 'accounts.google.com' }])(
    'a callback of iss=$iss is not its own',
    async ({ iss }) => {
      const { signIn, user, google } = await world({
        arrange: (server) => void (server.callback = { ...server.callback, iss }),
      });
      expect(refusalOn(await signIn())).toEqual({ status: 401, code: 'LOGIN_FAILED' });
      expect(await user()).toBeUndefined();
      expect(google.requests('/token')).toBe(0);
    },
  );

  it.each([
    { title: 'of the domain', hd: 'allowed.com', isAllowed: true },
    { title: 'of another domain', hd: 'other.com', isAllowed: false },
    { title: 'of no domain, with an address there', hd: undefined, isAllowed: false },
  ])('limited to a domain, an account $title gets in: $isAllowed', async ({ hd, isAllowed }) => {
    const { signIn, user, reasons } = await world({
      google: { allowedDomains: ['allowed.com'] },
      // What the callback says is not signed, and counts for nothing.
      arrange: (google) => void (google.claims = { hd }),
    });
    const page = await signIn();
    expect(page.status).toBe(isAllowed ? 200 : 403);
    expect((await user()) !== undefined).toBe(isAllowed);
    expect(reasons()).toEqual(isAllowed ? [] : ['domain']);
  });

  it.each([
    { title: 'of Workspace', claims: {}, joins: true },
    { title: 'of Gmail', claims: { hd: undefined, email: 'ada@gmail.com' }, joins: true },
    { title: 'elsewhere', claims: { hd: undefined, email: 'ada@corp.example' }, joins: false },
    { title: 'not verified', claims: { email_verified: false }, joins: false },
  ])('an address $title joins the account that has it: $joins', async ({ claims, joins }) => {
    const all = await world({ arrange: (google) => void (google.claims = claims) });
    const { email = 'ada@allowed.com' }: { readonly email?: string } = claims;
    const ada = await addUser(all, { username: 'ada', email, emailVerified: true });
    await all.signIn();
    expect((await all.user())?.id === ada.id).toBe(joins);
  });

  it.each([
    { error: 'redirect_uri_mismatch', reason: 'invalid_redirect_uri', status: 502 },
    { error: 'deleted_client', reason: 'invalid_client', status: 502 },
    { error: 'disabled_client', reason: 'invalid_client', status: 502 },
    { error: 'invalid_grant', reason: 'invalid_grant', status: 401 },
    { error: 'org_internal', reason: 'token_endpoint', status: 502 },
  ])('$error of the token endpoint is $reason in the event', async ({ error, reason, status }) => {
    const { signIn, reasons } = await world({
      arrange: (google) => void (google.tokenError = error),
    });
    expect((await signIn()).status).toBe(status);
    expect(reasons()).toEqual([reason]);
  });

  it('a wrong client secret is invalid_client in the event', async () => {
    const { signIn, reasons } = await world({ google: { clientSecret: 'GOCSPX-of-another' } });
    expect(refusalOn(await signIn())).toEqual({ status: 502, code: 'PROVIDER_ERROR' });
    expect(reasons()).toEqual(['invalid_client']);
  });

  it('hands its access token to the provision hook', async () => {
    const given: ProviderAccess[] = [];
    const { signIn } = await world({
      provision: (_identity, _user, access) => {
        given.push(access);
        return {};
      },
    });
    await signIn();
    expect(given.map(({ accessToken }) => accessToken)).toEqual([expect.stringMatching(/^ya29\./)]);
  });
});
