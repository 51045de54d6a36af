import { createHash } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { isLoopback } from '../../http/is-loopback.js';
import type { Finding } from '../finding.js';
import { ask, type Asking } from './ask.js';
import { fail, pass, warn } from './outcomes.js';

/** An address for documentation (RFC 5737), which no client has. */
const FORGED = '203.0.113.77';

/**
 * Finds out by whose address the application limits requests. The header `RateLimit-Policy` has a digest of the address (its partition key), which
 * must stay the same when the client writes another one into X-Forwarded-For. Empty where no such header comes.
 */
export async function checkClientAddress(router: URL, asking: Asking): Promise<readonly Finding[]> {
  const keyWith = async (headers: Record<string, string>): Promise<string | undefined> =>
    partitionKey((await ask(`${router.href}/providers`, asking, { headers })).headers);
  const [plain, forged] = await Promise.all([keyWith({}), keyWith({ 'x-forwarded-for': FORGED })]);
  if (plain === undefined || forged === undefined) return [];
  if (plain !== forged)
    return [
      fail('live_client_address', {
        says: 'the application believes the address that a client writes into X-Forwarded-For',
        why: 'anybody gets around the rate limits, and puts the blame on others in the audit log',
        fix: "set Express' `trust proxy` to the number of proxies before the application, and to false where there is none",
      }),
    ];
  const proxy = proxyBehind(plain, router);
  if (proxy === undefined)
    return [pass('live_client_address', 'a client cannot choose the address that limits count')];
  return [
    warn('live_client_address', {
      says: `the application takes ${proxy}, which is most likely a proxy, for the address of its clients`,
      why: 'all users share one rate limit, and one of them can keep all others from signing in',
      fix: "set Express' `trust proxy` to the number of proxies before the application",
    }),
  ];
}

/** Of the limit for requests that read. */
function partitionKey(headers: Headers): string | undefined {
  const policies = headers.get('ratelimit-policy') ?? '';
  return /"address-reading";[^,]*\bpk=:([^:]+):/.exec(policies)?.[1];
}

/** Where proxies on the machine, in Docker and in small networks usually are. */
const NETWORKS = [
  ...['127.0.0', '10.0.0', '10.0.1', '192.168.0', '192.168.1'],
  ...Array.from({ length: 16 }, (_, at) => `172.${16 + at}.0`),
];

/** The private address that a partition key is made of, unless it is this machine's own and we may be the client. */
function proxyBehind(key: string, router: URL): string | undefined {
  const own = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal }) => !internal || isLoopback(router))
    .map(({ address }) => address);
  return NETWORKS.flatMap((network) =>
    Array.from({ length: 256 }, (_, last) => `${network}.${last}`),
  ).find((address) => !own.includes(address) && digestOf(address) === key);
}

/** As `express-rate-limit` makes it (draft-ietf-httpapi-ratelimit-headers-08 leaves that open). */
function digestOf(address: string): string {
  const digest = createHash('sha256').update(address).digest('hex');
  return Buffer.from(digest.slice(0, 12)).toString('base64');
}
