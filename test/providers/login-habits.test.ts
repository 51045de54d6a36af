import { describe, expect, it } from 'vitest';
import { createIdentityReader } from '../../lib/providers/identity-reader.js';
import { presetOf } from '../../lib/providers/habits/habits.js';
import { BASE } from '../world/auth-server.js';
import { createHttpBrowser } from '../world/http-browser.js';
import { reservePort, serveLoginApp } from '../world/login-app.js';

describe('the kind of a provider', () => {
  it.each([
    ['https://accounts.google.com', 'google'],
    ['https://login.microsoftonline.com/0b3c/v2.0', 'entra'],
    ['https://login.microsoftonline.com/organizations/v2.0', 'entra'],
    ['https://dev-1234.okta.com', 'okta'],
    ['https://dev-1234.okta.com/oauth2/default', 'okta'],
    ['https://example.eu.auth0.com/', 'auth0'],
    ['https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12', 'cognito'],
    ['https://id.example.com/realms/staff', 'keycloak'],
    ['https://id.example.com', 'generic'],
    ['https://accounts.google.com.evil.example', 'generic'],
    ['https://evil.example/okta.com', 'generic'],
  ])('%s is %s', (issuer, preset) => {
    expect(presetOf(issuer)).toBe(preset);
  });
});

describe('whom an address may join', () => {
  const google = 'https://accounts.google.com';
  const corp = 'https://id.example.com';
  it.each([
    { title: 'a mailbox at Google', issuer: google, email: 'a@gmail.com', vouched: true },
    { title: 'a Workspace', issuer: google, email: 'a@b.example', hd: 'b.example', vouched: true },
    { title: 'any other address at Google', issuer: google, email: 'a@b.example', vouched: false },
    { title: 'a provider nobody has trusted', issuer: corp, email: 'a@b.example', vouched: false },
    { title: 'one that is', issuer: corp, email: 'a@b.example', trustEmail: true, vouched: true },
    {
      title: 'one that is, of an address it has not verified',
      issuer: corp,
      email: 'a@b.example',
      trustEmail: true,
      verified: false,
      vouched: false,
    },
    { title: 'no address at all', issuer: corp, email: 'nobody', trustEmail: true, vouched: false },
  ])('$title: $vouched', ({ issuer, email, hd, trustEmail, verified = true, vouched }) => {
    const read = createIdentityReader({ name: 'it', issuer, preset: undefined, trustEmail });
    const identity = read({ iss: issuer, sub: '1', email, email_verified: verified, hd });
    expect(identity.emailVouched).toBe(vouched);
  });

  it('reads Cognito’s text for a truth', () => {
    const issuer = 'https://cognito-idp.eu-west-1.amazonaws.com/x';
    const read = createIdentityReader({
      name: 'it',
      issuer,
      preset: undefined,
      trustEmail: undefined,
    });
    const claims = { iss: issuer, sub: '1', email: 'A@B.example', email_verified: 'true' };
    expect(read(claims)).toMatchObject({ email: 'a@b.example', emailVerified: true });
  });
});

it('Google is asked for a refresh token in its own words', async () => {
  const issuer = 'https://accounts.google.com';
  const port = await reservePort();
  const app = serveLoginApp(port, {
    oidc: {
      default: { issuer, clientId: 'x', clientSecret: 'y', scope: 'openid email offline_access' },
    },
    providerFetch: () =>
      Promise.resolve(
        Response.json({
          issuer,
          authorization_endpoint: `${issuer}/o/oauth2/v2/auth`,
          token_endpoint: 'https://oauth2.googleapis.com/token',
          jwks_uri: 'https://www.googleapis.com/oauth2/v3/certs',
        }),
      ),
  });
  const away = await createHttpBrowser().open(`${app.origin}/api/auth/login`, {
    until: (url) => url.origin === issuer,
  });
  expect(Object.fromEntries(new URL(away.url).searchParams)).toMatchObject({
    scope: 'openid email',
    access_type: 'offline',
    prompt: 'consent',
    redirect_uri: `${app.origin}/api/auth/callback`,
  });
});

it('without a public URL, in development, users come back to this machine', async () => {
  const issuer = 'https://id.example.com';
  const port = await reservePort();
  const app = serveLoginApp(port, {
    publicUrl: undefined,
    jwt: { ...BASE.jwt, issuer: 'https://app.example' },
    oidc: { default: { issuer, clientId: 'x' } },
    providerFetch: () =>
      Promise.resolve(
        Response.json({
          issuer,
          authorization_endpoint: `${issuer}/auth`,
          token_endpoint: `${issuer}/token`,
          jwks_uri: `${issuer}/jwks`,
        }),
      ),
  });
  const away = await createHttpBrowser().open(`${app.origin}/api/auth/login`, {
    until: (url) => url.origin === issuer,
    headers: { 'x-forwarded-host': 'evil.example', host: 'evil.example' },
  });
  expect(new URL(away.url).searchParams.get('redirect_uri')).toBe(
    `${app.origin}/api/auth/callback`,
  );
});
