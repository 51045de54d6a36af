import { describe, expect, it } from 'vitest';
import type { UnsignedToken } from '../world/token-signer.js';
import * as auth0 from './fixtures/auth0.js';
import * as cognito from './fixtures/cognito.js';
import * as entra from './fixtures/entra.js';
import * as google from './fixtures/google.js';
import * as keycloak from './fixtures/keycloak.js';
import * as okta from './fixtures/okta.js';
import * as rfc9068 from './fixtures/rfc9068.js';
import { policies, type Policy } from './policies.js';
import { type Facts, factsOf, nobody, NOW, principalOf } from './principal-facts.js';

/** A token with claims added or replaced. */
function withClaims({ header, claims }: UnsignedToken, changes: object): UnsignedToken {
  return { header, claims: { ...claims, ...changes } };
}

const keycloakUser: Facts = {
  subject: '36fa0f91-f94d-4a0c-afed-6b7d952e47da',
  id: '36fa0f91-f94d-4a0c-afed-6b7d952e47da',
  email: 'sam@thing.example',
  username: 'sam',
  roles: ['offline_access', 'default-roles-lab-iam', 'uma_authorization'],
  groups: [],
  scopes: ['email', 'profile'],
  orgs: [],
  clientId: keycloak.CLIENT_ID,
  sessionId: '2a88c258-f73a-4103-b862-e1fbd8f4e04e',
};

const auth0User: Facts = {
  ...nobody,
  subject: 'auth0|6543a1b2c3d4e5f678901234',
  id: 'auth0|6543a1b2c3d4e5f678901234',
  scopes: ['openid', 'profile', 'email', 'read:orders', 'write:orders', 'delete:orders'],
  orgs: ['org_abc123'],
  clientId: auth0.CLIENT_ID,
};

const entraV1User: Facts = {
  ...nobody,
  subject: 'l3_roISQU222bULS9yi2k0XpqpOiMz5H3ZACo1GeXA',
  id: entra.USER_OBJECT,
  email: 'AbeLi@contoso.example',
  username: 'abeli@contoso.example',
  scopes: ['user_impersonation'],
  orgs: [entra.TENANT],
  clientId: '75dbe77f-10a3-4e59-85fd-8c127544f17c',
};

const entraUser: Facts = {
  ...nobody,
  subject: 'HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ',
  id: entra.USER_OBJECT,
  username: 'abeli@contoso.example',
  scopes: ['access_as_user', 'reports.read'],
  orgs: [entra.TENANT],
  clientId: entra.V2_API,
};

