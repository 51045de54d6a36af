import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inspect, promisify } from 'node:util';
import { Redis } from 'ioredis';
import Database from 'libsql';
import { AuthError, openStore, redisStore, sqliteStore, type Store } from 'latchkey';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { steadyStore } from '../../lib/stores/steady/steady-store.js';
import { packPackage, root } from '../package/build-package.js';
import {
  createScratchProject,
  dependencyNames,
  type ScratchProject,
} from '../package/scratch-project.js';
import { serveAuth } from '../world/auth-server.js';
import { createEventLog } from '../world/event-log.js';
import {
  hasPostgresServer,
  type PostgresServer,
  startPostgresServer,
} from '../world/postgres-server.js';
import { hasRedisServer, type RedisServer, startRedisServer } from '../world/redis-server.js';
import { isMissing, postgresUrl } from '../world/services.js';
import { freePort } from '../world/free-port.js';

const run = promisify(execFile);
const folder = mkdtempSync(path.join(tmpdir(), 'latchkey-failures-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Has every character that a URL must escape, and is what no message may hold, in whichever spelling. */
const PASSWORD = 'p@ss:w/rd#1?&%';
const ESCAPED = encodeURIComponent(PASSWORD);

/** What becomes of an operation that fails: the 503, the event, and what the console is told. */
async function failureOf(
  store: Store,
  operate = (steady: Store): Promise<unknown> => steady.ping(),
) {
  const events = createEventLog();
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on('warning', onWarning);
  const steady = steadyStore(store, { events });
  const error: unknown = await operate(steady).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  await steady.close();
  // Warnings are emitted in the next tick.
  await new Promise(setImmediate);
  process.off('warning', onWarning);
  if (!(error instanceof AuthError))
    throw new Error('the operation did not fail', { cause: error });
  const told = warnings.filter(isOfStore).map(String);
  const cause = error.cause instanceof Error ? error.cause.message : '';
  const all = inspect([error, told, events.text()], { depth: 20, showHidden: true });
  for (const secret of [PASSWORD, ESCAPED]) expect(all).not.toContain(secret);
  return { reason: error.reason, cause, told, events: events.of('store.failed'), all };
}

function isOfStore(warning: Error & { readonly code?: string }): boolean {
  return (
    warning.name === 'LatchkeyWarning' && (warning.code?.startsWith('LATCHKEY_STORE_') ?? false)
  );
}

/** Expects one word everywhere, and the same sentence for whoever reads the console or the rejection. */
function expectReason(failure: Awaited<ReturnType<typeof failureOf>>, reason: string): void {
  expect(failure.reason).toBe(reason);
  expect(failure.events.map((event) => event.reason)).toEqual([reason]);
  expect(failure.told).toHaveLength(1);
  expect(failure.told[0]).toContain(failure.cause);
}

const rules = [
  'hostssl all onlytls 127.0.0.1/32 scram-sha-256',
  'hostnossl all onlytls 127.0.0.1/32 reject',
  'host all all 127.0.0.1/32 scram-sha-256',
];

describe.runIf(hasPostgresServer)('PostgreSQL', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgresServer(rules);
    const login = `LOGIN PASSWORD '${PASSWORD}'`;
    await server.run(
      `CREATE ROLE ada ${login}`,
      `CREATE ROLE onlytls ${login}`,
      `CREATE ROLE crowd ${login} CONNECTION LIMIT 0`,
      `CREATE ROLE reader ${login}`,
      'ALTER ROLE reader SET default_transaction_read_only = on',
      'GRANT CREATE ON SCHEMA public TO reader',
    );
  }, 60_000);
  afterAll(() => server.stop());

  it.each([
    { title: 'a wrong password', user: 'ada', password: 'wr%40ng', reason: 'authentication' },
    { title: 'no password', user: 'ada', password: '', reason: 'authentication' },
    { title: 'a user that is not there', user: 'bob', reason: 'authentication' },
    { title: 'a certificate that nobody signed', rest: '?sslmode=verify-full', reason: 'tls' },
    { title: 'no TLS where it is demanded', user: 'onlytls', reason: 'tls' },
    { title: 'a database that is not there', database: 'nowhere', reason: 'database' },
    { title: 'a user who may create nothing', reason: 'permission' },
    { title: 'a session that can only read', user: 'reader', reason: 'readonly' },
    {
      title: 'a schema that is not there',
      rest: '?options=-c%20search_path%3Dnone',
      reason: 'schema',
    },
    { title: 'too many connections', user: 'crowd', reason: 'connections' },
  ])(
    '$title is told as $reason',
    async ({ user = 'ada', password = ESCAPED, database = 'postgres', rest = '', reason }) => {
      const host = `127.0.0.1:${server.port}`;
      const url = `postgres://${user}:${password}@${host}/${database}${rest}`;
      const failure = await failureOf(openStore(url));
      expectReason(failure, reason);
      expect(failure.cause).toContain(`PostgreSQL at ${host} `);
      expect(failure.all).not.toContain('wr%40ng');
    },
  );
});

const withoutPostgres = await isMissing('PostgreSQL', postgresUrl);

