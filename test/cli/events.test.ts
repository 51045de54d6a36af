import diagnosticsChannel from 'node:diagnostics_channel';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { eventNames, openStore } from 'latchkey';
import { expect, it, onTestFinished } from 'vitest';
import { serveAuth } from '../world/auth-server.js';
import { latchkey } from '../world/command-line.js';
import { createDatabaseFolder } from '../world/database-folder.js';

// An audit log that is loaded beside the command line listens to `diagnostics_channel`.

const ABOUT_ACCOUNTS = /^(?:user|service_account|session|identity|api_key|password)\./;

/** The command line on a SQLite file, and what the channels of events have told since the last look. */
function world() {
  const folder = createDatabaseFolder();
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const url = `file:${path.join(folder, 'auth.db')}`;
  let told: object[] = [];
  for (const name of eventNames.filter((each) => ABOUT_ACCOUNTS.test(each))) {
    const listener = (event: unknown) => void told.push({ name, ...Object(event) });
    diagnosticsChannel.subscribe(`latchkey:${name}`, listener);
    onTestFinished(() => void diagnosticsChannel.unsubscribe(`latchkey:${name}`, listener));
  }
  const run = async (...args: readonly string[]) => {
    told = [];
    const { code, stdout } = await latchkey(args, { env: { AUTH_STORE_URL: url } });
    return { code, stdout, told };
  };
  return { url, run };
}

it('tells of every change of a user what the routes for administrators tell', async () => {
  const { url, run } = world();
  const added = await run('users', 'add', '--username', 'ada');
  const [, userId = ''] = /id (\S+)/.exec(added.stdout) ?? [];
  const changed = { name: 'user.changed', userId, by: undefined };
  expect(added.told).toEqual([{ ...changed, change: 'created' }]);

  expect((await run('users', 'roles', 'ada', '--add', 'x')).told).toEqual([
    { ...changed, change: 'updated', fields: ['roles'] },
  ]);
  expect((await run('users', 'roles', 'ada')).told).toEqual([]);
  expect((await run('users', 'enable', 'ada')).told).toEqual([]);

  const store = openStore(url);
  onTestFinished(() => store.close());
  const { auth } = await serveAuth({ store, acceptApiKeys: true });
  const link = { id: 'link', hash: 'hash', kind: 'identity', ownerId: userId };
  const life = { createdAt: Date.now(), expiresAt: undefined };
  const data = JSON.stringify({ provider: 'corp', issuer: 'https://id.example', subject: 'ada' });
  const notes = { amr: [], authTime: undefined, acr: undefined, device: undefined };
  const begin = async () => {
    const user = await auth.users.findById(userId);
    await (user && auth.sessions.start(user, { ...notes, delivery: 'body' }));
  };
  await store.credentials.create({ ...link, ...life, data });
  await begin();
  const ended = { name: 'session.revoked', sessionId: expect.any(String), userId };
  const unlinked = { name: 'identity.unlinked', userId, provider: 'corp' };
  expect((await run('users', 'unlink', 'ada', '--provider', 'corp')).told).toEqual([
    { ...unlinked, by: 'admin' },
    { ...ended, reason: 'identity_removed' },
    { ...changed, change: 'identity_removed' },
  ]);
  await begin();
  expect((await run('users', 'end-sessions', 'ada')).told).toEqual([
    { ...ended, reason: 'ended_by_admin' },
    { ...changed, change: 'sessions_ended' },
  ]);
  await store.credentials.create({ ...link, ...life, id: 'link-2', hash: 'hash-2', data });
  const key = await auth.apiKeys.create({ owner: userId, name: 'script' });
  await begin();
  expect((await run('users', 'reset', 'ada')).told).toEqual([
    { ...unlinked, by: 'password' },
    { name: 'api_key.revoked', keyId: key.id, owner: userId, by: 'password' },
    { ...ended, reason: 'password_admin_reset' },
    { ...changed, change: 'password_reset' },
    { name: 'password.changed', userId, reason: 'admin_reset' },
  ]);
  await begin();
  expect((await run('users', 'disable', 'ada')).told).toEqual([
    { ...ended, reason: 'user_disabled' },
    { ...changed, change: 'disabled', fields: ['disabled'] },
  ]);
  expect((await run('users', 'enable', 'ada')).told).toEqual([
    { ...changed, change: 'enabled', fields: ['disabled'] },
  ]);
  const invited = await run('users', 'invite', '--email', 'eva@example.com');
  expect(invited.told).toMatchObject([{ name: 'user.changed', change: 'created' }]);
});

it('tells of every change of a service account', async () => {
  const { run: latchkeyRun } = world();
  const run = (...args: readonly string[]) => latchkeyRun('service-accounts', ...args);
  const added = await run('add', '--org', 'acme', '--name', 'Robot');
  const [, accountId = ''] = /client id (\S+)/.exec(added.stdout) ?? [];
  const changed = { name: 'service_account.changed', accountId, by: undefined };
  expect(added.told).toEqual([
    { ...changed, change: 'created' },
    { ...changed, change: 'secret_added' },
  ]);
  const second = await run('secret', accountId);
  expect(second.told).toEqual([{ ...changed, change: 'secret_added' }]);
  const [, secretId = ''] = /secret id (\S+)/.exec(second.stdout) ?? [];
  const fields = ['disabled'];
  for (const [args, told] of [
    [['secret', accountId, '--end', secretId], [{ ...changed, change: 'secret_ended' }]],
    [['enable', accountId], []],
    [['disable', accountId], [{ ...changed, change: 'disabled', fields }]],
    [['enable', accountId], [{ ...changed, change: 'enabled', fields }]],
    [['list'], []],
    [['remove', accountId], [{ ...changed, change: 'deleted' }]],
    [['remove', accountId], []],
  ] as const)
    // oxlint-disable-next-line no-await-in-loop
    expect((await run(...args)).told).toEqual(told);
});
