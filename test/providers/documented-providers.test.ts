import { describe, expect, it } from 'vitest';
import type { AuthOptions, Identity } from 'latchkey';
import {
  type DocumentedName,
  type DocumentedProvider,
  documentedProviders,
  replayedUrl,
  replayOf,
} from '../world/documented-providers.js';
import { startHostileProvider } from '../world/hostile-provider.js';
import { urlOf } from '../world/hostile-login.js';
import { createHttpBrowser, type HttpBrowser } from '../world/http-browser.js';
import { reservePort, serveLoginApp } from '../world/login-app.js';
import { userOf } from '../world/signed-in.js';

const providers: Readonly<Record<DocumentedName, DocumentedProvider>> = documentedProviders;
const names = Object.keys(documentedProviders) as DocumentedName[];

/** An application whose users sign in at all of these providers, which one server replays. */
async function world(options: AuthOptions = {}) {
  const [port, server] = [await reservePort(), await startHostileProvider()];
  const { clientId, clientSecret } = server;
  const asked: string[] = [];
  const identities: Identity[] = [];
  const clients = names.map((name) => {
    const { issuer } = providers[name];
    return [name, { issuer, clientId, clientSecret }] as const;
  });
  const app = serveLoginApp(port, {
    oidc: Object.fromEntries(clients),
    provision(identity) {
      identities.push(identity);
      return {};
    },
    providerFetch(input, init) {
      asked.push(urlOf(input));
      return fetch(replayedUrl(urlOf(input), server.issuer), init);
    },
    ...options,
  });
  const isAway = (url: URL): boolean => url.origin !== app.origin;

  async function signIn(
    name: DocumentedName,
    claims: Readonly<Record<string, unknown>> = {},
    browser: HttpBrowser = createHttpBrowser(),
  ): Promise<HttpBrowser> {
    server.misbehave(replayOf(providers[name], claims));
    const begin = `${app.origin}/api/auth/login/${name}?returnTo=/inside`;
    const { url } = await browser.open(begin, { until: isAway });
    const { authorization } = providers[name].endpoints;
    expect(url.slice(0, url.indexOf('?'))).toBe(authorization);
    const page = await browser.open(await server.authorize(url));
    expect({ url: page.url, body: page.body }).toEqual({
      url: `${app.origin}/inside`,
      body: 'inside',
    });
    return browser;
  }

  /** Where the browser is sent to sign out at the provider; undefined when it stays here. */
  async function signOut(browser: HttpBrowser): Promise<URL | undefined> {
    const { body } = await browser.fetch(`${app.origin}/api/auth/session`);
    const { logout_url: path } = JSON.parse(body) as { readonly logout_url: string };
    const page = await browser.open(`${app.origin}${path}`, { until: isAway });
    expect(await userOf(browser, app.origin)).toBeUndefined();
    const url = new URL(page.url);
    if (isAway(url)) return url;
    expect(page.url).toBe(`${app.origin}/`);
    return undefined;
  }

  return { ...app, server, asked, identities, signIn, signOut };
}

