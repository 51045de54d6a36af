import { randomUUID } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { createVerifier, type IssuerOptions } from 'latchkey';
import { createEventLog } from '../world/event-log.js';
import { expressVersions } from '../world/express-versions.js';
import { serveInvoicesApi } from '../world/invoices-api.js';
import {
  AUDIENCE,
  CLIENT_ID,
  type OpenIdProvider,
  type ProviderAlgorithm,
  startOpenIdProvider,
} from '../world/openid-provider.js';

/** What an application writes to trust this provider. */
function trust(provider: OpenIdProvider, changes: Partial<IssuerOptions> = {}): IssuerOptions {
  return {
    issuer: provider.issuer,
    audience: AUDIENCE,
    keys: { discovery: true },
    algorithms: ['ES256'],
    profile: 'rfc9068',
    ...changes,
  };
}

const algorithms: readonly ProviderAlgorithm[] = ['RS256', 'PS256', 'ES256', 'EdDSA'];

describe.each(expressVersions)('a resource server on $name', ({ express }) => {
  it.each(algorithms)("takes a provider's %s access tokens", async (algorithm) => {
    const provider = await startOpenIdProvider({ algorithm });
    const verifier = createVerifier({ issuers: trust(provider, { algorithms: [algorithm] }) });
    const api = await serveInvoicesApi(verifier, express);
    const token = await provider.mint();

    const first = await api.get('/me', token);
    const again = await api.get('/me', token);

    expect(decodeProtectedHeader(token)).toEqual({
      alg: algorithm,
      typ: 'at+jwt',
      kid: provider.kid,
    });
    expect(first.status).toBe(200);
    expect(first.body).toEqual({
      method: 'jwt',
      subject: CLIENT_ID,
      clientId: CLIENT_ID,
      issuer: provider.issuer,
      scopes: ['invoices:read'],
    });
    expect(again.body).toEqual(first.body);
    expect(provider.requests).toEqual({ discovery: 1, jwks: 1 });
    expect(verifier.counters()).toMatchObject({ signatureChecks: 1, keyFetches: 1 });
  });
});

describe('an access token', () => {
  it.each<{ algorithm: ProviderAlgorithm }>([{ algorithm: 'RS256' }, { algorithm: 'PS256' }])(
    'of an RSA key that names no algorithm passes with the one the policy names: $algorithm',
    async ({ algorithm }) => {
      const provider = await startOpenIdProvider({ algorithm, keysNameAlgorithm: false });
      const verifier = createVerifier({ issuers: trust(provider, { algorithms: [algorithm] }) });
      const api = await serveInvoicesApi(verifier);

      expect((await api.get('/me', await provider.mint())).status).toBe(200);
    },
  );

  it('of an algorithm that only the provider allows is refused without a fetch', async () => {
    const provider = await startOpenIdProvider({ algorithm: 'PS256' });
    const events = createEventLog();
    const verifier = createVerifier({
      issuers: trust(provider, { algorithms: ['RS256'] }),
      events,
    });
    const api = await serveInvoicesApi(verifier);

    expect((await api.get('/me', await provider.mint())).status).toBe(401);
    expect(events.of('token.refused')).toMatchObject([{ reason: 'algorithm' }]);
    expect(provider.requests).toEqual({ discovery: 0, jwks: 0 });
  });

  it('for another audience is refused without a fetch', async () => {
    const provider = await startOpenIdProvider();
    const events = createEventLog();
    const verifier = createVerifier({ issuers: trust(provider), events });
    const api = await serveInvoicesApi(verifier);
    const token = await provider.mint({ resource: 'https://payroll.example/api' });

    const response = await api.get('/me', token);

    expect(response.status).toBe(401);
    expect(response.headers.get('WWW-Authenticate')).toBe(
      'Bearer realm="api", error="invalid_token"',
    );
    expect(events.of('token.refused')).toMatchObject([
      { code: 'INVALID_TOKEN', reason: 'audience' },
    ]);
    expect(provider.requests).toEqual({ discovery: 0, jwks: 0 });
  });

  it('of a provider we do not trust causes no request, neither there nor at ours', async () => {
    const ours = await startOpenIdProvider();
    const theirs = await startOpenIdProvider();
    const events = createEventLog();
    const verifier = createVerifier({ issuers: trust(ours), events });
    const api = await serveInvoicesApi(verifier);

    expect((await api.get('/me', await theirs.mint())).status).toBe(401);
    expect(events.of('token.refused')).toMatchObject([{ reason: 'issuer' }]);
    expect(ours.requests).toEqual({ discovery: 0, jwks: 0 });
    expect(theirs.requests).toEqual({ discovery: 0, jwks: 0 });
  });

  it('that names one of two trusted providers is checked with the keys of that one', async () => {
    const shop = await startOpenIdProvider();
    const bank = await startOpenIdProvider();
    const verifier = createVerifier({ issuers: [trust(shop), trust(bank)] });
    const api = await serveInvoicesApi(verifier);

    expect((await api.get('/me', await bank.mint())).body).toMatchObject({ issuer: bank.issuer });
    expect(shop.requests).toEqual({ discovery: 0, jwks: 0 });
    expect((await api.get('/me', await shop.mint())).body).toMatchObject({ issuer: shop.issuer });
    expect(bank.requests).toEqual({ discovery: 1, jwks: 1 });
  });

  it('bound to a key by DPoP is not taken as a plain bearer token (RFC 9449 §7.2)', async () => {
    const provider = await startOpenIdProvider();
    const events = createEventLog();
    const api = await serveInvoicesApi(createVerifier({ issuers: trust(provider), events }));
    const token = await provider.mint({
      headers: { DPoP: await proofFor(provider.tokenEndpoint) },
    });

    expect(decodeJwt(token)).toHaveProperty('cnf.jkt');
    expect((await api.get('/me', token)).status).toBe(401);
    expect(events.of('token.refused')).toMatchObject([{ reason: 'sender_constrained' }]);
  });

  it('without the scope of a route is refused there with 403, and nowhere else', async () => {
    const provider = await startOpenIdProvider();
    const api = await serveInvoicesApi(createVerifier({ issuers: trust(provider) }));
    const token = await provider.mint({ scope: 'invoices:write' });

    const refused = await api.get('/invoices', token);

    expect(refused.status).toBe(403);
    expect(refused.headers.get('WWW-Authenticate')).toBe(
      'Bearer realm="api", error="insufficient_scope", scope="invoices:read"',
    );
    expect((await api.get('/me', token)).status).toBe(200);
    expect((await api.get('/invoices', await provider.mint())).status).toBe(200);
    expect(provider.requests).toEqual({ discovery: 1, jwks: 1 });
  });
});

