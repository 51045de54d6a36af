import { createHash } from 'node:crypto';
import { createBoundedMap } from '../bounded-map.js';
import { parseRefreshToken } from './refresh-token.js';
import type { StoreSilence } from './store-silence.js';

/** Remembers which refresh tokens got no answer but a 503 of ours. */
export interface RefreshAttempts {
  /** When a token came for the first time in a row of attempts of which none was answered, this one included. */
  readonly arrivalOf: (token: unknown, cameAt: number) => number;
  /** An attempt could not be answered. */
  readonly unanswered: (token: unknown, arrivedAt: number) => void;
  readonly answered: (token: unknown) => void;
}

interface AttemptsContext {
  readonly silence: Pick<StoreSilence, 'answeredMs'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

interface Attempts {
  readonly firstAt: number;
  readonly lastAt: number;
}

/** Answered time within which the next attempt of a row comes: clients wait longer from attempt to attempt. */
const NEXT_WITHIN_MS = 30_000;

/**
 * More than one instance refuses during an outage. Forged tokens can't be told from genuine ones without the store; those that
 * push an entry out leave its token with the grace of every other.
 */
const CAPACITY = 20_000;

/** Creates the memory of one instance. */
export function createRefreshAttempts({ silence, now }: AttemptsContext): RefreshAttempts {
  const attempts = createBoundedMap<string, Attempts>(CAPACITY);

  return Object.freeze({
    arrivalOf(token: unknown, time: number): number {
      const known = attempts.size === 0 ? undefined : attempts.get(digestOf(token));
      if (known === undefined) return time;
      const isNext = silence.answeredMs({ start: known.lastAt, end: time }) <= NEXT_WITHIN_MS;
      return isNext ? known.firstAt : time;
    },
    unanswered(token: unknown, firstAt: number): void {
      if (parseRefreshToken(token) === undefined) return;
      attempts.set(digestOf(token), { firstAt, lastAt: now() });
    },
    answered(token: unknown): void {
      if (attempts.size > 0) attempts.delete(digestOf(token));
    },
  });
}

function digestOf(token: unknown): string {
  return createHash('sha256').update(String(token)).digest('base64url');
}
