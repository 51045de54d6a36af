import type { RequestListener } from 'node:http';

/** What the endpoints of an issuer that is down do. */
export type Outage =
  /** 503 for everything. */
  | 'status-503'
  /** The connection breaks. */
  | 'reset'
  /** No answer, until the caller gives up. */
  | 'hang'
  /** 200 with a web page, as from a captive portal. */
  | 'html'
  /** 200 with `{}` for everything. */
  | 'empty-object'
  /** `{ "keys": null }` as the key set; discovery works. */
  | 'keys-null'
  /** `{ "keys": [] }` as the key set, which withdraws its keys; discovery works. */
  | 'no-keys';

/** Requests answered or failed since the issuer was created, over `fetch` and `handler` together. */
export interface FetchCounts {
  readonly discovery: number;
  readonly jwks: number;
  /** Requests for anything else: a verifier that follows `jku` or `x5u` shows here. */
  readonly other: number;
}

export interface IssuerEndpoints {
  readonly fetch: typeof fetch;
  readonly handler: RequestListener;
  counts(): FetchCounts;
  goDown(outage: Outage): void;
  comeUp(): void;
}

export interface IssuerEndpointsOptions {
  readonly issuer: string;
  readonly discoveryUri: string;
  readonly jwksUri: string;
  readonly algorithm: string;
  readonly jwks: () => unknown;
}

type Endpoint = keyof FetchCounts;

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const notFound: Answer = { status: 404, type: 'text/plain', body: 'Not found' };

/** Serves an issuer's metadata and key set, in process and over HTTP, and plays its outages. */
export function createIssuerEndpoints(options: IssuerEndpointsOptions): IssuerEndpoints {
  const counts = { discovery: 0, jwks: 0, other: 0 };
  const { origin, pathname: discoveryPath } = new URL(options.discoveryUri);
  const { pathname: jwksPath } = new URL(options.jwksUri);
  let outage: Outage | undefined;

  function endpointAt(path: string): Endpoint {
    if (path === discoveryPath) return 'discovery';
    return path === jwksPath ? 'jwks' : 'other';
  }

  function answerFor(endpoint: Endpoint, method: string): Answer {
    if (endpoint === 'other') return notFound;
    if (method !== 'GET') return { status: 405, type: 'text/plain', body: 'Method not allowed' };
    const broken = outage && brokenAnswer(outage, endpoint);
    return broken ?? json(endpoint === 'jwks' ? options.jwks() : metadata(options));
  }

  return {
    async fetch(input, init) {
      const request = input instanceof Request ? input : undefined;
      const url = new URL(input instanceof Request ? input.url : input);
      const endpoint = url.origin === origin ? endpointAt(url.pathname) : 'other';
      counts[endpoint] += 1;
      const signal = init?.signal ?? request?.signal;
      signal?.throwIfAborted();
      if (url.origin !== origin) throw networkError('ENOTFOUND');
      if (outage === 'reset') throw networkError('ECONNRESET');
      if (outage === 'hang') return untilAborted(signal);
      const { status, type, body } = answerFor(endpoint, init?.method ?? request?.method ?? 'GET');
      const response = new Response(body, { status, headers: { 'Content-Type': type } });
      return Object.defineProperty(response, 'url', { value: url.href });
    },
    handler(req, res) {
      const { pathname } = new URL(req.url ?? '/', origin);
      const endpoint = endpointAt(pathname);
      counts[endpoint] += 1;
      if (outage === 'reset') req.socket.destroy();
      if (outage === 'reset' || outage === 'hang') return;
      const { status, type, body } = answerFor(endpoint, req.method ?? 'GET');
      res.writeHead(status, { 'Content-Type': type }).end(body);
    },
    counts: () => ({ ...counts }),
    goDown: (mode) => {
      outage = mode;
    },
    comeUp: () => {
      outage = undefined;
    },
  };
}

function brokenAnswer(outage: Outage, endpoint: Endpoint): Answer | undefined {
  if (outage === 'status-503') return { status: 503, type: 'text/plain', body: 'Unavailable' };
  if (outage === 'html') return { status: 200, type: 'text/html', body: '<!doctype html><p>Hi' };
  if (outage === 'empty-object') return json({});
  if (endpoint !== 'jwks') return undefined;
  return json({ keys: outage === 'keys-null' ? null : [] });
}

/** OpenID Connect Discovery 1.0 §3: the members that are required, and no endpoint that would answer. */
function metadata({ issuer, jwksUri, algorithm }: IssuerEndpointsOptions): unknown {
  const base = issuer.replace(/\/$/, '');
  return {
    issuer,
    jwks_uri: jwksUri,
    authorization_endpoint: `${base}/authorize`,
    token_endpoint: `${base}/token`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [algorithm],
  };
}

function json(value: unknown): Answer {
  return { status: 200, type: 'application/json', body: JSON.stringify(value) };
}

/** What Node's own `fetch` rejects with when a connection fails. */
function networkError(code: string): TypeError {
  const cause = Object.assign(new Error(`test issuer: ${code}`), { code });
  return new TypeError('fetch failed', { cause });
}

function untilAborted(signal: AbortSignal | null | undefined): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
