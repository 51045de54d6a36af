import type { VerifierCounters } from 'latchkey';
import type { StackName } from './stacks.js';
import type { Trust } from './trust.js';

export interface GuardedRoute {
  readonly stack: StackName;
  readonly trust: Trust;
}

/** Which stack guards `/off` and which guards `/on`. */
export interface Scenario {
  readonly off: GuardedRoute;
  readonly on: GuardedRoute;
  /** Bytes of request headers the server accepts. @defaultValue Node's 16 KiB */
  readonly maxHeaderSize?: number;
}

export interface Sample {
  /**
   * User and system time of all the server's threads so far, in microseconds, as the operating system counts it
   * (`getrusage`; exact to the microsecond on Linux, unlike the 10 ms ticks of `/proc/…/stat`).
   */
  readonly cpuUs: number;
  /** Time the main thread's event loop was at work, and idle. */
  readonly activeMs: number;
  readonly idleMs: number;
  readonly counters: {
    readonly off: VerifierCounters | undefined;
    readonly on: VerifierCounters | undefined;
  };
}

export type ToServer =
  | { readonly type: 'start'; readonly scenario: Scenario }
  | { readonly type: 'sample' };

export type FromServer =
  | { readonly type: 'listening'; readonly port: number }
  | { readonly type: 'sample'; readonly sample: Sample };
