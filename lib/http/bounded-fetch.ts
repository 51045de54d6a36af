import { isLoopback } from './is-loopback.js';
import { addressIn, isPrivateAddress } from './private-addresses.js';
import { createPublicFetch, type Lookup, PrivateAddressError } from './public-fetch.js';

const MAX_BYTES = 1_048_576;

export class TooLargeError extends Error {
  override readonly name = 'TooLargeError';
}

/** Which URLs may be fetched. */
export interface HttpPermission {
  /** Whether traffic that stays on the machine may be http. */
  readonly allowLoopbackHttp: boolean;
  /** Further hosts, as `readHttpHosts` returns them. */
  readonly allowHttpHosts?: ReadonlySet<string>;
  /**
   * Hosts that may have private, loopback and link-local addresses: `any`, or those of a list as `readHttpHosts` returns it. So
   * may those of `allowHttpHosts`.
   */
  readonly internalHosts: 'any' | ReadonlySet<string>;
}

/** The same permission, and that the hosts of these URLs, which the operator has written down, are wherever they are. */
export function trusting<Permission extends HttpPermission>(
  permission: Permission,
  urls: readonly string[],
): Permission {
  const { internalHosts } = permission;
  if (internalHosts === 'any') return permission;
  const hosts = urls.flatMap((url) => (URL.canParse(url) ? [new URL(url).hostname] : []));
  return { ...permission, internalHosts: new Set([...internalHosts, ...hosts]) };
}

/**
 * Returns the URL if we may fetch from it, or send a browser there: https, or http from a host that is allowed it; and no private
 * address. Does not look names up: that is for the fetch. Throws a TypeError for anything else, credentials in the URL included.
 */
export function assertRemoteUrl(text: string, permission: HttpPermission): URL {
  if (!URL.canParse(text)) throw new TypeError('a URL to fetch from must be absolute');
  const url = new URL(text);
  if (url.username || url.password)
    throw new TypeError('a URL to fetch from must not hold credentials');
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isHttpAllowed(url, permission)))
    throw new TypeError(
      'a URL to fetch from must be https; http is for loopback during development and for hosts in `allowHttpHosts` (AUTH_JWKS_ALLOW_HTTP)',
    );
  const address = addressIn(url.hostname);
  const isPrivate = isLoopback(url) || (address !== undefined && isPrivateAddress(address));
  if (isPrivate && !mayBePrivate(url, permission))
    throw new PrivateAddressError(
      'a URL to fetch from must not be of a private, loopback or link-local address, but for hosts in `allowInternalHosts` (AUTH_INTERNAL_HOSTS)',
    );
  return url;
}

/** Whether plain http may be used to this host. */
export function isHttpAllowed(
  url: URL,
  { allowLoopbackHttp, allowHttpHosts }: HttpPermission,
): boolean {
  return (allowLoopbackHttp && isLoopback(url)) || isListed(url, allowHttpHosts);
}

function mayBePrivate(url: URL, { internalHosts, allowHttpHosts }: HttpPermission): boolean {
  return internalHosts === 'any' || isListed(url, internalHosts) || isListed(url, allowHttpHosts);
}

function isListed({ hostname, port, protocol }: URL, hosts?: ReadonlySet<string>): boolean {
  const usualPort = protocol === 'https:' ? 443 : 80;
  return [hostname, `${hostname}:${port || usualPort}`].some((host) => hosts?.has(host));
}

export interface RemoteFetchOptions extends HttpPermission {
  /** The application's own, e.g. one that goes through a proxy. Where it connects to is up to it. */
  readonly fetch?: typeof fetch | undefined;
  /** For tests. @defaultValue the system's */
  readonly lookup?: Lookup | undefined;
}

/**
 * Creates a fetch under a permission: of URLs that {@link assertRemoteUrl} takes, without redirects, and from hosts that may not have a
 * private address only over a connection to a public one.
 */
export function createRemoteFetch({
  fetch: own,
  lookup,
  ...permission
}: RemoteFetchOptions): (url: string, init?: RequestInit) => Promise<Response> {
  const publicFetch = createPublicFetch({ lookup });
  return async function remoteFetch(text, init) {
    const url = assertRemoteUrl(text, permission);
    const request = { ...init, redirect: 'manual' } as const;
    if (own) return own(url.href, request);
    // The global one is looked up at each call, so that an application may replace it when it has started.
    if (mayBePrivate(url, permission) || hasProxy()) return fetch(url.href, request);
    return publicFetch(url, request);
  };
}

/** Undici's name for what sends the requests of `fetch`, shared by every copy of it in a process. */
const DISPATCHER = Symbol.for('undici.globalDispatcher.1');

/** Whether the application sends every `fetch` through something of its own: a proxy then resolves and judges names, not we. */
function hasProxy(): boolean {
  const dispatcher: unknown = Reflect.get(globalThis, DISPATCHER);
  return (
    typeof dispatcher === 'object' && dispatcher !== null && dispatcher.constructor.name !== 'Agent'
  );
}

/**
 * Reads a list of hosts that may be fetched from over http: `keycloak` for every port, `keycloak:8080` for one.
 * Throws a TypeError for anything but a host, such as a URL or a pattern.
 */
export function readHttpHosts(hosts: readonly string[], name: string): ReadonlySet<string> {
  if (!Array.isArray(hosts)) throw new TypeError(`\`${name}\` is a list of hosts`);
  return new Set(hosts.map((host) => readHost(host, name)));
}

function readHost(text: unknown, name: string): string {
  const host = typeof text === 'string' ? text.toLowerCase() : '';
  const url = `http://${host}`;
  const parsed = URL.canParse(url) && !host.includes('*') ? new URL(url).host : undefined;
  // A URL leaves its scheme's own port out. Any other difference comes from a part that is no host.
  if (parsed === host || `${parsed}:80` === host) return host;
  throw new TypeError(
    `\`${name}\` has ${JSON.stringify(text)}, which is not a host; write \`keycloak\` or \`keycloak:8080\``,
  );
}

/** Reads at most 1 MB, counted after decompression so that a small body cannot unpack into a large one. Rejects with a TooLargeError. */
export async function readBounded(response: Response): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BYTES) throw new TooLargeError('the response exceeds 1 MB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
