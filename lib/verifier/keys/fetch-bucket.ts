const FETCHES_AT_ONCE = 2;
const REFILL_MS = 5000;

/** Permission to fetch keys: two at once, then one every 5 s. */
export interface FetchBucket {
  /** Takes a permission out. Returns false when there is none. Times are milliseconds since 1970. */
  take(nowMs: number): boolean;
  /** Milliseconds until there is a permission; 0 now. */
  waitMs(nowMs: number): number;
}

/**
 * Limits an issuer's key fetches, whatever they are for: neither a flood of made-up key ids nor an outage can
 * cause more, and yet a key that the issuer starts to use this second is found at once. The price: while a flood
 * of unknown key ids keeps the bucket empty, a token of a brand-new key is refused with 401 for up to 5 s, until
 * the next fetch brings its key.
 */
export function createFetchBucket(): FetchBucket {
  let permissions = FETCHES_AT_ONCE;
  let refilledAt = 0;

  function refill(nowMs: number): void {
    // A clock that was set back must not stop the refill.
    if (nowMs < refilledAt) refilledAt = nowMs;
    const refills = Math.floor((nowMs - refilledAt) / REFILL_MS);
    permissions = Math.min(FETCHES_AT_ONCE, permissions + refills);
    // A full bucket does not save up the time that is left over.
    refilledAt = permissions === FETCHES_AT_ONCE ? nowMs : refilledAt + refills * REFILL_MS;
  }

  return {
    take(nowMs) {
      refill(nowMs);
      if (permissions === 0) return false;
      permissions -= 1;
      return true;
    },
    waitMs(nowMs) {
      refill(nowMs);
      return permissions > 0 ? 0 : Math.max(0, refilledAt + REFILL_MS - nowMs);
    },
  };
}
