import { loadPackage } from '../../loading/load-package.js';
import { postgresStore } from './postgres.js';
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
