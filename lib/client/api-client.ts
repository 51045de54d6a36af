import { browser } from './browser.js';
import { initWith } from './init-with.js';
import { readBase, urlBelow } from './relative-url.js';

export interface ApiClientOptions {
  /** Where the API is: an absolute URL. Every path is below it. It may come from a request, since its origin has to be an allowed one. */
  readonly baseUrl: string;
  /** Origins that may get callers' tokens, such as `https://api.example.com`, or `https://*.example.com` for one level below. */
  readonly allowedOrigins: readonly string[];
  /** What sends requests. @defaultValue the global `fetch` */
  readonly fetch?: typeof globalThis.fetch;
}

export interface ApiClient {
  /**
   * Like `fetch()`, as the caller of `req`: with its access token, if it has one, its request id and its organisation. `path` is relative to
   * `baseUrl`; an absolute, scheme-relative or backslash path is a TypeError. One try; the answer is returned as it is.
   */
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

/**
 * Creates the client of one request of a server, which calls an API as the caller: after `requireAuth()` or `optionalAuth()`. Throws a TypeError for
 * a `baseUrl` whose origin is not allowed. An API key is no token, and is not passed on.
 * @example
 * app.get('/reports', auth.requireAuth(), async (req, res) => {
 *   const api = createApiClient(req, { baseUrl, allowedOrigins: ['https://api.example.com'] });
 *   res.json(await (await api.fetch('/reports')).json());
 * });
 */
export function createApiClient(req: object, options: ApiClientOptions): ApiClient {
  const { fetch = browser.fetch, allowedOrigins } = options;
  const base = readBase(options.baseUrl);
  const { origin } = new URL(base);
  // `*` stands for exactly one label: `a.b.example.com` does not match `*.example.com`.
  const wildcard = origin.replace(/\/\/[^.]+/, '//*');
  if (!allowedOrigins.some((allowed) => allowed === origin || allowed === wildcard))
    throw new TypeError(`${origin} is not among allowedOrigins`);
  const { auth, org, id }: Caller = req;
  return {
    async fetch(path, init = {}) {
      const request = initWith(init, {
        Authorization: auth && auth.method !== 'api_key' && `Bearer ${auth.token}`,
        'X-Org-Id': org?.id,
        'X-Request-Id': typeof id === 'string' && id,
      });
      return fetch(urlBelow(base, path), request);
    },
  };
}

/** What the middlewares leave on a request. */
interface Caller {
  readonly auth?: { readonly method: string; readonly token: string } | undefined;
  readonly org?: { readonly id: string } | undefined;
  readonly id?: unknown;
}
