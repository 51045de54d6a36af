import type { OnceStore, SessionProvider, SessionSelector } from '../stores/store.js';

/** Counts how often sessions of somebody were ended, for those that are yet to begin. */
export interface Endings {
  count(selector: SessionSelector): Promise<void>;
  /** The counts of this user, here and at the provider, as text to be compared later, within ten minutes. */
  of(userId: string, provider: SessionProvider): Promise<string>;
}

/** Longer than a proven sign-in may wait for its session. */
const WINDOW_MS = 600_000;

export function createEndings(once: Pick<OnceStore, 'incr'>, now: () => number): Endings {
  return Object.freeze({
    async count(selector: SessionSelector): Promise<void> {
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

/** One session by its id never concerns another one. */
function keyOf(selector: SessionSelector): string | undefined {
  if ('id' in selector) return undefined;
  if ('userId' in selector) return `ended:user:${selector.userId}`;
  const { issuer, sessionId } = selector;
  if (sessionId !== undefined) return `ended:sid:${issuer} ${sessionId}`;
  return `ended:subject:${issuer} ${'subject' in selector ? selector.subject : ''}`;
}