it.skipIf(withoutPostgres)('TLS where the PostgreSQL server has none is told as tls', async () => {
  const url = new URL(postgresUrl);
  url.searchParams.set('sslmode', 'require');
  expectReason(await failureOf(openStore(url.href)), 'tls');
});

it.each([
  {
    url: `postgres://ada:${ESCAPED}@127.0.0.1:1/auth`,
    name: 'PostgreSQL at 127.0.0.1:1',
    reason: 'refused',
  },
  { url: `redis://:${ESCAPED}@127.0.0.1:1`, name: 'Redis at 127.0.0.1:1', reason: 'refused' },
  {
    url: `postgres://ada:${ESCAPED}@db.invalid/auth`,
    name: 'PostgreSQL at db.invalid:5432',
    reason: 'host',
  },
  { url: `redis://:${ESCAPED}@db.invalid`, name: 'Redis at db.invalid:6379', reason: 'host' },
])('$name is told as $reason', async ({ url, name, reason }) => {
  const failure = await failureOf(openStore(url));
  expectReason(failure, reason);
  expect(failure.cause).toContain(`${name} `);
});

describe.runIf(hasRedisServer)('Redis', () => {
  let server: RedisServer;
  let tlsPort = 0;
  beforeAll(async () => {
    const key = path.join(folder, 'redis.key');
    const certificate = path.join(folder, 'redis.crt');
    execFileSync('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
      ...['-nodes', '-subj', '/CN=localhost', '-days', '2'],
      ...['-keyout', key, '-out', certificate],
    ]);
    tlsPort = await freePort();
    const tls = ['--tls-port', String(tlsPort), '--tls-cert-file', certificate];
    server = await startRedisServer(
      ...[...tls, '--tls-key-file', key, '--tls-ca-cert-file', certificate],
      ...['--tls-auth-clients', 'no', '--requirepass', PASSWORD],
      ...[
        '--user',
        'reader',
        'on',
        `>${PASSWORD}`,
        '~*',
        '&*',
        '+@all',
        '-eval',
        '-evalsha',
        '-set',
      ],
    );
  });
  afterAll(() => server.stop());

  const add = (store: Store): Promise<unknown> =>
    store.once.add('a', 'b', { now: Date.now(), expiresAt: Date.now() + 1000 });

  it.each([
    { title: 'a wrong password', user: ':wr%40ng-%23', reason: 'authentication' },
    { title: 'no password', user: '', reason: 'authentication' },
    { title: 'a user who may run no scripts', user: `reader:${ESCAPED}`, reason: 'permission' },
    { title: 'a certificate that nobody signed', scheme: 'rediss', reason: 'tls' },
  ])('$title is told as $reason', async ({ user = `:${ESCAPED}`, scheme = 'redis', reason }) => {
    const port = scheme === 'redis' ? server.port : tlsPort;
    const host = `127.0.0.1:${port}`;
    const failure = await failureOf(openStore(`${scheme}://${user}@${host}`), add);
    expectReason(failure, reason);
    expect(failure.cause).toContain(`Redis at ${host} `);
    expect(failure.all).not.toMatch(/wr%40ng|wr@ng/);
  });

  it.each([
    { title: 'memory that is used up', config: ['maxmemory', '1mb'], reason: 'memory' },
    { title: 'too few replicas', config: ['min-replicas-to-write', '1'], reason: 'not_ready' },
  ])(
    '$title is told as $reason, through both clients',
    async ({ config: [name = '', value = ''], reason }) => {
      const url = `redis://:${ESCAPED}@127.0.0.1:${server.port}`;
      const admin = new Redis(url);
      const client = createClient({ url });
      await client.connect();
      onTestFinished(async () => {
        await admin.config('SET', name, '0');
        admin.disconnect();
        client.destroy();
      });
      await admin.config('SET', name, value);
      expectReason(await failureOf(openStore(url), add), reason);
      expectReason(await failureOf(redisStore(client), add), reason);
    },
  );

  it('keys that may be dropped are told as eviction', async () => {
    const url = `redis://:${ESCAPED}@127.0.0.1:${server.port}`;
    const admin = new Redis(url);
    onTestFinished(async () => {
      await admin.config('SET', 'maxmemory', '0');
      await admin.config('SET', 'maxmemory-policy', 'noeviction');
      admin.disconnect();
    });
    await admin.config('SET', 'maxmemory', '100mb');
    await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
    expectReason(await failureOf(openStore(url)), 'eviction');
  });

  it('a replica is told as readonly', async () => {
    const url = `redis://:${ESCAPED}@127.0.0.1:${server.port}`;
    const admin = new Redis(url);
    onTestFinished(async () => {
      await admin.call('REPLICAOF', 'NO', 'ONE');
      admin.disconnect();
    });
    await admin.call('REPLICAOF', '127.0.0.1', '1');
    expectReason(await failureOf(openStore(url), add), 'readonly');
  });
});

