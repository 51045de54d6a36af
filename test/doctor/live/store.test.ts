import { chmodSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { memoryStore, openStore, type Store } from 'latchkey';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkStore } from '../../../lib/doctor/live/store.js';
import type { LiveSubject } from '../../../lib/doctor/live/subject.js';
import { createDatabaseFolder } from '../../world/database-folder.js';
import { isPgBouncerMissing, startPgBouncer } from '../../world/pgbouncer.js';
import { connectPostgres, postgresWorld } from '../../world/postgres-world.js';
import { hasRedisServer, startRedisServer } from '../../world/redis-server.js';
import { releaseFixture } from '../../world/release-store.js';
import { isMissing, postgresUrl } from '../../world/services.js';
import { createdBy, faultOf, faultsIn, subjectOf } from './world.js';

function check(url: string, others: Partial<LiveSubject> = {}) {
  return checkStore(subjectOf({ AUTH_STORE_URL: url }, others));
}

/** Makes the schema, as a first start does. */
async function prepare(url: string): Promise<void> {
  const store = openStore(url);
  await store.ping();
  await store.close();
}

const checksOf = (findings: Awaited<ReturnType<typeof checkStore>>) =>
  findings.map((finding) => finding.check);

describe('no store', () => {
  it.each([
    { title: 'in memory', env: { AUTH_STORE_URL: 'memory:' } },
    {
      title: 'of an application that only verifies tokens',
      env: {
        ...{ AUTH_STORE_URL: 'file:./none.db', AUTH_JWT_SECRET: '', AUTH_PUBLIC_URL: '' },
        ...{ AUTH_JWT_ISSUER: 'https://id.example', AUTH_JWKS_URL: 'https://id.example/jwks' },
      },
    },
  ])('$title', async ({ env }) => {
    expect(await checkStore(subjectOf(env))).toEqual([]);
  });
});

describe('a SQLite file', () => {
  function folder(): string {
    const made = createDatabaseFolder();
    onTestFinished(() => rmSync(made, { recursive: true }));
    return made;
  }

  it('that an application has made has no fault', async () => {
    const url = `file:${join(folder(), 'auth.db')}`;
    await prepare(url);
    const findings = await check(url);
    expect(faultsIn(findings)).toEqual([]);
    expect(checksOf(findings)).toEqual(['live_store_schema', 'live_store', 'live_store_swap']);
  });

  it('that is not there yet is not made', async () => {
    const made = folder();
    const findings = await check(`file:${join(made, 'data', 'auth.db')}`);
    expect(faultsIn(findings)).toEqual([]);
    expect(readdirSync(made)).toEqual([]);
  });

  it('in what is no folder', async () => {
    const file = join(folder(), 'file');
    writeFileSync(file, '');
    expect(faultsIn(await check(`file:${join(file, 'auth.db')}`))).toEqual(['fail live_store']);
  });

  it('that is no database', async () => {
    const file = join(folder(), 'auth.db');
    writeFileSync(file, 'name,password\n'.repeat(100), { mode: 0o600 });
    const findings = await check(`file:${file}`);
    expect(faultsIn(findings)).toEqual(['fail live_store']);
    expect(faultOf(findings, 'live_store')?.says).toContain('auth.db');
  });

  it('of release 0.3 has the tables of an older release', async () => {
    const file = join(folder(), 'auth.db');
    writeFileSync(file, gunzipSync(releaseFixture('sqlite.db.gz')), { mode: 0o600 });
    expect(faultsIn(await check(`file:${file}`))).toEqual(['warn live_store_schema']);
  });

  it('that others may read', async () => {
    const file = join(folder(), 'auth.db');
    writeFileSync(file, '');
    chmodSync(file, 0o644);
    expect(faultsIn(await check(`file:${file}`))).toEqual(['warn live_store_file']);
  });
});

describe('a store that was passed in code', () => {
  const pass = (store: Store): Partial<LiveSubject> => ({ created: createdBy({ store }).created });

  it('has no fault', async () => {
    expect(faultsIn(await check('memory:', pass(memoryStore())))).toEqual([]);
  });

  it('lets two win', async () => {
    const store = memoryStore();
    const careless = { ...store, once: { ...store.once, add: async () => true } };
    expect(faultsIn(await check('memory:', pass(careless)))).toEqual(['fail live_store_swap']);
  });

  it('does not answer', async () => {
    const ping = () => Promise.reject(new Error('redis://:hunter2hunter2@db.example'));
    const findings = await check('memory:', pass({ ...memoryStore(), ping }));
    expect(faultsIn(findings)).toEqual(['fail live_store']);
    expect(JSON.stringify(findings)).not.toContain('hunter2');
  });
});

