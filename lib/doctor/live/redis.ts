import { explainFailure } from '../../stores/failures/store-failure.js';
import { lookIntoRedis } from '../../stores/redis/open.js';
import { siteOf } from '../../stores/store-site.js';
import type { Finding } from '../finding.js';
import { type ClockDifference, judgeClock } from './clock.js';
import { fail, pass, warn } from './outcomes.js';
import type { Inspection } from './inspection.js';
import type { LiveSubject } from './subject.js';

interface Facts {
  /** What INFO says. What a provider hides is not judged. */
  readonly info: ReadonlyMap<string, string>;
  readonly clock: ClockDifference | undefined;
}

/** Looks at a Redis, of a cluster at one node, by INFO and TIME. Its keys need no preparation. */
export async function inspectRedis(url: string, { config, now }: LiveSubject): Promise<Inspection> {
  const facts = await factsOf(url, now);
  const isReplica = facts.info.get('role') === 'slave';
  const findings = [
    ...judgeServer(facts),
    ...(isReplica ? [replica()] : []),
    ...judgeEviction(facts),
    ...judgePersistence(facts),
    ...(facts.clock ? [judgeClock('Redis', facts.clock, config.clockToleranceSeconds)] : []),
  ];
  return { findings, isPrepared: !findings.some(({ outcome }) => outcome === 'fail') };
}

async function factsOf(url: string, now: () => number): Promise<Facts> {
  try {
    return await lookIntoRedis(url, async (client) => {
      const info = readInfo(await client.call('INFO').catch(hiddenOr('')));
      const askedAt = now();
      const time = await client.call('TIME').catch(hiddenOr(undefined));
      return { info, clock: clockOf(time, { askedAt, answeredAt: now() }) };
    });
  } catch (error) {
    throw explainFailure(error, siteOf(url));
  }
}

/** Providers forbid commands. */
function hiddenOr<Value>(value: Value): (error: unknown) => Value {
  return (error) => {
    if (error instanceof Error && /^(?:NOPERM|ERR unknown command)\b/.test(error.message))
      return value;
    throw error;
  };
}

function readInfo(reply: unknown): ReadonlyMap<string, string> {
  const lines = String(reply).split(/\r?\n/);
  return new Map(
    lines.flatMap((line) => {
      const at = line.indexOf(':');
      return at > 0 ? [[line.slice(0, at), line.slice(at + 1)] as const] : [];
    }),
  );
}

function clockOf(
  reply: unknown,
  { askedAt, answeredAt }: { readonly askedAt: number; readonly answeredAt: number },
): ClockDifference | undefined {
  if (!Array.isArray(reply)) return undefined;
  const [seconds, microseconds] = reply.map(Number);
  return {
    aheadMs: (seconds ?? 0) * 1000 + (microseconds ?? 0) / 1000 - (askedAt + answeredAt) / 2,
    uncertainMs: (answeredAt - askedAt) / 2,
  };
}

/** Redis 6.2; what goes by other names, such as Valkey, says that it is at least as new. */
function judgeServer({ info }: Facts): readonly Finding[] {
  const version = info.get('redis_version');
  if (version === undefined) return [];
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 6 || (major === 6 && minor >= 2))
    return [pass('live_store_version', `Redis ${version} answers`)];
  return [
    fail('live_store_version', {
      says: `Redis ${version} is older than 6.2`,
      why: 'the store uses commands of Redis 6.2',
      fix: 'upgrade the server',
    }),
  ];
}

function replica(): Finding {
  return fail('live_store_primary', {
    says: 'this Redis is a replica',
    why: 'nobody can sign in, and no session is renewed',
    fix: "use the primary's address in AUTH_STORE_URL, Sentinel or a cluster",
  });
}

function judgeEviction({ info }: Facts): readonly Finding[] {
  const policy = info.get('maxmemory_policy');
  if (policy === undefined) return [];
  if (policy === 'noeviction')
    return [pass('live_store_eviction', 'Redis never drops what it was given (noeviction)')];
  const words = {
    says: `maxmemory-policy of Redis is ${policy}`,
    why: 'when its memory is full, Redis drops sessions, users and revocations without a word',
    fix: 'set maxmemory-policy to noeviction',
  };
  return Number(info.get('maxmemory') ?? 0) > 0
    ? [fail('live_store_eviction', words)]
    : [warn('live_store_eviction', { ...words, says: `${words.says}, without a limit so far` })];
}

function judgePersistence({ info }: Facts): readonly Finding[] {
  const isAppending = info.get('aof_enabled');
  if (isAppending === undefined) return [];
  const failed = ['aof_last_write_status', 'rdb_last_bgsave_status'].filter(
    (name) => (info.get(name)?.trim() ?? 'ok') !== 'ok',
  );
  if (failed.length > 0)
    return [
      fail('live_store_persistence', {
        says: `Redis could not write to its disk (${failed.join(', ')})`,
        why: 'it refuses changes, or loses them when it ends',
        fix: 'free space on its disk, and look into its log',
      }),
    ];
  if (isAppending.trim() === '1')
    return [pass('live_store_persistence', 'Redis writes every change to its disk (appendonly)')];
  return [
    warn('live_store_persistence', {
      says: 'Redis writes no log of its changes (appendonly no)',
      why: 'a restart loses sessions, users and revocations since its last snapshot, or all of them',
      fix: 'set appendonly to yes',
    }),
  ];
}
