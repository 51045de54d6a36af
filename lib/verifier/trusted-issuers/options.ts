import type { KeyObject } from 'node:crypto';
import type { ClaimsMapping } from '../../claims/claims-mapping.js';
import type { PresetName } from '../../claims/presets/presets.js';
import type { JsonWebKey } from '../keys/json-web-key.js';

export type SymmetricAlgorithm = 'HS256' | 'HS384' | 'HS512';
export type AsymmetricAlgorithm =
  | 'RS256'
  | 'RS384'
  | 'RS512'
  | 'PS256'
  | 'PS384'
  | 'PS512'
  | 'ES256'
  | 'ES384'
  | 'ES512'
  | 'EdDSA'
  | 'Ed25519';
export type SignatureAlgorithm = SymmetricAlgorithm | AsymmetricAlgorithm;

/** A shared secret: at least as long as the hash (32 bytes for HS256). Text counts as its UTF-8 bytes. */
export type Secret = string | Uint8Array;

/** A public key: SPKI PEM or certificate PEM, a JWK, or a `KeyObject`. */
export type PublicKey = string | JsonWebKey | KeyObject;

export interface RemoteKeyOptions {
  /**
   * A JWK Set (RFC 7517 §5) that serves from the start, e.g. one fetched while building: no request of a cold start
   * waits for the first fetch, which begins in the background with the first request or `ready()`. It counts as
   * fetched when the verifier is made: it serves until the first successful fetch, or for `staleSeconds` while
   * none succeeds. A TypeError when it has no usable key. @defaultValue none: the first request waits for its keys
   */
  readonly initial?: { readonly keys: readonly JsonWebKey[] };
  /**
   * How long fetched keys count as fresh, in seconds, 1 to 86400. They are fetched again, in the background, when
   * four fifths of it are over. A withdrawn key serves until then at the longest. @defaultValue `600`
   */
  readonly cacheSeconds?: number;
  /**
   * How long keys serve after the last successful fetch while the issuer cannot be reached, in seconds, 0 to 604800;
   * never shorter than `cacheSeconds`. Then 503 KEYS_UNAVAILABLE. @defaultValue `86400` (one day)
   */
  readonly staleSeconds?: number;
  /** Limit on one fetch, body included, in milliseconds, 1 to 60000. @defaultValue `5000` */
  readonly timeoutMs?: number;
  /**
   * Replaces the global `fetch`, e.g. to go through a proxy. It must honour `signal` and `redirect: 'manual'`.
   * @defaultValue the global `fetch`
   */
  readonly fetch?: typeof fetch;
}

/** A JWK Set (RFC 7517 §5) behind an https URL; http only on loopback and from `allowHttpHosts`. */
type KeysByUrl = { readonly jwksUri: string } & RemoteKeyOptions;
/** `jwks_uri` from the issuer's metadata (OpenID Connect Discovery 1.0 §4). */
type KeysByDiscovery = { readonly discovery: true } & RemoteKeyOptions;
/** A JWK Set that the application holds. Keys that cannot be used are skipped, each with an event `keys.skipped`. */
interface KeysInHand {
  readonly jwks: { readonly keys: readonly JsonWebKey[] };
}

/** Public keys in sets, as issuers publish them. */
export type PublishedKeys = KeysByUrl | KeysByDiscovery | KeysInHand;

/** Where an issuer is asked about its tokens: a URL, or `introspection_endpoint` of its metadata (RFC 8414 §2). */
type IntrospectionPlace = { readonly endpoint: string } | { readonly discovery: true };

/** How an issuer is asked about its tokens (RFC 7662), and how long its answers count. */
export type IntrospectionOptions = IntrospectionPlace & {
  /** As whom we ask: this API's own client at the issuer. */
  readonly clientId: string;
  /** Its secret. Never printed. */
  readonly clientSecret: string;
  /** How id and secret are sent (RFC 6749 §2.3.1). @defaultValue `'client_secret_basic'` */
  readonly authMethod?: 'client_secret_basic' | 'client_secret_post';
  /**
   * How long "active" counts, in seconds, 0 to 3600, and never past the token's `exp`: so long may a token be used that has
   * been revoked. 0 asks for every request. A token without `exp` lives as long. @defaultValue `30`
   */
  readonly cacheSeconds?: number;
  /** How long a refusal counts, in seconds, 0 to 60. @defaultValue `5` */
  readonly negativeCacheSeconds?: number;
  /** Most tokens remembered, and as many refused ones apart from them. 1 to 1,000,000. @defaultValue `10_000` */
  readonly maxEntries?: number;
  /** Limit on one question, answer included, in milliseconds, 1 to 60000. @defaultValue `5000` */
  readonly timeoutMs?: number;
  /**
   * What this issuer's opaque tokens begin with, 1 to 64 characters of a bearer token. Others are refused unasked. Required
   * where several issuers are asked about tokens. @defaultValue any beginning
   */
  readonly tokenPrefix?: string;
  /** Accepts signed answers only (RFC 9701), and by these keys. @defaultValue answers are plain JSON */
  readonly signedResponses?: PublishedKeys;
  /** Replaces the global `fetch`. It must honour `method`, `body`, `signal` and `redirect: 'manual'`. */
  readonly fetch?: typeof fetch;
};

