import { z } from 'zod';
import type { ClaimsMapping } from '../claims/claims-mapping.js';
import { row, secretRow, type Setting, settingsIn } from './setting-rows.js';
import { claimPath, flag, issuerList, listed, optional, presetName, value } from './schemas.js';
import {
  readGivenSecret,
  readPrivateKey,
  readPrivateKeys,
  readPublicKey,
  readStrongSecret,
} from './key-readers.js';
import {
  duration,
  type Limit,
  list,
  oneOf,
  readCorsOrigins,
  readDomain,
  readEndpointUrl,
  readFlag,
  readFrameAncestors,
  readIssuerName,
  readIssuerUrl,
  readLimit,
  readPublicUrl,
  readScope,
  readStoreUrl,
  readText,
} from './values.js';
import type { IssuerOptions, SignatureAlgorithm } from '../verifier/trusted-issuers/options.js';
import type { PresetName } from '../claims/presets/presets.js';

/** Algorithms of the main issuer (RFC 7518 §3.1, RFC 8037 §3.1). */
type MainAlgorithm = Extract<
  SignatureAlgorithm,
  'HS256' | 'HS384' | 'HS512' | 'RS256' | 'PS256' | 'ES256' | 'EdDSA'
>;

/** The value of every setting by itself: parsed, defaulted, not yet compared with the others. */
export interface Settings {
  readonly publicUrl: string | undefined;
  readonly store: { readonly url: string };
  readonly jwt: JwtSettings;
  readonly secret: string | undefined;
  readonly secretPrevious: readonly string[];
  readonly accessTtlSeconds: number;
  readonly refreshIdleTtlSeconds: number;
  readonly refreshTtlSeconds: number;
  readonly trustedIssuers: readonly IssuerOptions[];
  readonly claims: ClaimsMapping & { readonly preset: PresetName };
  readonly oidc: Readonly<Record<string, OidcSettings>>;
  readonly google: GoogleSettings;
  readonly github: GithubSettings;
  /** Whether somebody new gets an account by signing in with a provider. */
  readonly signUp: boolean;
  readonly corsOrigins: readonly string[];
  readonly frameAncestors: readonly string[];
  readonly securityHeaders: boolean;
  readonly rateLimit: Limit;
  readonly loginLimit: Limit;
  readonly cookieSessions: boolean;
  readonly standalone: boolean;
  readonly devToken: string | undefined;
}

export interface JwtSettings {
  /** `iss` of the main issuer's tokens. @defaultValue `publicUrl` */
  readonly issuer: string | undefined;
  /** Accepted `aud` values; the first is the one we sign. @defaultValue the issuer */
  readonly audience: readonly string[] | undefined;
  /** Signs and verifies. At least 32 bytes for HS256, 48 for HS384, 64 for HS512. Not enumerable. */
  readonly secret: string | undefined;
  /** Verify only, during a rotation. Not enumerable. */
  readonly secretPrevious: readonly string[];
  /** PEM or JWK text; signs. Not enumerable. */
  readonly privateKey: string | undefined;
  /** PEM or JWK texts; their public halves verify and are published. Not enumerable. */
  readonly privateKeyPrevious: readonly string[];
  /** Where the keys of somebody else's tokens are. */
  readonly jwksUrl: string | undefined;
  /** PEM or JWK text; verifies somebody else's tokens. */
  readonly publicKey: string | undefined;
  /** Undefined: whatever the key is made for. */
  readonly algorithm: MainAlgorithm | undefined;
}

export interface OidcSettings {
  readonly issuer: string | undefined;
  readonly clientId: string | undefined;
  /** Undefined: a public client, which proves itself by PKCE alone. Not enumerable. */
  readonly clientSecret: string | undefined;
  /** Space-separated, with `openid`. */
  readonly scope: string;
  /** What its button says. Undefined: what the preset says. */
  readonly label: string | undefined;
  /** Whose habits and claims it has. Undefined: told by the issuer. */
  readonly preset: PresetName | undefined;
  /** Whether its `email_verified` counts like a mail of our own. Undefined: what the preset says. */
  readonly trustEmail: boolean | undefined;
  /** How its answers come. Undefined: as it does by itself. */
  readonly responseMode: 'query' | 'form_post' | undefined;
  /** Tenants (`tid`) that may sign in, of a provider for many (Entra). */
  readonly tenants: readonly string[];
}

