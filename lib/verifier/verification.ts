import { hash } from 'node:crypto';
import type { Principal } from '../principal.js';
import { isTrustedNow, type KnownToken, type LastTokens } from './tokens/last-tokens.js';
import type { Refusals } from './tokens/refusals.js';
import type { RevocationCheck } from './tokens/revocation.js';
import type { SeenHeaders } from './tokens/seen-headers.js';
import type { IssuerDirectory } from './trusted-issuers/directory.js';
import type { TrustedIssuer } from './trusted-issuers/resolved-issuers.js';

/** What every verification needs. */
export interface Verification {
  readonly directory: IssuerDirectory;
  readonly refusals: Refusals;
  readonly checkRevocation: RevocationCheck;
  readonly seenHeaders: SeenHeaders;
  readonly lastTokens: LastTokens;
  readonly now: () => number;
  readonly maxTokenLength: number;
  /** Tells secrets of the application from tokens. Undefined where it has none. */
  readonly isOwnSecret: ((text: string) => boolean) | undefined;
  signatureChecks: number;
}

/** A principal at once, or when keys or the application have answered. */
export type Outcome = Principal | Promise<Principal>;

/**
 * Looks a token up among the verified ones of the issuers that have used its header. No JSON is parsed, no
 * signature checked, no promise made.
 */
export function recall(
  { now }: Verification,
  token: string,
  issuers: readonly TrustedIssuer[],
): KnownToken | undefined {
  const digest = digestOf(token);
  const nowMs = now();
  for (const trusted of issuers) {
    const verified = trusted.cache?.recall(digest, Math.floor(nowMs / 1000));
    if (verified && isTrustedNow(trusted, nowMs)) return { verified, trusted };
  }
  return undefined;
}

/** Short, and of one byte a character, so that an entry stays small. */
export function digestOf(token: string): string {
  return hash('sha256', token, 'binary');
}
