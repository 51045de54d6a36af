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
  const count = async (key: string, amount: number): Promise<number> =>
    (await once.incr(key, { now: now(), windowMs: WINDOW_MS, amount })).count;
  return Object.freeze({
    async add(selector: SessionSelector): Promise<void> {
      await Promise.all(keysOf(selector).map((key) => count(key, 1)));
    },
    async of(userId: string, { issuer, subject, sessionId }: SessionProvider): Promise<string> {
      const keys = [
        keyOf.user(userId),
        keyOf.subject(issuer, subject),
        sessionId === undefined ? keyOf.unnamed(issuer, subject) : keyOf.session(issuer, sessionId),
      ];
      return (await Promise.all(keys.map((key) => count(key, 0)))).join(' ');
    },
  });
}

const keyOf = {
  user: (userId: string) => `ended:user:${userId}`,
  subject: (issuer: string, subject: string) => `ended:subject:${issuer} ${subject}`,
  session: (issuer: string, sessionId: string) => `ended:sid:${issuer} ${sessionId}`,
  /** Sessions of a provider's user that began without naming the session there. */
  unnamed: (issuer: string, subject: string) => `ended:unnamed:${issuer} ${subject}`,
};

/** None for one session by its id: revoking it says nothing of a sign-in that is under way. */
function keysOf(selector: SessionSelector): readonly string[] {
  if ('id' in selector) return [];
  if ('userId' in selector) return [keyOf.user(selector.userId)];
  const { issuer } = selector;
  if (!('subject' in selector)) return [keyOf.session(issuer, selector.sessionId)];
  const { subject, sessionId } = selector;
  return sessionId === undefined
    ? [keyOf.subject(issuer, subject)]
    : [keyOf.session(issuer, sessionId), keyOf.unnamed(issuer, subject)];
}
