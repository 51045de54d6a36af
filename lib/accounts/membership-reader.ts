import { createBoundedMap } from '../bounded-map.js';
import { deepFreeze } from '../claims/frozen.js';
import type { Membership, OrgStore } from '../stores/org-store.js';
import { MOST_MEMBERSHIPS } from './org-rules.js';

/** A member of an organisation, or one who isn't. */
export interface MemberKey {
  readonly orgId: string;
  readonly userId: string;
}

/**
 * Who belongs to which organisation, for every request: at once where the store was asked of late. An answer is no older than
 * the lag, the ones that say no included; what this instance has changed is seen by it at once. Rejects with
 * STORE_UNAVAILABLE (503).
 */
export interface MembershipReader {
  of(key: MemberKey): Reading<Membership | undefined>;
  /** Up to 100, in the order of the organisations' ids. */
  all(userId: string): Reading<readonly Membership[]>;
  /** Whether there is such an organisation. */
  exists(orgId: string): Reading<boolean>;
  /** Call it after a change of a membership, also one that may have failed. */
  forgetMember(key: MemberKey): void;
  forgetOrg(orgId: string): void;
}

type Reading<Value> = Value | Promise<Value>;

interface ReaderOptions {
  readonly orgs: OrgStore;
  /** How long an answer of the store may be used. */
  readonly lagSeconds: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const MOST_PAIRS = 10_000;
/** A list may be a hundred times as large as a pair. */
const MOST_LISTS = 1000;

export function createMembershipReader({ orgs, lagSeconds, now }: ReaderOptions): MembershipReader {
  const timing = { lagMs: lagSeconds * 1000, now };
  const pairs = createAnswers<Membership | undefined>({ ...timing, capacity: MOST_PAIRS });
  const lists = createAnswers<readonly Membership[]>({ ...timing, capacity: MOST_LISTS });
  const existing = createAnswers<boolean>({ ...timing, capacity: MOST_LISTS });
  return Object.freeze({
    of: (key: MemberKey) => pairs.get(nameOf(key), () => orgs.getMember(key.orgId, key.userId)),
    all: (userId: string) =>
      lists.get(userId, () => orgs.membershipsOf(userId, { limit: MOST_MEMBERSHIPS })),
    exists: (orgId: string) =>
      existing.get(orgId, async () => (await orgs.get(orgId)) !== undefined),
    forgetMember(key: MemberKey): void {
      pairs.forget(nameOf(key));
      lists.forget(key.userId);
    },
    forgetOrg(orgId: string): void {
      const prefix = nameOf({ orgId, userId: '' });
      pairs.forgetWhere(({ name }) => name.startsWith(prefix));
      lists.forgetWhere(({ value }) => value.some(({ org }) => org.id === orgId));
      existing.forget(orgId);
    },
  });
}

/** No id of an organisation that a request may name has a space in it. */
function nameOf({ orgId, userId }: MemberKey): string {
  return `${orgId} ${userId}`;
}

interface Answer<Value> {
  readonly name: string;
  readonly value: Value;
  readonly freshUntil: number;
}

interface AnswersOptions {
  readonly capacity: number;
  readonly lagMs: number;
  readonly now: () => number;
}

function createAnswers<Value>({ capacity, lagMs, now }: AnswersOptions) {
  const known = createBoundedMap<string, Answer<Value>>(capacity);
  const looking = new Map<string, Promise<Value>>();

  async function look(name: string, ask: () => Promise<Value>): Promise<Value> {
    // Counted from the question: the store may have answered it before the change that came in between.
    const freshUntil = now() + lagMs;
    const asking = ask();
    looking.set(name, asking);
    try {
      const value = deepFreeze(await asking);
      if (looking.get(name) === asking) known.set(name, { name, value, freshUntil });
      return value;
    } finally {
      if (looking.get(name) === asking) looking.delete(name);
    }
  }

  return Object.freeze({
    get(name: string, ask: () => Promise<Value>): Reading<Value> {
      const answer = known.get(name);
      if (answer && now() < answer.freshUntil) return answer.value;
      return looking.get(name) ?? look(name, ask);
    },
    /** What is being asked at the moment is not kept either: it may be from before the change. */
    forget(name: string): void {
      known.delete(name);
      looking.delete(name);
    },
    forgetWhere(isIt: (answer: Answer<Value>) => boolean): void {
      for (const answer of known.values()) if (isIt(answer)) known.delete(answer.name);
      looking.clear();
    },
  });
}
