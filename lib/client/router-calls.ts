import { AuthClientError } from './client-error.js';
import type { HeldToken } from './held-token.js';
import { patiently, retryAfterMs } from './patience.js';

/** Calls of the auth router. */
export interface RouterCalls {
  /** One try; a POST with a `body`. Rejects like `fetch()`. */
  readonly call: (path: string, how: RouterCall) => Promise<Response>;
  /** Tries for as long as the client may, and rejects with UNAVAILABLE when there was no answer. */
  readonly answered: <T extends Response | undefined>(attempt: () => Promise<T>) => Promise<T>;
}

interface RouterCall {
  readonly body?: object;
  /** `'omit'` leaves the cookie out. @defaultValue `'include'`: also where the API has an origin of its own */
  readonly credentials?: 'omit' | 'include';
  readonly token?: HeldToken | undefined;
}

/** Sends a request below the base. */
export type Send = (path: string, init: RequestInit, token?: HeldToken) => Promise<Response>;

/** Time limit of one call, so that a hanging server does not block renewals forever. */
const LONGEST_CALL_MS = 15_000;

/** Also too many requests, and what only a server that is broken answers: none of them ends a session. */
const isTrouble = (status: number): boolean => status === 429 || status >= 500;

export function createRouterCalls(send: Send, authPath: string, forMs: number): RouterCalls {
  return {
    call(path, { body, token, credentials = 'include' }) {
      const init: RequestInit = {
        credentials,
        // Passwords and tokens go nowhere else.
        redirect: 'error',
        signal: AbortSignal.timeout(LONGEST_CALL_MS),
      };
      if (body) {
        init.method = 'POST';
        init.headers = { 'Content-Type': 'application/json' };
        init.body = JSON.stringify(body);
      }
      return send(authPath + path, init, token);
    },
    answered: (attempt) => patiently(attempt, { forMs, isTrouble }).catch(unavailable),
  };
}

export function unavailable(cause: unknown): never {
  throw new AuthClientError('UNAVAILABLE', 'The server did not answer', { cause });
}

/** Reads an answer of the auth router. Rejects with AuthClientError for a refusal, and for what lacks `member`: no auth router sent it. */
export async function readAnswer<T>(answer: Response, member: keyof T & string): Promise<T> {
  const body = Object(await answer.json().catch(() => undefined));
  if (answer.ok && member in body) return body;
  throw refusal(answer, body);
}

/** Of each format that the router can answer errors in: problem, flat, nested. */
interface Refusal {
  readonly code?: string;
  readonly detail?: string;
  readonly message?: string;
  readonly error?: unknown;
}

function refusal(answer: Response, body: Refusal): AuthClientError {
  const { status } = answer;
  const nested: Refusal = Object(body.error);
  const { code = nested.code ?? body.error, detail = body.message ?? nested.message } = body;
  const waitMs = retryAfterMs(answer);
  return new AuthClientError(
    status >= 500 || answer.ok ? 'UNAVAILABLE' : 'REFUSED',
    detail ?? `status ${status}`,
    {
      status,
      reason: typeof code === 'string' ? code : undefined,
      retryAfter: waitMs && Math.ceil(waitMs / 1000),
    },
  );
}