describe('a sign-in at a provider as it is documented', () => {
  it.each<{ name: DocumentedName; username?: string; emailVerified?: boolean }>([
    { name: 'keycloak', username: 'sam' },
    { name: 'okta', username: 'sam@thing.example' },
    { name: 'entra', username: 'sam@thing.example', emailVerified: false },
    { name: 'auth0' },
    { name: 'cognito', username: 'sam' },
  ])('$name', async ({ name, username, emailVerified = true }) => {
    const { identities, signIn, asked } = await world();
    await signIn(name);
    expect(identities).toMatchObject([
      {
        provider: name,
        issuer: providers[name].issuer,
        subject: providers[name].idToken.sub,
        email: 'sam@thing.example',
        emailVerified,
        emailVouched: false,
        username,
      },
    ]);
    // Only the thin ID token leaves anything to ask.
    const isAsked = asked.includes(providers[name].endpoints.userinfo);
    expect(isAsked).toBe(name === 'okta');
  });

  it.each([
    { title: 'an address', claims: {}, email: 'sam@thing.example' },
    { title: 'a user name alone', claims: { email: undefined }, email: 'sam@thing.example' },
    {
      title: 'a user name that is no address',
      claims: { email: undefined, preferred_username: '+44 20 7946 0000' },
      email: undefined,
    },
  ])('Entra: a user with $title gets it, unverified, and the name', async ({ claims, email }) => {
    const { auth, identities, signIn, asked } = await world();
    await signIn('entra', claims);
    expect(identities).toMatchObject([
      { email, emailVerified: false, emailVouched: false, attributes: { name: 'Sam Thing' } },
    ]);
    const [user] = await auth.users.list({ limit: 2 });
    expect(user).toMatchObject({ email, emailVerified: false });
    expect(user?.username === undefined).toBe(email !== undefined);
    // Microsoft Graph knows no more, and takes no access token of another API.
    expect(asked).not.toContain(providers.entra.endpoints.userinfo);
  });

  it('Entra: an address that somebody has already is nobody else’s, and keeps nobody out', async () => {
    const { auth, signIn, origin } = await world();
    const owner = await auth.users.create({ email: 'sam@thing.example', emailVerified: true });
    const browser = await signIn('entra');
    const user = await userOf(browser, origin);
    expect(user?.id).not.toBe(owner.id);
    expect(user).toMatchObject({
      username: expect.stringMatching(/^entra-[\da-f]{12}$/) as string,
    });
    expect(user?.email).toBeUndefined();
    expect(await auth.users.findByLogin('sam@thing.example')).toEqual(owner);
  });

  it.each([
    { title: 'says that it is not verified', claims: { email_verified: false } },
    { title: 'says so as text', claims: { email_verified: 'false' } },
  ])('an address of which the provider $title is not kept', async ({ claims }) => {
    const { auth, signIn } = await world();
    await signIn('auth0', claims);
    expect(await auth.users.list({ limit: 2 })).toMatchObject([{ email: undefined }]);
  });

  it.each([
    { claim: 'xms_edov', value: true, emailVerified: true },
    { claim: 'xms_edov', value: '1', emailVerified: true },
    { claim: 'xms_edov', value: 1, emailVerified: true },
    { claim: 'xms_edov', value: 'true', emailVerified: true },
    { claim: 'xms_edov', value: false, emailVerified: false },
    { claim: 'xms_edov', value: '0', emailVerified: false },
    { claim: 'xms_edov', value: {}, emailVerified: false },
    { claim: 'verified_primary_email', value: ['Sam@thing.example'], emailVerified: true },
    { claim: 'verified_primary_email', value: ['sam@other.example'], emailVerified: false },
    { claim: 'verified_primary_email', value: [], emailVerified: false },
    { claim: 'verified_primary_email', value: 'sam@thing.example', emailVerified: false },
  ])(
    'Entra: $claim $value says $emailVerified of the address, and vouches for none',
    async (row) => {
      const { identities, signIn } = await world();
      await signIn('entra', { [row.claim]: row.value });
      expect(identities).toMatchObject([
        { email: 'sam@thing.example', emailVerified: row.emailVerified, emailVouched: false },
      ]);
    },
  );
});

it.each([
  {
    title: 'Keycloak, where the user took too long',
    name: 'keycloak' as const,
    answer: {
      error: 'temporarily_unavailable',
      error_description: 'authentication_expired',
      iss: providers.keycloak.issuer,
    },
    refusal: { status: 401, reason: 'authentication_expired' },
  },
  {
    title: 'Keycloak, when it is overloaded',
    name: 'keycloak' as const,
    answer: { error: 'temporarily_unavailable', iss: providers.keycloak.issuer },
    refusal: { status: 502, reason: 'temporarily_unavailable' },
  },
  {
    title: 'Entra, when the user cancels',
    name: 'entra' as const,
    answer: { error: 'access_denied', error_subcode: 'cancel' },
    refusal: { status: 403, reason: 'access_denied' },
  },
])('an error of $title is told apart', async ({ name, answer, refusal }) => {
  const { origin, server, events } = await world();
  const browser = createHttpBrowser();
  const replay = replayOf(providers[name]);
  server.misbehave({ ...replay, callback: { code: undefined, ...replay.callback, ...answer } });
  const { url } = await browser.open(`${origin}/api/auth/login/${name}`, {
    until: (place) => place.origin !== origin,
  });
  const headers = { accept: 'application/json', 'sec-fetch-mode': 'cors' };
  const page = await browser.open(await server.authorize(url), { headers });
  expect(page.status).toBe(refusal.status);
  expect(events.filter((entry) => entry.name === 'login.failed')).toMatchObject([
    { event: { provider: name, reason: refusal.reason } },
  ]);
});

