import {
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  type KeyObject,
  randomUUID,
} from 'node:crypto';
import { SignJWT } from 'jose';
import type { Config } from '../config/config.js';
import { algorithmsOf } from '../config/key-readers.js';
import { createRootKeys } from '../secrets/derived-keys.js';
import { secretBytes } from '../secrets/secret-bytes.js';
import { jwkThumbprint } from '../verifier/keys/jwk-thumbprint.js';
import type { IssuerOptions, SignatureAlgorithm } from '../verifier/trusted-issuers/options.js';
import type { AttributeValue, OrgMembership } from '../principal.js';
import type { JsonWebKey } from '../verifier/keys/json-web-key.js';

/** The content of an access token. */
export interface AccessGrant {
  /** `sub` */
  readonly subject: string;
  /** `sid` */
  readonly sessionId?: string;
  /** `client_id` (RFC 9068 §2.2). @defaultValue `'first-party'` */
  readonly clientId?: string;
  /** When the user last signed in actively. Seconds since 1970. */
  readonly authTime?: number;
  /** Authentication methods (RFC 8176), such as `pwd`. */
  readonly amr?: readonly string[];
  /** Authentication context class (OpenID Connect Core §2). */
  readonly acr?: string;
  /** `cnf.jkt`: thumbprint of the client's key (RFC 7638) that the token is bound to (RFC 9449 §6.1). @defaultValue a bearer token */
  readonly keyThumbprint?: string;
  readonly scopes?: readonly string[];
  readonly user?: GrantedUser;
  /** `org_id`: the session's default organisation; null for none, whatever `extraClaims` says. @defaultValue up to `extraClaims` */
  readonly defaultOrg?: string | null;
  /** Guards refuse the token (403 PASSWORD_CHANGE_REQUIRED) except for changing the password. */
  readonly mustResetPassword?: boolean;
  /** Who acts for the subject: the `sub` of `act` (RFC 8693 §4.1). @defaultValue the subject itself */
  readonly actor?: string;
  /** How long the token works at most. @defaultValue AUTH_ACCESS_TTL */
  readonly lifeSeconds?: number;
  /** Latest expiry. Seconds since 1970. */
  readonly notAfter?: number;
  /** Further claims. Reserved names and those of the members above are dropped. */
  readonly extraClaims?: Readonly<Record<string, unknown>>;
}

