import { createHmac, createPublicKey, type JsonWebKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createVerifier } from 'latchkey';
import { createClock } from '../world/clock.js';
import { createEventLog } from '../world/event-log.js';
import { serveProviderDocuments } from '../world/provider-documents.js';
import { createTokenSigner, type UnsignedToken } from '../world/token-signer.js';
import * as auth0 from '../claims/fixtures/auth0.js';
import * as entra from '../claims/fixtures/entra.js';
import * as keycloak from '../claims/fixtures/keycloak.js';
import * as okta from '../claims/fixtures/okta.js';
import { policies, type Policy } from '../claims/policies.js';
import { NOW } from '../claims/principal-facts.js';

interface Metadata {
  readonly issuer: string;
  readonly jwks_uri: string;
}

interface PublishedProvider {
  readonly policy: Policy;
  readonly metadataUrl: string;
  readonly metadata: Metadata;
  readonly keys: readonly JsonWebKey[];
}

/** A verifier that finds a provider's keys by discovery, and what happens on the way. */
async function createWorld({ policy, metadataUrl, metadata, keys }: PublishedProvider) {
  const documents = await serveProviderDocuments({
    [metadataUrl]: metadata,
    [metadata.jwks_uri]: { keys },
  });
  const events = createEventLog();
  const verifier = createVerifier({
    issuers: { ...policy, keys: { discovery: true, fetch: documents.fetch } },
    events,
    now: createClock(NOW).now,
  });
  return { verifier, events, asked: documents.asked };
}

