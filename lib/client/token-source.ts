import { AuthClientError } from './client-error.js';
import { readToken } from './held-token.js';
import type { AuthClientOptions } from './options.js';
import { abortable } from './patience.js';
import type { Renewal } from './tokens.js';

/** Asks the platform that owns the log-in. Rejects with TOKEN_SOURCE_FAILED and TOKEN_SOURCE_TIMEOUT. */
export function bySource(
  source: NonNullable<AuthClientOptions['tokenSource']>,
  timeoutMs = 10_000,
): Renewal {
  return async function ask(take) {
    const askedAt = Date.now();
    const limit = AbortSignal.timeout(timeoutMs);
    // A process of Node stays alive for a timer, and not for a signal.
    const alive = setTimeout(Object, timeoutMs);
    // A source may throw before it returns a promise.
    const given = abortable(Promise.resolve().then(source), limit);
    const answer = readToken(await given.catch(refuse).finally(() => clearTimeout(alive)));
    take(answer ?? refuse(), askedAt);
  };
}

function refuse(cause?: unknown): never {
  const isLate = Object(cause).name === 'TimeoutError';
  const code = isLate ? 'TOKEN_SOURCE_TIMEOUT' : 'TOKEN_SOURCE_FAILED';
  throw new AuthClientError(code, 'tokenSource gave no token', { cause });
}
