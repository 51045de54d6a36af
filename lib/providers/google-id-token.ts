import { AuthError } from '../errors.js';
import { createIdentityReader } from './identity-reader.js';
import type { ProviderSignIn } from './login-provider.js';
import { unverifiable } from './errors.js';
import {
  createProviderKeys,
  isForClient,
  type ProviderContext,
  readSigned,
  timeOf,
} from './tokens.js';
import { isIdentifier } from './identifier.js';

/** What it sends is said in `habits/google.ts`. */
export const GOOGLE = 'https://accounts.google.com';
const GOOGLE_KEYS = 'https://www.googleapis.com/oauth2/v3/certs';

const MAX_AGE_SECONDS = 600;

interface GoogleSignIn {
  readonly signedIn: Omit<ProviderSignIn, 'tokens'>;
  /** Until when the token must be remembered, so that it works once. Seconds since 1970. */
  readonly expiresAt: number;
}

/** Verifies an ID token that Google's button or One Tap has given to a page. */
export type GoogleIdTokenReader = (idToken: string) => Promise<GoogleSignIn>;

/**
 * Prepares verifying ID tokens from Google's own client library: signed by Google's keys, for our client id, of an
 * allowed domain, at most ten minutes old. Rejects with LOGIN_FAILED (401), LOGIN_DENIED (403) for another domain,
 * KEYS_UNAVAILABLE (503). Does not look whether the token was used before.
 */
export function createGoogleIdTokenReader(
  {
    clientId,
    allowedDomains,
  }: { readonly clientId: string; readonly allowedDomains: readonly string[] },
  context: ProviderContext,
): GoogleIdTokenReader {
  const { toleranceSeconds } = context;
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
    if (!signed) throw unverifiable('signature');
    const { iss, sub, iat, exp, hd } = signed.claims;
    // Google writes its name in two ways; an account has one.
    if (iss !== GOOGLE && iss !== 'accounts.google.com') throw unverifiable('issuer');
    if (!isForClient(signed.claims, clientId)) throw unverifiable('audience');
    if (typeof sub !== 'string' || !isIdentifier(sub)) throw unverifiable('subject');
    const nowSeconds = nowMs / 1000;
    const isFresh =
      nowSeconds < timeOf(exp) + toleranceSeconds &&
      timeOf(iat) <= nowSeconds + toleranceSeconds &&
      nowSeconds - timeOf(iat) < MAX_AGE_SECONDS;
    if (!isFresh) throw unverifiable('times');
    // `hd`, never the part after the @: a Google account can have an address of any company.
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
      expiresAt: timeOf(iat) + MAX_AGE_SECONDS + toleranceSeconds,
    };
  };
}
