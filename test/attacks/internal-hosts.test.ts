import { createVerifier, type IssuerOptions, loadConfig } from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import type { Lookup } from '../../lib/http/public-fetch.js';
import { createProviderFetch } from '../../lib/providers/fetch.js';
import { createOpenidProvider } from '../../lib/providers/openid.js';
import { createProviders } from '../../lib/providers/providers.js';
import { discoverUrl, fetchJwks } from '../../lib/verifier/keys/fetch.js';
import { BASE } from '../world/auth-server.js';
import { createEventLog } from '../world/event-log.js';
import { startHostileProvider } from '../world/hostile-provider.js';
import { serveProviderDocuments } from '../world/provider-documents.js';
import { refusalOf } from '../world/refusal-of.js';
import { serve } from '../world/serve.js';

const ISSUER = 'https://idp.tenant.example';
const PRODUCTION = { allowLoopbackHttp: false, internalHosts: new Set<string>() };

/** Every name leads to this machine. */
const lookup: Lookup = (_hostname, _options, callback) =>
  callback(null, [{ address: '127.0.0.1', family: 4 }]);

const metadata = (change: object = {}) => ({
  issuer: ISSUER,
  authorization_endpoint: `${ISSUER}/authorize`,
  token_endpoint: `${ISSUER}/token`,
  jwks_uri: `${ISSUER}/jwks`,
  end_session_endpoint: `${ISSUER}/end`,
  response_types_supported: ['code'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['RS256'],
  ...change,
});

/** A tenant's provider in production, whose metadata is as given. */
async function tenantProvider(change: object) {
  const { fetch, asked } = await serveProviderDocuments({
    [`${ISSUER}/.well-known/openid-configuration`]: metadata(change),
  });
  const context = {
    ...PRODUCTION,
    fetch,
    toleranceSeconds: 60,
    events: createEventLog(),
    now: Date.now,
  };
  const settings = { issuer: ISSUER, clientId: 'reports', clientSecret: 'x' };
  return { provider: createOpenidProvider('acme', settings, context), asked };
}

const urlOf = (input: Parameters<typeof fetch>[0]): string =>
  input instanceof Request ? input.url : String(input);

const INSIDE = { code: 'PROVIDER_ERROR', reason: 'private_address' };

describe("metadata of a tenant's provider that names an address of our own network", () => {
  const going = { redirectUri: 'https://app.example.com/callback' };

  it.each([
    { member: 'authorization_endpoint', url: 'https://10.0.0.1/authorize' },
    { member: 'authorization_endpoint', url: 'https://localhost/authorize' },
    { member: 'pushed_authorization_request_endpoint', url: 'https://[::ffff:10.0.0.1]/par' },
  ])('$member $url: 502 at the beginning of a log-in', async ({ member, url }) => {
    const { provider, asked } = await tenantProvider({ [member]: url });
    await expect(provider.begin(going)).rejects.toMatchObject(INSIDE);
    expect(asked).not.toContain(url);
  });

  it('token_endpoint: 502 at its end, and neither code nor secret goes there', async () => {
    const url = 'https://169.254.169.254/token';
    const { provider, asked } = await tenantProvider({ token_endpoint: url });
    const { secrets } = await provider.begin(going);
    const answer = new URLSearchParams({ code: 'c', state: secrets.state });
    await expect(provider.finish(answer, secrets)).rejects.toMatchObject(INSIDE);
    const tokens = { accessToken: 'a', renewAt: 0, refreshToken: 'r', idToken: undefined };
    const owner = { issuer: ISSUER, subject: 'ada' };
    await expect(provider.renew(tokens, owner)).rejects.toMatchObject(INSIDE);
    expect(asked).not.toContain(url);
  });

  it('end_session_endpoint: no browser is sent there', async () => {
    const { provider } = await tenantProvider({ end_session_endpoint: 'https://192.168.1.1/end' });
    const logout = {
      idToken: undefined,
      sessionId: undefined,
      returnTo: 'https://app.example.com/',
    };
    await expect(provider.logoutUrl(logout)).rejects.toThrow(TypeError);
  });

  it.each([
    { title: 'keys', request: {} },
    { title: 'userinfo', request: { headers: { authorization: 'Bearer x' } } },
    { title: 'tokens', request: { method: 'POST', body: 'code=x' } },
  ])('$title: nobody is asked, by address or by a name that leads there', async ({ request }) => {
    let hits = 0;
    const { origin } = await serve((_request, response) => void response.end(String((hits += 1))));
    const { port } = new URL(origin);
    const ask = createProviderFetch({ ...PRODUCTION, lookup, now: Date.now });
    for (const host of ['127.0.0.1', '[::1]', 'localhost', 'idp.tenant.example'])
      await expect(ask(`https://${host}:${port}/x`, request)).rejects.toThrow(TypeError);
    // Where the host is listed it is: by what it says, it is no https server.
    const internalHosts = new Set([`idp.tenant.example:${port}`]);
    const listed = createProviderFetch({
      ...PRODUCTION,
      allowHttpHosts: internalHosts,
      internalHosts,
      fetch: (_input, init) => fetch(origin, init),
      now: Date.now,
    });
    expect((await listed(`http://idp.tenant.example:${port}/x`, request)).status).toBe(200);
    expect(hits).toBe(1);
  });
});

describe('a provider that a resolver names in production', () => {
  it('within our own network: 503, and the resolver is at fault', async () => {
    const config = loadConfig({
      env: {
        NODE_ENV: 'production',
        AUTH_JWT_SECRET: BASE.jwt.secret,
        AUTH_PUBLIC_URL: 'https://app.example.com',
        AUTH_STORE_URL: 'memory:',
        AUTH_INTERNAL_HOSTS: '10.0.0.2',
      },
    });
    const events = createEventLog();
    const providers = createProviders(
      config,
      {
        resolveProvider: (name) => ({
          issuer: name === 'listed' ? 'https://10.0.0.2/realms/a' : 'https://10.0.0.1/realms/a',
          clientId: 'x',
        }),
      },
      { events, now: Date.now },
    );
    await expect(providers.find('acme')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(events.of('hook.failed')).toEqual([{ hook: 'resolveProvider' }]);
    expect(await providers.find('listed')).toMatchObject({ name: 'listed' });
  });
});

describe('a provider on a private network that the operator has configured', () => {
  it('signs in over http in production where AUTH_JWKS_ALLOW_HTTP names it', async () => {
    const hostile = await startHostileProvider();
    const env = {
      NODE_ENV: 'production',
      AUTH_JWT_SECRET: BASE.jwt.secret,
      AUTH_PUBLIC_URL: 'https://app.example.com',
      AUTH_STORE_URL: 'memory:',
      AUTH_OIDC_ISSUER: hostile.issuer,
      AUTH_OIDC_CLIENT_ID: hostile.clientId,
      AUTH_OIDC_CLIENT_SECRET: hostile.clientSecret,
    };
    expect(() => loadConfig({ env })).toThrow('AUTH_JWKS_ALLOW_HTTP');
    const AUTH_JWKS_ALLOW_HTTP = '127.0.0.1';
    const config = loadConfig({ env: { ...env, AUTH_JWKS_ALLOW_HTTP } });
    const providers = createProviders(config, {}, { events: createEventLog(), now: Date.now });
    const provider = await providers.find(undefined);
    const begun = await provider?.begin({ redirectUri: 'https://app.example.com/callback' });
    const { search } = new URL(await hostile.authorize(begun?.url.href ?? ''));
    const answer = new URLSearchParams(search);
    const signedIn = begun && (await provider?.finish(answer, begun.secrets));
    expect(signedIn?.identity).toMatchObject({ subject: 'user-1' });
    // Its metadata names no other host over http.
    hostile.misbehave({ discovery: { token_endpoint: 'http://localhost:1/token' } });
    const later = createProviders(config, {}, { events: createEventLog(), now: Date.now });
    const again = await later.find(undefined);
    const { secrets } = (await again?.begin({ redirectUri: 'https://app.example.com/' })) ?? {};
    const iss = hostile.issuer;
    const code = new URLSearchParams({ code: 'c', state: secrets?.state ?? '', iss });
    const finished = secrets && again?.finish(code, secrets);
    await expect(finished).rejects.toMatchObject({ code: 'PROVIDER_ERROR' });
  });
});

describe('keys in our own network', () => {
  const options = { ...PRODUCTION, lookup, timeoutMs: 5000 };

  it.each(['https://127.0.0.1/keys', 'https://localhost/keys', 'https://keys.tenant.example/keys'])(
    'are not fetched, nor is metadata: %s',
    async (url) => {
      const inside = { reason: 'private_address' };
      await expect(fetchJwks(url, options)).rejects.toMatchObject(inside);
      await expect(discoverUrl('jwks_uri', url, options)).rejects.toMatchObject(inside);
    },
  );

  it('are not fetched for a configured issuer whose metadata names them; its own host is where it is', async () => {
    const base = 'https://10.0.0.7:8443/realms/main';
    const events = createEventLog();
    const issuer = await createTestIssuer({ issuer: base });
    const policy: IssuerOptions = {
      ...issuer.policy,
      keys: { discovery: true, fetch: issuer.fetch },
    };
    const production = { issuers: policy, allowLoopbackHttp: false, events };
    await createVerifier(production).verify(await issuer.mint());
    const elsewhere: typeof fetch = async (input, init) =>
      urlOf(input).includes('.well-known')
        ? Response.json({ issuer: base, jwks_uri: 'https://10.0.0.8/keys' })
        : issuer.fetch(input, init);
    const issuers = { ...policy, keys: { discovery: true, fetch: elsewhere } } as const;
    const refused = createVerifier({ ...production, issuers }).verify(await issuer.mint());
    expect((await refusalOf(refused)).code).toBe('KEYS_UNAVAILABLE');
    expect(events.of('keys.failed')).toMatchObject([{ reason: 'private_address' }]);
  });

  it('are not fetched for an issuer that a resolver names, unless its host is listed', async () => {
    const issuer = await createTestIssuer({ issuer: 'https://10.0.0.7' });
    const asked: string[] = [];
    const own: typeof fetch = (input, init) => {
      asked.push(urlOf(input));
      return issuer.fetch(input, init);
    };
    const keys = { discovery: true, fetch: own } as const;
    const verifyWith = async (allowInternalHosts: string[]) =>
      createVerifier({
        resolveIssuer: () => ({ ...issuer.policy, keys }),
        allowLoopbackHttp: false,
        allowInternalHosts,
      }).verify(await issuer.mint());
    expect((await refusalOf(verifyWith([]))).code).toBe('KEYS_UNAVAILABLE');
    expect(asked).toEqual([]);
    expect((await verifyWith(['10.0.0.7'])).issuer).toBe('https://10.0.0.7');
  });
});