describe.skipIf(await isMissing('PostgreSQL', postgresUrl))('a PostgreSQL', () => {
  it('has no fault, and nothing of the check stays there', async () => {
    const { url, client } = await postgresWorld();
    await prepare(url);
    const findings = await check(url);
    expect(faultsIn(findings)).toEqual([]);
    expect(checksOf(findings)).toContain('live_store_swap');
    const { rows } = await client.query('SELECT key FROM latchkey_once');
    expect(rows).toEqual([]);
  });

  it('gets no tables from the check', async () => {
    const { url, client } = await postgresWorld();
    expect(faultsIn(await check(url))).toEqual([]);
    const { rows } = await client.query("SELECT to_regclass('latchkey_schema') AS found");
    expect(rows).toEqual([{ found: null }]);
  });

  it('of release 0.3 has the tables of an older release', async () => {
    const { url, client } = await postgresWorld();
    await client.query(releaseFixture('postgres.sql').toString());
    expect(faultsIn(await check(url))).toEqual(['warn live_store_schema']);
  });

  it('keeps the tables of an older release until the application starts', async () => {
    const { url, client } = await postgresWorld();
    await prepare(url);
    await client.query('UPDATE latchkey_schema SET revision = 3');
    expect(faultsIn(await check(url))).toEqual(['warn live_store_schema']);
    const { rows } = await client.query('SELECT revision FROM latchkey_schema');
    expect(rows).toEqual([{ revision: '3' }]);
  });

  it.each([
    { setting: 'lock_timeout=1s', fault: 'warn live_store_timeouts' },
    { setting: 'synchronous_commit=off', fault: 'warn live_store_persistence' },
    { setting: 'default_transaction_read_only=on', fault: 'fail live_store_primary' },
    { setting: 'search_path=nowhere', fault: 'fail live_store_schema' },
  ])('with $setting', async ({ setting, fault }) => {
    const world = await postgresWorld();
    await prepare(world.url);
    const url = new URL(world.url);
    const options = url.searchParams.get('options') ?? '';
    url.searchParams.set('options', `${options} -c ${setting}`);
    expect(faultsIn(await check(url.href))).toEqual([fault]);
  });

  it('whose clock differs', async () => {
    const { url } = await postgresWorld();
    await prepare(url);
    const now = () => Date.now() - 30_000;
    expect(faultsIn(await check(url, { now }))).toEqual(['warn live_clock']);
  });

  it('without the database, whose password is not repeated', async () => {
    const url = new URL(postgresUrl);
    url.pathname = '/no-such-database';
    url.password = 'hunter2hunter2';
    const findings = await check(url.href);
    expect(faultsIn(findings)).toEqual(['fail live_store']);
    expect(faultOf(findings, 'live_store')?.says).toContain('no such database');
    expect(JSON.stringify(findings)).not.toContain('hunter2');
  });

  it('whose role may not create tables', async () => {
    const { url, client } = await postgresWorld();
    const role = `reader_${Math.random().toString(36).slice(2)}`;
    const schema = /search_path=(\w+)/.exec(decodeURIComponent(url))?.[1] ?? '';
    await client.query(`CREATE ROLE ${role} LOGIN; GRANT USAGE ON SCHEMA ${schema} TO ${role}`);
    const admin = await connectPostgres(postgresUrl);
    onTestFinished(async () => {
      await admin.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    });
    const own = new URL(url);
    own.username = role;
    expect(faultsIn(await check(own.href))).toEqual(['fail live_store_schema']);
  });

  it.skipIf(isPgBouncerMissing())('behind a pooler, which is told', async () => {
    const { url, client } = await postgresWorld();
    await prepare(url);
    const { rows } = await client.query<{ name: string }>('SELECT current_schema() AS name');
    const pooler = await startPgBouncer(rows[0]?.name ?? '');
    onTestFinished(() => pooler.close());
    const findings = await check(pooler.url);
    expect(faultsIn(findings)).toEqual([]);
    const found = findings.find((finding) => finding.check === 'live_store_pooler');
    expect(found?.says).toContain('a pooler stands before');
  });
});

describe.runIf(hasRedisServer)('a Redis', () => {
  async function checkServer(...settings: readonly string[]) {
    const server = await startRedisServer(...settings);
    onTestFinished(() => server.stop());
    return check(server.url);
  }

  it('that keeps what it is given has no fault', async () => {
    const findings = await checkServer('--appendonly', 'yes');
    expect(faultsIn(findings)).toEqual([]);
    expect(checksOf(findings)).toContain('live_store_swap');
  });

  it('that drops keys', async () => {
    const policy = ['--maxmemory-policy', 'allkeys-lru', '--maxmemory', '100mb'];
    const findings = await checkServer('--appendonly', 'yes', ...policy);
    expect(faultsIn(findings)).toEqual(['fail live_store_eviction']);
    expect(faultOf(findings, 'live_store_eviction')?.says).toContain('allkeys-lru');
  });

  it('that would drop keys, and keeps nothing on its disk', async () => {
    const faults = ['warn live_store_eviction', 'warn live_store_persistence'];
    expect(faultsIn(await checkServer('--maxmemory-policy', 'volatile-lru'))).toEqual(faults);
  });

  it('that wants a password', async () => {
    const settings = ['--requirepass', 'hunter2hunter2'];
    const findings = await checkServer(...settings);
    expect(faultsIn(findings)).toEqual(['fail live_store']);
    expect(faultOf(findings, 'live_store')?.says).toContain('does not accept user and password');
  });

  it('that is not there', async () => {
    const findings = await check('redis://127.0.0.1:1');
    expect(faultsIn(findings)).toEqual(['fail live_store']);
    expect(faultOf(findings, 'live_store')?.says).toContain('ECONNREFUSED');
  });
});
