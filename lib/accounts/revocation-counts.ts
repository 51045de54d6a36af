import type { OnceStore, SessionProvider, SessionSelector } from '../stores/store.js';

/** Counts how often a user's sessions were revoked, so that a sign-in that is under way notices it. */
export interface RevocationCounts {
  add(selector: SessionSelector): Promise<void>;
  /** The counts of this user, here and at the provider, as text that can be compared for ten minutes. */
  of(userId: string, provider: SessionProvider): Promise<string>;
}

/** Longer than a proven sign-in may wait for its session. */
const WINDOW_MS = 600_000;

export function createRevocationCounts(
  once: Pick<OnceStore, 'incr'>,
  now: () => number,
): RevocationCounts {
  return Object.freeze({
    async add(selector: SessionSelector): Promise<void> {
      const key = keyOf(selector);
      if (key !== undefined) await once.incr(key, { now: now(), windowMs: WINDOW_MS });
    },
    async of(userId: string, { issuer, subject, sessionId }: SessionProvider): Promise<string> {
      const selectors: readonly SessionSelector[] = [
        { userId },
        { issuer, subject },
        ...(sessionId === undefined ? [] : [{ issuer, sessionId }]),
      ];
      const counts = selectors.map(async (selector) => {
        const reading = { now: now(), windowMs: WINDOW_MS, amount: 0 };
        return (await once.incr(keyOf(selector) ?? '', reading)).count;
      });
      return (await Promise.all(counts)).join(' ');
    },
  });
}

/** Undefined for one session by its id: revoking it says nothing of a sign-in that is under way. */
function keyOf(selector: SessionSelector): string | undefined {
  if ('id' in selector) return undefined;
  if ('userId' in selector) return `ended:user:${selector.userId}`;
  const { issuer, sessionId } = selector;
  if (sessionId !== undefined) return `ended:sid:${issuer} ${sessionId}`;
  return `ended:subject:${issuer} ${'subject' in selector ? selector.subject : ''}`;
}