describe('a principal', () => {
  it.each<{
    of: string;
    policy: Policy;
    token: UnsignedToken;
    published?: Readonly<Record<string, unknown>>;
    facts: Facts;
  }>([
    {
      of: "a Keycloak user's token",
      policy: policies.keycloak,
      token: keycloak.accessToken(NOW),
      facts: keycloakUser,
    },
    {
      of: "a Keycloak user's token, with the roles of one client beside the realm's",
      policy: {
        ...policies.keycloak,
        claims: {
          preset: 'keycloak',
          roles: ['realm_access.roles', `resource_access.${keycloak.CLIENT_ID}.roles`],
        },
      },
      token: keycloak.accessToken(NOW),
      facts: { ...keycloakUser, roles: [...keycloakUser.roles, 'order-manager'] },
    },
    {
      of: "a Keycloak user's token with groups and organisations",
      policy: policies.keycloak,
      token: withClaims(keycloak.accessToken(NOW), {
        groups: ['/staff', '/staff/billing'],
        organization: keycloak.organizations.list,
      }),
      facts: { ...keycloakUser, groups: ['/staff', '/staff/billing'], orgs: ['acme', 'globex'] },
    },
    {
      of: "a Keycloak user's token with organisations by alias",
      policy: policies.keycloak,
      token: withClaims(keycloak.accessToken(NOW), {
        organization: keycloak.organizations.byAlias,
      }),
      facts: { ...keycloakUser, orgs: ['acme', 'globex'] },
    },
    {
      of: "a Keycloak client's own token",
      policy: policies.keycloak,
      token: keycloak.serviceAccountToken(NOW),
      facts: {
        ...nobody,
        subject: '9d8a3a4e-6d2a-4c30-8a87-0d3e0d8f3c11',
        id: '9d8a3a4e-6d2a-4c30-8a87-0d3e0d8f3c11',
        username: 'service-account-nightly-export',
        roles: ['exporter'],
        scopes: ['email', 'profile'],
        clientId: 'nightly-export',
      },
    },
    {
      of: "an Okta user's token",
      policy: policies.okta,
      token: okta.accessToken(NOW),
      facts: {
        ...nobody,
        subject: 'john.doe@example.com',
        id: '00ujmkLgagxeRrAg20g3',
        scopes: ['openid', 'email', 'flights', 'custom'],
        clientId: okta.CLIENT_ID,
      },
    },
    {
      of: "an Okta client's own token",
      policy: policies.okta,
      token: okta.clientCredentialsToken(NOW),
      facts: {
        ...nobody,
        subject: '0oabsvc1robot9JLo0g4',
        id: '0oabsvc1robot9JLo0g4',
        scopes: ['flights'],
        clientId: '0oabsvc1robot9JLo0g4',
      },
    },
    {
      of: "an Entra user's token in version 1",
      policy: policies.entraV1,
      token: entra.v1AccessToken(NOW),
      published: entra.publishedFor(entra.V1_TEMPLATE),
      facts: entraV1User,
    },
    {
      of: "an Entra user's token in version 1, checked with a key that names version 2",
      policy: policies.entraV1,
      token: entra.v1AccessToken(NOW),
      published: entra.publishedFor(entra.V2_TEMPLATE),
      facts: entraV1User,
    },
    {
      of: "an Entra user's token in version 1, checked with the key of the tenant in version 2",
      policy: policies.entraV1,
      token: entra.v1AccessToken(NOW),
      published: entra.publishedFor(entra.V2_ISSUER),
      facts: entraV1User,
    },
    {
      of: "an Entra user's token in version 2, checked with a key that names version 1",
      policy: policies.entraV2,
      token: entra.v2AccessToken(NOW),
      published: entra.publishedFor(entra.V1_TEMPLATE),
      facts: entraUser,
    },
    {
      of: "an Entra user's token in version 2",
      policy: policies.entraV2,
      token: entra.v2AccessToken(NOW),
      published: entra.publishedFor(entra.V2_TEMPLATE),
      facts: entraUser,
    },
    {
      of: "an Entra user's token of a listed tenant",
      policy: policies.entraTenants,
      token: entra.v2AccessToken(NOW),
      published: entra.publishedFor(entra.V2_TEMPLATE),
      facts: entraUser,
    },
    {
      of: "an Entra user's token, checked with the key of the tenant itself",
      policy: policies.entraTenants,
      token: entra.v2AccessToken(NOW),
      published: entra.publishedFor(entra.V2_ISSUER),
      facts: entraUser,
    },
    {
      of: "an Entra application's own token",
      policy: policies.entraV2,
      token: entra.v2AppOnlyToken(NOW),
      published: entra.publishedFor(entra.V2_TEMPLATE),
      facts: {
        ...nobody,
        subject: entra.APP_OBJECT,
        id: entra.APP_OBJECT,
        roles: ['Tasks.Read.All'],
        orgs: [entra.TENANT],
        clientId: '0f7f6d3a-5e0b-4c27-a6f5-0d1d3f1d7c55',
      },
    },
    {
      of: "an Auth0 user's token with role-based access control",
      policy: policies.auth0,
      token: auth0.rbacAccessToken(NOW),
      facts: auth0User,
    },
    {
      of: "an Auth0 user's token with roles under the tenant's own name",
      policy: {
        ...policies.auth0,
        claims: { preset: 'auth0', roles: 'https://demo-tenant.example/roles' },
      },
      token: auth0.rbacAccessToken(NOW),
      facts: { ...auth0User, roles: ['order-manager'] },
    },
    {
      of: "an Auth0 user's token in the profile of RFC 9068",
      policy: { ...policies.auth0, profile: 'rfc9068' },
      token: auth0.profiledAccessToken(NOW),
      facts: { ...auth0User, scopes: ['read:orders'], orgs: [] },
    },
    {
      of: "an Auth0 machine's token",
      policy: policies.auth0,
      token: auth0.machineAccessToken(NOW),
      facts: {
        ...nobody,
        subject: 'awZfdIir8YFdGZWkvCejDoUb7SjTDicx@clients',
        id: 'awZfdIir8YFdGZWkvCejDoUb7SjTDicx@clients',
        scopes: ['read:things'],
        clientId: 'awZfdIir8YFdGZWkvCejDoUb7SjTDicx',
      },
    },
    {
      of: "a Cognito user's token",
      policy: policies.cognito,
      token: cognito.accessToken(NOW),
      facts: {
        ...nobody,
        subject: 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee',
        id: 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee',
        username: 'my-test-user',
        roles: ['testgroup'],
        groups: ['testgroup'],
        scopes: ['phone', 'openid', 'profile', 'resourceserver.1/appclient2', 'email'],
        clientId: cognito.CLIENT_ID,
      },
    },
    {
      of: "a Google service's token",
      policy: policies.google,
      token: google.serviceToken(NOW),
      facts: {
        ...nobody,
        subject: '113774264463038321964',
        id: '113774264463038321964',
        email: 'worker@demo-project.iam.gserviceaccount.com',
        username: 'worker@demo-project.iam.gserviceaccount.com',
        clientId: '113774264463038321964',
      },
    },
    {
      of: "a Google Workspace user's token",
      policy: policies.google,
      token: google.workspaceUserToken(NOW),
      facts: {
        ...nobody,
        subject: '110169484474386276334',
        id: '110169484474386276334',
        email: 'kim@contoso.example',
        username: 'kim@contoso.example',
        orgs: ['contoso.example'],
        clientId: '32555940559.apps.googleusercontent.com',
      },
    },
    {
      of: 'a token in the profile of RFC 9068, without a preset',
      policy: policies.rfc9068,
      token: rfc9068.accessToken(NOW),
      facts: {
        ...nobody,
        subject: '5ba552d67',
        id: '5ba552d67',
        roles: ['operator'],
        groups: ['e9e30dba-f08f-4109-8486-d5c6a331660a', 'fc348aa8-3835-40eb-a20b-c726e15c55b5'],
        scopes: ['openid', 'profile', 'reademail'],
        clientId: 's6BhdRkqt3',
      },
    },
  ])('is read from $of', async ({ policy, token, published, facts }) => {
    const principal = await principalOf(policy, token, published);

    expect(factsOf(principal)).toEqual(facts);
    expect(principal.method).toBe('jwt');
    expect(principal.issuer).toBe(token.claims['iss']);
    expect(principal.claims).toEqual(token.claims);
    expect(principal.issuedAt).toBe(NOW);
    expect(principal.expiresAt).toBe(token.claims['exp']);
    expect(principal.authTime).toBe(token.claims['auth_time']);
  });

  it.each([
    { title: 'its algorithm', published: { use: 'sig', alg: 'RS256' } },
    { title: 'no algorithm', published: { use: 'sig' } },
    { title: 'no use', published: { alg: 'RS256' } },
    { title: 'operations', published: { key_ops: ['verify'] } },
    {
      title: 'its certificate',
      published: { use: 'sig', x5t: '23ntaxfH9Gk-8D_USzoAJgwjyt8', x5c: ['MIIC8DCCAdigAwIBAgI='] },
    },
  ])('needs no more of a published key than the key: one with $title will do', async (row) => {
    const principal = await principalOf(policies.okta, okta.accessToken(NOW), row.published);

    expect(principal.user.id).toBe('00ujmkLgagxeRrAg20g3');
  });
});
