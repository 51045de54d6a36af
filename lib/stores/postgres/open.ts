import { loadPackage } from '../../loading/load-package.js';
import { postgresStore } from './postgres.js';
import { stateOf } from './schema.js';
import type { Row } from '../sql/rows.js';
import type { Store } from '../store.js';

/** Opens `postgres:` and `postgresql:` URLs. */
export async function openPostgres(url: string): Promise<Store> {
  const { default: pg } = await loadPackage('pg');
  const pool = new pg.Pool({
    connectionString: url,
    connectionTimeoutMillis: 3000,
    query_timeout: 4000,
    allowExitOnIdle: true,
  });
  // An idle connection that breaks must not end the process; the next query opens a new one.
  pool.on('error', () => undefined);
  return postgresStore(pool, { onClose: () => pool.end() });
}

/** As much of `Client` of `pg` as a look needs. */
interface Client {
  query(sql: string): Promise<{ readonly rows: readonly Row[] }>;
}

/** Has a look at a database over one connection. Changes nothing, unless `look` does. */
export async function lookIntoPostgres<Result>(
  url: string,
  look: (client: Client) => Promise<Result>,
): Promise<Result> {
  const { default: pg } = await loadPackage('pg');
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 3000,
    query_timeout: 4000,
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await look(client);
  } finally {
    await client.end();
  }
}

/** Whether a database holds tables of ours. Makes none. */
export function isPostgresBegun(url: string): Promise<boolean> {
  return lookIntoPostgres(url, async (client) => {
    const { isThere } = await stateOf(async (sql) => (await client.query(sql)).rows);
    return isThere;
  });
}
