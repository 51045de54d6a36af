import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import Database from 'libsql';
import type { Store } from 'latchkey';
import { Pool } from 'pg';
import { latchkey } from './built-library.js';

const { memoryStore, postgresStore, redisStore, sqliteStore } = latchkey;

/** A store, and the conditional update at its heart as one would write it by hand on the same connection. */
export interface MeasuredStore {
  readonly name: string;
  readonly store: Store;
  /** Generation + 1 if it is still the given one. Undefined: there is nothing below the store to compare with. */
  readonly raw: ((id: string, generation: number, now: number) => Promise<unknown>) | undefined;
  readonly close: () => Promise<void>;
}

const UPDATE = `UPDATE latchkey_sessions SET generation = generation + 1, rotated_at = $3, last_used_at = $3
  WHERE id = $1 AND generation = $2 AND revoked_at IS NULL AND idle_expires_at > $3 AND expires_at > $3
  RETURNING *`;

export function measuredMemory(): MeasuredStore {
  const store = memoryStore();
  return { name: 'memory', store, raw: undefined, close: () => store.close() };
}

export function measuredSqlite(file: string): MeasuredStore {
  const database = new Database(file);
  const store = sqliteStore(database);
  let statement: ReturnType<typeof database.prepare> | undefined;
  return {
    name: 'SQLite',
    store,
    raw: async (id, generation, now) => {
      statement ??= database.prepare(UPDATE.replace(/\$/g, '?'));
      return statement.all([id, generation, now]);
    },
    close: async () => void database.close(),
  };
}

export function measuredPostgres(url: string): MeasuredStore {
  const pool = new Pool({ connectionString: url, max: 1 });
  return {
    name: 'PostgreSQL',
    store: postgresStore(pool),
    raw: (id, generation, now) => pool.query(UPDATE, [id, generation, now]),
    close: () => pool.end(),
  };
}

const SCRIPT = `
local row = redis.call('HMGET', KEYS[1], 'generation', 'revokedAt', 'idleExpiresAt', 'expiresAt')
if row[1] ~= ARGV[1] or row[2] or tonumber(ARGV[2]) >= tonumber(row[3]) or tonumber(ARGV[2]) >= tonumber(row[4]) then return false end
redis.call('HSET', KEYS[1], 'generation', string.format('%.0f', tonumber(row[1]) + 1), 'rotatedAt', ARGV[2], 'lastUsedAt', ARGV[2])
redis.call('PEXPIRE', KEYS[1], 86400000)
return redis.call('HGETALL', KEYS[1])`;

export function measuredRedis(url: string): MeasuredStore {
  const client = new Redis(url);
  const sha = createHash('sha1').update(SCRIPT).digest('hex');
  const prefix = `latchkey-bench-${process.pid}:`;
  return {
    name: 'Redis',
    store: redisStore(client, { prefix }),
    async raw(id, generation, now) {
      // A hash, as one would write it by hand. Ours is one packed value.
      const key = `${prefix}{by-hand:${id}}`;
      if (generation === 0)
        await client.hset(key, {
          ...{ id, userId: 'user', kid: 'kid', salt: 'salt', generation, data: '{}' },
          ...{ idleExpiresAt: now + 3_600_000, expiresAt: now + 86_400_000 },
        });
      const args = [1, key, generation, now] as const;
      return client.evalsha(sha, ...args).catch(() => client.eval(SCRIPT, ...args));
    },
    async close() {
      const keys = await client.keys(`${prefix}*`);
      if (keys.length > 0) await client.del(...keys);
      client.disconnect();
    },
  };
}
