import type { OnceStore, SessionProvider, SessionSelector } from '../stores/store.js';

/** Whose sign-in it is, as far as that is known. */
interface SignInOwner {
  readonly userId?: string | undefined;
  readonly provider?: SessionProvider | undefined;
}

/**
 * Counts how often a user's sessions were ended, so that a sign-in that is under way notices it. A mark is text that says how
 * often that was up to a moment; it can be compared for ten minutes, and two marks joined by a space are one.
 */
export interface RevocationCounts {
  add(selector: SessionSelector): Promise<void>;
  /** The counts of this user, here and at the provider, as they are now. */
  of(owner: SignInOwner): Promise<string>;
  /** The mark of a user, or of one yet to be made, of whom no ending is remembered. Asks nobody. */
  none(): string;
  /** Whether nothing of the owner has ended since the mark. False for a mark that is too old, or that says nothing of the owner. */
  areUnchanged(mark: string, owner: SignInOwner): Promise<boolean>;
}

/** Endings are counted by periods of this length. Longer than a proven sign-in may wait for its session. */
const PERIOD_MS = 600_000;
/** Most of a difference between the clocks of two instances. */
const CLOCKS_MS = 60_000;
/** A mark is good in its period and in so many after it. */
const MOST_PERIODS = 2;
/** No counter that a good mark is compared with has ended, whichever instance began it. */
const MEMORY_MS = (MOST_PERIODS + 2) * PERIOD_MS;

export function createRevocationCounts(
  once: Pick<OnceStore, 'incr'>,
  now: () => number,
): RevocationCounts {
  const periodAt = (time: number): number => Math.floor(time / PERIOD_MS);

  function count(name: string, period: number, amount: number): Promise<number> {
    return once
      .incr(`${name}@${period}`, { now: now(), windowMs: MEMORY_MS, amount })
      .then((counted) => counted.count);
  }

  /** All endings since the beginning of a period. Reads ahead: another instance's clock may be. */
  async function endings(name: string, from: number): Promise<number> {
    const to = periodAt(now() + 2 * CLOCKS_MS);
    const periods = Array.from({ length: to - from + 1 }, (_, at) => from + at);
    const counts = await Promise.all(periods.map((period) => count(name, period, 0)));
    return counts.reduce((sum, each) => sum + each, 0);
  }

  return Object.freeze({
    async add(selector: SessionSelector): Promise<void> {
      const time = now();
      // Near a change of periods in both, so that every instance finds it in the period of its own clock.
      const periods = [...new Set([periodAt(time - CLOCKS_MS), periodAt(time + CLOCKS_MS)])];
      const counted = countersOfEnding(selector).flatMap((name) =>
        periods.map((period) => count(name, period, 1)),
      );
      await Promise.all(counted);
    },
    async of(owner: SignInOwner): Promise<string> {
      const from = periodAt(now());
      const entries = countersOf(owner).map(
        async ([letter, name]) => `${letter}.${from}.${await endings(name, from)}`,
      );
      return (await Promise.all(entries)).join(' ');
    },
    none: () => `u.${periodAt(now())}.0`,
    async areUnchanged(mark: string, owner: SignInOwner): Promise<boolean> {
      const entries = new Map(mark.split(' ').map((entry) => [entry.slice(0, 1), entry]));
      const verdicts = countersOf(owner).map(async ([letter, name]) => {
        const [, from = NaN, sum] = (entries.get(letter) ?? '').split('.').map(Number);
        const age = periodAt(now() + CLOCKS_MS) - from;
        if (!(age >= 0 && age <= MOST_PERIODS)) return false;
        return (await endings(name, from)) === sum;
      });
      return !(await Promise.all(verdicts)).includes(false);
    },
  });
}

const nameOf = {
  user: (userId: string) => `ended:user:${userId}`,
  subject: (issuer: string, subject: string) => `ended:subject:${issuer} ${subject}`,
  session: (issuer: string, sessionId: string) => `ended:sid:${issuer} ${sessionId}`,
  /** Sessions of a provider's user that began without naming the session there. */
  unnamed: (issuer: string, subject: string) => `ended:unnamed:${issuer} ${subject}`,
};

/** What may end a sign-in of this owner: the names of the counters, each by a letter that stands for it in marks. */
function countersOf({ userId, provider }: SignInOwner): readonly (readonly [string, string])[] {
  const ofUser = userId === undefined ? [] : [['u', nameOf.user(userId)] as const];
  if (provider === undefined) return ofUser;
  const { issuer, subject, sessionId } = provider;
  return [
    ...ofUser,
    ['s', nameOf.subject(issuer, subject)],
    [
      'i',
      sessionId === undefined ? nameOf.unnamed(issuer, subject) : nameOf.session(issuer, sessionId),
    ],
  ];
}

/** None for one session by its id: ending it says nothing of a sign-in that is under way. */
function countersOfEnding(selector: SessionSelector): readonly string[] {
  if ('id' in selector) return [];
  if ('userId' in selector) return [nameOf.user(selector.userId)];
  const { issuer } = selector;
  if (!('subject' in selector)) return [nameOf.session(issuer, selector.sessionId)];
  const { subject, sessionId } = selector;
  return sessionId === undefined
    ? [nameOf.subject(issuer, subject)]
    : [nameOf.session(issuer, sessionId), nameOf.unnamed(issuer, subject)];
}
