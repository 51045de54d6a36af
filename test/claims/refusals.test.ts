import { createHmac, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createVerifier, type IssuerOptions } from 'latchkey';
import { createClock } from '../world/clock.js';
import { createTokenSigner, type UnsignedToken } from '../world/token-signer.js';
import * as auth0 from './fixtures/auth0.js';
import * as cognito from './fixtures/cognito.js';
import * as entra from './fixtures/entra.js';
import * as google from './fixtures/google.js';
import * as keycloak from './fixtures/keycloak.js';
import * as okta from './fixtures/okta.js';
import * as rfc9068 from './fixtures/rfc9068.js';
import { policies, type Policy } from './policies.js';
import { NOW } from './principal-facts.js';

function verifierOf(policy: Policy, keys: IssuerOptions['keys']) {
  return createVerifier({ issuers: { ...policy, keys }, now: createClock(NOW).now });
}

/** A token with claims added, replaced or, where undefined, removed. */
function withClaims({ header, claims }: UnsignedToken, changes: object): UnsignedToken {
  return { header, claims: { ...claims, ...changes } };
}

interface Refusal {
  readonly what: string;
  readonly policy: Policy;
  readonly token: UnsignedToken;
  readonly reason: string;
  readonly published?: Readonly<Record<string, unknown>>;
}

// Wherever another rule would refuse the token as well, the policy is as lenient as it can be in that.
const otherKinds: readonly Refusal[] = [
  {
    what: 'a Keycloak ID token',
    policy: { ...policies.keycloak, audience: [keycloak.API, keycloak.CLIENT_ID] },
    token: keycloak.idToken(NOW),
    reason: 'token_kind',
  },
  {
    what: 'a Keycloak refresh token signed like an access token',
    policy: { ...policies.keycloak, audience: [keycloak.API, keycloak.ISSUER] },
    token: keycloak.refreshToken(NOW),
    reason: 'token_kind',
  },
  {
    what: 'a Keycloak offline token signed like an access token',
    policy: { ...policies.keycloak, audience: null },
    token: keycloak.refreshToken(NOW, 'Offline'),
    reason: 'token_kind',
  },
  {
    what: 'an Okta ID token',
    policy: { ...policies.okta, audience: [okta.API, okta.CLIENT_ID] },
    token: okta.idToken(NOW),
    reason: 'token_kind',
  },
  {
    what: 'an Auth0 ID token',
    policy: { ...policies.auth0, audience: [auth0.API, auth0.CLIENT_ID] },
    token: auth0.idToken(NOW),
    reason: 'token_kind',
  },
  {
    what: 'a Cognito ID token, where every client is accepted',
    policy: { issuer: cognito.ISSUER, audience: null, claims: 'cognito' },
    token: cognito.idToken(NOW),
    reason: 'token_kind',
  },
  {
    what: 'a Cognito ID token, where clients are listed: it names none',
    policy: policies.cognito,
    token: cognito.idToken(NOW),
    reason: 'client',
  },
  {
    what: "a Google sign-in's ID token",
    policy: policies.google,
    token: google.signInToken(NOW),
    reason: 'token_kind',
  },
  {
    what: 'an Okta access token, by the profile of RFC 9068',
    policy: { ...policies.okta, profile: 'rfc9068' },
    token: okta.accessToken(NOW),
    reason: 'type',
  },
  {
    what: 'an Auth0 access token, by the profile of RFC 9068',
    policy: { ...policies.auth0, profile: 'rfc9068' },
    token: auth0.rbacAccessToken(NOW),
    reason: 'type',
  },
];

