import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Redis } from 'ioredis';
import type { Store } from 'latchkey';
import Database from 'libsql';
import { Pool } from 'pg';
import { createPostgresSchema } from '../../world/postgres-schema.js';
import { redisUrl } from '../../world/services.js';

/** The exports of the release. */
export type Release = typeof import('latchkey');

/** Everything that was sent to a store, in the form in which a test can send it again. */
type Sent = readonly unknown[];

export interface Place {
  readonly name: string;
  readonly store: Store;
  /** What has been sent to the store since it was asked last. */
  readonly sent: () => readonly Sent[];
  /** Saves the contents as they are now. */
  readonly save: () => Promise<void>;
  readonly end: () => Promise<void>;
}

export function write(name: string, contents: string | Buffer): void {
  writeFileSync(new URL(name, import.meta.url), contents);
}

export function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 1)}\n`;
}

function sqlite({ sqliteStore }: Release): Place {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-release-'));
  const file = join(folder, 'auth.db');
  const database = new Database(file);
  let sent: Sent[] = [];
  const store = sqliteStore({
    exec: (sql: string) => database.exec(sql),
    prepare(sql: string) {
      const statement = database.prepare(sql);
      return {
        all(...values: never[]) {
          sent.push([sql, values]);
          return statement.all(...values);
        },
      };
    },
  });
  return {
    name: 'sqlite',
    store,
    sent: () => sent.splice(0),
    async save() {
      const copy = join(folder, 'copy.db');
      database.exec(`VACUUM INTO '${copy}'`);
      write('sqlite.db.gz', gzipSync(readFileSync(copy), { level: 9 }));
      sent = [];
    },
    async end() {
      database.close();
      rmSync(folder, { recursive: true });
    },
  };
}

async function postgres({ postgresStore }: Release): Promise<Place> {
  const schema = createPostgresSchema();
  await schema.create();
  const pool = new Pool({ connectionString: schema.url });
  const name = /search_path=(\w+)/.exec(decodeURIComponent(schema.url))?.[1] ?? '';
  let sent: Sent[] = [];
  const store = postgresStore({
    query(sql: string, values?: (string | number | null)[]) {
      sent.push([sql, values ?? []]);
      return pool.query(sql, values);
    },
  });
  return {
    name: 'postgres',
    store,
    sent: () => sent.splice(0),
    async save() {
      const options = ['--inserts', '--no-owner', '--no-privileges', `--schema=${name}`];
      const dump = execFileSync('pg_dump', [...options, `--dbname=${schema.url.split('?')[0]}`], {
        encoding: 'utf8',
      });
      const kept = dump
        .split('\n')
        .filter((line) => !/^(--.*|SET .*|SELECT pg_catalog.*|CREATE SCHEMA .*|\\.*|)$/.test(line))
        .map((line) => line.replaceAll(`${name}.`, ''));
      write('postgres.sql', `${kept.join('\n')}\n`);
      sent = [];
    },
    async end() {
      await pool.end();
      await schema.drop();
    },
  };
}

async function redis({ redisStore }: Release): Promise<Place> {
  const client = new Redis(redisUrl, { db: 15 });
  await client.flushdb();
  const reader = client.duplicate();
  let sent: Sent[] = [];
  const store = redisStore({
    async call(command: string, ...args: string[]): Promise<unknown> {
      // So that what is recorded needs no script that the server has seen before.
      if (command === 'EVALSHA') throw new Error('NOSCRIPT');
      sent.push([command, ...args]);
      return client.call(command, ...args);
    },
  });
  return {
    name: 'redis',
    store,
    sent: () => sent.splice(0),
    async save() {
      const keys = (await reader.keys('*')).toSorted();
      const rows = await Promise.all(keys.map((key) => redisRow(reader, key)));
      write('redis.json', json(rows));
      sent = [];
    },
    async end() {
      await client.flushdb();
      client.disconnect();
      reader.disconnect();
    },
  };
}

/** The command that makes the key as it is, and how long it still lives. */
async function redisRow(client: Redis, key: string) {
  const lifeMs = await client.pttl(key);
  const type = await client.type(key);
  if (type === 'hash')
    return { command: ['HSET', key, ...Object.entries(await client.hgetall(key)).flat()], lifeMs };
  if (type === 'string') return { command: ['SET', key, await client.get(key)], lifeMs };
  if (type !== 'zset') throw new Error(`${key} is a ${type}`);
  const members = await client.zrangebyscore(key, '-inf', '+inf', 'WITHSCORES');
  const pairs = members.flatMap((member, at) => (at % 2 === 0 ? [members[at + 1], member] : []));
  return { command: ['ZADD', key, ...pairs], lifeMs };
}

/** An empty store of each kind, opened by the release. */
export async function emptyPlaces(release: Release): Promise<readonly Place[]> {
  return [sqlite(release), await postgres(release), await redis(release)];
}
