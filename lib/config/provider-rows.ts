import { readPresetName } from './issuer-reader.js';
import { readAppleKey, readGivenSecret } from './key-readers.js';
import { defaulting, flag, listed, optional, row, secretRow, type Table } from './setting-rows.js';
import type { OidcSettings, Settings } from './settings.js';
import { readIssuerUrl } from './url-readers.js';
import {
  allowList,
  oneOf,
  readDomain,
  readFlag,
  readGithubOrganization,
  readScope,
  readText,
} from './values.js';

export const oidcProvider: Table<OidcSettings> = {
  issuer: row(
    'OIDC_*_ISSUER',
    optional(readIssuerUrl),
    'Issuer URL of a login provider, exactly as it names itself',
  ),
  clientId: row('OIDC_*_CLIENT_ID', optional(readText), 'Client id there'),
  clientSecret: secretRow(
    'OIDC_*_CLIENT_SECRET',
    optional(readGivenSecret),
    'Client secret there; without one we are a public client (PKCE only)',
  ),
  scope: row(
    'OIDC_*_SCOPE',
    defaulting(readScope, 'openid profile email'),
    'Scopes to ask for, separated by spaces; offline_access where the provider knows it, for upstream tokens that last',
  ),
  label: row('OIDC_*_LABEL', optional(readText), 'What its button says'),
  preset: row(
    'OIDC_*_PRESET',
    optional(readPresetName),
    'Its kind, as in AUTH_CLAIMS_PRESET; default told by the issuer',
  ),
  trustEmail: row(
    'OIDC_*_TRUST_EMAIL',
    optional(readFlag),
    'Whether an address it calls verified may join an account; default as its kind says, mostly false',
  ),
  responseMode: row(
    'OIDC_*_RESPONSE_MODE',
    optional(oneOf(['query', 'form_post'])),
    'query or form_post; default what the provider does by itself',
  ),
  tenants: row(
    'OIDC_*_TENANTS',
    listed(readText),
    'Tenant ids that may sign in, list, or any; required for Entra /common and /organizations',
  ),
};

export const google: Table<Settings['google']> = {
  clientId: row('GOOGLE_CLIENT_ID', optional(readText), 'Client id of sign-in with Google'),
  clientSecret: secretRow('GOOGLE_CLIENT_SECRET', optional(readGivenSecret), 'Client secret there'),
  allowedDomains: row(
    'GOOGLE_ALLOWED_DOMAINS',
    defaulting(allowList(readDomain), []),
    'Workspace domains that may sign in, list; default every account',
  ),
};

export const apple: Table<Settings['apple']> = {
  clientId: row('APPLE_CLIENT_ID', optional(readText), 'Services ID of Sign in with Apple'),
  teamId: row('APPLE_TEAM_ID', optional(readText), 'Team ID of the developer account'),
  keyId: row('APPLE_KEY_ID', optional(readText), 'Key ID of the private key'),
  privateKey: secretRow(
    'APPLE_PRIVATE_KEY',
    optional(readAppleKey),
    'Private key that makes client secrets, PEM (the .p8 file) or JWK',
  ),
  trustEmail: row(
    'APPLE_TRUST_EMAIL',
    optional(readFlag),
    "Whether a verified address may join an account; default those of Apple's own mailboxes",
  ),
};

export const github: Table<Settings['github']> = {
  clientId: row('GITHUB_CLIENT_ID', optional(readText), 'Client id of sign-in with GitHub'),
  clientSecret: secretRow('GITHUB_CLIENT_SECRET', optional(readGivenSecret), 'Client secret there'),
  allowedOrgs: row(
    'GITHUB_ALLOWED_ORGS',
    defaulting(allowList(readGithubOrganization), []),
    'Organisations whose members may sign in, list; default every account',
  ),
  trustEmail: row(
    'GITHUB_TRUST_EMAIL',
    flag(false),
    'Whether the verified primary address may join an account',
  ),
};
