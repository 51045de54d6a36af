import type { IssuerOptions } from 'latchkey';
import * as auth0 from './fixtures/auth0.js';
import * as cognito from './fixtures/cognito.js';
import * as entra from './fixtures/entra.js';
import * as google from './fixtures/google.js';
import * as keycloak from './fixtures/keycloak.js';
import * as okta from './fixtures/okta.js';
import * as rfc9068 from './fixtures/rfc9068.js';

export type Policy = Omit<IssuerOptions, 'keys'>;

/** What an application writes for each provider, but for where the keys are. */
export const policies = {
  keycloak: {
    issuer: keycloak.ISSUER,
    audience: keycloak.API,
    claims: 'keycloak',
    allowedOrgs: ['acme', 'globex'],
  },
  okta: { issuer: okta.ISSUER, audience: okta.API, claims: 'okta' },
  entraV1: {
    issuer: entra.V1_ISSUER,
    audience: entra.V1_API,
    claims: 'entra',
    allowedOrgs: [entra.TENANT],
  },
  entraV2: {
    issuer: entra.V2_ISSUER,
    audience: entra.V2_API,
    claims: 'entra',
    allowedOrgs: [entra.TENANT],
  },
  entraTenants: {
    issuer: entra.V2_TEMPLATE,
    tenants: [entra.TENANT],
    audience: entra.V2_API,
    claims: 'entra',
  },
  auth0: {
    issuer: auth0.ISSUER,
    audience: auth0.API,
    claims: 'auth0',
    allowedOrgs: ['org_abc123'],
  },
  cognito: {
    issuer: cognito.ISSUER,
    audience: null,
    clientIds: [cognito.CLIENT_ID],
    claims: 'cognito',
  },
  google: {
    issuer: google.ISSUER,
    audience: google.API,
    claims: 'google',
    allowedOrgs: ['contoso.example'],
  },
  rfc9068: { issuer: rfc9068.ISSUER, audience: rfc9068.API, profile: 'rfc9068' },
} as const satisfies Record<string, Policy>;
