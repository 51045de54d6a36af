import { statSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { beginSessions } from '../../world/first-sessions.js';
import { startPatientClients } from '../../world/patient-clients.js';
import type { BenchContext } from '../bench.js';
import { createFilledStore, type FilledStore, storeNames } from '../filled/filled-stores.js';
import { leftovers } from '../filled/population.js';
import type { SqlConnection } from '../filled/sql-connections.js';
import { startInstance } from '../instance-process.js';

const CLIENTS = 50;
/** After so long it is told how long the rest would take. */
const PATIENCE_MS = 600_000;
const LOOK_MS = 500;

/**
 * Many sessions that ended days ago, and one instance just started, which renews the tokens of others meanwhile: how long
 * until they are gone, and what else feels it.
 */
export async function sweep(context: BenchContext): Promise<void> {
  await sweepSqlite(context);
  if (!storeNames.includes('PostgreSQL')) return;
  for (const autovacuum of ['on', 'off'] as const) await sweepPostgres(context, autovacuum);
}

async function sweepSqlite(context: BenchContext): Promise<void> {
  const filled = await createFilledStore('SQLite', {
    sessions: context.sessions / 2,
    layout: leftovers,
  });
  const file = filled.place.url.slice('file:'.length);
  let walBytes = 0;
  const looking = setInterval(() => {
    walBytes = Math.max(walBytes, statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0);
  }, 50);
  await runInstance(context, { what: 'SQLite', filled, goalSeconds: 600 });
  clearInterval(looking);
  context.report({
    what: 'SQLite, sweep: largest write-ahead log',
    value: walBytes,
    unit: 'bytes',
    goal: { atMost: 16_000_000 },
    kind: 'steady',
  });
  await filled.close();
}

async function sweepPostgres(context: BenchContext, autovacuum: 'on' | 'off'): Promise<void> {
  const filled = await createFilledStore('PostgreSQL', {
    sessions: context.sessions * 2.5,
    layout: leftovers,
  });
  const connection = await filled.place.connect?.();
  await connection?.run(`ALTER TABLE latchkey_sessions SET (autovacuum_enabled = ${autovacuum})`);
  await connection?.close();
  await runInstance(context, {
    what: `PostgreSQL, autovacuum ${autovacuum}`,
    filled,
    goalSeconds: 600,
  });
  await filled.close();
}

interface Run {
  readonly what: string;
  readonly filled: FilledStore;
  readonly goalSeconds: number;
}

async function runInstance({ report }: BenchContext, run: Run): Promise<void> {
  const { what, filled, goalSeconds } = run;
  const { place, sessions } = filled;
  const tokens = await beginSessions(place.url, CLIENTS);
  const connection = await place.connect?.();
  if (!connection) return;
  const instance = await startInstance(place.url);
  const startedAt = performance.now();
  const clients = startPatientClients({ origins: [instance.origin], tokens, pauseMs: 500 });
  await clients.allServed();
  await instance.lag();

  const progress = await watch(connection, sessions);
  const { maxMs, p99Ms } = await instance.lag();
  await clients.stop();
  const { ['store.failed']: failures = 0 } = await instance.events();
  const sweptAfterMs = progress.endedAt - startedAt;
  report({
    what: `${what}: ${sessions.toLocaleString('en-US')} ended sessions gone after the start`,
    value: sweptAfterMs / 1000 / progress.share,
    unit: 's',
    goal: { atMost: goalSeconds },
    note: `${Math.round(progress.perSecond)} a second once it had begun${progress.share < 1 ? `; ${Math.round(progress.share * 100)} % were gone when it was stopped` : ''}`,
  });
  report({
    what: `${what}, sweep: longest block of the event loop`,
    value: maxMs,
    unit: 'ms',
    goal: { atMost: 50 },
    note: `99th percentile ${p99Ms.toFixed(1)} ms`,
  });
  report({
    what: `${what}, sweep: requests that failed meanwhile`,
    value: clients.failures() + clients.refusals.length,
    goal: { exactly: 0 },
    kind: 'counter',
    note: `${clients.refreshes()} refreshes; ${failures} operations of the store failed`,
  });
  await instance.close();
  await connection.close();
}

interface Progress {
  readonly endedAt: number;
  /** Of all, from 0 to 1. */
  readonly share: number;
  readonly perSecond: number;
}

async function watch(connection: SqlConnection, sessions: number): Promise<Progress> {
  const beganAt = performance.now();
  let firstAt: number | undefined;
  for (;;) {
    const gone = sessions + CLIENTS - (await connection.countSessions());
    const at = performance.now();
    if (gone > 0) firstAt ??= at - LOOK_MS;
    if (gone >= sessions || at - beganAt > PATIENCE_MS)
      return {
        endedAt: at,
        share: gone / sessions,
        perSecond: gone / ((at - (firstAt ?? beganAt)) / 1000),
      };
    await pause(LOOK_MS);
  }
}
