import { AuthError } from '../errors.js';
import type { EventSink } from '../events.js';
import { createRemoteKeySet, type KeySet } from '../verifier/keys/key-sets.js';
import type { SignatureAlgorithm } from '../verifier/trusted-issuers/options.js';
import { judgeAnyHeader } from '../verifier/tokens/rules.js';
import { decodeJsonObject, hasTokenShape } from '../verifier/tokens/shape.js';
import type { RemoteFetchOptions } from '../http/bounded-fetch.js';

/** What providers share, and what may be fetched for them. */
export interface ProviderContext extends RemoteFetchOptions {
  readonly events: EventSink;
  /** Clock difference to the provider that is forgiven. At least a minute: a log-in happens once, and is bound to its browser. */
  readonly toleranceSeconds: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Parts of a token whose signature is verified. */
interface SignedParts {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Signatures of providers' tokens that are accepted. */
export const PROVIDER_ALGORITHMS: readonly SignatureAlgorithm[] = [
  'RS256',
  'PS256',
  'ES256',
  'EdDSA',
  'RS384',
  'RS512',
  'ES384',
  'ES512',
];

/** Creates the key set of a provider for tokens that reach us without a log-in of ours. Without `jwksUri`: by discovery. */
export function createProviderKeys(
  issuer: string,
  jwksUri: string | undefined,
  context: ProviderContext,
): KeySet {
  return createRemoteKeySet({
    ...context,
    issuer,
    jwksUri,
    algorithms: PROVIDER_ALGORITHMS,
    timeoutMs: 10_000,
    cacheSeconds: 600,
    staleSeconds: 86_400,
  });
}

/**
 * Verifies form and signature of a provider's token, and returns its parts. Undefined for a token that is not
 * signed by these keys. Rejects with KEYS_UNAVAILABLE (503). Judges no claim.
 */
export async function readSigned(
  token: string,
  keys: KeySet,
  now: number,
): Promise<SignedParts | undefined> {
  if (!hasTokenShape(token)) return undefined;
  const [headerText = '', payloadText = '', signatureText = ''] = token.split('.');
  const header = decodeJsonObject(headerText);
  const claims = decodeJsonObject(payloadText);
  if (!header || !claims || judgeAnyHeader(header) !== undefined) return undefined;
  if (!keys.isServing(now)) await keys.load();
  const kid = typeof header['kid'] === 'string' ? header['kid'] : undefined;
  const candidates = () => keys.candidates(kid, String(header['alg']));
  const signature = Buffer.from(signatureText, 'base64url');
  const isSigned = () =>
    candidates().some((key) => key.verifies(`${headerText}.${payloadText}`, signature));
  // A key that the header names and the set does not have may be a new one.
  const isKnown = kid === undefined || candidates().some((key) => key.kid === kid);
  if (isSigned()) return { header, claims };
  if (isKnown) return undefined;
  await keys.seek();
  return isSigned() ? { header, claims } : undefined;
}

/** Whether `aud` names our client alone, or `azp` names it among several audiences (OpenID Connect Core §3.1.3.7). */
export function isForClient(claims: Readonly<Record<string, unknown>>, clientId: string): boolean {
  const { aud, azp } = claims;
  if (azp !== undefined && azp !== clientId) return false;
  if (aud === clientId) return true;
  return Array.isArray(aud) && aud.includes(clientId) && (aud.length === 1 || azp === clientId);
}

/** A claim that is a time; NaN for anything else, which every comparison refuses. */
export function timeOf(value: unknown): number {
  return typeof value === 'number' ? value : Number.NaN;
}

/** INVALID_REQUEST. `reason` is one fixed word. */
export function badToken(reason: string): AuthError {
  return new AuthError('INVALID_REQUEST', { reason });
}
