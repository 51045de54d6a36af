import { createBoundedMap } from '../bounded-map.js';
import { AuthError } from '../errors.js';
import type { SessionStore } from '../stores/store.js';

interface InquiryOptions {
  /** How long an answer may be used. */
  readonly lagMs: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Tells from memory whether a session is revoked; undefined when only the store knows. */
  readonly recall: (sessionId: string) => boolean | undefined;
}

/** Questions to the store about single sessions. */
export interface SessionInquiries {
  /**
   * Tells whether a session is revoked or unknown. A promise when the store is asked; it rejects when the store doesn't answer,
   * and with STORE_UNAVAILABLE (503) when too many questions wait.
   */
  isRevoked(sessionId: string): boolean | Promise<boolean>;
  /** Forgets the answers. */
  forget(): void;
}

interface Answer {
  readonly isRevoked: boolean;
  readonly until: number;
}

const MOST_AT_ONCE = 8;
const MOST_WAITING = 1000;
const MOST_ANSWERS = 50_000;

/** Asks the store for one session after the other, each once per lag however many requests want to know. */
export function createSessionInquiries(
  sessions: Pick<SessionStore, 'get'>,
  { lagMs, now, recall }: InquiryOptions,
): SessionInquiries {
  const answers = createBoundedMap<string, Answer>(MOST_ANSWERS);
  const asking = new Map<string, Promise<boolean>>();
  const turns = createTurns();

  async function ask(id: string): Promise<boolean> {
    return turns.take(async () => {
      const known = recall(id);
      if (known !== undefined) return known;
      const until = now() + lagMs;
      const session = await sessions.get(id);
      const isRevoked = session === undefined || session.revokedAt !== undefined;
      answers.set(id, { isRevoked, until });
      // It may have been revoked here meanwhile.
      return isRevoked || recall(id) === true;
    });
  }

  return {
    isRevoked(id: string): boolean | Promise<boolean> {
      const answer = answers.get(id);
      if (answer && now() < answer.until) return answer.isRevoked;
      const pending = asking.get(id) ?? ask(id).finally(() => asking.delete(id));
      asking.set(id, pending);
      return pending;
    },
    forget: () => answers.clear(),
  };
}

interface Waiting {
  readonly begin: () => void;
  readonly fail: (reason: unknown) => void;
}

/** Lets some pieces of work run at once. When one fails, those that wait fail with it: the same store would answer them. */
function createTurns() {
  const waiting: Waiting[] = [];
  let running = 0;

  async function begin(): Promise<void> {
    if (running >= MOST_AT_ONCE) {
      if (waiting.length >= MOST_WAITING)
        throw new AuthError('STORE_UNAVAILABLE', { reason: 'revocation' });
      await new Promise<void>((resolve, reject) => {
        waiting.push({ begin: resolve, fail: reject });
      });
    }
    running += 1;
  }

  return {
    async take<Result>(work: () => Promise<Result>): Promise<Result> {
      await begin();
      try {
        return await work();
      } catch (error) {
        for (const { fail } of waiting.splice(0)) fail(error);
        throw error;
      } finally {
        running -= 1;
        waiting.shift()?.begin();
      }
    },
  };
}