export interface GoogleSettings extends GithubSettings {
  /** Google Workspace domains (`hd`) that may sign in. Empty: everybody. */
  readonly allowedDomains: readonly string[];
}

export interface GithubSettings {
  readonly clientId: string | undefined;
  /** Not enumerable. */
  readonly clientSecret: string | undefined;
}

/** Each row needs a schema of its own, since a row is found by its schema. */
const claimRow = (variable: string, part: string) =>
  row(`CLAIMS_${variable}`, claimPath.clone(), `Claim or dotted path (or several) of ${part}`);

const jwt = z.object({
  issuer: row(
    'JWT_ISSUER',
    optional(readIssuerName),
    '`iss` of our tokens, or of the IdP whose keys are configured; default AUTH_PUBLIC_URL',
  ),
  audience: row(
    'JWT_AUDIENCE',
    optional(list(readText)),
    'Accepted `aud` values, list; the first is the one we sign; default the issuer',
  ),
  secret: secretRow(
    'JWT_SECRET',
    optional(readStrongSecret),
    'Signs and verifies; at least 32 bytes (HS384: 48, HS512: 64)',
  ),
  secretPrevious: secretRow(
    'JWT_SECRET_PREVIOUS',
    listed(readStrongSecret),
    'Former secrets, list; verify only, for rotation with overlap',
  ),
  privateKey: secretRow(
    'JWT_PRIVATE_KEY',
    optional(readPrivateKey),
    'Private key that signs, PEM or JWK; its public half is published; RSA from 2048 bits',
  ),
  privateKeyPrevious: secretRow(
    'JWT_PRIVATE_KEY_PREVIOUS',
    value(readPrivateKeys).default([]),
    'Former private keys, PEM blocks or a JSON array; still published',
  ),
  jwksUrl: row(
    'JWKS_URL',
    optional(readEndpointUrl),
    'Key set of somebody else who issues; https, or http on localhost in development',
  ),
  publicKey: row(
    'JWT_PUBLIC_KEY',
    optional(readPublicKey),
    'Public key of somebody else who issues, PEM or JWK',
  ),
  algorithm: row(
    'JWT_ALGORITHM',
    optional(oneOf(['HS256', 'HS384', 'HS512', 'RS256', 'PS256', 'ES256', 'EdDSA'])),
    'HS256, HS384, HS512, RS256, PS256, ES256 or EdDSA; default HS256 with a secret, else the one of the key',
  ),
});

const claims = z.object({
  preset: row(
    'CLAIMS_PRESET',
    presetName.default('generic'),
    'generic, keycloak, okta, entra, auth0, cognito or google',
  ),
  userId: claimRow('USER_ID', "the user's id"),
  email: claimRow('EMAIL', 'the e-mail address'),
  username: claimRow('USERNAME', 'the user name'),
  roles: claimRow('ROLES', 'the roles'),
  groups: claimRow('GROUPS', 'the groups'),
  attributes: claimRow('ATTRIBUTES', 'further attributes'),
  scopes: claimRow('SCOPES', 'the scopes'),
  orgs: claimRow('ORGS', 'the organisations'),
});

const oidcProvider = z.object({
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
    value(readScope).default('openid profile email'),
    'Scopes to ask for, separated by spaces; offline_access where the provider knows it, for upstream tokens that last',
  ),
  label: row('OIDC_*_LABEL', optional(readText), 'What its button says'),
  preset: row(
    'OIDC_*_PRESET',
    presetName.optional().transform((given) => given),
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
    'Tenant ids that may sign in, list; required for Entra /common and /organizations',
  ),
});

