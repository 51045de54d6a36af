import { numberInRange, refuseUnknownOptions } from '../../known-options.js';
import type { PrincipalFacts } from '../../principal.js';

/** What a verification came to, as long as it may be reused. */
export interface VerifiedToken extends PrincipalFacts {
  /** Whose signature it is, if it has one: the verdict falls with the key. */
  readonly key: { readonly withdrawn: boolean };
  /** First second of validity, tolerance included. Seconds since 1970. */
  readonly validFrom: number;
  /** First second in which it is no longer valid. Seconds since 1970. */
  readonly diesAt: number;
  /** Estimated memory. */
  readonly bytes: number;
}

export interface VerifiedTokenCacheOptions {
  /** Most tokens remembered per issuer. 1 to 16,000,000. @defaultValue `100_000` */
  readonly maxEntries?: number;
  /**
   * Most memory that the tokens of an issuer may take, in bytes, estimated within a factor of two.
   * @defaultValue `67_108_864` (64 MiB)
   */
  readonly maxBytes?: number;
  /** Longest time one verification is relied on. 1 to 3600. @defaultValue `300` */
  readonly maxAgeSeconds?: number;
}

export interface VerifiedTokenCache {
  /** The verdict on a token with this digest, if it still holds. */
  recall(digest: string, nowSeconds: number): VerifiedToken | undefined;
  remember(digest: string, entry: VerifiedToken, nowSeconds: number): void;
  readonly maxAgeSeconds: number;
  readonly maxBytes: number;
  readonly entries: number;
  readonly bytes: number;
}

/**
 * Remembers good verdicts by the token's digest; bad ones never enter. Oldest out first: an entry lives for
 * minutes, so keeping the recently used ones longer would cost every hit a write and win next to nothing.
 */
export function createVerifiedTokenCache(
  options: VerifiedTokenCacheOptions = {},
): VerifiedTokenCache {
  const { maxEntries, maxBytes, maxAgeSeconds } = readBounds(options);
  const entries = new Map<string, VerifiedToken>();
  let bytes = 0;
  // Kept, because a new iterator passes over every place that was emptied before the oldest entry: in a full cache
  // each new token would pay for that.
  let oldestFirst = entries.entries();
  let oldest: readonly [string, VerifiedToken] | undefined;

  function forget(digest: string, entry: VerifiedToken): void {
    entries.delete(digest);
    bytes -= entry.bytes;
  }

  /** The first entry that is still there; one that was replaced stands further back as well. */
  function findOldest(): readonly [string, VerifiedToken] | undefined {
    while (oldest === undefined || entries.get(oldest[0]) !== oldest[1]) {
      const { done, value } = oldestFirst.next();
      if (done === true) {
        // An iterator that has come to its end doesn't see what is added later.
        oldestFirst = entries.entries();
        oldest = undefined;
        return undefined;
      }
      oldest = value;
    }
    return oldest;
  }

  function makeRoom(nowSeconds: number): void {
    for (let found = findOldest(); found !== undefined; found = findOldest()) {
      const [digest, entry] = found;
      const isFull = entries.size > maxEntries || bytes > maxBytes;
      if (!isFull && nowSeconds < entry.diesAt && !entry.key.withdrawn) return;
      forget(digest, entry);
    }
  }

  return {
    recall(digest, nowSeconds) {
      const entry = entries.get(digest);
      if (entry === undefined) return undefined;
      if (holdsAt(entry, nowSeconds)) return entry;
      forget(digest, entry);
      return undefined;
    },
    remember(digest, entry, nowSeconds) {
      const known = entries.get(digest);
      if (known) forget(digest, known);
      entries.set(digest, entry);
      bytes += entry.bytes;
      makeRoom(nowSeconds);
    },
    maxAgeSeconds,
    maxBytes,
    get entries() {
      return entries.size;
    },
    get bytes() {
      return bytes;
    },
  };
}

/** Returns whether a verdict holds at this time, in seconds since 1970. */
export function holdsAt({ diesAt, validFrom, key }: VerifiedToken, nowSeconds: number): boolean {
  return nowSeconds < diesAt && nowSeconds >= validFrom && !key.withdrawn;
}

/** A bound that is no number would bound nothing. */
function readBounds(options: VerifiedTokenCacheOptions): Required<VerifiedTokenCacheOptions> {
  refuseUnknownOptions('tokenCache', options, ['maxEntries', 'maxBytes', 'maxAgeSeconds']);
  const { maxEntries = 100_000, maxBytes = 67_108_864, maxAgeSeconds = 300 } = options;
  return {
    maxEntries: numberInRange(maxEntries, [1, MAX_ENTRIES], 'tokenCache.maxEntries'),
    maxBytes: numberInRange(maxBytes, [1, Number.MAX_SAFE_INTEGER], 'tokenCache.maxBytes'),
    maxAgeSeconds: numberInRange(maxAgeSeconds, [1, 3600], 'tokenCache.maxAgeSeconds'),
  };
}

/** As many as fit into one Map of V8. */
const MAX_ENTRIES = 16_000_000;
