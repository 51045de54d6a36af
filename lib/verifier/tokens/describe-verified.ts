import type { Principal } from '../../principal.js';
import type { IssuerPolicy } from '../trusted-issuers/policy.js';
import { validFrom } from './rules.js';
import type { VerifiedToken } from './verified-tokens.js';

type Json = Readonly<Record<string, unknown>>;

/** What every remembered token takes beside its claims and the facts that only it has. */
const ENTRY_BYTES = 400;

/** What is known of a good token beside its claims. */
export interface Verification extends Pick<
  VerifiedToken,
  'issuer' | 'expiresAt' | 'key' | 'diesAt'
> {
  readonly policy: IssuerPolicy;
  readonly method: Principal['method'];
}

/** One flat object for facts and validity: it may be remembered a hundred thousand times. */
export function describeVerified(
  rawClaims: Record<string, unknown>,
  { policy, method, issuer, expiresAt, key, diesAt }: Verification,
): VerifiedToken {
  const meter = { bytes: ENTRY_BYTES };
  const claims = policy.freezeClaims(rawClaims, meter);
  const { iat, auth_time: authTime } = claims;
  const { subject, user, scopes, clientId, sessionId, orgs } = policy.readClaims(claims, meter);
  return Object.freeze({
    method,
    subject,
    user,
    scopes,
    claims,
    issuer,
    clientId,
    sessionId,
    issuedAt: typeof iat === 'number' ? iat : undefined,
    expiresAt,
    authTime: typeof authTime === 'number' ? authTime : undefined,
    orgs,
    key,
    validFrom: Math.ceil(validFrom(claims, policy)),
    diesAt,
    bytes: meter.bytes,
  });
}

/** Whatever goes wrong in the application's own check, the token has not passed it. */
export function passesOwnCheck(claims: Json, { check }: IssuerPolicy): boolean {
  try {
    // A promise is truthy, so an asynchronous check must not count as passed.
    const verdict: unknown = check === undefined || check(claims);
    return verdict === true;
  } catch {
    return false;
  }
}
