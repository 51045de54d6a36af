import { isRecord } from '../is-record.js';
import { sqlStore } from './sql.js';
import type { Row, Value } from './sql-rows.js';
import {
  postgresDialect,
  refuseNewerSchema,
  SCHEMA_VERSION,
  schemaStatements,
} from './sql-schema.js';
import type { StoreAdapterOptions } from './sqlite.js';
import type { Store } from './store.js';

/** As much of a PostgreSQL client as we use: `Pool` and `Client` of `pg` fit. */
export interface PostgresClient {
  query(text: string, values?: Value[]): Promise<{ readonly rows: readonly unknown[] }>;
}

/**
 * A store in PostgreSQL 12 or later, for any number of instances. Tables stand in the first schema of `search_path`.
 *
 * @example
 * ```ts
 * import pg from 'pg';
 *
 * const pool = new pg.Pool({ connectionString: process.env['DATABASE_URL'] });
 * const auth = createAuth({ store: postgresStore(pool) });
 * ```
 */
export function postgresStore(client: PostgresClient, options: StoreAdapterOptions = {}): Store {
  let preparing: Promise<void> | undefined;

  function prepared(): Promise<void> {
    preparing ??= prepareSchema(client).catch((error: unknown) => {
      preparing = undefined;
      throw error;
    });
    return preparing;
  }

  return sqlStore({
    async query(sql: string, values: readonly Value[]): Promise<readonly Row[]> {
      await prepared();
      const { rows } = await client.query(sql, [...values]);
      return rows.filter(isRecord);
    },
    isUniqueViolation: (error) => hasCode(error, '23505'),
    close: async () => options.onClose?.(),
  });
}

async function prepareSchema(client: PostgresClient): Promise<void> {
  const version = await schemaVersion(client);
  refuseNewerSchema(version);
  if (version === SCHEMA_VERSION) return;
  // One message of several statements is one transaction. The lock makes instances that start together take turns;
  // its number is ours alone, and it ends with the transaction.
  await client.query(
    `SELECT pg_advisory_xact_lock(7305821460193); ${schemaStatements(postgresDialect)}`,
  );
}

async function schemaVersion(client: PostgresClient): Promise<number> {
  try {
    const { rows } = await client.query('SELECT MAX(version) AS version FROM latchkey_schema');
    const [row] = rows.filter(isRecord);
    return Number(row?.['version'] ?? 0);
  } catch (error) {
    // There is no such table yet.
    if (hasCode(error, '42P01')) return 0;
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return isRecord(error) && error['code'] === code;
}
