import { randomUUID } from 'node:crypto';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createAuth, openStore } from 'latchkey';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { addUser, bearer, SECRET, serveAuth } from '../../world/auth-server.js';
import { latchkey as runLatchkey, type Outcome } from '../../world/command-line.js';
import { createDatabaseFolder } from '../../world/database-folder.js';
import { sharedStores } from '../../world/every-store.js';

const latchkey = (
  args: readonly string[],
  { storeUrl, stdin = '' }: { readonly storeUrl?: string; readonly stdin?: string } = {},
): Promise<Outcome> =>
  runLatchkey(args, { env: storeUrl === undefined ? {} : { AUTH_STORE_URL: storeUrl }, stdin });

const passwordIn = ({ stdout }: Outcome): string => /^password (\S+)$/m.exec(stdout)?.[1] ?? '';

for (const place of await sharedStores(12))
  describe.skipIf(place.isMissing)(`latchkey users on ${place.name}`, () => {
    const storeUrl = place.url;
    beforeAll(() => place.create());
    afterAll(() => place.drop());

    it('adds, lists, disables and resets users, who can and cannot sign in accordingly', async () => {
      const added = await latchkey(
        [
          'users',
          'add',
          '--username',
          'Bob',
          '--email',
          'bob@example.com',
          '--role',
          'admin',
          '--org',
          'acme:admin',
        ],
        { storeUrl },
      );
      expect(added).toMatchObject({ code: 0, stderr: '' });
      const listed = await latchkey(['users', 'list', '--json'], { storeUrl });
      expect(JSON.parse(listed.stdout)).toMatchObject({
        username: 'bob',
        email: 'bob@example.com',
        roles: ['admin'],
        orgs: [{ id: 'acme', roles: ['admin'], default: true }],
        disabled: false,
      });
      const [head, row] = (await latchkey(['users', 'list'], { storeUrl })).stdout.split('\n');
      expect(head).toMatch(/^ID +USERNAME +EMAIL +ROLES +STATE$/);
      expect(row).toMatch(/^\S+ +bob +bob@example\.com +admin$/);
      expect(row?.indexOf('bob@example.com')).toBe(head?.indexOf('EMAIL'));

      const store = openStore(storeUrl);
      onTestFinished(() => store.close());
      const server = await serveAuth({ store, acceptApiKeys: true });
      const { refresh_token } = await server.signIn('bob', passwordIn(added));
      const bob = await server.auth.users.findByLogin('bob');
      await server.auth.apiKeys.create({ owner: bob?.id ?? '', name: 'intruder' });

      const reset = await latchkey(['users', 'reset', 'BOB@example.com'], { storeUrl });
      expect(reset.stdout).toContain('1 session ended');
      expect(reset.stdout).toContain('ended 1 API key\n');
      expect((await server.post('/api/auth/refresh', { refresh_token })).status).toBe(401);
      expect((await server.signIn('bob', passwordIn(reset))).must_reset_password).toBe(true);

      expect((await latchkey(['users', 'disable', 'bob'], { storeUrl })).code).toBe(0);
      const refused = await server.post('/api/auth/login', {
        username: 'bob',
        password: passwordIn(reset),
      });
      expect(refused.status).toBe(401);
      const enabled = await latchkey(['users', 'enable', 'bob'], { storeUrl });
      expect(enabled).toMatchObject({ code: 0, stderr: '' });
      expect(enabled.stdout).toMatch(/^enabled bob;/);
      await server.signIn('bob', passwordIn(reset));
      const again = await latchkey(['users', 'enable', 'bob'], { storeUrl });
      expect(again).toMatchObject({ code: 0, stdout: 'bob was not disabled\n' });
    });

    it('a sign-in that was proven before the command line ended the sessions begins none', async () => {
      const store = openStore(storeUrl);
      onTestFinished(() => store.close());
      const { auth } = await serveAuth({ store });
      const user = await addUser({ auth }, { username: 'late' });
      const provider = { issuer: 'https://id.example', subject: 'late', sessionId: undefined };
      const revocationCount = await auth.sessions.revocationCount(user.id, provider);
      await latchkey(['users', 'reset', 'late'], { storeUrl });
      const notes = {
        ...{ amr: [], authTime: undefined, acr: undefined, device: undefined },
        delivery: 'body' as const,
      };
      await expect(
        auth.sessions.startAfterSignIn(user, { notes, provider, revocationCount }),
      ).rejects.toMatchObject({ code: 'LOGIN_FAILED' });
    });
  });

