import {
  createRemoteFetch,
  readBounded,
  type RemoteFetchOptions,
} from '../../http/bounded-fetch.js';
import type { ClockDifference } from './clock.js';

/** The limit on one request, its answer included. */
const PATIENCE_MS = 5000;

/** What a server has answered, its body read. */
export interface Answer {
  /** Where it was asked. */
  readonly url: URL;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Undefined where the answer doesn't tell, or comes from a cache. */
  readonly clock: ClockDifference | undefined;
}

export interface Asking extends RemoteFetchOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * Sends one request: only where the permission allows, without redirects, within 5 seconds and 1 MB. Rejects with whatever the network
 * says.
 */
export async function ask(
  url: string,
  { now, ...remote }: Asking,
  init: RequestInit = {},
): Promise<Answer> {
  const askedAt = now();
  const response = await createRemoteFetch(remote)(url, {
    ...init,
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  const answeredAt = now();
  const { status, headers } = response;
  const text = new TextDecoder().decode(await readBounded(response));
  return {
    ...{ url: new URL(url), status, headers, text },
    clock: clockOf(headers, { askedAt, answeredAt }),
  };
}

/** RFC 9110 §6.6.1. A cached answer has the time at which it was made (RFC 9111 §5.1). */
function clockOf(
  headers: Headers,
  { askedAt, answeredAt }: { readonly askedAt: number; readonly answeredAt: number },
): ClockDifference | undefined {
  const date = Date.parse(headers.get('date') ?? '');
  if (Number.isNaN(date) || headers.has('age')) return undefined;
  // The header has no parts of a second, and was written somewhere on the way.
  return {
    aheadMs: date + 500 - (askedAt + answeredAt) / 2,
    uncertainMs: (answeredAt - askedAt) / 2 + 500,
  };
}

export function isRedirect({ status }: Answer): boolean {
  return status >= 300 && status < 400;
}

/** Where a redirect leads; undefined for any other answer. */
export function redirectOf(answer: Answer): URL | undefined {
  const location = answer.headers.get('location');
  if (!isRedirect(answer) || location === null || !URL.canParse(location, answer.url.href))
    return undefined;
  return new URL(location, answer.url);
}
