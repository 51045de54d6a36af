import { isRecord } from '../is-record.js';
import type { LogoutNotice } from './login-provider.js';
import { isIdentifier } from './identifier.js';
import {
  badToken,
  createProviderKeys,
  isForClient,
  type ProviderContext,
  readSigned,
  timeOf,
} from './tokens.js';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
/** A logout token is made when it is sent. */
const MAX_AGE_SECONDS = 300;

/**
 * Prepares verifying logout tokens (OpenID Connect Back-Channel Logout §2.6), which need no `exp`: Hydra sends none. Rejects with INVALID_REQUEST (400) for a bad
 * one, KEYS_UNAVAILABLE (503) during an outage. Does not look whether the token was used before.
 */
export function createLogoutTokenReader(
  { issuer, clientId }: { readonly issuer: string; readonly clientId: string },
  context: ProviderContext,
): (token: string) => Promise<LogoutNotice> {
  const { toleranceSeconds } = context;
  const keys = createProviderKeys(issuer, undefined, context);
  return async function readLogoutToken(token) {
    const nowMs = context.now();
    const signed = await readSigned(token, keys, nowMs);
    if (!signed) throw badToken('signature');
    const { header, claims } = signed;
    const { iss, sub, sid, iat, exp, jti, events, nonce } = claims;
    if (!isLogoutType(header['typ'])) throw badToken('type');
    if (iss !== issuer) throw badToken('issuer');
    if (!isForClient(claims, clientId)) throw badToken('audience');
    // An ID token must never pass for a logout token.
    if (nonce !== undefined) throw badToken('nonce');
    if (!isRecord(events) || !isRecord(events[EVENT])) throw badToken('events');
    if (!isTextOrAbsent(sub) || !isTextOrAbsent(sid) || (sub ?? sid) === undefined)
      throw badToken('subject');
    if (typeof jti !== 'string' || jti === '') throw badToken('id');
    const nowSeconds = nowMs / 1000;
    const age = nowSeconds - timeOf(iat);
    if (!(age > -toleranceSeconds && age < MAX_AGE_SECONDS + toleranceSeconds))
      throw badToken('times');
    if (exp !== undefined && !(nowSeconds < timeOf(exp) + toleranceSeconds))
      throw badToken('times');
    return {
      issuer,
      subject: sub,
      sessionId: sid,
      id: jti,
      expiresAt: timeOf(iat) + MAX_AGE_SECONDS + toleranceSeconds,
    };
  };
}

/**
 * `logout+jwt` is recommended (§2.4), not required: Hydra, Keycloak before 25 and Authentik before 2025.12 write `JWT` or nothing. Then
 * `events` tells a logout token from all others, which §2.6 has us check anyway.
 */
function isLogoutType(typ: unknown): boolean {
  if (typ === undefined) return true;
  return typeof typ === 'string' && /^(?:application\/)?(?:logout\+)?jwt$/i.test(typ);
}

function isTextOrAbsent(value: unknown): value is string | undefined {
  return value === undefined || (typeof value === 'string' && isIdentifier(value));
}
