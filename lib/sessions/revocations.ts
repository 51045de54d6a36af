import { setImmediate as pause } from 'node:timers/promises';
import { numberInRange } from '../known-options.js';
import { createRevocationReader } from './revocation-reader.js';
import { createRevokedIds } from './revoked-ids.js';
import { type Looks, scheduleLooks } from './schedule-looks.js';
import { createSessionInquiries } from './session-inquiries.js';
import type { Revocation, SessionStore } from '../stores/store.js';

export interface RevocationsOptions {
  /**
   * Seconds until an instance refuses a session that another one has revoked. 1 to 300. The difference between the
   * instances' clocks comes on top. The store is asked twice per lag; most stores also tell of revocations at once. An
   * instance that knows that it has not read all revocations yet asks the store for the session of each request, or answers
   * 503 STORE_UNAVAILABLE. `requireAuth({ checkSession: true })` doesn't wait. @defaultValue `5`
   */
  readonly revocationLagSeconds?: number;
  /** Lifetime of an access token, which can outlive its session by as much. */
  readonly accessTtlSeconds: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Revoked sessions whose access tokens may not have expired yet. */
export interface Revocations {
  /**
   * Tells whether a session is revoked: from memory, and at once. A promise until the store has answered once, after a time in
   * which the process was frozen, and while more revocations are known to exist than were read; then the store is asked for the
   * session, and the promise rejects when it doesn't answer.
   */
  has(sessionId: string): boolean | Promise<boolean>;
  /** Adds sessions that this instance has revoked. */
  add(sessionIds: readonly string[]): void;
  /** Resolves when all revocations have been read once; rejects with the store's reason. */
  ready(): Promise<void>;
  /** Stops asking the store. */
  close(): void;
}

/** Clocks of instances differ, and a token may be accepted up to 300 s after its end (`clockToleranceSeconds`). */
const MARGIN_MS = 330_000;
/** Until a look is taken again that has failed on its way. */
const RETRY_MS = 1000;

/**
 * Keeps the revoked sessions of all instances in memory, so that no verification waits for the store. Asks the store
 * twice per lag, from the first use on, and when it tells of revocations. During an outage of the store it keeps using what
 * it knows, unless it knows that something is missing.
 */
export function createRevocations(
  sessions: Pick<SessionStore, 'revokedSince' | 'get' | 'onRevoked'>,
  { revocationLagSeconds = 5, accessTtlSeconds, now }: RevocationsOptions,
): Revocations {
  const lagMs = numberInRange(revocationLagSeconds, [1, 300], 'revocationLagSeconds') * 1000;
  const memoryMs = accessTtlSeconds * 1000 + MARGIN_MS;
  const memory = createMemory(memoryMs, now);
  /** Whether what is not in memory counts as not revoked. */
  let isSure = false;
  let isReady = false;
  const first = createSignal();
  const inquiries = createSessionInquiries(sessions, { lagMs, now, recall });
  const reader = createRevocationReader(sessions, {
    now,
    memoryMs,
    onPage(page) {
      memory.addPage(page);
      settle();
    },
  });
  const looks = scheduleLooks({
    // In an outage at start-up, bearer tokens are accepted without the store rather than all refused.
    look: () => look().finally(settle),
    pauseMs: () => Math.min(lagMs / 2, reader.isBehind() ? RETRY_MS : Infinity),
    onNews: sessions.onRevoked,
    now,
  });

  function recall(id: string): boolean | undefined {
    if (memory.has(id)) return true;
    return isSure ? false : undefined;
  }

  function settle(): void {
    isSure = !reader.isBehind();
    if (isSure) inquiries.forget();
    first.give();
  }

  async function look(): Promise<void> {
    await reader.read();
    isReady = true;
    await memory.forget();
  }

  return Object.freeze({
    has(id: string): boolean | Promise<boolean> {
      if (memory.has(id)) return true;
      if (isSure && !looks.isOverdue()) return false;
      const answer = () => recall(id) ?? inquiries.isRevoked(id);
      if (isSure) return catchUp(looks).then(answer);
      if (reader.isBehind()) return inquiries.isRevoked(id);
      looks.start();
      return first.given.then(answer);
    },
    add: memory.add,
    async ready(): Promise<void> {
      looks.start();
      if (!isReady) await looks.now();
    },
    close(): void {
      reader.stop();
      looks.stop();
    },
  });
}

/** Looks after the process was frozen; twice when that was in the middle of a look. During an outage memory has to do. */
async function catchUp(looks: Looks): Promise<void> {
  await looks.now().catch(() => undefined);
  if (looks.isOverdue()) await looks.now().catch(() => undefined);
}

/** Revoked sessions, each for as long as its access tokens can live. */
function createMemory(memoryMs: number, now: () => number) {
  const revoked = createRevokedIds();
  return {
    has: (id: string) => revoked.has(id),
    add(this: void, ids: readonly string[]): void {
      for (const id of ids) revoked.add(id, now() + memoryMs);
    },
    addPage(page: readonly Revocation[]): void {
      const time = now();
      for (const { id, revokedAt } of page) revoked.add(id, Math.min(revokedAt, time) + memoryMs);
    },
    forget: () => revoked.forget(now(), pause),
  };
}

function createSignal(): { readonly given: Promise<void>; give(): void } {
  let give = (): void => undefined;
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give };
}
