import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openStore } from 'latchkey';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { root } from '../package/build-package.js';
import { plainEnvironment } from '../package/start-script.js';
import { bundle } from '../world/bundle.js';
import type { Outcome } from '../world/command-line.js';
import { createPostgresSchema } from '../world/postgres-schema.js';
import { isMissing as isServiceMissing, postgresUrl, redisUrl } from '../world/services.js';

// What only a process of its own shows: every other test runs commands in the process of the tests.

// Inside the project, where Node finds the dependencies.
const folder = path.join(root, 'node_modules/.cache', `cli-${randomUUID()}`);
const script = path.join(folder, 'latchkey.mjs');

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(script, await bundle('lib/cli/latchkey.ts'));
  return () => rmSync(folder, { recursive: true, force: true });
});

function write(name: string, source: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, source);
  return file;
}

const start = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  spawn(process.execPath, [script, ...args], { cwd: root, env: { ...plainEnvironment(), ...env } });

/** Resolves when the process has ended by itself. */
async function outcomeOf(child: ChildProcess): Promise<Outcome> {
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (text) => (output.stdout += String(text)));
  child.stderr?.on('data', (text) => (output.stderr += String(text)));
  const [code] = await once(child, 'close');
  return { code: Number(code), ...output };
}

it('a reader that closes the pipe ends the output, without a stack trace', async () => {
  const child = start(['help']);
  child.stdout.destroy();
  expect(await outcomeOf(child)).toMatchObject({ code: 0, stderr: '' });
});

it.runIf(existsSync('/dev/full'))('output that cannot be written is a failure', async () => {
  const full = openSync('/dev/full', 'w');
  const child = spawn(process.execPath, [script, 'help'], {
    ...{ cwd: root, env: plainEnvironment() },
    stdio: ['ignore', full, 'pipe'],
  });
  closeSync(full);
  expect(await outcomeOf(child)).toMatchObject({
    code: 1,
    stderr: 'latchkey: standard output cannot be written: ENOSPC\n',
  });
});

it('Control-C ends a command while an application is loaded that would finish its work first', async () => {
  const app = write(
    'slow.mjs',
    `process.on('SIGINT', () => process.exit());
    setInterval(() => {}, 1000);
    console.log('loading');
    await new Promise(() => {});`,
  );
  const child = start(['doctor', app, '--live']);
  child.stderr.once('data', () => child.kill('SIGINT'));
  expect(await once(child, 'close')).toEqual([null, 'SIGINT']);
});

it('an application that only exports the function that makes it is not waited for', async () => {
  const app = write('factory.mjs', `export function createApp() {}`);
  const child = start(['routes', app]);
  onTestFinished(() => void child.kill());
  const { code, stderr } = await outcomeOf(child);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^latchkey: factory\.mjs exports createApp\(\)/);
});

it('a password comes from a pipe', async () => {
  const args = ['users', 'add', '--username', 'carl', '--password-stdin'];
  const child = start(args, { AUTH_STORE_URL: `file:${path.join(folder, 'auth.db')}` });
  child.stdin.end('carl has never told anybody\nthis\n');
  const { code, stdout, stderr } = await outcomeOf(child);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^added carl, /);
  expect(stdout).not.toContain('never told');
});

const nothing = async (): Promise<void> => undefined;

for (const { name, isMissing, url, create, drop } of [
  {
    name: 'PostgreSQL',
    isMissing: await isServiceMissing('PostgreSQL', postgresUrl),
    ...createPostgresSchema(),
  },
  {
    name: 'Redis',
    isMissing: await isServiceMissing('Redis', redisUrl),
    ...{ url: redisUrl, create: nothing, drop: nothing },
  },
])
  describe.skipIf(isMissing)(`connected to ${name}`, () => {
    beforeAll(async () => {
      await create();
      // Commands that only read begin nothing.
      const store = openStore(url);
      await store.ping();
      await store.once.incr('process.test', { now: Date.now(), windowMs: 60_000 });
      await store.close();
    });
    afterAll(drop);

    it('the process ends when the command has done its work', async () => {
      const child = start(['users', 'list', '--json'], { AUTH_STORE_URL: url });
      expect(await outcomeOf(child)).toMatchObject({ code: 0, stderr: '' });
    });
  });