describe('metadata', () => {
  it.each<{
    of: string;
    policy: Policy;
    metadata: Metadata;
    metadataUrl: string;
    published?: Readonly<Record<string, unknown>>;
    token: UnsignedToken;
  }>([
    {
      of: 'a Keycloak realm',
      policy: policies.keycloak,
      ...keycloak,
      token: keycloak.accessToken(NOW),
    },
    {
      of: 'an Okta authorization server',
      policy: policies.okta,
      ...okta,
      token: okta.accessToken(NOW),
    },
    {
      of: 'an Auth0 tenant, whose issuer ends with a slash',
      policy: policies.auth0,
      ...auth0,
      token: auth0.rbacAccessToken(NOW),
    },
    {
      of: 'every Entra tenant, for those that are listed',
      policy: policies.entraTenants,
      ...entra,
      published: entra.publishedFor(entra.V2_TEMPLATE),
      token: entra.v2AccessToken(NOW),
    },
    {
      of: 'one Entra tenant',
      policy: policies.entraV2,
      metadata: entra.tenantMetadata,
      metadataUrl: entra.tenantMetadataUrl,
      published: entra.publishedFor(entra.V2_TEMPLATE),
      token: entra.v2AccessToken(NOW),
    },
  ])('of $of leads to its keys in two requests', async (row) => {
    const signer = await createTokenSigner('signing-key', row.published);
    const { verifier, asked } = await createWorld({ ...row, keys: [signer.jwk] });
    const token = await signer.sign(row.token);

    expect(await verifier.verify(token)).toMatchObject({ issuer: row.token.claims['iss'] });
    await verifier.verify(token);

    expect(asked).toEqual([row.metadataUrl, row.metadata.jwks_uri]);
  });

  it('of every Entra tenant is asked for once, however many are listed', async () => {
    const signer = await createTokenSigner('signing-key', entra.publishedFor(entra.V2_TEMPLATE));
    const { verifier, asked } = await createWorld({
      ...entra,
      policy: { ...policies.entraTenants, tenants: [entra.TENANT, entra.OTHER_TENANT] },
      keys: [signer.jwk],
    });
    const { header, claims } = entra.v2AccessToken(NOW);
    const iss = entra.V2_TEMPLATE.replace('{tenantid}', entra.OTHER_TENANT);
    const tokens = [claims, { ...claims, iss, tid: entra.OTHER_TENANT }].map((own) =>
      signer.sign({ header, claims: own }),
    );

    const principals = await Promise.all(tokens.map(async (token) => verifier.verify(await token)));

    expect(principals.map(({ orgs }) => orgs.map(({ id }) => id))).toEqual([
      [entra.TENANT],
      [entra.OTHER_TENANT],
    ]);
    expect(asked).toEqual([entra.metadataUrl, entra.metadata.jwks_uri]);
  });

  it.each<{
    title: string;
    policy: Policy;
    metadata: Metadata;
    metadataUrl: string;
    token: UnsignedToken;
  }>([
    {
      title: 'has a slash at the end that ours has not',
      policy: { ...policies.auth0, issuer: auth0.ISSUER.slice(0, -1) },
      metadata: auth0.metadata,
      metadataUrl: auth0.metadataUrl,
      token: auth0.rbacAccessToken(NOW),
    },
    {
      title: 'lacks the slash that ours has',
      policy: policies.auth0,
      metadata: { ...auth0.metadata, issuer: auth0.ISSUER.slice(0, -1) },
      metadataUrl: auth0.metadataUrl,
      token: auth0.rbacAccessToken(NOW),
    },
    {
      title: 'is plain http, as behind a proxy that is not trusted',
      policy: policies.keycloak,
      metadata: { ...keycloak.metadata, issuer: keycloak.ISSUER.replace('https:', 'http:') },
      metadataUrl: keycloak.metadataUrl,
      token: keycloak.accessToken(NOW),
    },
    {
      title: 'is written with other capitals',
      policy: policies.okta,
      metadata: { ...okta.metadata, issuer: okta.ISSUER.replace('example', 'Example') },
      metadataUrl: okta.metadataUrl,
      token: okta.accessToken(NOW),
    },
    {
      title: 'is the placeholder, where a single tenant is expected',
      policy: policies.entraV2,
      metadata: entra.metadata,
      metadataUrl: entra.tenantMetadataUrl,
      token: entra.v2AccessToken(NOW),
    },
    {
      title: 'is a tenant, where the placeholder is expected',
      policy: policies.entraTenants,
      metadata: entra.tenantMetadata,
      metadataUrl: entra.metadataUrl,
      token: entra.v2AccessToken(NOW),
    },
  ])("whose issuer $title is our trouble, not the token's", async (row) => {
    const signer = await createTokenSigner('signing-key');
    const { verifier, events, asked } = await createWorld({ ...row, keys: [signer.jwk] });
    // Made out by the issuer we expect, so that its keys are needed.
    const iss = row.policy.issuer.replace('{tenantid}', entra.TENANT);
    const { header, claims } = row.token;
    const token = await signer.sign({ header, claims: { ...claims, iss } });

    await expect(verifier.verify(token)).rejects.toMatchObject({
      status: 503,
      code: 'KEYS_UNAVAILABLE',
      cause: { reason: 'issuer_mismatch' },
    });
    expect(events.of('keys.failed')).toMatchObject([
      { reason: 'issuer_mismatch', foundIssuer: row.metadata.issuer },
    ]);
    expect(asked).toEqual([row.metadataUrl]);
  });

  it.each([
    {
      title: 'names the issuer that it found and the one it expected',
      issuer: 'https://other.example',
      found: 'https://other.example',
    },
    {
      title: 'replaces what could forge a line of a log',
      issuer: 'https://x\r\n\u001b[31m\u2028é',
      found: 'https://x???[31m??',
    },
    { title: 'cuts a long name', issuer: 'x'.repeat(5000), found: 'x'.repeat(128) },
    { title: 'says that there is none', issuer: 7, found: undefined },
  ])('of another issuer causes an error that $title', async ({ issuer, found }) => {
    const signer = await createTokenSigner('signing-key');
    const documents = await serveProviderDocuments({
      [keycloak.metadataUrl]: { ...keycloak.metadata, issuer },
    });
    const events = createEventLog();
    const keys = { discovery: true, fetch: documents.fetch } as const;
    const verifier = createVerifier({
      issuers: { ...policies.keycloak, keys },
      ...{ events, now: createClock(NOW).now },
    });
    const token = await signer.sign(keycloak.accessToken(NOW));

    const error: unknown = await verifier.verify(token).catch(({ cause }) => cause);
    expect(error).toMatchObject({ foundIssuer: found });
    const { message } = error as Error;
    for (const named of [`"${keycloak.ISSUER}"`, found === undefined ? 'no issuer' : `"${found}"`])
      expect(message).toContain(named);
    expect(message).toMatch(/^[ -~]{1,400}$/);
    expect(events.of('keys.failed').map(({ foundIssuer }) => foundIssuer)).toEqual([found]);
  });

  it('that sends us to plain http for the keys is not followed', async () => {
    const signer = await createTokenSigner('signing-key');
    const { verifier, asked } = await createWorld({
      policy: policies.keycloak,
      metadataUrl: keycloak.metadataUrl,
      metadata: { ...keycloak.metadata, jwks_uri: 'http://keycloak.internal:8080/certs' },
      keys: [signer.jwk],
    });

    await expect(
      verifier.verify(await signer.sign(keycloak.accessToken(NOW))),
    ).rejects.toMatchObject({ code: 'KEYS_UNAVAILABLE', cause: { reason: 'url' } });
    expect(asked).toEqual([keycloak.metadataUrl]);
  });
});

