import { createBoundedMap } from '../../bounded-map.js';
import { AuthError } from '../../errors.js';
import type { RefusalReason } from '../tokens/rules.js';

/** Why a token is refused. */
export interface Refused {
  readonly refused: RefusalReason;
  /** As the issuer said; of use where the token has expired. */
  readonly exp: number;
}

/** Remembers for a few seconds that a token was refused, or why there is no answer about it. */
export interface Missed {
  /** Throws the error that was remembered in the place of a refusal. */
  recall(digest: string): Refused | undefined;
  remember(digest: string, outcome: Refused | AuthError): void;
}

export interface MissedOptions {
  readonly maxEntries: number;
  /** 0 remembers nothing. */
  readonly negativeCacheSeconds: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Apart from the verified tokens, so that made-up tokens push no real ones out. */
export function createMissed({ maxEntries, negativeCacheSeconds, now }: MissedOptions): Missed {
  const entries = createBoundedMap<
    string,
    { readonly outcome: Refused | AuthError; readonly expiresAt: number }
  >(maxEntries);
  return {
    recall(digest) {
      const entry = entries.get(digest);
      if (!entry || now() >= entry.expiresAt) return undefined;
      if (entry.outcome instanceof AuthError) throw entry.outcome;
      return entry.outcome;
    },
    remember(digest, outcome) {
      if (negativeCacheSeconds > 0)
        entries.set(digest, { outcome, expiresAt: now() + negativeCacheSeconds * 1000 });
    },
  };
}
