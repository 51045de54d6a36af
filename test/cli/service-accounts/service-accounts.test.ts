import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openStore } from 'latchkey';
import { expect, it, onTestFinished } from 'vitest';
import { serveAuth } from '../../world/auth-server.js';
import { latchkey } from '../../world/command-line.js';
import { createDatabaseFolder } from '../../world/database-folder.js';
import { basic } from '../../world/machine.js';

/** The command line on a SQLite file, and an application on the same file. */
async function world() {
  const folder = createDatabaseFolder();
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const url = `file:${join(folder, 'auth.db')}`;
  const store = openStore(url);
  onTestFinished(() => store.close());
  const { auth, origin } = await serveAuth({ store, serviceAccounts: true });
  onTestFinished(() => auth.close());

  const run = (...args: readonly string[]) =>
    latchkey(['service-accounts', ...args], { env: { AUTH_STORE_URL: url } });

  async function statusWith(id: string, secret: string): Promise<number> {
    const response = await fetch(`${origin}/api/auth/token`, {
      method: 'POST',
      headers: basic(id, secret),
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    });
    return response.status;
  }

  return { auth, run, statusWith };
}

const valueOf = (stdout: string, name: string): string =>
  new RegExp(`^${name} (\\S+)$`, 'm').exec(stdout)?.[1] ?? '';

it('adds, lists, disables, enables and removes service accounts, which get tokens accordingly', async () => {
  const { run, statusWith } = await world();
  const options = [
    '--org',
    'acme',
    '--name',
    'Robot',
    '--scope',
    'a:b',
    '--scope',
    'c',
    '--role',
    'r',
  ];
  const added = await run('add', ...options);
  expect(added).toMatchObject({ code: 0, stderr: '' });
  const id = valueOf(added.stdout, 'client id');
  const secret = valueOf(added.stdout, 'client secret');
  expect(await statusWith(id, secret)).toBe(200);

  const [head, row] = (await run('list')).stdout.split('\n');
  expect(head).toMatch(/^CLIENT ID +ORG +NAME +SCOPES +ROLES +STATE$/);
  expect(row).toMatch(new RegExp(`^${id} +acme +Robot +a:b c +r$`));
  expect(JSON.parse((await run('list', '--json')).stdout)).toMatchObject({
    ...{ id, org: 'acme', name: 'Robot', scopes: ['a:b', 'c'], roles: ['r'], disabled: false },
  });
  expect((await run('list', '--org', 'globex')).stdout).toMatch(/^no service accounts/);

  expect((await run('disable', id)).code).toBe(0);
  expect(await statusWith(id, secret)).toBe(401);
  expect((await run('list')).stdout).toMatch(/ disabled$/m);
  expect((await run('enable', id)).stdout).toBe('enabled Robot\n');
  expect((await run('enable', id)).stdout).toBe('Robot was not disabled\n');
  expect(await statusWith(id, secret)).toBe(200);
  expect((await run('remove', id)).code).toBe(0);
  expect(await statusWith(id, secret)).toBe(401);
  expect(await run('remove', id)).toMatchObject({ code: 1, stdout: '' });
});

it('replaces a secret while both work', async () => {
  const { run, statusWith } = await world();
  const added = await run('add', '--org', 'acme', '--name', 'Robot', '--days', '30');
  const id = valueOf(added.stdout, 'client id');
  const second = await run('secret', id);
  const secrets = [added, second].map(({ stdout }) => valueOf(stdout, 'client secret'));
  const statuses = () => Promise.all(secrets.map((secret) => statusWith(id, secret)));
  expect(await statuses()).toEqual([200, 200]);
  const third = await run('secret', id);
  expect(third.code).toBe(1);
  const older = /older one is (\w+)/.exec(third.stderr)?.[1] ?? '';
  expect((await run('secrets', id)).stdout).toMatch(new RegExp(`^${older} .*\\d{4}-.*Z$`, 'm'));
  expect((await run('secret', id, '--end', older)).code).toBe(0);
  expect(await statuses()).toEqual([401, 200]);
  expect((await run('secret', id, '--end', older)).code).toBe(1);
});

it('writes what a name holds of control characters as escapes (W13)', async () => {
  const { run } = await world();
  // No name has them; what turns the direction of text is a name all the same.
  expect((await run('add', '--org', 'acme', '--name', '\u001B[2J')).code).toBe(1);
  const added = await run('add', '--org', 'acme', '--name', 'a\u202Eb');
  const id = valueOf(added.stdout, 'client id');
  const outputs = [
    added,
    await run('list'),
    await run('list', '--json'),
    await run('disable', id),
    await run('disable', '\u001B[31mnobody'),
    await run('secret', id, '--end', '\u001B[31m'),
    await run('\u001B[31m'),
  ];
  for (const { stdout, stderr } of outputs)
    expect(stdout + stderr).not.toMatch(/\p{Cf}|(?!\n)\p{Cc}/u);
  expect(outputs[1]?.stdout).toContain('a\\u202eb');
});

it.each([
  { title: 'no command', args: [] },
  { title: 'an unknown command', args: ['rotate'] },
  { title: 'no name', args: ['add', '--org', 'acme'] },
  { title: 'an option of another command', args: ['list', '--name', 'x'] },
  { title: 'an unknown option', args: ['list', '--tenant', 'x'] },
  { title: 'no client id', args: ['disable'] },
  { title: 'two client ids', args: ['disable', 'a', 'b'] },
  { title: 'a client id too many', args: ['list', 'a'] },
  { title: 'days that are no number', args: ['add', '--org', 'a', '--name', 'b', '--days', '1.5'] },
])('$title is wrong usage', async ({ args }) => {
  // Where no store answers: usage is judged before it is asked.
  const env = { AUTH_STORE_URL: 'postgres://127.0.0.1:1/x' };
  const outcome = await latchkey(['service-accounts', ...args], { env });
  expect(outcome).toMatchObject({ code: 2, stdout: '' });
});

it('a database that is not there is made for the first account, and not to be read', async () => {
  const folder = createDatabaseFolder();
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'auth.db');
  const run = (...args: readonly string[]) =>
    latchkey(['service-accounts', ...args], { env: { AUTH_STORE_URL: `file:${file}` } });
  expect(await run('list')).toMatchObject({ code: 1, stdout: '' });
  expect(existsSync(file)).toBe(false);
  const { stdout } = await run('add', '--org', 'acme', '--name', 'Robot');
  expect(stdout).toContain(`made the database ${file}`);
  expect((await run('list', '--org', 'globex')).stdout).toContain(`of "globex" in the SQLite file`);
});
