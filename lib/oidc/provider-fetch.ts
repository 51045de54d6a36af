import { assertRemoteUrl, readBounded } from '../bounded-fetch.js';
import { definedOnly } from '../known-options.js';

/** `fetch`, or the application's own, e.g. one that goes through a proxy. */
export type Fetch = typeof fetch;

/** As much of a request as a protocol library makes of it. */
interface ProviderRequest {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: RequestInit['body'] | undefined;
  readonly signal?: AbortSignal | undefined;
}

export type ProviderFetch = (url: string, request: ProviderRequest) => Promise<Response>;

export interface ProviderFetchOptions {
  readonly fetch: Fetch;
  readonly allowLoopbackHttp: boolean;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** What an answer is made of, once it has been read to its end. */
interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer;
}

interface Remembered {
  readonly answer: Answer;
  readonly at: number;
}

const METADATA_FRESH_MS = 3_600_000;
/** An identity provider may sign with a new key the moment it publishes it. */
const KEYS_FRESH_MS = 5000;
const STALE_MS = 86_400_000;

/**
 * Requests to one identity provider: https only (http on loopback where that is allowed), no redirects, at most
 * 1 MB. Metadata and keys are remembered, shared by all who ask at once, and serve on for a day while they
 * cannot be fetched anew. What needs a credential never is.
 */
export function createProviderFetch({
  fetch: send,
  allowLoopbackHttp,
  now,
}: ProviderFetchOptions): ProviderFetch {
  const remembered = new Map<string, Remembered>();
  const inFlight = new Map<string, Promise<Answer>>();

  async function ask(url: string, request: ProviderRequest): Promise<Answer> {
    assertRemoteUrl(url, allowLoopbackHttp);
    const response = await send(url, definedOnly({ ...request, redirect: 'manual' as const }));
    if (response.status >= 300 && response.status < 400) {
      await response.body?.cancel();
      throw new TypeError('a redirect could lead into our own network');
    }
    return {
      status: response.status,
      contentType: response.headers.get('content-type') ?? '',
      body: await readBounded(response),
    };
  }

  async function askAnew(url: string, request: ProviderRequest): Promise<Answer> {
    const known = remembered.get(url);
    const isOfUse = known !== undefined && now() < known.at + STALE_MS;
    try {
      const answer = await ask(url, request);
      if (answer.status === 200) remembered.set(url, { answer, at: now() });
      else if (isOfUse) return known.answer;
      return answer;
    } catch (error) {
      if (isOfUse) return known.answer;
      throw error;
    }
  }

  async function recall(url: string, request: ProviderRequest): Promise<Answer> {
    const known = remembered.get(url);
    const freshMs = url.includes('/.well-known/') ? METADATA_FRESH_MS : KEYS_FRESH_MS;
    if (known && now() < known.at + freshMs) return known.answer;
    const asking = inFlight.get(url) ?? askAnew(url, request).finally(() => inFlight.delete(url));
    inFlight.set(url, asking);
    return asking;
  }

  return async function fetchFromProvider(url, request) {
    const isPublic =
      (request.method ?? 'GET') === 'GET' && request.headers?.['authorization'] === undefined;
    const { status, contentType, body } = await (isPublic
      ? recall(url, request)
      : ask(url, request));
    return new Response(body.length > 0 ? new Uint8Array(body) : null, {
      status,
      headers: { 'content-type': contentType },
    });
  };
}
