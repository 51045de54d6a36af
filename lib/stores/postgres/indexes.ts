import { openOwnConnection, type PostgresPool } from './client.js';
import { buildPostgresIndexes, hasIndexes, type RunStatement, TURN_TO_BUILD } from './schema.js';
import { isRecord } from '../../is-record.js';

export interface IndexBuilding {
  /** Whether all indexes are there. */
  isDone(): boolean;
  /** Looks after them until they are. */
  start(): void;
  stop(): void;
}

const FIRST_PAUSE_MS = 2000;
const LONGEST_PAUSE_MS = 600_000;
const LONGEST_TIMER_MS = 2_147_483_647;

/** Builds missing indexes in the background, however often that is interrupted; one instance at a time. */
export function indexBuilding(pool: PostgresPool | undefined, run: RunStatement): IndexBuilding {
  let isDone = false;
  let isStopped = false;
  let pauseMs = FIRST_PAUSE_MS;
  let timer: NodeJS.Timeout | undefined;

  async function look(): Promise<void> {
    try {
      isDone = await hasIndexes(run);
      if (isDone || isStopped) return;
      if (pool) await buildInTurn(pool);
      else await buildPostgresIndexes(run);
      isDone = await hasIndexes(run);
    } catch {
      // Interrupted, or somebody has no right to: everything else works without them, and the next attempt begins where this one ended.
    }
    if (isDone || isStopped) return;
    timer = setTimeout(() => void look(), pauseMs).unref();
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
  }

  return {
    isDone: () => isDone,
    start: () => void look(),
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

/**
 * Builds on connections beside the pool's, since it may take hours. The lock belongs to an open transaction, so that it ends with
 * the process, and works through a pooler, too. The transaction holds no snapshot, for which a build would wait.
 */
async function buildInTurn(pool: PostgresPool): Promise<void> {
  await withConnection(pool, (lock) =>
    withConnection(pool, async (builder) => {
      await lock('BEGIN');
      const [turn] = await lock(TURN_TO_BUILD);
      if (turn?.['is_ours'] !== true) return;
      if ('statement_timeout' in pool.options) await builder('SET statement_timeout = 0');
      await buildPostgresIndexes(builder);
    }),
  );
}

async function withConnection(
  pool: PostgresPool,
  use: (run: RunStatement) => Promise<void>,
): Promise<void> {
  const connection = await openOwnConnection(pool);
  try {
    await use(async (text) => {
      const { rows } = await connection.query({ text, query_timeout: LONGEST_TIMER_MS });
      return rows.filter(isRecord);
    });
  } finally {
    await connection.end();
  }
}
