import { AuthError } from '../../errors.js';
import type { EventSink } from '../../events.js';
import { createFetchBucket } from '../keys/fetch-bucket.js';
import { KeyFetchError } from '../keys/fetch.js';

export interface CircuitOptions {
  readonly issuer: string;
  readonly events: EventSink;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Knows whether an issuer may be asked right now. */
export interface Circuit {
  /** True from a failure until the next success. */
  readonly isFailing: boolean;
  /** True while the issuer is not to be asked. */
  isOpen(): boolean;
  succeeded(): void;
  failed(error: unknown): void;
  /** Tells the operator, with a reason of one fixed word. */
  tell(reason: string): void;
  /** KEYS_UNAVAILABLE, with the seconds until it makes sense to come again. */
  unavailable(): AuthError;
}

/**
 * After two failures without a success between them an issuer is left alone, and then asked once in 5 s until it answers, like
 * a key endpoint.
 */
export function createCircuit({ issuer, events, now }: CircuitOptions): Circuit {
  let failure: unknown;
  let failures = createFetchBucket();

  const waitSeconds = (): number => Math.ceil(failures.waitMs(now()) / 1000);

  function tell(reason: string): void {
    events.emit('introspection.failed', { issuer, reason, retryAfterSeconds: waitSeconds() });
  }

  return {
    get isFailing() {
      return failure !== undefined;
    },
    isOpen: () => failure !== undefined && waitSeconds() > 0,
    succeeded() {
      if (failure !== undefined) failures = createFetchBucket();
      failure = undefined;
    },
    failed(error) {
      failures.take(now());
      failure = error;
      tell(error instanceof KeyFetchError ? error.reason : 'network');
    },
    tell,
    unavailable() {
      const retryAfterSeconds = Math.max(1, waitSeconds());
      const facts = { reason: 'introspection', cause: failure, retryAfterSeconds };
      return new AuthError('KEYS_UNAVAILABLE', facts);
    },
  };
}
