import type { Finding } from '../finding.js';
import { fail, pass, warn } from './outcomes.js';

/** How another clock differs from this machine's. */
export interface ClockDifference {
  /** Negative: it is behind. */
  readonly aheadMs: number;
  /** How much of that may be the way there and back. */
  readonly uncertainMs: number;
}

const NOTICEABLE_SECONDS = 5;
/** `iat` may be so far ahead, or as much as the tolerance. */
const REFUSED_SECONDS = 60;

/** Judges another clock by this machine's. `toleranceSeconds` is AUTH_CLOCK_TOLERANCE or what replaces it. */
export function judgeClock(
  whose: string,
  { aheadMs, uncertainMs }: ClockDifference,
  toleranceSeconds: number,
): Finding {
  const surelySeconds = (Math.abs(aheadMs) - uncertainMs) / 1000;
  if (surelySeconds <= NOTICEABLE_SECONDS)
    return pass('live_clock', `the clocks of ${whose} and of this machine agree`);
  const seconds = Math.round(Math.abs(aheadMs) / 1000);
  const says = `the clock of ${whose} is ${seconds} seconds ${aheadMs > 0 ? 'ahead of' : 'behind'} this machine's`;
  const fix =
    'let both machines set their clocks by NTP, and look first at the one that also differs from the others';
  if (surelySeconds > Math.max(REFUSED_SECONDS, toleranceSeconds)) {
    const why =
      'fresh tokens look like tokens of the future, or seem to have expired already, and are refused';
    return fail('live_clock', { says, why, fix });
  }
  const isForgiven = surelySeconds <= toleranceSeconds;
  const why = isForgiven
    ? `it is within the tolerance of ${toleranceSeconds} seconds, and tokens live longer or shorter by it`
    : `the tolerance is ${toleranceSeconds} seconds: tokens with nbf are refused at first, and others expire too late or too early`;
  return warn('live_clock', { says, why, fix });
}
