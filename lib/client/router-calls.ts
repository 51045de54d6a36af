import { AuthClientError } from './client-error.js';
import type { HeldToken } from './held-token.js';
import { patiently, retryAfterMs } from './patience.js';
import { urlBelow } from './relative-url.js';

/** Calls of the auth router. */
export interface RouterCalls {
  /** Where the router is. */
  readonly at: string;
  /** One try; a POST with a `body`. Rejects like `fetch()`. */
  readonly call: (path: string, body?: RouterBody, token?: HeldToken) => Promise<Response>;
  /**
   * Tries for as long as the client may, and rejects with UNAVAILABLE when all answers were trouble, or there was none. Until the time that the last
   * one named (`Retry-After`), it rejects without a try.
   */
  readonly answered: <T extends Response | undefined>(attempt: () => Promise<T>) => Promise<T>;
  /**
   * For another token, and for what a person wants done: the next call tries, whatever `Retry-After` said. Aborts a refresh that is under
   * way, because its cookie would replace the one of a log-in.
   */
  readonly goOn: () => void;
}

interface RouterBody {
  readonly refresh_token?: string | undefined;
  readonly all?: boolean;
}

export type Send = (url: URL, init: RequestInit, token?: HeldToken) => Promise<Response>;

/** Also too many requests, and what only a server that is broken answers: none of them ends a session. */
const isTrouble = (status: number): boolean => status === 429 || status >= 500;

export function createRouterCalls(send: Send, at: string, forMs: number): RouterCalls {
  /** Time limit of one call, so that a hanging server does not block renewals forever. */
  const LONGEST_CALL_MS = 15_000;
  /** No header keeps a page from its server for longer. */
  const LONGEST_REST_MS = 300_000;
  let trouble = { message: '' };
  // Not by the clock of the day, which may be set meanwhile.
  let restUntil = 0;
  let aborter = new AbortController();
  return {
    at,
    call(path, body, token) {
      const limit = AbortSignal.timeout(LONGEST_CALL_MS);
      const init: RequestInit = {
        // Cookies also where the API has an origin of its own. The one of a page's own session would be a second refresh token.
        credentials: body?.refresh_token ? 'omit' : 'include',
        // Passwords and tokens go nowhere else.
        redirect: 'error',
        // Browsers that cannot join two have locks, where pages may have them.
        signal: (path === '/refresh' && AbortSignal.any?.([aborter.signal, limit])) || limit,
        ...(body && {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify(body),
        }),
      };
      return send(urlBelow(at, path), init, token);
    },
    async answered(attempt) {
      let restMs = restUntil - performance.now();
      // A timer that was set to the end of it may be early by a moment.
      if (restMs < 9) {
        const answer = await patiently(attempt, isTrouble, { forMs }).catch(unavailable);
        if (!answer || !isTrouble(answer.status)) return answer;
        trouble = await readAnswer(answer, '').catch((error) => error);
        restMs = Math.min(retryAfterMs(answer), LONGEST_REST_MS);
        restUntil = performance.now() + restMs;
      }
      throw new AuthClientError('UNAVAILABLE', trouble.message, {
        ...trouble,
        retryAfter: Math.ceil(restMs / 1000) || undefined,
      });
    },
    goOn() {
      aborter.abort();
      aborter = new AbortController();
      restUntil = 0;
    },
  };
}

export function unavailable(cause: unknown): never {
  throw new AuthClientError('UNAVAILABLE', 'the server gave no answer', { cause });
}

/** Of each format that the router can answer errors in: problem, flat, nested. */
interface Refusal {
  readonly code?: string;
  readonly detail?: string;
  readonly message?: string;
  readonly error?: unknown;
}

/** Reads an answer of the auth router. Rejects with AuthClientError for a refusal, and for what lacks `member`: no auth router sent it. */
export async function readAnswer<T>(answer: Response, member: keyof T & string): Promise<T> {
  const { ok, status } = answer;
  const body = Object(await answer.json().catch(() => undefined));
  if (ok && member in body) return body;
  const all: Refusal = { ...body, ...Object(body.error) };
  const { code = body.error, message = all.detail ?? `status ${status}` } = all;
  throw new AuthClientError(ok || status >= 500 ? 'UNAVAILABLE' : 'REFUSED', message, {
    status,
    reason: typeof code === 'string' ? code : undefined,
    retryAfter: Math.ceil(retryAfterMs(answer) / 1000) || undefined,
  });
}