describe('a published key', () => {
  it('that names an algorithm we do not allow serves no other, and is reported', async () => {
    const signer = await createTokenSigner('signing-key');
    const strange = await createTokenSigner('strange-key', { use: 'sig', alg: 'RS512' });
    const { verifier, events } = await createWorld({
      policy: policies.keycloak,
      ...keycloak,
      keys: [strange.jwk, signer.jwk],
    });

    await expect(
      verifier.verify(await strange.sign(keycloak.accessToken(NOW))),
    ).rejects.toMatchObject({ code: 'INVALID_TOKEN', reason: 'unknown_key' });
    await verifier.verify(await signer.sign(keycloak.accessToken(NOW)));
    expect(events.of('keys.skipped').at(0)).toMatchObject({
      kid: 'strange-key',
      reason: 'algorithm',
    });
  });
});

describe('a Keycloak realm that advertises HMAC', () => {
  it.each([
    {
      title: 'its PEM',
      secretOf: (jwk: JsonWebKey) =>
        createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' }),
    },
    {
      title: 'its DER',
      secretOf: (jwk: JsonWebKey) =>
        createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'der' }),
    },
    { title: 'its JWK', secretOf: (jwk: JsonWebKey) => JSON.stringify(jwk) },
    { title: 'its modulus', secretOf: (jwk: JsonWebKey) => Buffer.from(jwk.n ?? '', 'base64url') },
  ])('has no token MACed with the public key accepted: $title', async ({ secretOf }) => {
    const signer = await createTokenSigner('signing-key');
    const { verifier, asked } = await createWorld({
      policy: policies.keycloak,
      ...keycloak,
      keys: [signer.jwk],
    });
    const genuine = await signer.sign(keycloak.accessToken(NOW));
    await verifier.verify(genuine);
    const header = Buffer.from(
      JSON.stringify({ alg: 'HS256', typ: 'JWT', kid: signer.jwk.kid }),
    ).toString('base64url');
    const input = `${header}.${genuine.split('.')[1]}`;
    const mac = createHmac('sha256', secretOf(signer.jwk)).update(input).digest('base64url');

    await expect(verifier.verify(`${input}.${mac}`)).rejects.toMatchObject({
      code: 'INVALID_TOKEN',
      reason: 'algorithm',
    });
    expect(asked).toHaveLength(2);
  });

  it.each([
    { title: 'with its algorithm', published: { use: 'enc', alg: 'RSA-OAEP' } },
    { title: 'without an algorithm', published: { use: 'enc' } },
    { title: "even with a signature's algorithm", published: { use: 'enc', alg: 'RS256' } },
  ])('publishes an encryption key, $title, that signs nothing', async ({ published }) => {
    const signer = await createTokenSigner('signing-key');
    const misused = await createTokenSigner('encryption-key', published);
    const { verifier, events } = await createWorld({
      policy: policies.keycloak,
      ...keycloak,
      keys: [misused.jwk, signer.jwk],
    });

    await expect(
      verifier.verify(await misused.sign(keycloak.accessToken(NOW))),
    ).rejects.toMatchObject({ code: 'INVALID_TOKEN', reason: 'unknown_key' });
    await verifier.verify(await signer.sign(keycloak.accessToken(NOW)));
    expect(verifier.counters()).toMatchObject({ signatureChecks: 1 });
    expect(events.of('keys.fetched').at(0)).toMatchObject({ keys: 1 });
    expect(events.of('keys.skipped').at(0)).toMatchObject({ kid: 'encryption-key', reason: 'use' });
  });
});
