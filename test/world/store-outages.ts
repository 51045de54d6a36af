import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import Database from 'libsql';
import { Client } from 'pg';
import { createDatabaseFolder } from './database-folder.js';
import { createPostgresSchema } from './postgres-schema.js';
import { hasRedisServer, startRedisServer } from './redis-server.js';
import { isMissing, postgresUrl } from './services.js';
import { startTcpProxy } from './tcp-proxy.js';

/** A store that can be made to answer nobody, while it looks alive. */
interface OutagePlace {
  /** For `openStore()` and AUTH_STORE_URL. */
  readonly url: string;
  /** Begins an outage; returns what ends it. */
  readonly silence: () => Promise<() => Promise<void>>;
  readonly drop: () => Promise<void>;
}

export interface StoreOutage {
  readonly title: string;
  readonly isMissing: boolean;
  readonly create: () => Promise<OutagePlace>;
}

export async function storeOutages(): Promise<readonly StoreOutage[]> {
  const noPostgres = await isMissing('PostgreSQL', postgresUrl);
  if (!hasRedisServer)
    console.log('Left out: outages of Redis, for there is no redis-server here.');
  return [
    { title: 'PostgreSQL, sessions locked', isMissing: noPostgres, create: lockedPostgres },
    { title: 'PostgreSQL, network silent', isMissing: noPostgres, create: silentPostgres },
    { title: 'Redis, writes paused', isMissing: !hasRedisServer, create: pausedRedis },
    { title: 'Redis, network silent', isMissing: !hasRedisServer, create: silentRedis },
    { title: 'SQLite, locked by another process', isMissing: false, create: lockedSqlite },
  ];
}

/** As a migration or a backup does it. Reads go on. */
async function lockedPostgres(): Promise<OutagePlace> {
  const schema = createPostgresSchema();
  await schema.create();
  return {
    url: schema.url,
    async silence() {
      const client = new Client(schema.url);
      await client.connect();
      await client.query('BEGIN; LOCK TABLE latchkey_sessions IN EXCLUSIVE MODE');
      return async () => {
        await client.query('COMMIT');
        await client.end();
      };
    },
    drop: schema.drop,
  };
}

async function silentPostgres(): Promise<OutagePlace> {
  const schema = createPostgresSchema();
  await schema.create();
  const url = new URL(schema.url);
  const proxy = await startTcpProxy(Number(url.port || 5432));
  url.host = `127.0.0.1:${proxy.port}`;
  return {
    url: url.href,
    async silence() {
      proxy.setFlow('hold');
      return async () => proxy.setFlow('pass');
    },
    async drop() {
      await proxy.close();
      await schema.drop();
    },
  };
}

/** As a fail-over does it. Reads go on. */
async function pausedRedis(): Promise<OutagePlace> {
  const server = await startRedisServer();
  return {
    url: server.url,
    async silence() {
      const client = new Redis(server.url);
      await client.call('CLIENT', 'PAUSE', '600000', 'WRITE');
      return async () => {
        await client.call('CLIENT', 'UNPAUSE');
        client.disconnect();
      };
    },
    drop: server.stop,
  };
}

async function silentRedis(): Promise<OutagePlace> {
  const server = await startRedisServer();
  const proxy = await startTcpProxy(server.port);
  return {
    url: `redis://127.0.0.1:${proxy.port}`,
    async silence() {
      proxy.setFlow('hold');
      return async () => proxy.setFlow('pass');
    },
    async drop() {
      await proxy.close();
      await server.stop();
    },
  };
}

/** The other process is whoever calls this: the instances are processes of their own. Reads go on. */
async function lockedSqlite(): Promise<OutagePlace> {
  const folder = createDatabaseFolder();
  const file = join(folder, 'auth.db');
  return {
    url: `file:${file}`,
    async silence() {
      const database = new Database(file, { timeout: 5000 });
      database.exec('BEGIN IMMEDIATE');
      return async () => {
        database.exec('ROLLBACK');
        database.close();
      };
    },
    drop: async () => rmSync(folder, { recursive: true, force: true }),
  };
}