/** About 11 kB of a token. */
const GROUPS = Array.from({ length: 200 }, (_, at) => `690222be-ff1a-4d56-abd1-${1e11 + at}`);

describe('signing out at a provider as it is documented', () => {
  const { keycloak, okta, entra, auth0, cognito } = providers;

  it.each<{ name: DocumentedName; endpoint: string | undefined; parameters: readonly string[] }>([
    {
      name: 'keycloak',
      endpoint: keycloak.endpoints.logout,
      parameters: ['client_id', 'post_logout_redirect_uri', 'id_token_hint'],
    },
    {
      name: 'okta',
      endpoint: okta.endpoints.logout,
      parameters: ['client_id', 'post_logout_redirect_uri', 'id_token_hint'],
    },
    {
      name: 'entra',
      endpoint: entra.endpoints.logout,
      parameters: ['client_id', 'post_logout_redirect_uri', 'logout_hint', 'id_token_hint'],
    },
    {
      name: 'auth0',
      endpoint: auth0.endpoints.logout,
      parameters: ['client_id', 'post_logout_redirect_uri', 'logout_hint', 'id_token_hint'],
    },
    {
      name: 'cognito',
      endpoint: cognito.endpoints.logout,
      parameters: ['client_id', 'logout_uri'],
    },
  ])('$name gets $parameters', async ({ name, endpoint, parameters }) => {
    const { origin, signIn, signOut } = await world();
    const url = await signOut(await signIn(name));
    expect(`${url?.origin}${url?.pathname}`).toBe(endpoint);
    const given = Object.fromEntries(url?.searchParams ?? []);
    expect(Object.keys(given)).toEqual(parameters);
    expect(given['client_id']).toBe('hostile-client');
    expect(given['post_logout_redirect_uri'] ?? given['logout_uri']).toBe(`${origin}/`);
  });

  it.each<{ name: DocumentedName; hint?: string }>([
    // Which then asks the user to confirm.
    { name: 'keycloak' },
    { name: 'entra', hint: entra.idToken['login_hint'] as string },
    { name: 'auth0', hint: auth0.idToken['sid'] as string },
  ])('$name gets no ID token of 200 groups: the URL stays short', async ({ name, hint }) => {
    const { origin, signIn, signOut } = await world();
    const url = await signOut(await signIn(name, { groups: GROUPS }));
    expect(url?.href.length).toBeLessThan(2048);
    expect(Object.fromEntries(url?.searchParams ?? [])).toEqual({
      client_id: 'hostile-client',
      post_logout_redirect_uri: `${origin}/`,
      ...(hint !== undefined && { logout_hint: hint }),
    });
  });

  it('nobody is sent to Okta without the ID token that it wants, to stay on its error page', async () => {
    const { signIn, signOut } = await world();
    expect(await signOut(await signIn('okta', { groups: GROUPS }))).toBeUndefined();
  });
});

describe('a logout token as it is documented', () => {
  it.each<{ name: 'keycloak' | 'auth0'; typ: string | undefined }>([
    { name: 'keycloak', typ: 'logout+jwt' },
    // Before 25
    { name: 'keycloak', typ: 'JWT' },
    { name: 'auth0', typ: 'logout+jwt' },
    { name: 'auth0', typ: 'JWT' },
  ])('of $name, of type $typ, ends the session', async ({ name, typ }) => {
    const { origin, server, signIn } = await world();
    const browser = await signIn(name);
    const { issuer, idToken, logoutToken } = providers[name];
    const claims = { iss: issuer, sub: idToken.sub, ...logoutToken?.claims };
    const token = await server.logoutToken(claims, { ...logoutToken?.header, typ });
    const { status } = await fetch(`${origin}/api/auth/backchannel/${name}`, {
      method: 'POST',
      body: new URLSearchParams({ logout_token: token }),
    });
    expect(status).toBe(200);
    expect(await userOf(browser, origin)).toBeUndefined();
  });
});
