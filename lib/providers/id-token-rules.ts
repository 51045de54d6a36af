import type { IDToken } from 'openid-client';
import { AuthError } from '../errors.js';
import type { TenantRule } from './entra-tenants.js';
import { unverifiable } from './errors.js';
import { isIdentifier } from './identifier.js';
import type { LoginSecrets } from './login-provider.js';

export interface IdTokenRules {
  readonly settings: {
    readonly clientId: string;
    readonly allowedDomains?: readonly string[] | undefined;
  };
  readonly tenants: TenantRule;
  readonly toleranceSeconds: number;
  readonly now: () => number;
}

/** The token was made for this very log-in. */
const MAX_AGE_SECONDS = 600;

/** Between the user's sign-in at the provider and the ID token, when both are of this log-in. */
const SIGN_IN_SECONDS = 5;

/** Checks what the protocol library leaves to us. Throws LOGIN_FAILED, and LOGIN_DENIED for another tenant or domain. */
export function judgeIdToken(
  { settings, tenants, toleranceSeconds, now }: IdTokenRules,
  claims: IDToken,
  {
    acrValues,
    maxAgeSeconds = Number.POSITIVE_INFINITY,
  }: Pick<LoginSecrets, 'acrValues' | 'maxAgeSeconds'>,
): void {
  const { clientId, allowedDomains = [] } = settings;
  const nowSeconds = Math.floor(now() / 1000);
  if (!isIdentifier(claims.sub) || !isIdentifier(textOf(claims['sid']) ?? 'none'))
    throw unverifiable('subject');
  if (claims.iat > nowSeconds + toleranceSeconds) throw unverifiable('issued_in_future');
  if (claims.iat < nowSeconds - MAX_AGE_SECONDS) throw unverifiable('too_old');
  // The library forgives the whole clock difference here. By the provider's own clock there is none.
  if (claims.iat - (claims.auth_time ?? claims.iat) > maxAgeSeconds + SIGN_IN_SECONDS)
    throw unverifiable('auth_time');
  if (claims.azp !== undefined && claims.azp !== clientId) throw unverifiable('authorized_party');
  if (acrValues && !acrValues.includes(textOf(claims['acr']) ?? '')) throw unverifiable('acr');
  if (!tenants.admits(claims['tid'])) throw new AuthError('LOGIN_DENIED', { reason: 'tenant' });
  if (allowedDomains.length > 0 && !allowedDomains.includes(textOf(claims['hd']) ?? ''))
    throw new AuthError('LOGIN_DENIED', { reason: 'domain' });
}

/** A claim that is text; undefined for anything else, and for no text. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
