import type { Verdict } from './judge-refusal.js';
import type { RawRequest } from './raw-request.js';

/** An attack that has not been sent yet: what to send to whatever target, and how to judge the answer. */
export interface PlannedAttack {
  readonly name: string;
  readonly request: RawRequest;
  readonly verdict: Verdict;
}
