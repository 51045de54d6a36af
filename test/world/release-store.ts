import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Redis } from 'ioredis';
import { openStore, redisStore, type Store } from 'latchkey';
import Database from 'libsql';
import { Client } from 'pg';
import { createDatabaseFolder } from './database-folder.js';
import { createPostgresSchema } from './postgres-schema.js';
import { isMissing, postgresUrl, redisUrl } from './services.js';

/** What a test knows of the data that release 0.3.1 left: `test/stores/release-0.3/make.ts` made it. */
interface KnownOfRelease {
  readonly secret: string;
  readonly password: string;
  /** When the data was saved, in milliseconds since 1970. */
  readonly savedAt: number;
  readonly before: {
    readonly users: Readonly<
      Record<'alice' | 'bob' | 'zoe' | 'carol' | 'disabled' | 'mustReset' | 'limited', string>
    >;
    readonly cookie: string;
    /** Current refresh tokens. */
    readonly tokens: Readonly<Record<string, string>>;
    /** A replaced refresh token and its successor. */
    readonly parents: Readonly<
      Record<'parent' | 'stolenParent', readonly [former: string, current: string]>
    >;
    readonly ended: Readonly<
      Record<'expired' | 'loggedOut' | 'revokedByUser' | 'grandparent', string>
    >;
    readonly resetToken: string;
  };
  /** The same ten minutes later, after what `sendLater()` sends. */
  readonly after: {
    readonly tokens: Readonly<Record<'signIn' | 'refresh', string>>;
    readonly ended: Readonly<Record<'loggedOut', string>>;
    readonly userId: string;
  };
}

/** A database of release 0.3.1, restored. */
interface ReleaseStore {
  readonly known: KnownOfRelease;
  /** Opens it with the code of today. */
  readonly open: () => Promise<Store>;
  /** Sends what an instance of release 0.3.1 sent that signed in, refreshed, signed out and added a user ten minutes later. */
  readonly sendLater: () => Promise<void>;
  /** Tables, columns and indexes, in a form to be compared. */
  readonly schema: () => Promise<readonly unknown[]>;
  readonly drop: () => Promise<void>;
}

interface ReleasePlace {
  readonly name: string;
  readonly isMissing: boolean;
  readonly restore: () => Promise<ReleaseStore>;
  /** The schema that the code of today makes where nothing was. */
  readonly freshSchema: () => Promise<readonly unknown[]>;
}

export async function releasePlaces(): Promise<readonly ReleasePlace[]> {
  return [
    {
      name: 'SQLite',
      isMissing: false,
      restore: () => sqliteFile(gunzipSync(releaseFixture('sqlite.db.gz'))),
      freshSchema: () => schemaOfNew(sqliteFile()),
    },
    {
      name: 'PostgreSQL',
      isMissing: await isMissing('PostgreSQL', postgresUrl),
      restore: () => postgresSchema(releaseFixture('postgres.sql').toString()),
      freshSchema: () => schemaOfNew(postgresSchema('')),
    },
    {
      name: 'Redis',
      isMissing: await isMissing('Redis', redisUrl),
      restore: restoreRedis,
      freshSchema: async () => [],
    },
  ];
}

async function schemaOfNew(making: Promise<ReleaseStore>): Promise<readonly unknown[]> {
  const place = await making;
  const store = await place.open();
  await store.ping();
  const schema = await place.schema();
  await store.close();
  await place.drop();
  return schema;
}

/** A file that release 0.3.1 has left. */
export function releaseFixture(name: string): Buffer {
  return readFileSync(new URL(`../stores/release-0.3/${name}`, import.meta.url));
}

function known(store: string): KnownOfRelease {
  return JSON.parse(releaseFixture(`${store}-known.json`).toString()) as KnownOfRelease;
}

type SentSql = readonly [sql: string, values: (string | number | null)[]];

