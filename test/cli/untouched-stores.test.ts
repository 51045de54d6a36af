import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Redis } from 'ioredis';
import Database from 'libsql';
import { describe, expect, it, onTestFinished } from 'vitest';
import { latchkey } from '../world/command-line.js';
import { createDatabaseFolder } from '../world/database-folder.js';
import { postgresWorld } from '../world/postgres-world.js';
import { hasRedisServer, startRedisServer } from '../world/redis-server.js';
import { releaseFixture } from '../world/release-store.js';
import { isMissing, postgresUrl } from '../world/services.js';

const withoutPostgres = await isMissing('PostgreSQL', postgresUrl);

/** A database in use for something else. */
interface Foreign {
  readonly url: string;
  readonly contents: () => Promise<unknown>;
}

function sqlite(): { readonly folder: string; readonly file: string } {
  const folder = createDatabaseFolder();
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return { folder, file: join(folder, 'notes.db') };
}

async function foreignSqlite(): Promise<Foreign> {
  const { folder, file } = sqlite();
  const database = new Database(file);
  database.exec('CREATE TABLE notes (text TEXT)');
  database.close();
  const contents = async () => [readdirSync(folder), readFileSync(file).toString('base64')];
  return { url: `file:${file}`, contents };
}

async function foreignPostgres(): Promise<Foreign> {
  const { url, client } = await postgresWorld();
  await client.query('CREATE TABLE notes (text TEXT)');
  const contents = async () =>
    (
      await client.query(
        'SELECT relname FROM pg_class WHERE relnamespace = current_schema::regnamespace',
      )
    ).rows;
  return { url, contents };
}

async function ownRedis() {
  const { url, stop } = await startRedisServer();
  onTestFinished(stop);
  const client = new Redis(url);
  onTestFinished(() => client.disconnect());
  return { url, client };
}

async function foreignRedis(): Promise<Foreign> {
  const { url, client } = await ownRedis();
  await client.set('notes', 'of something else');
  return { url, contents: () => client.keys('*') };
}

describe.each([
  { name: 'SQLite', isAbsent: false, make: foreignSqlite },
  {
    name: 'PostgreSQL',
    isAbsent: withoutPostgres,
    make: foreignPostgres,
  },
  { name: 'Redis', isAbsent: !hasRedisServer, make: foreignRedis },
])('a $name database that holds nothing of ours', ({ isAbsent, make }) => {
  it.skipIf(isAbsent)(
    'is named, and left as it is, by all commands but those that begin',
    async () => {
      const { url, contents } = await make();
      const before = await contents();
      for (const command of [
        ...['list', 'roles ada', 'disable ada', 'enable ada', 'reset ada', 'sessions ada'],
        ...['end-sessions ada', 'identities ada', 'unlink ada --provider corp'],
      ].map((words) => `users ${words}`)) {
        // oxlint-disable-next-line no-await-in-loop
        await refuses(command, url);
        // oxlint-disable-next-line no-await-in-loop
        expect(await contents()).toEqual(before);
      }
      for (const command of [
        'list',
        'secrets sa_1',
        'secret sa_1',
        'disable sa_1',
        'remove sa_1',
      ]) {
        // oxlint-disable-next-line no-await-in-loop
        await refuses(`service-accounts ${command}`, url);
        // oxlint-disable-next-line no-await-in-loop
        expect(await contents()).toEqual(before);
      }
      const added = await run('users add --username ada', url);
      expect(added).toMatchObject({ code: 0, stderr: '' });
      expect((await run('users list', url)).stdout).toContain('ada');
    },
  );
});

function run(command: string, url: string) {
  return latchkey(command.split(' '), { env: { AUTH_STORE_URL: url } });
}

async function refuses(command: string, url: string): Promise<void> {
  const outcome = await run(command, url);
  expect(outcome).toEqual({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(
      /^latchkey: .*AUTH_STORE_URL names, holds nothing of latchkey; .*\n$/,
    ),
  });
}

describe('a database of release 0.3, which has no number of a revision, is one of ours', () => {
  it('in SQLite', async () => {
    const { file } = sqlite();
    writeFileSync(file, gunzipSync(releaseFixture('sqlite.db.gz')));
    expect(await run('users list --json', `file:${file}`)).toMatchObject({ code: 0, stderr: '' });
  });

  it.skipIf(withoutPostgres)('in PostgreSQL', async () => {
    const { url, client } = await postgresWorld();
    await client.query(releaseFixture('postgres.sql').toString());
    expect(await run('users list --json', url)).toMatchObject({ code: 0, stderr: '' });
  });

  it.skipIf(!hasRedisServer)('in Redis', async () => {
    const { url, client } = await ownRedis();
    const rows = JSON.parse(releaseFixture('redis.json').toString()) as {
      readonly command: readonly [string, ...string[]];
    }[];
    await Promise.all(rows.map(({ command: [name, ...args] }) => client.call(name, ...args)));
    const listed = await run('users list --json', url);
    expect(listed).toMatchObject({ code: 0, stderr: '' });
    expect(listed.stdout).toContain('alice');
  });
});
