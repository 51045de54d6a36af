import type { RedisConnection } from './connection.js';

/**
 * Rejects when Redis does not answer, could evict sessions and users to make room, or is a replica that takes no
 * changes. The error's `code` says which: `EVICTION` or `READONLY`.
 */
export async function checkRedis({ send, keyOf, schema }: RedisConnection): Promise<void> {
  // A look at a key, which unlike PING also works with a cluster.
  await send('EXISTS', keyOf('ping'));
  const facts = new Map([
    ...(await readInfo(send, 'memory')),
    ...(await readInfo(send, 'replication')),
  ]);
  const policy = facts.get('maxmemory_policy') ?? 'noeviction';
  if (Number(facts.get('maxmemory') ?? 0) > 0 && policy !== 'noeviction')
    throw failure(
      'EVICTION',
      `Redis evicts keys when its memory is full (maxmemory-policy ${policy}), which would sign users out: set maxmemory-policy noeviction`,
    );
  if (facts.get('role') === 'slave' && facts.get('slave_read_only') !== '0')
    throw failure(
      'READONLY',
      'this Redis server is a read-only replica: use the address of the primary, Sentinel or a cluster',
    );
  await schema.compactFrom();
}

/** INFO, because CONFIG is forbidden at many providers. What a provider hides is taken to be in order. */
async function readInfo(
  send: RedisConnection['send'],
  section: string,
): Promise<[string, string][]> {
  const reply = await send('INFO', section).catch((error: unknown) => {
    if (error instanceof Error && /^(?:NOPERM|ERR)\b/.test(error.message)) return '';
    throw error;
  });
  return String(reply)
    .split(/\r?\n/)
    .flatMap((line) => {
      const at = line.indexOf(':');
      return at > 0 ? [[line.slice(0, at), line.slice(at + 1)]] : [];
    });
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
