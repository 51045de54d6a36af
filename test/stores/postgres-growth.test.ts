import { postgresStore, type Store } from 'latchkey';
import { Pool } from 'pg';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { DAY_MS, newSession, NOW, postgresWorld } from '../world/postgres-world.js';
import { isMissing, postgresUrl } from '../world/services.js';
import { PATIENCE } from '../world/patience.js';

const ROWS = 20_000;

/** Live sessions of 2,000 users; `given` replaces columns. */
const fill = (given: Readonly<Record<string, string>> = {}, prefix = 'id'): string => {
  const columns: Record<string, string> = {
    ...{ id: `'${prefix}' || n`, user_id: `'user' || n % 2000`, kid: `'k'`, salt: `'s'` },
    ...{ generation: '0', rotated_at: '0', version: '0', created_at: '0', last_used_at: '0' },
    ...{ idle_expires_at: `${NOW + 9 * DAY_MS}`, expires_at: `${NOW + 30 * DAY_MS} + n` },
    ...{ data: `'{}'`, ...given },
  };
  return `INSERT INTO latchkey_sessions (${Object.keys(columns).join(', ')})
    SELECT ${Object.values(columns).join(', ')} FROM generate_series(1, ${ROWS}) n`;
};

async function world() {
  const { url, client, openStore } = await postgresWorld();
  const store = openStore();
  await store.ping();
  return { url, client, store };
}

async function sweepAll(store: Store, limit: number): Promise<number> {
  let total = 0;
  for (;;) {
    const swept = await store.sessions.sweep(NOW, limit);
    total += swept;
    if (swept < limit) return total;
  }
}

/** The sequence of revocations has one row. */
const readsWholeTable = /Seq Scan on (?:\w+\.)?latchkey_(?!revocations)/;

/** A store on one connection, whose server explains each statement as it runs once it is told to. */
async function explainedStore(
  url: string,
): Promise<{ readonly store: Store; readonly explain: () => Promise<readonly string[]> }> {
  const pool = new Pool({ connectionString: url, max: 1 });
  onTestFinished(() => pool.end());
  const store = postgresStore(pool);
  await store.ping();
  return {
    store,
    /** The plans from now on. */
    async explain(): Promise<readonly string[]> {
      const plans: string[] = [];
      await pool.query(`LOAD 'auto_explain'`);
      await pool.query('SET auto_explain.log_min_duration = 0; SET client_min_messages = log');
      const connection = await pool.connect();
      connection.on('notice', ({ message = '' }) => {
        if (message.includes('Query Text')) plans.push(message);
      });
      connection.release();
      return plans;
    },
  };
}

