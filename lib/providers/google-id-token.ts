import { AuthError } from '../errors.js';
import { createIdentityReader } from './identity-reader.js';
import type { ProviderSignIn } from './login-provider.js';
import { unbelievable } from './errors.js';
import {
  createProviderKeys,
  isForClient,
  type ProviderContext,
  readSigned,
  timeOf,
} from './tokens.js';

export const GOOGLE = 'https://accounts.google.com';
const GOOGLE_KEYS = 'https://www.googleapis.com/oauth2/v3/certs';

const MAX_AGE_SECONDS = 600;
const TOLERANCE_SECONDS = 5;

interface GoogleSignIn {
  readonly signedIn: Omit<ProviderSignIn, 'tokens'>;
  /** Until when the token must be remembered, so that it works once. Seconds since 1970. */
  readonly expiresAt: number;
}

/** Judges an ID token that Google's button or One Tap has handed to a page. */
export type GoogleIdTokenReader = (idToken: string) => Promise<GoogleSignIn>;

/**
 * Prepares judging ID tokens from Google's own client library: Google's keys, our client id, our domains, at most
 * ten minutes old. Rejects with LOGIN_FAILED (401), LOGIN_DENIED (403) for a domain that may not sign in,
 * KEYS_UNAVAILABLE (503). Whether the token has been used before is for the caller to know.
 */
export function createGoogleIdTokenReader(
  {
    clientId,
    allowedDomains,
  }: { readonly clientId: string; readonly allowedDomains: readonly string[] },
  context: ProviderContext,
): GoogleIdTokenReader {
  const keys = createProviderKeys(GOOGLE, GOOGLE_KEYS, context);
  const readIdentity = createIdentityReader({
    name: 'google',
    issuer: GOOGLE,
    preset: 'google',
    trustEmail: undefined,
  });
  return async function readGoogleIdToken(idToken) {
    const nowMs = context.now();
    const signed = await readSigned(idToken, keys, nowMs);
    if (!signed) throw unbelievable('signature');
    const { iss, sub, iat, exp, hd } = signed.claims;
    // Google writes its name in two ways; an account has one.
    if (iss !== GOOGLE && iss !== 'accounts.google.com') throw unbelievable('issuer');
    if (!isForClient(signed.claims, clientId)) throw unbelievable('audience');
    if (typeof sub !== 'string' || sub === '') throw unbelievable('subject');
    const nowSeconds = nowMs / 1000;
    const isFresh =
      nowSeconds < timeOf(exp) + TOLERANCE_SECONDS &&
      timeOf(iat) <= nowSeconds + TOLERANCE_SECONDS &&
      nowSeconds - timeOf(iat) < MAX_AGE_SECONDS;
    if (!isFresh) throw unbelievable('times');
    // `hd`, never the part after the @: anybody can open a Google account with an address of a company.
    if (allowedDomains.length > 0 && !(typeof hd === 'string' && allowedDomains.includes(hd)))
      throw new AuthError('LOGIN_DENIED', { reason: 'domain' });
    return {
      signedIn: {
        identity: readIdentity({ ...signed.claims, iss: GOOGLE }),
        // The token says nothing of how and when the user signed in at Google.
        sessionId: undefined,
        authTime: undefined,
        acr: undefined,
        amr: [],
      },
      expiresAt: timeOf(iat) + MAX_AGE_SECONDS + TOLERANCE_SECONDS,
    };
  };
}
