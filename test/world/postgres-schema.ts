import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { postgresUrl } from './services.js';

export interface PostgresSchema {
  readonly schemaName: string;
  /** Connects with tables in this schema. */
  readonly url: string;
  readonly create: () => Promise<void>;
  readonly drop: () => Promise<void>;
}

/** A schema of its own in the tests' PostgreSQL. */
export function createPostgresSchema(): PostgresSchema {
  const name = `latchkey_test_${randomBytes(6).toString('hex')}`;
  const url = new URL(postgresUrl);
  url.searchParams.set('options', `-c search_path=${name}`);
  return {
    schemaName: name,
    url: url.href,
    create: () => run(`CREATE SCHEMA ${name}`),
    drop: () => run(`DROP SCHEMA ${name} CASCADE`),
  };
}

async function run(statement: string): Promise<void> {
  const client = new Client(postgresUrl);
  await client.connect();
  await client.query(statement);
  await client.end();
}