/** Where an issuer's keys come from; exactly one. */
export type KeySource =
  | PublishedKeys
  /** One key, or several that are all accepted. */
  | { readonly publicKey: PublicKey | readonly PublicKey[] }
  /** One secret, or several that are all accepted (rotation with overlap). */
  | { readonly secret: Secret | readonly Secret[] }
  /** None: the issuer is asked about each token, also about its JWTs (RFC 7662). */
  | { readonly introspection: IntrospectionOptions };

/** What we demand of one issuer's tokens. */
export interface IssuerOptions {
  /**
   * `iss`, compared character by character. With `tenants` it may hold `{tenantid}`, as in
   * Microsoft Entra's multi-tenant issuer.
   */
  readonly issuer: string;
  /**
   * Tenant ids that `{tenantid}` may stand for; those of Entra (GUIDs) compare without case. `['any']`: every tenant, so that whoever has a
   * tenant gets in. Required with, and only with, such an issuer.
   */
  readonly tenants?: readonly string[];
  /** Accepted `aud` values: the token must name at least one. `null` opts out of the check. */
  readonly audience: string | readonly string[] | null;
  /** Accepted clients, for issuers whose tokens have no `aud` (Cognito). @defaultValue any client */
  readonly clientIds?: readonly string[];
  /** Where its keys come from. */
  readonly keys: KeySource;
  /**
   * Accepted `alg` values, never taken from the token. A key with an `alg` of its own serves that one only; a key
   * without serves each of these that fits its kind. `Ed25519` (RFC 9864) and `EdDSA` are one algorithm: either
   * name accepts both. @defaultValue `['HS256']` with a secret, else `['RS256', 'ES256', 'Ed25519']`
   */
  readonly algorithms?: readonly SignatureAlgorithm[];
  /**
   * `rfc9068` wants `typ: at+jwt` and every claim of RFC 9068 §2.2; `at+jwt` wants the type, and of the claims `sub`.
   * `jwt` also takes `typ: JWT` or none, and refuses what looks like an ID, refresh or log-out token.
   * @defaultValue `'jwt'`; `'at+jwt'` for tokens that `createAuth()` signs itself
   */
  readonly profile?: 'rfc9068' | 'at+jwt' | 'jwt';
  /** How claims become a principal: a preset, a mapping, or a preset with changes. @defaultValue `'generic'` */
  readonly claims?: PresetName | (ClaimsMapping & { readonly preset?: PresetName });
  /**
   * Organisations that this issuer's tokens may name: their ids, or `'any'`. Others are left out of
   * `principal.orgs`, whatever the claims or their mapping say, so that an issuer opens no other customer's
   * organisation. With `tenants`, a token may always name its own tenant.
   * @defaultValue `[]`; `'any'` for the main issuer of `createAuth()`
   */
  readonly allowedOrgs?: 'any' | readonly string[];
  /** Clock difference forgiven in `exp` and `nbf`, in seconds. 0 to 300. `iat` may lie as far ahead, and always 60 s. @defaultValue the `clockToleranceSeconds` of the verifier: `5` */
  readonly clockToleranceSeconds?: number;
  /** Refuses tokens issued longer ago; `iat` is then required. 1 or more. @defaultValue no limit */
  readonly maxTokenAgeSeconds?: number;
  /** Claims that must be present and not null, beyond the ones the profile demands. */
  readonly requiredClaims?: readonly string[];
  /**
   * A check added to the built-in ones, made once per token, after its signature. Only `true` accepts the token;
   * anything else, a throw and a promise included, refuses it with 401. @defaultValue no further check
   */
  readonly check?: (claims: Readonly<Record<string, unknown>>) => boolean;
}