// Further commands, on the store that is made fastest: what all stores have in common is in their contract.
describe('latchkey users', () => {
  const folder = createDatabaseFolder();
  const storeUrl = `file:${path.join(folder, 'auth.db')}`;
  beforeAll(async () => {
    const store = openStore(storeUrl);
    await store.ping();
    await store.close();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('writes what a name holds of control characters as escapes, on either output (W13)', async () => {
    const store = openStore(storeUrl);
    const id = `odd-${randomUUID()}`;
    const now = Date.now();
    await store.users.create({
      ...{ id, username: id, email: undefined, emailVerified: false, passwordHash: undefined },
      ...{ mustResetPassword: false, disabled: false, attributes: {}, orgs: [], groups: [] },
      ...{ createdAt: now, updatedAt: now, roles: ['\u001B[2Jadmin\u202E', '\u009Bx'] },
    });
    const table = await latchkey(['users', 'list'], { storeUrl });
    const lines = await latchkey(['users', 'list', '--json'], { storeUrl });
    const unknown = await latchkey(['users', 'disable', '\u001B[31mnobody'], { storeUrl });
    const stray = await latchkey(['\u001B[31m'], { storeUrl });
    await store.users.delete(id);
    await store.close();
    expect(table.stdout).toContain('\\u001b[2Jadmin\\u202e, \\u009bx');
    const row = lines.stdout.split('\n').find((line) => line.includes(id)) ?? '';
    expect(JSON.parse(row)).toMatchObject({ roles: ['\u001B[2Jadmin\u202E', '\u009Bx'] });
    expect([unknown.code, stray.code]).toEqual([1, 2]);
    for (const { stdout, stderr } of [table, lines, unknown, stray])
      expect(stdout + stderr).not.toMatch(/\p{Cf}|(?!\n)\p{Cc}/u);
  });

  it('names a user by the id, too, whose first character may be a dash', async () => {
    const store = openStore(storeUrl);
    const id = '-AbCdEfGhIjKlMnOpQrStU';
    const now = Date.now();
    await store.users.create({
      ...{ id, username: 'dashed', email: undefined, emailVerified: false },
      ...{ passwordHash: undefined, mustResetPassword: false, disabled: false },
      ...{ attributes: {}, orgs: [], groups: [], roles: [], createdAt: now, updatedAt: now },
    });
    const disabled = await latchkey(['users', 'disable', id], { storeUrl });
    const row = await store.users.findById(id);
    const enabled = await latchkey(['users', 'enable', '--store', storeUrl, '--', id]);
    const roles = await latchkey(['users', 'roles', id, '--add', 'admin', '--store', storeUrl]);
    const after = await store.users.findById(id);
    await store.users.delete(id);
    await store.close();
    expect([disabled, enabled, roles]).toMatchObject(Array(3).fill({ code: 0, stderr: '' }));
    expect(disabled.stdout).toContain('dashed');
    expect(row).toMatchObject({ disabled: true });
    expect(after).toMatchObject({ disabled: false, roles: ['admin'] });
  });

  it('adds and removes roles, which the next access token has', async () => {
    const added = await latchkey(
      ['users', 'add', '--username', 'eva', '--role', 'admin', '--role', 'reader'],
      { storeUrl },
    );
    const changed = await latchkey(
      ['users', 'roles', 'EVA', '--add', 'editor', '--add', 'reader', '--remove', 'admin'],
      { storeUrl },
    );
    expect(changed).toMatchObject({ code: 0, stderr: '' });
    expect(changed.stdout).toMatch(/^eva: roles reader, editor\n/);

    const store = openStore(storeUrl);
    onTestFinished(() => store.close());
    const server = await serveAuth({ store });
    const tokens = await server.signIn('eva', passwordIn(added));
    const me = await server.get('/api/me', bearer(tokens));
    expect(await me.json()).toMatchObject({ user: { roles: ['reader', 'editor'] } });

    const shown = await latchkey(['users', 'roles', 'eva'], { storeUrl });
    expect(shown).toEqual({ code: 0, stdout: 'eva: roles reader, editor\n', stderr: '' });
    const absent = await latchkey(['users', 'roles', 'eva', '--remove', 'admin'], { storeUrl });
    expect(absent).toEqual({
      code: 1,
      stdout: '',
      stderr: 'latchkey: eva has no role "admin"; roles reader, editor\n',
    });
  });

  it('takes a password on standard input, and holds it to the policy', async () => {
    const args = ['users', 'add', '--username', 'carl', '--password-stdin'];
    const short = await latchkey(args, { storeUrl, stdin: 'short\n' });
    expect(short).toEqual({
      code: 1,
      stdout: '',
      stderr: 'latchkey: password has fewer than 15 characters\n',
    });
    const stdin = 'carl has never told anybody\nthis\n';
    const good = await latchkey([...args, '--must-reset'], { storeUrl, stdin });
    expect(good).toMatchObject({ code: 0, stderr: '' });
    expect(good.stdout).not.toContain('never told');
    expect(await latchkey(['users', 'add', '--username', 'Carl'], { storeUrl })).toEqual({
      code: 1,
      stdout: '',
      stderr: 'latchkey: there is a user "Carl" already\n',
    });
  });

  it('invites, and shows and ends sessions and identities', async () => {
    const run = (...args: string[]) => latchkey(['users', ...args], { storeUrl });
    const email = 'invited@example.com';
    const invited = await run('invite', '--email', email, '--role', 'x');
    expect(invited).toMatchObject({ code: 0, stderr: '' });
    const store = openStore(storeUrl);
    onTestFinished(() => store.close());
    const { auth } = await serveAuth({ store });
    const user = await auth.users.findByLogin(email);
    expect(user).toMatchObject({ emailVerified: true, passwordHash: undefined, roles: ['x'] });
    const { id = '' } = user ?? {};
    const data = { provider: 'corp', issuer: 'https://id.example', subject: '\u001B[2Jada' };
    const link = { id: `link-${id}`, hash: `hash-${id}`, kind: 'identity', ownerId: id };
    const life = { createdAt: Date.now(), expiresAt: undefined };
    await store.credentials.create({ ...link, ...life, data: JSON.stringify(data) });
    const notes = { amr: [], authTime: undefined, acr: undefined, device: undefined };
    const begin = () => user && auth.sessions.start(user, { ...notes, delivery: 'body' });
    await begin();
    expect((await run('sessions', email)).stdout).toMatch(
      /^\S+ {2}began \S+Z {2}last used \S+Z\n$/,
    );
    expect((await run('end-sessions', email)).stdout).toContain('1 session ended');
    expect((await run('identities', email)).stdout).toMatch(/^corp {2}\\u001b\[2Jada {2}linked /);
    await begin();
    const unlinked = await run('unlink', email, '--provider', 'corp');
    expect(unlinked.stdout).toBe(`removed corp from ${email}; 1 session ended\n`);
    expect((await run('unlink', email, '--provider', 'corp')).code).toBe(1);
    expect((await run('identities', email)).stdout).toContain('no way to sign in');
  });

  it.each([
    { from: 'AUTH_STORE_URL', args: [], hint: 'npx latchkey users list shows' },
    { from: '--store', args: ['--store', storeUrl], hint: 'users list --store <url> shows' },
  ])('hints at a command that works as this one did, with $from', async ({ args, hint }) => {
    const given = args.length > 0 ? {} : { storeUrl };
    const { stderr } = await latchkey(['users', 'enable', 'nobody', ...args], given);
    expect(stderr).toContain(hint);
  });

  it('fails with one sentence for a login that no user has', async () => {
    const outcome = await latchkey(['users', 'enable', 'nobody'], { storeUrl });
    expect(outcome).toEqual({
      code: 1,
      stdout: '',
      stderr: 'latchkey: there is no user "nobody"; npx latchkey users list shows all of them\n',
    });
  });
});

/** Where no store answers. */
const NOWHERE = 'postgres://me:hunter2@127.0.0.1:1/x';

describe('wrong usage', () => {
  it.each([
    { title: 'no command', args: ['users'] },
    { title: 'an unknown command', args: ['users', 'frob'] },
    { title: 'no store', args: ['users', 'list'] },
    { title: 'memory:', args: ['users', 'list', '--store', 'memory:'] },
    {
      title: 'an option of another command',
      args: ['users', 'list', '--role', 'x', '--store', 'file:./x.db'],
    },
    {
      title: 'an organisation without an id',
      args: ['users', 'add', '--username', 'a', '--org', ':x', '--store', NOWHERE],
    },
    { title: 'an invitation of nobody', args: ['users', 'invite', '--store', 'file:./x.db'] },
    { title: 'an unknown option', args: ['users', 'list', '--password', 'x'] },
    { title: 'roles of no user', args: ['users', 'roles', '--store', 'file:./x.db'] },
    {
      title: 'a role that is both added and removed',
      args: ['users', 'roles', 'a', '--add', 'x', '--remove', 'x', '--store', NOWHERE],
    },
    {
      title: 'roles that a list should have',
      args: ['users', 'list', '--add', 'x', '--store', 'file:./x.db'],
    },
    { title: 'a login too few', args: ['users', 'reset', '--store', 'file:./x.db'] },
    { title: 'a login too many', args: ['users', 'disable', 'a', 'b', '--store', 'file:./x.db'] },
  ])('$title: code 2, and where the help is', async ({ args }) => {
    const outcome = await latchkey(args);
    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.stderr).toMatch(/^latchkey: .+\nHelp: npx latchkey users( [a-z-]+)? --help\n$/);
  });

  it('a store that is not there is one sentence, without its password', async () => {
    const outcome = await latchkey(['users', 'list'], { storeUrl: NOWHERE });
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(/^latchkey: the store cannot be used: .+\n$/);
    expect(outcome.stderr).not.toContain('hunter2');
  });
});

describe('a SQLite file that is not there', () => {
  const createFolder = (): string => {
    const folder = createDatabaseFolder();
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    return folder;
  };

  it.each([
    'list',
    'roles',
    'disable',
    'enable',
    'reset',
    'sessions',
    'end-sessions',
    'identities',
  ])('users %s says where it looked, and makes none', async (command) => {
    const file = path.join(createFolder(), 'auht.db');
    const login = command === 'list' ? [] : ['ada'];
    const outcome = await latchkey(['users', command, ...login], { storeUrl: `file:${file}` });
    expect(outcome).toEqual({
      code: 1,
      stdout: '',
      stderr: `latchkey: there is no database "${file}", which AUTH_STORE_URL names\n`,
    });
    expect(existsSync(file)).toBe(false);
  });

  it('is perhaps misspelt', async () => {
    const folder = createFolder();
    for (const name of ['auth.db', 'auth.db-wal']) writeFileSync(path.join(folder, name), '');
    const store = `file:${path.join(folder, 'auht.db')}`;
    const { stderr } = await latchkey(['users', 'list', '--store', store]);
    expect(stderr).toMatch(/auht\.db", which --store names; did you mean auth\.db\?\n$/);
  });

  it('begins with its first user, who is told of it, and whom an application finds', async () => {
    const file = path.join(createFolder(), 'new', 'auth.db');
    const url = `file:${file}`;
    const add = ['users', 'add', '--group', 'night', '--username'];
    const { stdout } = await latchkey([...add, 'dora'], { storeUrl: url });
    expect(stdout).toMatch(new RegExp(`\nmade the database ${file}, which was not there\n$`));
    expect((await latchkey([...add, 'eva'], { storeUrl: url })).stdout).not.toContain('made');
    const auth = createAuth({
      env: {},
      publicUrl: 'http://localhost:3000',
      jwt: { secret: SECRET },
      store: { url },
      onWarning: () => undefined,
    });
    expect((await auth.users.findByLogin('dora'))?.groups).toEqual(['night']);
    await auth.close();
  });

  it('is not made for a user who is refused', async () => {
    const file = path.join(createFolder(), 'auth.db');
    const args = ['users', 'add', '--username', 'dora', '--password-stdin'];
    expect((await latchkey(args, { storeUrl: `file:${file}`, stdin: 'short' })).code).toBe(1);
    expect(existsSync(file)).toBe(false);
  });

  it('is perhaps a folder', async () => {
    const folder = createFolder();
    const { code, stderr } = await latchkey(['users', 'list'], { storeUrl: `file:${folder}` });
    expect(code).toBe(1);
    expect(stderr).toContain(`"${folder}", which AUTH_STORE_URL names, is a folder;`);
  });

  it('says of a database without users which one it is', async () => {
    const file = path.join(createFolder(), 'empty.db');
    const store = openStore(`file:${file}`);
    await store.ping();
    await store.close();
    const { stdout } = await latchkey(['users', 'list'], { storeUrl: `file:${file}` });
    expect(stdout).toContain(`no users in the SQLite file ${file};`);
  });
});