interface GrantedUser {
  readonly username?: string | undefined;
  readonly email?: string | undefined;
  /** Whether the address is proven. Left out of the token without an address. @defaultValue `false` */
  readonly emailVerified?: boolean | undefined;
  readonly roles?: readonly string[];
  readonly groups?: readonly string[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly orgs?: readonly OrgMembership[];
}

interface SignedToken {
  readonly token: string;
  /** Seconds. */
  readonly expiresIn: number;
}

/** Signs the application's own access tokens and publishes its public keys. */
export interface AccessTokenSigner {
  /** Signs an access token (RFC 9068: `typ: at+jwt` and every claim of §2.2). */
  sign(grant: AccessGrant): Promise<SignedToken>;
  /** Public keys of the current and the previous private keys (RFC 7517 §5); none with a secret. */
  jwks(): { readonly keys: readonly JsonWebKey[] };
  /** The policy by which a verifier accepts these tokens. */
  issuerOptions(): IssuerOptions;
}

/** The current signing key or a previous one. */
interface SigningKey {
  readonly key: KeyObject;
  readonly kid: string;
  readonly algorithm: SignatureAlgorithm;
  /** The public half; undefined for a secret, which has none. */
  readonly publicJwk: JsonWebKey | undefined;
}

/** `client_id` of tokens that users get by signing in here, not through an OAuth client. */
const FIRST_PARTY = 'first-party';

type SignerConfig = Pick<Config, 'jwt' | 'claims' | 'accessTtlSeconds'>;

/**
 * Creates the signer of AUTH_JWT_SECRET or AUTH_JWT_PRIVATE_KEY. The current key signs. Tokens of the previous keys
 * still verify, so that a rotation signs no user out. Throws a TypeError without a key or an issuer's name.
 */
export function createAccessTokenSigner(
  config: SignerConfig,
  { now }: { readonly now: () => number },
): AccessTokenSigner {
  const { issuer, audience = issuer === undefined ? [] : [issuer] } = config.jwt;
  const ring = keyRing(config.jwt);
  const [current] = ring;
  const [firstAudience] = audience;
  if (!current) throw new TypeError('signing tokens needs AUTH_JWT_SECRET or AUTH_JWT_PRIVATE_KEY');
  if (issuer === undefined || firstAudience === undefined)
    throw new TypeError('signing tokens needs a name: set AUTH_PUBLIC_URL or AUTH_JWT_ISSUER');
  const jwks = publicKeys(ring);
  const header = { alg: current.algorithm, typ: 'at+jwt', kid: current.kid };
  return Object.freeze({
    async sign(grant: AccessGrant): Promise<SignedToken> {
      const issuedAt = Math.floor(now() / 1000);
      const { accessTtlSeconds: usual } = config;
      const end = issuedAt + Math.min(usual, grant.lifeSeconds ?? usual);
      const exp = Math.min(end, Math.floor(grant.notAfter ?? end));
      const claims = {
        ...claimsOf(grant),
        iss: issuer,
        aud: firstAudience,
        iat: issuedAt,
        exp,
        jti: randomUUID(),
      };
      const token = await new SignJWT(claims).setProtectedHeader(header).sign(current.key);
      return { token, expiresIn: exp - issuedAt };
    },
    jwks: () => jwks,
    issuerOptions: (): IssuerOptions => ({
      issuer,
      audience,
      keys: current.publicJwk ? { jwks } : { secret: secretsOf(config.jwt) },
      algorithms: [...new Set(ring.map(({ algorithm }) => algorithm))],
      // The type of every token we sign. What else was signed under the same secret is not ours.
      profile: 'at+jwt',
      allowedOrgs: 'any',
      claims: config.claims,
    }),
  });
}

function secretsOf({ secret, secretPrevious }: Config['jwt']): readonly string[] {
  return secret === undefined ? [] : [secret, ...secretPrevious];
}

/** The current key first. */
function keyRing(jwt: Config['jwt']): readonly SigningKey[] {
  const { privateKey, privateKeyPrevious, algorithm } = jwt;
  if (privateKey !== undefined)
    return [
      asymmetricKey(privateKey, algorithm),
      ...privateKeyPrevious.map((text) => asymmetricKey(text, algorithm)),
    ];
  return secretsOf(jwt).map((secret) => ({
    key: createSecretKey(secretBytes(secret)),
    // Not RFC 7638's thumbprint: of a secret, it would publish a hash (§7).
    kid: createRootKeys([secret]).current.kid,
    algorithm: algorithm ?? 'HS256',
    publicJwk: undefined,
  }));
}

/** A previous key of another type keeps its own algorithm. */
function asymmetricKey(text: string, wanted: SignatureAlgorithm | undefined): SigningKey {
  const key = createPrivateKey(
    text.startsWith('{') ? { key: JSON.parse(text), format: 'jwk' } : text,
  );
  const possible = algorithmsOf(text).filter(isAsymmetric);
  const algorithm = possible.find((each) => each === wanted) ?? possible[0];
  if (algorithm === undefined) throw new TypeError('the private key signs no tokens');
  const jwk = createPublicKey(key).export({ format: 'jwk' });
  const kid = jwkThumbprint(jwk);
  const publicJwk = Object.freeze({ ...jwk, kid, alg: algorithm, use: 'sig' });
  return { key, kid, algorithm, publicJwk };
}

function isAsymmetric(algorithm: string): algorithm is SignatureAlgorithm {
  return !algorithm.startsWith('HS');
}

function publicKeys(ring: readonly SigningKey[]): { readonly keys: readonly JsonWebKey[] } {
  const keys = ring.flatMap(({ publicJwk }) => (publicJwk ? [publicJwk] : []));
  return Object.freeze({ keys: Object.freeze(keys) });
}

/** Claims that `extraClaims` cannot set, whether or not the grant has a value for them. */
const reserved: ReadonlySet<string> = new Set([
  ...['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'client_id', 'sid', 'auth_time', 'amr'],
  ...['acr', 'scope', 'cnf', 'act', 'may_act', 'nonce', 'events', 'must_reset_password'],
  ...['__proto__', 'constructor', 'prototype'],
]);

function claimsOf(grant: AccessGrant): Record<string, unknown> {
  const { extraClaims = {}, scopes = [], clientId = FIRST_PARTY } = grant;
  const extra = Object.entries(extraClaims).filter(([name]) => !reserved.has(name));
  return {
    ...Object.fromEntries(extra),
    ...userClaims(grant.user),
    ...(grant.defaultOrg !== undefined && { org_id: grant.defaultOrg ?? undefined }),
    sub: grant.subject,
    client_id: clientId,
    sid: grant.sessionId,
    auth_time: grant.authTime,
    amr: grant.amr,
    acr: grant.acr,
    act: grant.actor === undefined ? undefined : { sub: grant.actor },
    cnf: grant.keyThumbprint === undefined ? undefined : { jkt: grant.keyThumbprint },
    scope: scopes.length > 0 ? scopes.join(' ') : undefined,
    must_reset_password: grant.mustResetPassword ? true : undefined,
  };
}

/** Claims that the `generic` preset reads (RFC 9068 §2.2.3.1, OpenID Connect Core §5.1). */
function userClaims(user: GrantedUser = {}) {
  const { username, email, emailVerified = false, roles, groups, attributes, orgs } = user;
  return {
    username,
    email,
    email_verified: email === undefined ? undefined : emailVerified,
    roles: full(roles),
    groups: full(groups),
    attributes: attributes && Object.keys(attributes).length > 0 ? attributes : undefined,
    orgs: full(orgs)?.map(({ id, roles: inOrg, isDefault }) => ({
      id,
      roles: inOrg,
      default: isDefault,
    })),
  };
}

function full<Item>(list: readonly Item[] | undefined): readonly Item[] | undefined {
  return list && list.length > 0 ? list : undefined;
}