describe.skipIf(await isMissing('PostgreSQL', postgresUrl))('many sessions in PostgreSQL', () => {
  it('are rotated without a change to any index', async () => {
    const { client, store } = await world();
    const ids = Array.from({ length: 25 }, (_, at) => `id ${at}`);
    for (const id of ids) await store.sessions.create(newSession({ id }));
    for (let generation = 0; generation < 40; generation += 1) {
      const now = NOW + generation * 60_000;
      const rotation = { generation, kid: 'k', now, idleExpiresAt: now + DAY_MS };
      // One after another: a page keeps what a statement under way may still see, and an update that finds it full takes another.
      for (const id of ids)
        expect((await store.sessions.rotate(id, rotation))?.generation).toBe(generation + 1);
    }
    // Connections report what they did when they end.
    await store.close();
    const statistics = `SELECT n_tup_upd::int AS updates, n_tup_hot_upd::int AS hot FROM pg_stat_user_tables
      WHERE relid = 'latchkey_sessions'::regclass`;
    const { updates, hot } = await vi.waitFor(async () => {
      const { rows } = await client.query<{ updates: number; hot: number }>(statistics);
      const [row = { updates: 0, hot: 0 }] = rows;
      expect(row.updates).toBe(1000);
      return row;
    }, PATIENCE);
    expect(hot / updates).toBeGreaterThan(0.9);
  });

  it('are found, listed, ended and swept without reading the whole table', async () => {
    const { url, client } = await postgresWorld();
    const { store, explain } = await explainedStore(url);
    await client.query(fill({ sweep_at: `${NOW + 9 * DAY_MS}` }));
    await client.query(
      `INSERT INTO latchkey_once SELECT 'v:' || n, '', 0, ${NOW + DAY_MS} FROM generate_series(1, ${ROWS}) n`,
    );
    await client.query('ANALYZE latchkey_sessions, latchkey_once');
    const seen = await explain();
    const selector = { issuer: 'https://idp.example', subject: 'nobody' };
    const at = { now: NOW, reason: 'x' };
    await store.sessions.sweep(NOW);
    await store.once.sweep(NOW);
    await store.sessions.listByUser('user7', NOW);
    await store.sessions.revoke({ userId: 'user7' }, at);
    await store.sessions.revoke(selector, at);
    await store.sessions.revoke({ issuer: selector.issuer, sessionId: 'x' }, at);
    const [last] = await store.sessions.revokedSince(NOW);
    await store.sessions.revokedSince(NOW, { after: last?.position });
    await store.sessions.rotate('id7', {
      generation: 0,
      kid: 'k',
      now: NOW,
      idleExpiresAt: NOW + 9,
    });
    expect(seen.length).toBeGreaterThan(8);
    expect(seen.filter((plan) => readsWholeTable.test(plan))).toEqual([]);
  });

  it('that have ended go in batches, step over locked rows, and leave those that older releases have kept alive', async () => {
    const { client, store } = await world();
    const ended = `${NOW - 2 * DAY_MS}`;
    await client.query(fill({ idle_expires_at: ended, sweep_at: ended }, 'ended'));
    await client.query(fill({}, 'unknown'));
    await client.query(fill({ sweep_at: ended }, 'prolonged'));
    await client.query('BEGIN');
    await client.query(`SELECT FROM latchkey_sessions WHERE id = 'ended7' FOR UPDATE`);
    expect(await sweepAll(store, 5000)).toBe(3 * ROWS - 1);
    await client.query('COMMIT');
    expect(await store.sessions.sweep(NOW, 5000)).toBe(1);
    expect(await store.sessions.sweep(NOW, 5000)).toBe(0);
    const { rows } = await client.query(
      'SELECT COUNT(*)::int AS count, MIN(sweep_at)::float8 AS next FROM latchkey_sessions',
    );
    expect(rows).toEqual([{ count: 2 * ROWS, next: Math.ceil(NOW / DAY_MS + 9) * DAY_MS }]);
  });

  it('of an older release are indexed beside all work, however that was interrupted', async () => {
    const { client, openStore } = await postgresWorld();
    const first = openStore();
    await vi.waitFor(() => first.ping(), PATIENCE);
    await client.query(`ALTER TABLE latchkey_sessions DROP COLUMN sweep_at, DROP COLUMN revoked_seq;
      ALTER TABLE latchkey_schema DROP COLUMN revision; DROP SEQUENCE latchkey_revocations;
      DROP FUNCTION latchkey_number_revocation CASCADE;
      CREATE INDEX latchkey_sessions_idle ON latchkey_sessions (idle_expires_at)`);
    await client.query(fill({ data: `repeat('x', 1000)` }));
    // What an interrupted CREATE INDEX CONCURRENTLY leaves.
    await client.query(
      'ALTER TABLE latchkey_sessions ADD COLUMN sweep_at BIGINT NOT NULL DEFAULT 0',
    );
    await client.query('CREATE INDEX latchkey_sessions_sweep ON latchkey_sessions (sweep_at)');
    await client.query(
      `UPDATE pg_index SET indisvalid = FALSE WHERE indexrelid = 'latchkey_sessions_sweep'::regclass`,
    );
    const stores = [openStore(), openStore(), openStore()];
    await Promise.all(
      stores.map((store) => store.sessions.create(newSession({ id: `x${Math.random()}` }))),
    );
    const rotation = { generation: 0, kid: 'k', now: NOW, idleExpiresAt: NOW + DAY_MS };
    expect(await stores[0]?.sessions.rotate('id1', rotation)).toMatchObject({ generation: 1 });
    await vi.waitFor(
      async () => {
        const { rows } = await client.query('SELECT version, revision FROM latchkey_schema');
        expect(rows).toEqual([{ version: '1', revision: '4' }]);
      },
      { ...PATIENCE, interval: 200 },
    );
    const { rows } = await client.query(
      `SELECT indexrelid::regclass::text AS name, indisvalid FROM pg_index WHERE indrelid = 'latchkey_sessions'::regclass`,
    );
    expect(rows).toHaveLength(7);
    expect(rows.filter(({ indisvalid, name }) => !indisvalid || name.endsWith('idle'))).toEqual([]);
  }, 40_000);
});