describe('an ID token of the same provider', () => {
  it.each<{ title: string; policy: Partial<IssuerOptions>; claims: object; reason: string }>([
    {
      title: 'by its type',
      policy: { profile: 'rfc9068' },
      claims: {},
      reason: 'type',
    },
    {
      title: 'by its nonce, where the profile takes tokens without a type',
      policy: { profile: 'jwt' },
      claims: { nonce: 'n-0S6_WzA2Mj' },
      reason: 'token_kind',
    },
    {
      title: 'by its access token hash, where the profile takes tokens without a type',
      policy: { profile: 'jwt' },
      claims: { at_hash: 'an access token' },
      reason: 'token_kind',
    },
    {
      title: 'by its audience, where nothing else gives it away',
      policy: { profile: 'jwt', audience: AUDIENCE },
      claims: {},
      reason: 'audience',
    },
  ])('is refused $title', async ({ policy, claims, reason }) => {
    const provider = await startOpenIdProvider();
    const events = createEventLog();
    const issuer = trust(provider, { audience: [AUDIENCE, CLIENT_ID], ...policy });
    const api = await serveInvoicesApi(createVerifier({ issuers: issuer, events }));

    const response = await api.get('/me', await provider.mintIdToken({ ...claims }));

    expect(response.status).toBe(401);
    expect(events.of('token.refused')).toMatchObject([{ code: 'INVALID_TOKEN', reason }]);
    expect((await api.get('/me', await provider.mint())).status).toBe(200);
  });
});

describe('discovery', () => {
  it('happens once for many first requests at the same time', async () => {
    const provider = await startOpenIdProvider();
    const verifier = createVerifier({ issuers: trust(provider) });
    const api = await serveInvoicesApi(verifier);
    const tokens = await Promise.all(Array.from({ length: 20 }, () => provider.mint()));

    const responses = await Promise.all(tokens.map((token) => api.get('/me', token)));

    expect(responses.map(({ status }) => status)).toEqual(tokens.map(() => 200));
    expect(provider.requests).toEqual({ discovery: 1, jwks: 1 });
    expect(verifier.counters()).toMatchObject({ signatureChecks: 20, keyFetches: 1 });
  });

  it('happens before the first request when the application waits for ready()', async () => {
    const provider = await startOpenIdProvider();
    const verifier = createVerifier({ issuers: trust(provider) });
    const api = await serveInvoicesApi(verifier);

    await verifier.ready();

    expect(provider.requests).toEqual({ discovery: 1, jwks: 1 });
    expect((await api.get('/me', await provider.mint())).status).toBe(200);
    expect(provider.requests).toEqual({ discovery: 1, jwks: 1 });
  });

  it('keeps the slash at the end of an issuer and asks for no double slash', async () => {
    const provider = await startOpenIdProvider({ issuerEnding: '/' });
    const api = await serveInvoicesApi(createVerifier({ issuers: trust(provider) }));
    const token = await provider.mint();

    expect(decodeJwt(token).iss).toMatch(/\/$/);
    expect((await api.get('/me', token)).status).toBe(200);
    expect(provider.requests).toEqual({ discovery: 1, jwks: 1 });
  });

  it.each([
    { title: 'a slash', renamed: (issuer: string) => `${issuer}/` },
    { title: 'its host', renamed: (issuer: string) => issuer.replace('127.0.0.1', 'localhost') },
  ])('of an issuer that differs in $title is our trouble: 503, not 401', async ({ renamed }) => {
    const provider = await startOpenIdProvider();
    const events = createEventLog();
    const issuer = trust(provider);
    const api = await serveInvoicesApi(createVerifier({ issuers: issuer, events }));
    const token = await provider.mint();
    provider.rename(renamed(provider.issuer));

    const response = await api.get('/me', token);

    expect(response.status).toBe(503);
    expect(response.headers.get('Retry-After')).toMatch(/^[1-5]$/);
    expect(response.headers.get('WWW-Authenticate')).toBeNull();
    expect(events.of('keys.failed')).toMatchObject([
      { issuer: issuer.issuer, reason: 'issuer_mismatch' },
    ]);
    expect(events.of('token.refused')).toEqual([]);
    expect(provider.requests).toEqual({ discovery: 1, jwks: 0 });
  });
});

/** A proof of possession for one request to the token endpoint (RFC 9449 §4.2). */
async function proofFor(tokenEndpoint: string): Promise<string> {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const jwk = await exportJWK(publicKey);
  return new SignJWT({ htm: 'POST', htu: tokenEndpoint, jti: randomUUID() })
    .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk })
    .setIssuedAt()
    .sign(privateKey);
}
