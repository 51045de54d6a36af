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

interface PostgresSchemaOptions {
  /** Whether a change waits until it is on the disk. A test in which the server goes on needs none to. @defaultValue `true` */
  readonly waitsForDisk?: boolean;
}

/** A schema of its own in the tests' PostgreSQL. */
export function createPostgresSchema({
  waitsForDisk = true,
}: PostgresSchemaOptions = {}): PostgresSchema {
  const name = `latchkey_test_${randomBytes(6).toString('hex')}`;
  const url = new URL(postgresUrl);
  const persistence = waitsForDisk ? '' : ' -c synchronous_commit=off';
  url.searchParams.set('options', `-c search_path=${name}${persistence}`);
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