describe.skipIf(await isMissing('PostgreSQL', postgresUrl))(
  'many credentials and members in PostgreSQL',
  () => {
    const credentials = (data = `'{}'`, columns = '', values = ''): string =>
      `INSERT INTO latchkey_credentials (id, hash, kind, owner_id, data, created_at, revoked_at, expires_at${columns})
      SELECT 'id' || n, 'hash' || n, CASE WHEN n % 2 = 0 THEN 'identity' ELSE 'api_key' END, 'user' || n % 2000, ${data}, n,
        CASE WHEN n % 3 = 0 THEN ${NOW} + n END, CASE WHEN n % 5 = 0 THEN ${NOW} + n END${values}
      FROM generate_series(1, ${ROWS}) n`;

    it('are found, listed, changed and swept without reading the whole table', async () => {
      const { url, client } = await postgresWorld();
      const { store, explain } = await explainedStore(url);
      await client.query(credentials(`'{}'`, ', resource', `, 'project:' || n % 1000`));
      await client.query(
        `INSERT INTO latchkey_orgs SELECT 'org' || n, 'Org', 0, 0, 0, 'user' || n FROM generate_series(1, ${ROWS}) n`,
      );
      await client.query(`INSERT INTO latchkey_members SELECT 'org' || n % 200, 'user' || n, '[]', (n % 100 = 0)::int, 0
      FROM generate_series(1, ${ROWS}) n`);
      await client.query('ANALYZE latchkey_credentials, latchkey_orgs, latchkey_members');
      const seen = await explain();
      await store.credentials.findById('id7');
      await store.credentials.findByHash('hash7');
      expect(await store.credentials.listByOwner('user7', { kind: 'api_key' })).toHaveLength(10);
      expect(await store.credentials.listByResource('project:7')).toHaveLength(20);
      await store.credentials.update('id7', { from: '{}', to: 'x' });
      expect(await store.credentials.sweep(NOW + 99)).toBeGreaterThan(10);
      const page = { after: 'a', limit: 10 };
      expect(await store.orgs.list(page)).toHaveLength(10);
      expect(await store.orgs.membersOf('org7', page)).toHaveLength(10);
      expect(await store.orgs.membershipsOf('user7', page)).toHaveLength(1);
      expect(await store.orgs.getMember('org7', 'user7')).toBeDefined();
      await store.orgs.addMember({ orgId: 'org7', userId: 'new', roles: ['owner'], joinedAt: 0 });
      expect(await store.orgs.setRoles('org7', 'new', ['viewer'])).toBe('last_owner');
      expect(await store.orgs.setRoles('org100', 'user100', ['viewer'])).toBe('changed');
      expect(await store.orgs.removeMember('org100', 'user300')).toBe('removed');
      expect(await store.orgs.delete('org9')).toBe(true);
      expect(seen.length).toBeGreaterThan(15);
      expect(seen.filter((plan) => readsWholeTable.test(plan))).toEqual([]);
    });

    it('of release 0.6 are used at once and indexed beside all work', async () => {
      const { client, openStore } = await postgresWorld();
      await openStore().ping();
      await client.query(`DROP TABLE latchkey_orgs, latchkey_members; DROP FUNCTION latchkey_delete_members;
      ALTER TABLE latchkey_credentials DROP COLUMN resource;
      DROP INDEX latchkey_credentials_revoked, latchkey_credentials_expired;
      UPDATE latchkey_schema SET revision = 3`);
      await client.query(credentials(`repeat('x', 1000)`));
      const stores = [openStore(), openStore(), openStore()];
      const org = { name: 'Acme', createdAt: NOW, updatedAt: NOW };
      const outcomes = await Promise.all(
        stores.map((store, at) => store.orgs.create({ ...org, id: `org ${at}` }, 'ann')),
      );
      expect(outcomes).toEqual(['created', 'created', 'created']);
      const key = { id: 'key', hash: 'key', kind: 'api_key', ownerId: 'ann', data: '{}' };
      const life = { createdAt: NOW, expiresAt: undefined, resource: 'project:42' };
      await stores[0]?.credentials.create({ ...key, ...life });
      expect(await stores[1]?.credentials.listByResource('project:42')).toHaveLength(1);
      await vi.waitFor(
        async () => {
          const { rows } = await client.query('SELECT revision FROM latchkey_schema');
          expect(rows).toEqual([{ revision: '4' }]);
        },
        { ...PATIENCE, interval: 200 },
      );
      const { rows } = await client.query(
        `SELECT indisvalid FROM pg_index WHERE indrelid = 'latchkey_credentials'::regclass`,
      );
      expect(rows.map(({ indisvalid }) => indisvalid)).toEqual(Array(6).fill(true));
    }, 40_000);
  },
);

describe.skipIf(await isMissing('PostgreSQL', postgresUrl))('counters in PostgreSQL', () => {
  it('that are counted at once take one statement, and each caller gets a number of its own', async () => {
    const { url } = await postgresWorld();
    const sent: string[] = [];
    const pool = new Pool({ connectionString: url });
    onTestFinished(() => pool.end());
    const store = postgresStore({
      query(text, values) {
        sent.push(text);
        return pool.query(text, values);
      },
    });
    await store.ping();
    sent.length = 0;
    const count = (key: string, amount = 1) =>
      store.once.incr(key, { now: NOW, windowMs: 1000, amount });
    const counts = await Promise.all([
      count('a'),
      count('b'),
      count('a'),
      count('c'),
      count('a', 3),
    ]);
    expect(counts.map((one) => one.count)).toEqual([1, 1, 2, 1, 5]);
    expect(sent).toHaveLength(1);
    const back = await Promise.all([
      count('a', -1),
      count('c', -1),
      count('a', -2),
      count('b', -7),
    ]);
    expect(back.map((one) => one.count)).toEqual([4, 0, 2, 0]);
    expect(sent).toHaveLength(2);
    const other = { now: NOW + 5000, windowMs: 9 };
    expect(await Promise.all([count('a'), store.once.incr('a', other)])).toEqual([
      { count: 3, resetAt: NOW + 1000 },
      { count: 1, resetAt: NOW + 5009 },
    ]);
    const outcomes = await Promise.allSettled([count('a\0b'), count('d')]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  });
});
