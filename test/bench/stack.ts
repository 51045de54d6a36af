import type { RequestHandler } from 'express';
import type { VerifierCounters } from 'latchkey';

/** What stands before a route's handler. */
export interface Stack {
  readonly handlers: readonly RequestHandler[];
  readonly ready?: () => Promise<void>;
  readonly counters?: () => VerifierCounters;
}
