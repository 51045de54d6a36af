import { spellTenants } from '../trusted-issuers/entra-clouds.js';
import type { IssuerPolicy } from '../trusted-issuers/policy.js';
import type { ShapeFlaw } from './shape.js';

/** Why a token was refused, in one word: for logs and events, never for the client. */
export type RefusalReason = InvalidReason | 'expired';

/** The reasons of INVALID_TOKEN. */
export type InvalidReason =
  | ShapeFlaw
  | 'header'
  | 'algorithm'
  | 'type'
  | 'critical'
  | 'key_id'
  | 'issuer'
  | 'audience'
  | 'client'
  | 'subject'
  | 'not_yet_valid'
  | 'times'
  | 'too_old'
  | 'missing_claim'
  | 'token_kind'
  | 'own_secret'
  | 'sender_constrained'
  | 'unknown_key'
  | 'key_issuer'
  | 'signature'
  | 'check'
  | 'inactive'
  | 'user_unknown';

type Json = Readonly<Record<string, unknown>>;

const MAX_KEY_ID_LENGTH = 256;

/** Judges what holds for the tokens of every issuer (RFC 7515 §4.1, RFC 8725 §3). Does not look at `typ` or at which `alg`: see {@link judgeToken}. */
export function judgeAnyHeader(header: Json): InvalidReason | undefined {
  const { alg, kid, crit, cty } = header;
  if (typeof alg !== 'string' || alg === '') return 'algorithm';
  // We understand no extension, so any critical one is too much (RFC 7515 §4.1.11); `b64` is only ever critical.
  if (crit !== undefined || header['b64'] !== undefined) return 'critical';
  if (header['enc'] !== undefined || header['zip'] !== undefined || cty !== undefined)
    return 'header';
  if (kid !== undefined && !isKeyId(kid)) return 'key_id';
  return undefined;
}

function isKeyId(kid: unknown): boolean {
  return typeof kid === 'string' && kid !== '' && kid.length <= MAX_KEY_ID_LENGTH;
}

/** A token's parts that the rules look at. */
export interface TokenParts {
  readonly header: Json;
  readonly claims: Json;
}

/** What a rule looks at. */
export type RuleName =
  | 'algorithm'
  | 'type'
  | 'subject'
  | 'audience'
  | 'client'
  | 'tenant'
  | 'kind'
  | 'claims'
  | 'times';

interface TokenRule {
  readonly name: RuleName;
  readonly judge: (
    token: TokenParts,
    policy: IssuerPolicy,
    nowSeconds: number,
  ) => RefusalReason | undefined;
}

const claimRules: readonly TokenRule[] = [
  { name: 'subject', judge: judgeSubject },
  { name: 'audience', judge: judgeAudience },
  { name: 'client', judge: judgeClient },
  { name: 'tenant', judge: judgeTenant },
  { name: 'kind', judge: judgeKind },
  { name: 'claims', judge: judgePresence },
  { name: 'times', judge: judgeTimes },
];

/** The rules by which header and claims are judged, in their order (RFC 7519 §4.1, RFC 8725 §3, RFC 9068 §4). */
export const tokenRules: readonly TokenRule[] = [
  { name: 'algorithm', judge: judgeAlgorithm },
  { name: 'type', judge: judgeType },
  ...claimRules,
];

/**
 * Judges header and claims by the issuer's policy: by {@link tokenRules}. `iss` has picked the policy already. Does not look
 * at the signature.
 */
export function judgeToken(
  token: TokenParts,
  policy: IssuerPolicy,
  nowSeconds: number,
): RefusalReason | undefined {
  for (const { judge } of tokenRules) {
    const flaw = judge(token, policy, nowSeconds);
    if (flaw) return flaw;
  }
  return undefined;
}

/** Judges the claims by the issuer's policy, whoever vouches for them. `exp` has to be there. */
export function judgeClaims(
  token: TokenParts,
  policy: IssuerPolicy,
  nowSeconds: number,
): RefusalReason | undefined {
  for (const { judge } of claimRules) {
    const flaw = judge(token, policy, nowSeconds);
    if (flaw) return flaw;
  }
  return undefined;
}