function sent<Statement>(store: string, replace = (text: string): string => text): Statement[] {
  const steps = JSON.parse(replace(releaseFixture(`${store}-sent.json`).toString())) as Record<
    string,
    Statement[]
  >;
  return Object.values(steps).flat();
}

async function sqliteFile(contents?: Buffer): Promise<ReleaseStore> {
  const folder = createDatabaseFolder();
  const file = join(folder, 'auth.db');
  if (contents) writeFileSync(file, contents);
  const onDatabase = <Result>(use: (database: Database.Database) => Result): Result => {
    const database = new Database(file);
    try {
      return use(database);
    } finally {
      database.close();
    }
  };
  return {
    known: known('sqlite'),
    open: async () => openStore(`file:${file}`),
    sendLater: async () =>
      onDatabase((database) => {
        for (const [sql, values] of sent<SentSql>('sqlite')) database.prepare(sql).all(...values);
      }),
    schema: async () =>
      onDatabase((database) =>
        database
          .prepare(
            `SELECT m.name AS owner, c.name, c.type, c."notnull", c.dflt_value FROM sqlite_master AS m, pragma_table_info(m.name) AS c
             UNION ALL SELECT tbl_name, name, replace(replace(sql, char(10), ' '), '  ', ' '), NULL, NULL FROM sqlite_master WHERE type = 'index'
             ORDER BY 1, 2`,
          )
          .all(),
      ),
    drop: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function postgresSchema(dump: string): Promise<ReleaseStore> {
  const schema = createPostgresSchema();
  await schema.create();
  const client = new Client(schema.url);
  await client.connect();
  if (dump !== '') await client.query(dump);
  return {
    known: known('postgres'),
    open: async () => openStore(schema.url),
    async sendLater() {
      for (const [sql, values] of sent<SentSql>('postgres')) await client.query(sql, values);
    },
    async schema() {
      const { rows } = await client.query(
        `SELECT table_name, column_name AS name, data_type AS type, is_nullable, column_default, collation_name
           FROM information_schema.columns WHERE table_schema = current_schema
         UNION ALL SELECT tablename, indexname, replace(indexdef, current_schema || '.', ''), NULL, NULL, NULL
           FROM pg_indexes WHERE schemaname = current_schema
         UNION ALL SELECT 'options', relname, relpersistence::text || ' ' || COALESCE(array_to_string(reloptions, ' '), ''), NULL, NULL, NULL
           FROM pg_class WHERE relnamespace = current_schema::regnamespace
         ORDER BY 1, 2`,
      );
      const name = /search_path=(\w+)/.exec(decodeURIComponent(schema.url))?.[1] ?? '';
      return rows.map((row: unknown) => JSON.stringify(row).replaceAll(`${name}.`, ''));
    },
    async drop() {
      await client.end();
      await schema.drop();
    },
  };
}

interface RedisRow {
  readonly command: readonly [command: string, key: string, ...args: string[]];
  readonly lifeMs: number;
}

async function restoreRedis(): Promise<ReleaseStore> {
  const prefix = `latchkey-release-${process.pid}-${Math.random().toString(36).slice(2)}:`;
  const client = new Redis(redisUrl);
  const renamed = (text: string): string => text.replaceAll('latchkey:{', `${prefix}{`);
  const rows = JSON.parse(renamed(releaseFixture('redis.json').toString())) as RedisRow[];
  for (const { command, lifeMs } of rows) {
    const [name, ...args] = command;
    await client.call(name, ...args);
    if (lifeMs > 0) await client.pexpire(args[0] ?? '', lifeMs);
  }
  return {
    known: known('redis'),
    open: async () => {
      const own = client.duplicate();
      return redisStore(own, { prefix, onClose: () => own.disconnect() });
    },
    async sendLater() {
      for (const [name = '', ...args] of sent<string[]>('redis', renamed))
        await client.call(name, ...args);
    },
    schema: async () => [],
    async drop() {
      const keys = await client.keys(`${prefix}*`);
      if (keys.length > 0) await client.del(...keys);
      client.disconnect();
    },
  };
}
