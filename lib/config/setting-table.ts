import { claims } from './claim-rows.js';
import { readIssuers, signatureAlgorithms } from './issuer-reader.js';
import { apple, github, google, oidcProvider } from './provider-rows.js';
import {
  readGivenSecret,
  readPrivateKey,
  readPrivateKeys,
  readPublicKey,
  readStrongSecret,
} from './key-readers.js';
import {
  defaulting,
  flag,
  listed,
  optional,
  row,
  secretRow,
  type Setting,
  settingsIn,
  type Table,
} from './setting-rows.js';
import type { JwtSettings, Settings } from './settings.js';
import {
  readCorsOrigins,
  readFieldName,
  readFrameAncestors,
  readHttpHost,
  readIssuerName,
  readKeysUrl,
  readOwnPath,
  readPublicUrl,
  readStoreUrl,
  readWebOrigins,
} from './url-readers.js';
import {
  duration,
  list,
  oneOf,
  readCookieName,
  readKeyEnvironment,
  readLimit,
  readText,
} from './values.js';

const jwt: Table<JwtSettings> = {
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
    'Signs and verifies; at least 32 bytes (HS384: 48, HS512: 64); text, or base64:… for bytes',
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
    defaulting(readPrivateKeys, []),
    'Former private keys, PEM blocks or a JSON array; still published',
  ),
  jwksUrl: row(
    'JWKS_URL',
    optional(readKeysUrl),
    'Key set of another issuer; https, except for the hosts of AUTH_JWKS_ALLOW_HTTP',
  ),
  publicKey: row(
    'JWT_PUBLIC_KEY',
    optional(readPublicKey),
    'Public key of another issuer, PEM or JWK',
  ),
  algorithm: row(
    'JWT_ALGORITHM',
    optional(oneOf(signatureAlgorithms)),
    `${signatureAlgorithms.join(', ')}; default HS256 with a secret, else the one of the key`,
  ),
};

