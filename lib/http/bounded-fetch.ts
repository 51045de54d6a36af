import { isLoopback } from './is-loopback.js';

const MAX_BYTES = 1_048_576;

export class TooLargeError extends Error {
  override readonly name = 'TooLargeError';
}

/** Which URLs may be fetched over plain http. */
export interface HttpPermission {
  /** Whether traffic that stays on the machine may be http. */
  readonly allowLoopbackHttp: boolean;
  /** Further hosts, as `readHttpHosts` returns them. */
  readonly allowHttpHosts?: ReadonlySet<string>;
}

/**
 * Returns the URL if we may fetch from it: https, or http from a host that is allowed it. Throws a TypeError
 * for anything else, credentials in the URL included.
 */
export function assertRemoteUrl(text: string, permission: HttpPermission): URL {
  if (!URL.canParse(text)) throw new TypeError('a URL to fetch from must be absolute');
  const url = new URL(text);
  if (url.username || url.password)
    throw new TypeError('a URL to fetch from must not hold credentials');
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isHttpAllowed(url, permission)))
    return url;
  throw new TypeError(
    'a URL to fetch from must be https; http is for loopback during development and for hosts in `allowHttpHosts` (AUTH_JWKS_ALLOW_HTTP)',
  );
}

/** Whether plain http may be used to this host. */
export function isHttpAllowed(
  url: URL,
  { allowLoopbackHttp, allowHttpHosts }: HttpPermission,
): boolean {
  if (allowLoopbackHttp && isLoopback(url)) return true;
  const { hostname, port } = url;
  return [hostname, `${hostname}:${port || 80}`].some((host) => allowHttpHosts?.has(host));
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
