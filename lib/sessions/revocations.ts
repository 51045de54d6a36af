import { numberInRange } from '../known-options.js';
import type { SessionStore } from '../stores/store.js';

export interface RevocationsOptions {
  /** After how long a session revoked by another instance is refused here. 1 to 300. @defaultValue `5` */
  readonly revocationLagSeconds?: number;
  /** How long an access token can outlive its session: its whole life. */
  readonly accessTtlSeconds: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** The sessions that ended before their time, as far as their access tokens may still be about. */
export interface Revocations {
  /** At once for sessions ended here. A promise only until the store was asked for the first time. */
  has(sessionId: string): boolean | Promise<boolean>;
  /** Refuses these from now on. */
  add(sessionIds: readonly string[]): void;
  /** Resolves when the store has told what was revoked; rejects with its reason. */
  ready(): Promise<void>;
  /** Stops asking the store. */
  close(): void;
}

/** Instances' clocks differ: each look goes back a little further than the last one. */
const OVERLAP_MS = 30_000;

/**
 * Keeps the revoked sessions of all instances in memory, so that a verification waits for nobody. Asks the
 * store twice per lag, from the first question on. While the store is down it goes on with what it knows.
 */
export function createRevocations(
  sessions: Pick<SessionStore, 'revokedSince'>,
  { revocationLagSeconds = 5, accessTtlSeconds, now }: RevocationsOptions,
): Revocations {
  const lagMs = numberInRange(revocationLagSeconds, [1, 300], 'revocationLagSeconds') * 1000;
  const memoryMs = accessTtlSeconds * 1000 + OVERLAP_MS;
  const revoked = new Map<string, number>();
  let seenUntil = now() - memoryMs;
  let first: Promise<void> | undefined;
  let hasAsked = false;
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;

  function remember(id: string, revokedAt: number): void {
    if (!revoked.has(id)) revoked.set(id, revokedAt + memoryMs);
  }

  function forgetOld(time: number): void {
    for (const [id, until] of revoked) if (until <= time) revoked.delete(id);
  }

  async function ask(): Promise<void> {
    const askedAt = now();
    for (const { id, revokedAt } of await sessions.revokedSince(seenUntil - OVERLAP_MS))
      remember(id, revokedAt);
    seenUntil = askedAt;
    forgetOld(askedAt);
  }

  function askAgainLater(): void {
    if (isClosed) return;
    timer = setTimeout(() => {
      // A failure is the store's event; what is known goes on counting.
      ask().then(askAgainLater, askAgainLater);
    }, lagMs / 2);
    timer.unref();
  }

  function askFirst(): Promise<void> {
    first ??= ask().finally(() => {
      hasAsked = true;
      askAgainLater();
    });
    return first;
  }

  return Object.freeze({
    has(sessionId: string): boolean | Promise<boolean> {
      if (revoked.has(sessionId)) return true;
      if (hasAsked) return false;
      // An outage while the process starts must not refuse everybody: bearer tokens go on without the store.
      return askFirst()
        .catch(() => undefined)
        .then(() => revoked.has(sessionId));
    },
    add(sessionIds: readonly string[]): void {
      for (const id of sessionIds) remember(id, now());
    },
    async ready(): Promise<void> {
      await askFirst().catch(ask);
    },
    close(): void {
      isClosed = true;
      clearTimeout(timer);
    },
  });
}