/** The table: one row a setting, at its place in the config tree. */
export const table: Table<Settings> = {
  publicUrl: row(
    'PUBLIC_URL',
    optional(readPublicUrl),
    'Origin that users see; base of redirects, links and cookies; https, or http on localhost in development; required in production where tokens are signed',
  ),
  store: {
    url: secretRow(
      'STORE_URL',
      defaulting(readStoreUrl, 'memory:'),
      'memory:, file:./auth.db, postgres://… or redis://…; must be written in production where tokens are signed',
    ),
  },
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
    defaulting(duration('60s', '30d'), 900),
    'Lifetime of an access token, 60s to 30d',
  ),
  refreshIdleTtlSeconds: row(
    'REFRESH_IDLE_TTL',
    defaulting(duration('60s', '400d'), 604_800),
    'A session ends when unused for so long, 60s to 400d; at most AUTH_REFRESH_TTL',
  ),
  refreshTtlSeconds: row(
    'REFRESH_TTL',
    defaulting(duration('60s', '400d'), 2_592_000),
    'A session ends so long after sign-in whatever happens, 60s to 400d',
  ),
  clockToleranceSeconds: row(
    'CLOCK_TOLERANCE',
    defaulting(duration('0s', '5m'), 5),
    'Clock difference forgiven in access tokens, 0s to 5m',
  ),
  jwksAllowHttp: row(
    'JWKS_ALLOW_HTTP',
    listed(readHttpHost),
    'Hosts whose keys and metadata may come over plain http, list; default loopback in development',
  ),
  internalHosts: row(
    'INTERNAL_HOSTS',
    listed(readHttpHost),
    'Hosts that providers and tenants may name although their address is private, list',
  ),
  trustedIssuers: row(
    'TRUSTED_ISSUERS',
    defaulting(readIssuers, []),
    'JSON list of further issuers, each { issuer, audience, keys, … }',
  ),
  claims,
  oidc: { each: oidcProvider },
  google,
  apple,
  github,
  signUp: row(
    'SIGN_UP',
    flag(true),
    'Whether a person without an account gets one by signing in with a provider',
  ),
  linkAcrAfterSeconds: row(
    'LINK_ACR_AFTER',
    defaulting(duration('0s', '400d'), 604_800),
    'Age at which an identity that was added to an account may raise a session (acr, amr), 0s to 400d',
  ),
  appName: row(
    'APP_NAME',
    optional(readText),
    'What the pages call the application; default the host of AUTH_PUBLIC_URL',
  ),
  home: row(
    'HOME',
    defaulting(readOwnPath, '/'),
    'Where log-out and a lost way lead, a path on the origin of AUTH_PUBLIC_URL',
  ),
  passwordLogin: row('PASSWORDS', flag(true), 'Whether users sign in with passwords'),
  passwordSignUp: row(
    'PASSWORD_SIGN_UP',
    flag(false),
    'Whether strangers may make an account with a password and a proven e-mail address; needs sendMail',
  ),
  impersonation: row(
    'IMPERSONATION',
    flag(false),
    'Whether users with the scope users:impersonate may act as others, for a short time',
  ),
  serviceAccounts: row(
    'SERVICE_ACCOUNTS',
    flag(false),
    'Whether machines get tokens by client_credentials, and administrators manage their accounts',
  ),
  ownOrganisations: row(
    'ORGANISATIONS',
    flag(false),
    'Whether organisations and their members are kept in the store, with routes to manage them',
  ),
  corsOrigins: row(
    'CORS_ORIGINS',
    defaulting(readCorsOrigins, []),
    'Origins whose pages may call us, list; https://*.example.com for one level, without cookies; or *',
  ),
  corsHeaders: row(
    'CORS_HEADERS',
    listed(readFieldName),
    'Request headers that pages of other origins may send, list; default those they ask for',
  ),
  corsExposedHeaders: row(
    'CORS_EXPOSED_HEADERS',
    listed(readFieldName),
    'Response headers that pages of other origins may read, list; besides our own',
  ),
  frameAncestors: row(
    'FRAME_ANCESTORS',
    defaulting(readFrameAncestors, []),
    "Origins that may frame our pages, list; or 'self', or 'none'",
  ),
  securityHeaders: row('SECURITY_HEADERS', flag(true), 'Whether security headers are set'),
  rateLimit: row(
    'RATE_LIMIT',
    defaulting(readLimit, { max: 5, windowSeconds: 1 }),
    'Unsafe requests to the auth router per IP, count/window; its GETs get ten times that',
  ),
  loginLimit: row(
    'LOGIN_LIMIT',
    defaulting(readLimit, { max: 10, windowSeconds: 900 }),
    'Log-in attempts per account, count/window',
  ),
  cookieSessions: row('COOKIE_SESSIONS', flag(false), 'The session cookie authenticates API calls'),
  acceptApiKeys: row(
    'API_KEYS',
    flag(false),
    'Whether guards take API keys in X-API-Key, and users can make them',
  ),
  apiKeyEnvironment: row(
    'API_KEY_ENVIRONMENT',
    optional(readKeyEnvironment),
    'Part of every API key, as in lk_live_…; default live in production, else dev',
  ),
  dpop: {
    mode: row(
      'DPOP',
      defaulting(oneOf(['off', 'accepted', 'required']), 'off'),
      'Whether access tokens may be, or must be, bound to a key of their client (RFC 9449)',
    ),
    origins: row(
      'DPOP_ORIGINS',
      defaulting(readWebOrigins, []),
      'Origins that clients call besides that of AUTH_PUBLIC_URL, list',
    ),
    proofTtlSeconds: row(
      'DPOP_PROOF_TTL',
      defaulting(duration('5s', '5m'), 60),
      'How old a DPoP proof may be',
    ),
    nonceTtlSeconds: row(
      'DPOP_NONCE_TTL',
      optional(duration('10s', '1h')),
      'Life of the nonces that DPoP proofs must hold; without it none are asked for',
    ),
  },
  cookieName: row(
    'COOKIE_NAME',
    defaulting(readCookieName, 'latchkey'),
    'What the names of our cookies begin with; one for each application on a host',
  ),
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
  strict: row(
    'STRICT',
    flag(false),
    'Whether createAuth() throws for what npx latchkey doctor would warn of; for production',
  ),
  acceptedWarnings: row(
    'ACCEPTED_WARNINGS',
    listed(readText),
    'Checks of npx latchkey doctor whose warnings are right for this application, list',
  ),
};

/** Every setting. */
export const settings: readonly Setting[] = Object.freeze([...settingsIn(table)]);
