import { AuthClientError } from './client-error.js';
import type { HeldToken } from './held-token.js';
import { patiently, retryAfterMs } from './patience.js';
import { urlBelow } from './relative-url.js';

/** Calls of the auth router. */
export interface RouterCalls {
  /** Where the router is. */
  readonly at: URL;
  /** One try; a POST with a `body`. Rejects like `fetch()`. */
  readonly call: (path: string, how: RouterCall) => Promise<Response>;
  /** Tries for as long as the client may, and rejects with UNAVAILABLE when there was no answer. */
  readonly answered: <T extends Response | undefined>(attempt: () => Promise<T>) => Promise<T>;
}

interface RouterCall {
  readonly body?: { readonly refresh_token?: string | undefined } | undefined;
  readonly token?: HeldToken | undefined;
}

export type Send = (url: URL, init: RequestInit, token?: HeldToken) => Promise<Response>;

/** Time limit of one call, so that a hanging server does not block renewals forever. */
const LONGEST_CALL_MS = 15_000;

/** Also too many requests, and what only a server that is broken answers: none of them ends a session. */
const isTrouble = (status: number): boolean => status === 429 || status >= 500;

export function createRouterCalls(send: Send, at: URL, forMs: number): RouterCalls {
  return {
    at,
    call(path, { body, token }) {
      const init: RequestInit = {
        // Cookies also where the API has an origin of its own. The one of a page's own session would be a second refresh token.
        credentials: body?.refresh_token ? 'omit' : 'include',
        // Passwords and tokens go nowhere else.
        redirect: 'error',
        signal: AbortSignal.timeout(LONGEST_CALL_MS),
        ...(body && {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify(body),
        }),
      };
      return send(urlBelow(at, path), init, token);
    },
    answered: (attempt) => patiently(attempt, { forMs, isTrouble }).catch(unavailable),
  };
}

export function unavailable(cause: unknown): never {
  throw new AuthClientError('UNAVAILABLE', 'the server gave no answer', { cause });
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
  const all: Refusal = { ...body, ...Object(body.error) };
  const { code = body.error, detail, message = detail } = all;
  const waitMs = retryAfterMs(answer);
  return new AuthClientError(
    status >= 500 || answer.ok ? 'UNAVAILABLE' : 'REFUSED',
    message ?? `status ${status}`,
    {
      status,
      reason: typeof code === 'string' ? code : undefined,
      retryAfter: waitMs && Math.ceil(waitMs / 1000),
    },
  );
}
