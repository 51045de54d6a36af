/** What a URL says of a Redis. */
export interface RedisAddress {
  readonly kind: 'single' | 'sentinel' | 'cluster';
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  /** The name under which Sentinel knows the primary. */
  readonly name: string;
  /** Of the Sentinels themselves. */
  readonly sentinelUsername: string | undefined;
  readonly sentinelPassword: string | undefined;
}

const SCHEME = /^(rediss?)(?:\+(sentinel|cluster))?$/;
const PORTS = { single: 6379, sentinel: 26_379, cluster: 6379 } as const;

/**
 * Reads a URL of one of these forms; with `rediss` for TLS. Throws a TypeError, which never holds the URL.
 *
 *     redis://user:password@host:6379/database
 *     redis+sentinel://user:password@host1:26379,host2:26379/primary-name/database?sentinelPassword=…
 *     redis+cluster://user:password@host1:6379,host2:6379
 */
export function readRedisUrl(text: string): RedisAddress {
  const [, scheme = '', credentials, hosts = '', path = '', query = ''] =
    /^([a-z+-]+):\/\/(?:([^@/?#]*)@)?([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/i.exec(text) ?? [];
  const [, security, topology] = SCHEME.exec(scheme.toLowerCase()) ?? [];
  if (security === undefined) throw new TypeError('this is no URL of a Redis');
  const kind = topology === 'sentinel' || topology === 'cluster' ? topology : 'single';
  const [username, password] = readCredentials(credentials);
  const parts = path.split('/').filter((part) => part !== '');
  const name = kind === 'sentinel' ? (parts.shift() ?? '') : '';
  if (kind === 'sentinel' && name === '')
    throw new TypeError(
      'a URL of Redis Sentinel names the primary: redis+sentinel://host/mymaster',
    );
  const parameters = new URLSearchParams(query);
  const database = Number(parts[0] ?? parameters.get('db') ?? 0);
  if (parts.length > 1 || !Number.isInteger(database) || database < 0)
    throw new TypeError('a URL of Redis ends with the number of its database, such as /0');
  if (kind === 'cluster' && database !== 0)
    throw new TypeError('a Redis Cluster has only database 0');
  const nodes = hosts.split(',').map((host) => readHost(host, PORTS[kind]));
  if (kind === 'single' && nodes.length > 1)
    throw new TypeError('several hosts need redis+sentinel:// or redis+cluster://');
  return Object.freeze({
    kind,
    nodes,
    tls: security === 'rediss',
    username,
    password,
    database,
    name: decode(name),
    sentinelUsername: parameters.get('sentinelUsername') ?? undefined,
    sentinelPassword: parameters.get('sentinelPassword') ?? undefined,
  });
}

function readCredentials(text: string | undefined): readonly (string | undefined)[] {
  if (text === undefined || text === '') return [];
  const colon = text.indexOf(':');
  // A password without a user name is written `:password`.
  const [user, password] = colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
  return [user, password].map((part) => (part === '' ? undefined : decode(part)));
}

function readHost(text: string, defaultPort: number): { host: string; port: number } {
  const [, v6, name, port] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]*))(?::(\d+))?$/i.exec(text) ?? [];
  const host = v6 ?? name;
  if (host === undefined) throw new TypeError('a URL of Redis has a host that cannot be read');
  return { host: host === '' ? '127.0.0.1' : host, port: Number(port ?? defaultPort) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TypeError('a URL of Redis holds a % that is no percent-encoding: write it as %25');
  }
}