const otherParties: readonly Refusal[] = [
  {
    what: 'a Keycloak token with no audience but the default one',
    policy: policies.keycloak,
    token: withClaims(keycloak.accessToken(NOW), { aud: 'account' }),
    reason: 'audience',
  },
  {
    what: 'a token of another Keycloak realm',
    policy: policies.keycloak,
    token: withClaims(keycloak.accessToken(NOW), { iss: 'https://sso.example.com/realms/master' }),
    reason: 'issuer',
  },
  {
    what: 'a token of the Okta organisation itself',
    policy: policies.okta,
    token: withClaims(okta.accessToken(NOW), { iss: 'https://example.okta.com' }),
    reason: 'issuer',
  },
  {
    what: 'an Auth0 token for another audience',
    policy: policies.auth0,
    token: withClaims(auth0.rbacAccessToken(NOW), {
      aud: ['https://payroll.example.com', `${auth0.ISSUER}userinfo`],
    }),
    reason: 'audience',
  },
  {
    what: 'an Auth0 token whose issuer lacks the slash',
    policy: policies.auth0,
    token: withClaims(auth0.rbacAccessToken(NOW), { iss: auth0.ISSUER.slice(0, -1) }),
    reason: 'issuer',
  },
  {
    what: 'a Cognito access token of another client',
    policy: policies.cognito,
    token: withClaims(cognito.accessToken(NOW), { client_id: '2example98765432' }),
    reason: 'client',
  },
  {
    what: 'a Cognito access token of another pool',
    policy: policies.cognito,
    token: withClaims(cognito.accessToken(NOW), { iss: `${cognito.ISSUER}2` }),
    reason: 'issuer',
  },
  {
    what: 'a Cognito access token, where an audience is demanded',
    policy: { ...policies.cognito, audience: 'https://api.example.com' },
    token: cognito.accessToken(NOW),
    reason: 'audience',
  },
  {
    what: 'a Google token made out to another service',
    policy: policies.google,
    token: withClaims(google.serviceToken(NOW), { aud: 'https://payroll-4xy.a.run.example' }),
    reason: 'audience',
  },
  {
    what: 'a token in the profile of RFC 9068 without `jti`',
    policy: policies.rfc9068,
    token: withClaims(rfc9068.accessToken(NOW), { jti: undefined }),
    reason: 'missing_claim',
  },
];

const templated = entra.publishedFor(entra.V2_TEMPLATE);
const otherIssuer = entra.V2_TEMPLATE.replace('{tenantid}', entra.OTHER_TENANT);

const otherTenants: readonly Refusal[] = [
  {
    what: 'an Entra token of a tenant that is not listed',
    policy: policies.entraTenants,
    token: withClaims(entra.v2AccessToken(NOW), { iss: otherIssuer, tid: entra.OTHER_TENANT }),
    published: templated,
    reason: 'issuer',
  },
  {
    what: 'an Entra token whose issuer is a listed tenant and whose `tid` is another',
    policy: policies.entraTenants,
    token: withClaims(entra.v2AccessToken(NOW), { tid: entra.OTHER_TENANT }),
    published: templated,
    reason: 'issuer',
  },
  {
    what: 'an Entra token without `tid`',
    policy: policies.entraTenants,
    token: withClaims(entra.v2AccessToken(NOW), { tid: undefined }),
    published: templated,
    reason: 'issuer',
  },
  {
    what: 'an Entra token whose issuer is the placeholder itself',
    policy: policies.entraTenants,
    token: withClaims(entra.v2AccessToken(NOW), { iss: entra.V2_TEMPLATE }),
    published: templated,
    reason: 'issuer',
  },
  {
    what: 'an Entra token whose issuer and `tid` are the placeholder itself',
    policy: policies.entraTenants,
    token: withClaims(entra.v2AccessToken(NOW), { iss: entra.V2_TEMPLATE, tid: '{tenantid}' }),
    published: templated,
    reason: 'issuer',
  },
  {
    what: 'an Entra token whose issuer is `common`',
    policy: policies.entraTenants,
    token: withClaims(entra.v2AccessToken(NOW), {
      iss: 'https://login.microsoftonline.com/common/v2.0',
      tid: 'common',
    }),
    published: templated,
    reason: 'issuer',
  },
  {
    what: "an Entra token signed with a key that is another tenant's, of several tenants",
    policy: policies.entraTenants,
    token: entra.v2AccessToken(NOW),
    published: entra.publishedFor(otherIssuer),
    reason: 'key_issuer',
  },
  {
    what: "an Entra token signed with a key that is another tenant's, of a single tenant",
    policy: policies.entraV2,
    token: entra.v2AccessToken(NOW),
    published: entra.publishedFor(otherIssuer),
    reason: 'key_issuer',
  },
  {
    what: 'an Entra token of a single tenant with the `tid` of another',
    policy: policies.entraV2,
    token: withClaims(entra.v2AccessToken(NOW), { tid: entra.OTHER_TENANT }),
    published: templated,
    reason: 'key_issuer',
  },
  {
    what: 'an Entra token in version 1 whose `tid` is another tenant than its issuer',
    policy: policies.entraV1,
    token: withClaims(entra.v1AccessToken(NOW), { tid: entra.OTHER_TENANT }),
    published: templated,
    reason: 'key_issuer',
  },
  {
    what: 'an Entra token in version 1 without `tid`',
    policy: policies.entraV1,
    token: withClaims(entra.v1AccessToken(NOW), { tid: undefined }),
    published: templated,
    reason: 'key_issuer',
  },
  {
    what: "an Entra token in version 1 under another tenant's own key",
    policy: policies.entraV1,
    token: entra.v1AccessToken(NOW),
    published: entra.publishedFor(otherIssuer),
    reason: 'key_issuer',
  },
  {
    what: 'an Entra token in version 1 under a key of another cloud',
    policy: policies.entraV1,
    token: entra.v1AccessToken(NOW),
    published: entra.publishedFor('https://login.partner.microsoftonline.cn/{tenantid}/v2.0'),
    reason: 'key_issuer',
  },
  {
    what: 'an Entra token in version 1 under a key whose issuer only looks like Entra',
    policy: policies.entraV1,
    token: entra.v1AccessToken(NOW),
    published: entra.publishedFor('https://login.microsoftonline.com.evil.example/{tenantid}/v2.0'),
    reason: 'key_issuer',
  },
  {
    what: 'an Entra token in version 1, where version 2 is expected',
    policy: { ...policies.entraTenants, audience: [entra.V1_API, entra.V2_API] },
    token: entra.v1AccessToken(NOW),
    published: templated,
    reason: 'issuer',
  },
];