describe('SQLite', () => {
  const fileAt = (name: string): string => path.join(folder, name);
  const add = (store: Store): Promise<unknown> =>
    store.once.add('a', 'b', { now: Date.now(), expiresAt: Date.now() + 1000 });

  it.each([
    {
      title: 'a file that is none of SQLite',
      make: (file: string) => writeFileSync(file, 'text '.repeat(1000)),
    },
    { title: 'a folder in the place of the file', make: (file: string) => mkdirSync(file) },
  ])('$title is told as database, with its path', async ({ title, make }) => {
    const file = fileAt(`${title.length}.db`);
    make(file);
    const failure = await failureOf(openStore(`file:${file}`));
    expectReason(failure, 'database');
    expect(failure.cause).toContain(file);
  });

  it('a database that can only be read is told as readonly', async () => {
    const database = new Database(fileAt('read.db'));
    await sqliteStore(database).ping();
    database.exec('PRAGMA query_only = 1');
    onTestFinished(() => void database.close());
    expectReason(await failureOf(sqliteStore(database), add), 'readonly');
  });

  it('a disk that is full is told as disk', async () => {
    const database = new Database(fileAt('full.db'));
    onTestFinished(() => void database.close());
    const store = sqliteStore(database);
    await store.ping();
    database.exec('PRAGMA max_page_count = 1');
    const fill = async (steady: Store): Promise<void> => {
      const life = { now: Date.now(), expiresAt: Date.now() + 1000 };
      for (let added = 0; added < 1000; added += 1)
        await steady.once.add(`key ${added}`, 'x'.repeat(1000), life);
    };
    expectReason(await failureOf(store, fill), 'disk');
  });
});

describe('a driver that is not installed', () => {
  let project: ScratchProject;
  beforeAll(async () => {
    project = await createScratchProject(await dependencyNames(), await packPackage());
    return () => project.remove();
  }, 120_000);

  it.each([
    { url: 'postgres://ada@127.0.0.1/auth', name: 'pg' },
    { url: 'redis://127.0.0.1', name: 'ioredis' },
  ])('is told with the command that installs $name', async ({ url, name }) => {
    const program = `
      import { openStore } from 'latchkey';
      await openStore('${url}').ping().catch(({ reason, message }) => console.log(reason, message));`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], {
      cwd: project.folder,
    });
    expect(stdout).toMatch(new RegExp(`^driver .*npm install ${name}\\b`));
  });
});

it('every reason has its row in the reference, and is named where the event is', () => {
  const read = (file: string): string => readFileSync(path.join(root, 'lib', file), 'utf8');
  const union =
    /StoreFailureReason =([^;]*);/.exec(read('stores/failures/failure-reasons.ts'))?.[1] ?? '';
  const reasons = [...union.matchAll(/'(\w+)'/g)].map(([, reason]) => reason);
  const [, table = ''] = read('stores/README.md').split('### When the store does not answer');
  const [ofReasons = ''] = table.split('\n## ');
  const rows = [...ofReasons.matchAll(/^\| `([a-z_]+)` /gm)].map(([, row]) => row);
  const [, listed = ''] =
    /could not answer\. Reasons: ([^.]*)\./.exec(read('events/auth-events.ts')) ?? [];
  expect(rows.slice(1)).toEqual(reasons);
  expect(listed.split(/[\s*,]+/)).toEqual(reasons);
});

describe('the console', () => {
  it('is told of a reason once, until the operation has worked again and a minute has passed', async () => {
    let isDown = true;
    let time = 1000;
    const told: string[] = [];
    const onWarning = ({ name, message }: Error): void =>
      void (name === 'LatchkeyWarning' && told.push(message));
    process.on('warning', onWarning);
    onTestFinished(() => void process.off('warning', onWarning));
    const { memoryStore } = await import('latchkey');
    const inner = memoryStore();
    const readonly = Object.assign(new Error('READONLY You can’t write'), {});
    const store = steadyStore(
      {
        ...inner,
        once: {
          ...inner.once,
          del: async () => {
            if (isDown) throw readonly;
          },
        },
      },
      { events: createEventLog(), now: () => time },
    );
    const del = (): Promise<void> => store.once.del('x').catch(() => undefined);
    const count = async (): Promise<number> => {
      await new Promise(setImmediate);
      return told.length;
    };
    await del();
    await del();
    // Reading works all the time.
    await store.once.take('x', time);
    time += 61_000;
    await del();
    expect(await count()).toBe(1);
    isDown = false;
    await del();
    isDown = true;
    await del();
    expect(await count()).toBe(2);
    isDown = false;
    await del();
    isDown = true;
    await del();
    expect(await count()).toBe(2);
  });

  it('and ready() say the same', async () => {
    const url = `postgres://ada:${ESCAPED}@127.0.0.1:1/auth`;
    const { auth } = await serveAuth({ store: { url } });
    onTestFinished(() => auth.close());
    const error: unknown = await auth.ready().catch((cause: unknown) => cause);
    expect(error).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      reason: 'refused',
      cause: { message: expect.stringContaining('PostgreSQL at 127.0.0.1:1 ') },
    });
    expect(inspect(error, { depth: 20 })).not.toContain(ESCAPED);
  });
});
