import { isRecord } from '../../is-record.js';
import { explainFailure } from '../../stores/failures/store-failure.js';
import { lookIntoPostgres } from '../../stores/postgres/open.js';
import { stateOf } from '../../stores/postgres/schema.js';
import { SCHEMA_REVISION } from '../../stores/sql/schema.js';
import { siteOf } from '../../stores/store-site.js';
import type { Finding } from '../finding.js';
import { type ClockDifference, judgeClock } from './clock.js';
import { fail, pass, warn } from './outcomes.js';
import type { Inspection } from './inspection.js';
import type { LiveSubject } from './subject.js';

const OLDEST = 120_000;

const FACTS = `SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS name,
  pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on' AS is_readonly,
  pg_backend_pid() AS process, extract(epoch FROM clock_timestamp()) * 1000 AS time,
  current_schema() AS schema, COALESCE(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create,
  (SELECT setting::bigint FROM pg_settings WHERE name = 'lock_timeout') AS lock_timeout,
  (SELECT setting::bigint FROM pg_settings WHERE name = 'statement_timeout') AS statement_timeout,
  current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS synchronous_commit`;

interface Facts {
  readonly row: Readonly<Record<string, unknown>>;
  readonly clock: ClockDifference;
  readonly isPooled: boolean;
  /** Whether there are tables, of whatever release. */
  readonly isThere: boolean;
  readonly revision: number;
}

/** Looks at a PostgreSQL over one connection, which changes nothing. */
export async function inspectPostgres(
  url: string,
  { config, now }: LiveSubject,
): Promise<Inspection> {
  const facts = await factsOf(url, now);
  const schema = judgeSchema(facts);
  const findings = [
    ...judgeServer(facts),
    ...judgeTimeouts(facts),
    ...judgeDurability(facts),
    judgePooler(facts),
    judgeClock('PostgreSQL', facts.clock, config.clockToleranceSeconds),
    schema,
  ];
  const isUsable = facts.row['is_readonly'] === false;
  return { findings, isPrepared: isUsable && facts.revision >= SCHEMA_REVISION };
}

async function factsOf(url: string, now: () => number): Promise<Facts> {
  try {
    return await lookIntoPostgres(url, async (client) => {
      const askedAt = now();
      const { rows } = await client.query(FACTS);
      const answeredAt = now();
      const row: unknown = rows[0];
      if (!isRecord(row)) throw new TypeError('PostgreSQL answered without a row');
      const { isThere, revision } = await stateOf(async (sql) => (await client.query(sql)).rows);
      return {
        ...{ row, isThere, revision },
        isPooled: row['process'] !== Reflect.get(client, 'processID'),
        clock: {
          aheadMs: Number(row['time']) - (askedAt + answeredAt) / 2,
          uncertainMs: (answeredAt - askedAt) / 2,
        },
      };
    });
  } catch (error) {
    throw explainFailure(error, siteOf(url));
  }
}

function judgeServer({ row }: Facts): readonly Finding[] {
  if (row['is_readonly'] !== false)
    return [
      fail('live_store_primary', {
        says: 'this PostgreSQL can only be read: it is a replica, or its role is read-only',
        why: 'nobody can sign in, and no session is renewed',
        fix: "use the primary's address in AUTH_STORE_URL",
      }),
    ];
  const name = `PostgreSQL ${String(row['name'])}`;
  if (Number(row['version']) >= OLDEST)
    return [pass('live_store_version', `${name} takes changes`)];
  return [
    fail('live_store_version', {
      says: `${name} is older than 12`,
      why: 'statements of the store need features of PostgreSQL 12',
      fix: 'upgrade the server',
    }),
  ];
}

/** A change has 4 seconds; it undoes itself after that. */
const NEEDED_MS = 5000;

function judgeTimeouts({ row }: Facts): readonly Finding[] {
  const short = ['lock_timeout', 'statement_timeout'].filter((name) => {
    const ms = Number(row[name]);
    return ms > 0 && ms <= NEEDED_MS;
  });
  return short.map((name) =>
    warn('live_store_timeouts', {
      says: `${name} of the role is ${Number(row[name])} ms`,
      why: 'the server breaks changes off that the store would still wait for',
      fix: `set ${name} of the role to 0, or to more than 5 seconds: ALTER ROLE … SET ${name} = 0`,
    }),
  );
}

function judgeDurability({ row }: Facts): readonly Finding[] {
  const off = ['fsync', 'synchronous_commit'].filter((name) => row[name] === 'off');
  return off.map((name) => {
    const words = {
      says: `${name} of PostgreSQL is off`,
      why: 'a crash loses the last rotations and revocations: users sign in again, and ended sessions live on',
      fix: `set ${name} to on, at least for this role`,
    };
    return name === 'fsync'
      ? fail('live_store_persistence', words)
      : warn('live_store_persistence', words);
  });
}

function judgePooler({ isPooled }: Facts): Finding {
  return pass(
    'live_store_pooler',
    isPooled
      ? 'a pooler stands before PostgreSQL: instances hear of ended sessions by looking for them'
      : 'instances hear of ended sessions at once: no pooler stands before PostgreSQL',
  );
}

function judgeSchema({ row, isThere, revision }: Facts): Finding {
  const schema = row['schema'];
  if (revision >= SCHEMA_REVISION)
    return pass('live_store_schema', 'the tables are those of this release');
  if (isThere)
    return warn('live_store_schema', {
      says: 'the tables are those of an older release, or their indexes are still being built',
      why: 'the first request after the next start brings them up to date, for which its role must own them; connections were not tried',
      fix: 'start the application with a role that owns the tables, send it GET /status of the router, and run this again',
    });
  if (row['may_create'] === true)
    return pass(
      'live_store_schema',
      'there are no tables yet: the first request that needs them makes them',
    );
  return fail('live_store_schema', {
    says:
      typeof schema === 'string'
        ? 'there are no tables yet, and the role may not create them'
        : 'there is no schema to create the tables in',
    why: 'the application cannot make them',
    fix: 'grant CREATE on the first schema of search_path, and check that it exists',
  });
}
