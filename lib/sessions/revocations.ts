import { numberInRange } from '../known-options.js';
import type { Revocation, SessionStore } from '../stores/store.js';

export interface RevocationsOptions {
  /**
   * Seconds until an instance refuses a session that another one has revoked. 1 to 300. The difference between the
   * instances' clocks comes on top. The store is asked twice per lag. `requireAuth({ checkSession: true })` doesn't
   * wait. @defaultValue `5`
   */
  readonly revocationLagSeconds?: number;
  /** Lifetime of an access token, which can outlive its session by as much. */
  readonly accessTtlSeconds: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Revoked sessions whose access tokens may not have expired yet. */
export interface Revocations {
  /** Tells whether a session is revoked. A promise until the store has been asked once. */
  has(sessionId: string): boolean | Promise<boolean>;
  /** Adds sessions that this instance has revoked. */
  add(sessionIds: readonly string[]): void;
  /** Resolves when the store has been asked once; rejects with its reason. */
  ready(): Promise<void>;
  /** Stops asking the store. */
  close(): void;
}

/** Each query reaches back further than the one before it, because the clocks of instances differ. */
const OVERLAP_MS = 30_000;
const PAGE = 1000;

/**
 * Keeps the revoked sessions of all instances in memory, so that no verification waits for the store. Asks the store
 * twice per lag, from the first use on. During an outage of the store it keeps using what it knows.
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
    await readPages(sessions, seenUntil - OVERLAP_MS, ({ id, revokedAt }) =>
      remember(id, revokedAt),
    );
    seenUntil = askedAt;
    forgetOld(askedAt);
  }

  function askAgainLater(): void {
    if (isClosed) return;
    timer = setTimeout(() => {
      // A failure is reported by the store itself (`store.failed`).
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
      // In an outage at start-up, bearer tokens are accepted without the store rather than all refused.
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

async function readPages(
  sessions: Pick<SessionStore, 'revokedSince'>,
  time: number,
  read: (revocation: Revocation) => void,
): Promise<void> {
  let after: string | undefined;
  let page: readonly Revocation[];
  do {
    // One after the other: each page says where the next one begins.
    // oxlint-disable-next-line no-await-in-loop
    page = await sessions.revokedSince(time, { after, limit: PAGE });
    for (const revocation of page) read(revocation);
    after = page.at(-1)?.position;
  } while (page.length === PAGE);
}
