import { createInstanceReports } from './instance-reports.js';
import type { GenuineToken } from './judge-token.js';
import type { SessionContext } from './live-session.js';

/** Judges whether a token that has been replaced still gets its successor. */
export interface Grace {
  /** Begins to exchange reports with the other instances. */
  readonly begin: () => void;
  /** For a token that arrived then, by what this instance knows. */
  readonly isWithin: (token: GenuineToken, arrivedAt: number) => boolean;
  /** The same, and asks the other instances before it says no. Rejects with STORE_UNAVAILABLE when they can't be asked. */
  readonly asksWithin: (token: GenuineToken, arrivedAt: number) => Promise<boolean>;
  readonly close: () => Promise<void>;
}

/**
 * The current token is good, and so is the one before it within its grace. The grace is counted to the token's arrival: the time
 * that the store has taken since then is not the client's. Neither is time in which the store did not answer this instance or
 * another one. A token two generations old is reused, however soon: its successor has been used.
 */
export function createGrace(context: SessionContext, graceMs: number): Grace {
  const { silence } = context;
  const reports = createInstanceReports(context);

  function isWithin({ session, generation }: GenuineToken, arrivedAt: number): boolean {
    if (generation === session.generation) return true;
    if (generation < session.generation - 1) return false;
    return silence.answeredMs({ start: session.rotatedAt, end: arrivedAt }) <= graceMs;
  }

  return Object.freeze({
    begin: reports.begin,
    isWithin,
    async asksWithin(token: GenuineToken, arrivedAt: number): Promise<boolean> {
      if (isWithin(token, arrivedAt)) return true;
      if (token.generation < token.session.generation - 1) return false;
      await reports.exchange();
      return isWithin(token, arrivedAt);
    },
    close: reports.close,
  });
}
