import { createRemoteFetch, readBounded, type RemoteFetchOptions } from '../http/bounded-fetch.js';
import { isRecord } from '../is-record.js';
import { definedOnly } from '../known-options.js';

/** As much of a request as the protocol library sets. */
interface ProviderRequest {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: RequestInit['body'] | undefined;
  readonly signal?: AbortSignal | undefined;
}

export type ProviderFetch = (url: string, request: ProviderRequest) => Promise<Response>;

export interface ProviderFetchOptions extends RemoteFetchOptions {
  /** The `issuer` of metadata that may be cached. Undefined: any. */
  readonly issuer?: string | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** A response that has been read to its end. */
interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

interface Remembered {
  readonly answer: Answer;
  readonly at: number;
}

/** All that anybody reads: what the body is, whether there is more of a list, and whether we have asked too often. */
const KEPT_HEADERS = ['content-type', 'link', 'retry-after', 'x-ratelimit-remaining'] as const;

const METADATA_FRESH_MS = 3_600_000;
const STALE_MS = 86_400_000;

/**
 * Requests to one identity provider: https only (http where that is allowed), to public addresses only but for hosts that may
 * have others, no redirects, at most 1 MB. Metadata is cached for an hour; keys are fetched at each log-in, since a provider may sign with a new key the
 * moment it publishes it. Requests at the same time share one fetch, and the last good answer serves for a day while
 * newer ones are unusable. Answers to requests with a credential are never cached.
 */
export function createProviderFetch({
  issuer,
  now,
  ...remote
}: ProviderFetchOptions): ProviderFetch {
  const send = createRemoteFetch(remote);
  const isUsable = (url: string, { status, body }: Answer): boolean =>
    status === 200 && (isMetadata(url) ? isMetadataOf(body, issuer) : areKeys(body));
  const remembered = new Map<string, Remembered>();
  const inFlight = new Map<string, Promise<Answer>>();

  async function ask(url: string, request: ProviderRequest): Promise<Answer> {
    const response = await send(url, definedOnly({ ...request }));
    if (response.status >= 300 && response.status < 400) {
      await response.body?.cancel();
      throw new TypeError('a redirect could lead into our own network');
    }
    return {
      status: response.status,
      headers: Object.fromEntries(
        KEPT_HEADERS.map((name) => [name, response.headers.get(name) ?? '']),
      ),
      body: await readBounded(response),
    };
  }

  async function askAnew(url: string, request: ProviderRequest): Promise<Answer> {
    const known = remembered.get(url);
    const isOfUse = known !== undefined && now() < known.at + STALE_MS;
    try {
      const answer = await ask(url, request);
      if (isUsable(url, answer)) remembered.set(url, { answer, at: now() });
      else if (isOfUse) return known.answer;
      return answer;
    } catch (error) {
      if (isOfUse) return known.answer;
      throw error;
    }
  }

  async function recall(url: string, request: ProviderRequest): Promise<Answer> {
    const known = remembered.get(url);
    if (known && isMetadata(url) && now() < known.at + METADATA_FRESH_MS) return known.answer;
    const asking = inFlight.get(url) ?? askAnew(url, request).finally(() => inFlight.delete(url));
    inFlight.set(url, asking);
    return asking;
  }

  return async function fetchFromProvider(url, request) {
    const isPublic =
      (request.method ?? 'GET') === 'GET' && request.headers?.['authorization'] === undefined;
    const { status, headers, body } = await (isPublic ? recall(url, request) : ask(url, request));
    return new Response(body.length > 0 ? new Uint8Array(body) : null, {
      status,
      headers,
    });
  };
}

function isMetadata(url: string): boolean {
  return /\/\.well-known\/(?:openid-configuration|oauth-authorization-server)(?:\/|$)/.test(url);
}

/** A page that says "back soon", with status 200, must not be cached in the place of metadata or keys. */
function isMetadataOf(body: Buffer, issuer: string | undefined): boolean {
  const metadata = parse(body);
  return isRecord(metadata) && (issuer === undefined || metadata['issuer'] === issuer);
}

function areKeys(body: Buffer): boolean {
  const set = parse(body);
  return isRecord(set) && Array.isArray(set['keys']) && set['keys'].length > 0;
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