/** The table: one row a setting, at its place in the config tree. */
export const table: z.ZodType<Settings> = z.object({
  publicUrl: row(
    'PUBLIC_URL',
    optional(readPublicUrl),
    'Origin that users see; base of redirects, links and cookies; https, or http on localhost in development; required in production',
  ),
  store: z.object({
    url: secretRow(
      'STORE_URL',
      value(readStoreUrl).default('memory:'),
      'memory:, file:./auth.db, postgres://… or redis://…; must be written in production',
    ),
  }),
  jwt,
  secret: secretRow(
    'SECRET',
    optional(readStrongSecret),
    'Root of refresh tokens and sealed cookies; at least 32 bytes; default AUTH_JWT_SECRET; required with a private key',
  ),
  secretPrevious: secretRow(
    'SECRET_PREVIOUS',
    listed(readStrongSecret),
    'Former roots, list; accepted, not used for new ones',
  ),
  accessTtlSeconds: row(
    'ACCESS_TTL',
    value(duration('60s', '30d')).default(900),
    'Lifetime of an access token, 60s to 30d',
  ),
  refreshIdleTtlSeconds: row(
    'REFRESH_IDLE_TTL',
    value(duration('60s', '400d')).default(604_800),
    'A session ends when unused for so long, 60s to 400d; at most AUTH_REFRESH_TTL',
  ),
  refreshTtlSeconds: row(
    'REFRESH_TTL',
    value(duration('60s', '400d')).default(2_592_000),
    'A session ends so long after sign-in whatever happens, 60s to 400d',
  ),
  trustedIssuers: row(
    'TRUSTED_ISSUERS',
    issuerList.default([]),
    'JSON list of further issuers, each { issuer, audience, keys, … }',
  ),
  claims,
  oidc: z.record(z.string(), oidcProvider),
  google: z.object({
    clientId: row('GOOGLE_CLIENT_ID', optional(readText), 'Client id of sign-in with Google'),
    clientSecret: secretRow(
      'GOOGLE_CLIENT_SECRET',
      optional(readGivenSecret),
      'Client secret there',
    ),
    allowedDomains: row(
      'GOOGLE_ALLOWED_DOMAINS',
      listed(readDomain),
      'Workspace domains that may sign in, list; default everybody',
    ),
  }),
  github: z.object({
    clientId: row('GITHUB_CLIENT_ID', optional(readText), 'Client id of sign-in with GitHub'),
    clientSecret: secretRow(
      'GITHUB_CLIENT_SECRET',
      optional(readGivenSecret),
      'Client secret there',
    ),
  }),
  signUp: row(
    'SIGN_UP',
    flag(true),
    'Whether somebody new gets an account by signing in with a provider',
  ),
  corsOrigins: row(
    'CORS_ORIGINS',
    value(readCorsOrigins).default([]),
    'List of exact origins whose pages may call us, or *',
  ),
  frameAncestors: row(
    'FRAME_ANCESTORS',
    value(readFrameAncestors).default([]),
    "Origins that may frame our pages, list; or 'self', or 'none'",
  ),
  securityHeaders: row('SECURITY_HEADERS', flag(true), 'Whether security headers are set'),
  rateLimit: row(
    'RATE_LIMIT',
    value(readLimit).default({ max: 5, windowSeconds: 1 }),
    'Unsafe requests to the auth router per IP, count/window; its GETs get ten times that',
  ),
  loginLimit: row(
    'LOGIN_LIMIT',
    value(readLimit).default({ max: 10, windowSeconds: 900 }),
    'Log-in attempts per account, count/window',
  ),
  cookieSessions: row('COOKIE_SESSIONS', flag(false), 'The session cookie authenticates API calls'),
  standalone: row(
    'STANDALONE',
    flag(false),
    'Development only: requests without a credential use AUTH_DEV_TOKEN',
  ),
  devToken: secretRow(
    'DEV_TOKEN',
    optional(readGivenSecret),
    'Development only: the token that AUTH_STANDALONE uses; verified like any other',
  ),
});

/** Every setting. */
export const settings: readonly Setting[] = Object.freeze([...settingsIn(table)]);
