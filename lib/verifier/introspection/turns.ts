import type { AuthError } from '../../errors.js';
import { type CircuitOptions, createCircuit } from './circuit.js';

/** Questions to one issuer that are on their way at the same time. */
const AT_ONCE = 32;
/** Questions that wait for one of those to be answered. */
const WAITING = 256;
/** How often it is told that there are too many. */
const OVERLOAD_MS = 1000;

/** Lets questions to an issuer go out a few at once, and none while it fails. */
export interface Turns {
  /** Rejects with KEYS_UNAVAILABLE when the task fails, unasked while the issuer is left alone, and when too many wait. */
  run<Result>(task: () => Promise<Result>): Promise<Result>;
}

interface Waiting {
  readonly go: () => void;
  readonly refuse: (error: AuthError) => void;
}

/**
 * Every made-up token is a question, so the number of those under way is bounded. An issuer that has failed gets one question
 * at a time; the others wait for its outcome.
 */
export function createTurns(options: CircuitOptions): Turns {
  const { now } = options;
  const circuit = createCircuit(options);
  const queue: Waiting[] = [];
  let asking = 0;
  let overloadToldAt = Number.NEGATIVE_INFINITY;

  const hasTurn = (): boolean => asking < (circuit.isFailing ? 1 : AT_ONCE);

  async function enter(): Promise<void> {
    if (circuit.isOpen()) throw circuit.unavailable();
    if (hasTurn()) {
      asking += 1;
      return;
    }
    if (queue.length >= WAITING) {
      if (now() - overloadToldAt >= OVERLOAD_MS) {
        overloadToldAt = now();
        circuit.tell('overload');
      }
      throw circuit.unavailable();
    }
    await new Promise<void>((go, refuse) => {
      queue.push({ go, refuse });
    });
  }

  function leave(): void {
    asking -= 1;
    if (circuit.isOpen()) for (const { refuse } of queue.splice(0)) refuse(circuit.unavailable());
    while (hasTurn()) {
      const next = queue.shift();
      if (!next) return;
      asking += 1;
      next.go();
    }
  }

  return {
    async run(task) {
      await enter();
      try {
        const result = await task();
        circuit.succeeded();
        return result;
      } catch (error) {
        circuit.failed(error);
        throw circuit.unavailable();
      } finally {
        leave();
      }
    },
  };
}