describe.each([
  { family: 'another kind of token', refusals: otherKinds },
  { family: 'a token of or for somebody else', refusals: otherParties },
  { family: 'a token across tenants', refusals: otherTenants },
])('$family', ({ refusals }) => {
  it.each(refusals)('$what is refused: $reason', async (row) => {
    const signer = await createTokenSigner('signing-key', row.published);
    const verifier = verifierOf(row.policy, { jwks: { keys: [signer.jwk] } });

    await expect(verifier.verify(await signer.sign(row.token))).rejects.toMatchObject({
      status: 401,
      code: 'INVALID_TOKEN',
      reason: row.reason,
    });
    expect(verifier.counters()).toMatchObject({ signatureChecks: 0, cachedTokens: 0 });
  });
});

describe("Keycloak's own HMAC", () => {
  it.each(['HS256', 'HS512'])('under a refresh token is no algorithm of ours: %s', async (alg) => {
    const signer = await createTokenSigner('signing-key');
    const verifier = verifierOf(
      { ...policies.keycloak, audience: null },
      { jwks: { keys: [signer.jwk] } },
    );
    const { header, claims } = keycloak.refreshToken(NOW);
    const input = [{ ...header, alg, kid: 'realm-secret' }, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    const mac = createHmac(`sha${alg.slice(2)}`, randomBytes(64)).update(input);

    await expect(verifier.verify(`${input}.${mac.digest('base64url')}`)).rejects.toMatchObject({
      status: 401,
      code: 'INVALID_TOKEN',
      reason: 'algorithm',
    });
  });
});

describe('a policy that could not be safe', () => {
  const discovery = { discovery: true } as const;

  it.each<{ what: string; issuers: IssuerOptions }>([
    {
      what: 'every tenant of Entra, version 2',
      issuers: { issuer: entra.V2_TEMPLATE, audience: entra.V2_API, keys: discovery },
    },
    {
      what: 'every tenant of Entra, version 1',
      issuers: { issuer: entra.V1_TEMPLATE, audience: entra.V1_API, keys: discovery },
    },
    {
      what: 'an empty list of tenants',
      issuers: { ...policies.entraTenants, tenants: [], keys: discovery },
    },
    {
      what: 'tenants of an issuer that has none',
      issuers: { ...policies.entraV2, tenants: [entra.TENANT], keys: discovery },
    },
    {
      what: 'an empty list of clients',
      issuers: { ...policies.cognito, clientIds: [], keys: discovery },
    },
    {
      what: 'the HMAC that a realm advertises',
      issuers: { ...policies.keycloak, algorithms: ['RS256', 'HS256'], keys: discovery },
    },
  ])('is a TypeError when the application starts: $what', ({ issuers }) => {
    expect(() => createVerifier({ issuers })).toThrow(TypeError);
  });
});