function judgeAlgorithm({ header }: TokenParts, policy: IssuerPolicy): RefusalReason | undefined {
  return policy.algorithms.has(String(header['alg'])) ? undefined : 'algorithm';
}

function judgeType({ header }: TokenParts, { profile }: IssuerPolicy): RefusalReason | undefined {
  return isAllowedType(header['typ'], profile) ? undefined : 'type';
}

/** Media types compare without case and with `application/` left out (RFC 7515 §4.1.9, RFC 9068 §2.1). */
export function isAllowedType(typ: unknown, profile: IssuerPolicy['profile']): boolean {
  if (typ === undefined) return profile === 'jwt';
  if (typeof typ !== 'string') return false;
  const type = mediaTypeOf(typ);
  return type === ACCESS_TOKEN_TYPE || (type === 'jwt' && profile === 'jwt');
}

const ACCESS_TOKEN_TYPE = 'at+jwt';

/** A media type as `typ` spells it, in lower case and without `application/`. */
export function mediaTypeOf(typ: string): string {
  return typ.toLowerCase().replace(/^application\//, '');
}

/** Year 9999. A larger NumericDate is in milliseconds by mistake. */
export const LAST_DATE = 253_402_300_799;

function judgeSubject({ claims }: TokenParts, policy: IssuerPolicy): RefusalReason | undefined {
  return hasSubject(claims, policy) ? undefined : 'subject';
}

function judgeAudience(
  { claims }: TokenParts,
  { audience }: IssuerPolicy,
): RefusalReason | undefined {
  return audience && !names(claims['aud'], audience) ? 'audience' : undefined;
}

function judgeClient(
  { claims }: TokenParts,
  { clientIds, clients }: IssuerPolicy,
): RefusalReason | undefined {
  if (!clientIds) return undefined;
  const clientId = clients.mapped(claims);
  return clientId === undefined || !clientIds.has(clientId) ? 'client' : undefined;
}

function judgeTenant({ claims }: TokenParts, policy: IssuerPolicy): RefusalReason | undefined {
  const tenant = policy.names.tenantOf(claims['iss']);
  if (tenant === undefined) return undefined;
  const { tid } = claims;
  return typeof tid === 'string' && spellTenants(tid) === tenant ? undefined : 'issuer';
}

/**
 * `sub` is optional (RFC 7519 §4.1.2), and several providers leave it out of a client's own token, whose subject
 * is the client then. RFC 9068 §2.2 requires it.
 */
function hasSubject(claims: Json, { profile, clients }: IssuerPolicy): boolean {
  const { sub } = claims;
  if (sub === undefined && profile === 'jwt') return clients.named(claims) !== undefined;
  return typeof sub === 'string' && sub !== '';
}

/** `aud` is one text or a list of texts (RFC 7519 §4.1.3); a list with anything else in it is no list. */
function names(aud: unknown, audience: ReadonlySet<string>): boolean {
  if (typeof aud === 'string') return audience.has(aud);
  if (!Array.isArray(aud) || !aud.every((item) => typeof item === 'string')) return false;
  return aud.some((item) => audience.has(item));
}

/** Claims that only other kinds of token have, by the kind. */
const foreignClaims: readonly string[] = [
  'at_hash', // ID token, OpenID Connect Core §3
  'c_hash',
  's_hash',
  'events', // logout token, Back-Channel Logout §2.4
  'htm', // DPoP proof, RFC 9449 §4.2
  'htu',
  'response_type', // request object, RFC 9101 §4
  'redirect_uri',
];

/** Refuses what looks like another kind of token than an access token (RFC 8725 §3.12). */
function judgeKind(token: TokenParts): RefusalReason | undefined {
  const { claims } = token;
  if (foreignClaims.some((name) => claims[name] !== undefined)) return 'token_kind';
  // Keycloak names the kind in a claim `typ`, Cognito in `token_use`.
  const { typ, token_use: use } = claims;
  if (typ !== undefined && typ !== KEYCLOAK_ACCESS_TOKEN) return 'token_kind';
  if (use !== undefined && use !== 'access') return 'token_kind';
  // Home-made pairs of access and refresh tokens under one secret mark the latter so.
  if (claims['type'] === 'refresh' || claims['token_type'] === 'refresh') return 'token_kind';
  // A mark of ID tokens (OpenID Connect Core §2), but Keycloak before 25 and Azure AD B2C copy it into access tokens.
  const isIdToken = claims['nonce'] !== undefined && !saysAccessToken(token);
  return isIdToken ? 'token_kind' : undefined;
}

const KEYCLOAK_ACCESS_TOKEN = 'Bearer';

/** Whether a token calls itself an access token, or has a scope, which no ID token has. */
function saysAccessToken({ header: { typ }, claims }: TokenParts): boolean {
  if (typeof typ === 'string' && mediaTypeOf(typ) === ACCESS_TOKEN_TYPE) return true;
  if (claims['typ'] === KEYCLOAK_ACCESS_TOKEN) return true;
  return isScope(claims['scope']) || isScope(claims['scp']);
}

function isScope(value: unknown): boolean {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  return items.length > 0 && items.every((item) => typeof item === 'string' && item !== '');
}

function judgePresence({ claims }: TokenParts, policy: IssuerPolicy): RefusalReason | undefined {
  if (policy.requiredClaims.some((name) => (claims[name] ?? undefined) === undefined))
    return 'missing_claim';
  if (policy.profile !== 'rfc9068') return undefined;
  // RFC 9068 §2.2; `iss`, `sub` and `exp` are judged for every profile.
  const isComplete =
    typeof claims['client_id'] === 'string' &&
    typeof claims['jti'] === 'string' &&
    claims['iat'] !== undefined &&
    claims['aud'] !== undefined;
  return isComplete ? undefined : 'missing_claim';
}

function judgeTimes(
  { claims }: TokenParts,
  policy: IssuerPolicy,
  nowSeconds: number,
): RefusalReason | undefined {
  const { exp, nbf, iat } = claims;
  if (!isDate(exp) || !isDateIfThere(nbf) || !isDateIfThere(iat)) return 'times';
  const { clockToleranceSeconds, maxTokenAgeSeconds } = policy;
  if (maxTokenAgeSeconds !== undefined && iat === undefined) return 'missing_claim';
  if (nowSeconds >= exp + clockToleranceSeconds) return 'expired';
  if (nowSeconds < validFrom(claims, policy)) return 'not_yet_valid';
  return nowSeconds >= validUntil(claims, policy) ? 'too_old' : undefined;
}

/** Whether a value is a NumericDate (RFC 7519 §2) up to the year 9999. */
export function isDate(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= LAST_DATE;
}

function isDateIfThere(value: unknown): value is number | undefined {
  return value === undefined || isDate(value);
}

/** How far a token's `iat` may lie ahead of our clock: servers of one cluster differ by seconds, and `iat` guards nothing. */
const ISSUED_AHEAD_SECONDS = 60;

/** When the token begins to count, tolerance included: by `nbf`, and by an `iat` that lies too far ahead to be a clock difference. */
export function validFrom(claims: Json, { clockToleranceSeconds }: IssuerPolicy): number {
  const { nbf = 0, iat = 0 } = claims;
  return Math.max(
    Number(nbf) - clockToleranceSeconds,
    Number(iat) - Math.max(clockToleranceSeconds, ISSUED_AHEAD_SECONDS),
  );
}

/** First second in which the token is too old, tolerance included: by `exp` or by the policy's greatest age. */
export function validUntil(claims: Json, policy: IssuerPolicy): number {
  const { exp, iat } = claims;
  const { clockToleranceSeconds, maxTokenAgeSeconds } = policy;
  const end =
    maxTokenAgeSeconds === undefined
      ? Number(exp)
      : Math.min(Number(exp), Number(iat) + maxTokenAgeSeconds);
  return Math.ceil(end + clockToleranceSeconds);
}
