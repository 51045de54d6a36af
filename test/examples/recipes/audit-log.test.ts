import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { eventNames } from 'latchkey';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { startAuditLog } from '../../../examples/recipes/audit-log/audit-log.js';
import { root } from '../../package/build-package.js';
import { addUser, bearer, serveAuth } from '../../world/auth-server.js';
import { createPostgresSchema } from '../../world/postgres-schema.js';
import { isMissing, postgresUrl } from '../../world/services.js';
import { startTcpProxy } from '../../world/tcp-proxy.js';
import { PATIENCE } from '../../world/patience.js';

const folder = path.join(root, 'examples', 'recipes', 'audit-log');
const schema = createPostgresSchema();
const suffix = randomBytes(4).toString('hex');
const [app, reader] = [`shop_${suffix}`, `auditor_${suffix}`];
const skip = await isMissing('PostgreSQL', postgresUrl);
let admin: Client;

beforeAll(async () => {
  if (skip) return;
  await schema.create();
  admin = new Client(schema.url);
  await admin.connect();
  const grants = [app, reader].map(
    (role) => `CREATE ROLE ${role} LOGIN; GRANT USAGE ON SCHEMA ${schema.schemaName} TO ${role};`,
  );
  const table = await readFile(path.join(folder, 'schema.sql'), 'utf8');
  // psql puts the names of its variables in.
  const named = table.replaceAll(':"app"', `"${app}"`).replaceAll(':"reader"', `"${reader}"`);
  await admin.query(`${grants.join('')} GRANT CREATE ON SCHEMA ${schema.schemaName} TO ${app};`);
  await admin.query(named);
});
afterAll(async () => {
  if (skip) return;
  await schema.drop();
  await admin.query(`DROP ROLE ${app}; DROP ROLE ${reader}`);
  await admin.end();
});

/** The address of the database for a role, perhaps by a proxy. */
function urlOf(role: string, port?: number): string {
  const url = new URL(schema.url);
  url.username = role;
  if (port !== undefined) url.host = `127.0.0.1:${port}`;
  return url.href;
}

interface Row {
  readonly seq: string;
  readonly event: string;
  readonly subject: string | null;
  readonly actor: string | null;
  readonly session_id: string | null;
  readonly ip: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}

async function rowsAbout(subjects: readonly string[]): Promise<readonly Row[]> {
  const { rows } = await admin.query<Row>(
    'SELECT * FROM auth_audit WHERE subject = ANY($1) ORDER BY instance, seq',
    [subjects],
  );
  return rows;
}

function catchWarnings(): readonly string[] {
  const warnings: string[] = [];
  const emitWarning = vi
    .spyOn(process, 'emitWarning')
    .mockImplementation((message) => void warnings.push(String(message)));
  onTestFinished(() => emitWarning.mockRestore());
  return warnings;
}

/** An application whose log goes through a proxy. */
async function serveBehindProxy(mostWaiting?: number) {
  const { port } = new URL(postgresUrl);
  const proxy = await startTcpProxy(Number(port === '' ? 5432 : port));
  onTestFinished(() => proxy.close());
  const server = await serveAuth();
  const url = urlOf(app, proxy.port);
  const log = startAuditLog(server.auth, {
    url,
    ...(mostWaiting !== undefined && { mostWaiting }),
  });
  const { id } = await addUser(server);
  return { ...server, proxy, log, id };
}

describe.skipIf(skip)('the audit log', () => {
  it('has a row for every event, in their order, in the database of the store', async () => {
    const server = await serveAuth({ env: { AUTH_STORE_URL: urlOf(app) } });
    const { auth, post, events } = server;
    const log = startAuditLog(auth, { url: urlOf(app) });
    const { id } = await addUser(server);
    const tokens = await server.signIn('alice');
    await post('/api/auth/login', { username: 'alice', password: 'not her password' });
    await post('/api/auth/refresh', { refresh_token: tokens.refresh_token });
    await post('/api/auth/logout', {}, bearer(tokens));
    await auth.close();
    await log.close();
    const rows = await rowsAbout([id]);
    expect(rows.map(({ event }) => event)).toEqual([
      'login.succeeded',
      'login.failed',
      'refresh.rotated',
      'session.revoked',
    ]);
    expect(events.map(({ name }) => name)).toEqual(rows.map(({ event }) => event));
    expect(rows.map(({ seq }) => Number(seq))).toEqual([1, 2, 3, 4]);
    const [login, failure, , end] = rows;
    expect(login).toMatchObject({ subject: id, actor: null, ip: '127.0.0.1' });
    expect(failure?.details).toEqual({ userId: id, reason: 'wrong_password' });
    expect(end).toMatchObject({ actor: id, session_id: login?.session_id });
  });

  it.each(['UPDATE auth_audit SET event = event', 'DELETE FROM auth_audit', 'TRUNCATE auth_audit'])(
    'lets neither the application nor the readers do this: %s',
    async (statement) => {
      for (const role of [app, reader]) {
        const client = new Client(urlOf(role));
        await client.connect();
        await expect(client.query(statement)).rejects.toMatchObject({ code: '42501' });
        await client.end();
      }
    },
  );

  it('forgets what its README has the administrator delete', async () => {
    const readme = await readFile(path.join(folder, 'README.md'), 'utf8');
    const [, statement = ''] = /-c "(DELETE [^"]*)"/.exec(readme) ?? [];
    const add = (age: string) =>
      `('x-${suffix}', ${age.length}, now() - interval '${age}', 'login.failed', 'x-${suffix}', '{}')`;
    await admin.query(
      `INSERT INTO auth_audit (instance, seq, at, event, subject, details) VALUES ${add('399 days')}, ${add('10000 hours')}`,
    );
    await admin.query(statement);
    expect(await rowsAbout([`x-${suffix}`])).toMatchObject([{ seq: String('399 days'.length) }]);
  });

  it('answers the questions of its README', async () => {
    const readme = await readFile(path.join(folder, 'README.md'), 'utf8');
    const [, sql = ''] = /```sql\n(.*?)```/s.exec(readme) ?? [];
    const { auth } = await serveAuth();
    const log = startAuditLog(auth, { url: urlOf(app) });
    const acting = { userId: 'ben-id', actorId: 'ada-id', sessionId: `s-${suffix}` };
    const { events } = auth.verifier;
    events.emit('login.succeeded', { userId: 'ada-id', sessionId: 'own' });
    events.emit('impersonation.started', { ...acting, until: 1, note: 'ticket 7' });
    events.emit('impersonation.ended', { ...acting, reason: 'logout' });
    events.emit('user.changed', { userId: 'ben-id', change: 'disabled', by: 'ada-id' });
    events.emit('login.failed', { reason: 'disabled', userId: 'ben-id', ip: '192.0.2.7' });
    await log.close();
    const client = new Client(urlOf(reader));
    await client.connect();
    const answers: unknown[] = [];
    for (const question of sql.split(';').slice(0, -1))
      answers.push((await client.query(question)).rows);
    await client.end();
    expect(answers).toMatchObject([
      [{ event: 'login.succeeded' }],
      [{ actor: 'ada-id', subject: 'ben-id', note: 'ticket 7', how: 'logout' }],
      [
        { event: 'user.changed' },
        { event: 'impersonation.ended' },
        { event: 'impersonation.started' },
      ],
      expect.arrayContaining([{ ip: '192.0.2.7', count: '1' }]),
      expect.any(Array),
    ]);
  });

  it('holds no request up while the database does not answer, and afterwards tells what was dropped', async () => {
    const warnings = catchWarnings();
    const { proxy, post, log, id, signIn } = await serveBehindProxy(3);
    await signIn('alice');
    await vi.waitFor(async () => expect(await rowsAbout([id])).toHaveLength(1), PATIENCE);
    proxy.setFlow('hold');
    // Answered although the row of each is held for as long as the test wants.
    for (let n = 0; n < 5; n += 1)
      expect((await post('/api/auth/refresh', { refresh_token: 'x' })).status).toBe(401);
    expect(await rowsAbout([id])).toHaveLength(1);
    proxy.setFlow('pass');
    await log.close();
    const [{ instance }] = (
      await admin.query('SELECT instance FROM auth_audit WHERE subject = $1', [id])
    ).rows;
    const { rows } = await admin.query<Row>(
      'SELECT * FROM auth_audit WHERE instance = $1 ORDER BY seq',
      [instance],
    );
    expect(rows.map(({ event }) => event)).toEqual([
      'login.succeeded',
      ...Array.from({ length: 3 }, () => 'refresh.refused'),
      'audit.dropped',
    ]);
    expect(rows.at(-1)).toMatchObject({ seq: '7', details: { count: 2 } });
    expect(warnings).toEqual([]);
  });

  it('sends a batch again whose answer was lost, and has its rows once', async () => {
    const warnings = catchWarnings();
    const { proxy, log, id, signIn } = await serveBehindProxy();
    await signIn('alice');
    await vi.waitFor(async () => expect(await rowsAbout([id])).toHaveLength(1), PATIENCE);
    proxy.setFlow('drop-replies');
    await signIn('alice');
    await vi.waitFor(async () => expect(await rowsAbout([id])).toHaveLength(2), PATIENCE);
    proxy.cut();
    proxy.setFlow('pass');
    await signIn('alice');
    await vi.waitFor(() => expect(warnings).toHaveLength(1), PATIENCE);
    await log.close();
    expect(await rowsAbout([id])).toHaveLength(3);
    expect(warnings).toEqual([expect.stringMatching(/^the audit log is away \(/)]);
  });

  it('ends although the database is away, and tells how many rows are lost', async () => {
    const warnings = catchWarnings();
    const { proxy, log, id, signIn } = await serveBehindProxy();
    proxy.pointTo(1);
    await signIn('alice');
    await signIn('alice');
    await log.close();
    expect(await rowsAbout([id])).toEqual([]);
    expect(warnings.at(-1)).toBe('the audit log lost 2 rows');
    expect(warnings.join(' ')).not.toContain(app);
  });

  it('stores what PostgreSQL has no characters for', async () => {
    const { auth } = await serveAuth();
    const log = startAuditLog(auth, { url: urlOf(app), events: ['keys.skipped', 'login.failed'] });
    const userId = `after-${suffix}`;
    const skipped = { issuer: 'https://id.example', reason: 'use' };
    auth.verifier.events.emit('keys.skipped', { ...skipped, kid: `${suffix}\0\uD800é😀` });
    auth.verifier.events.emit('login.failed', { userId, reason: 'disabled' });
    await log.close();
    expect(await rowsAbout([userId])).toHaveLength(1);
    const { rows } = await admin.query(
      'SELECT details FROM auth_audit WHERE starts_with(details ->> $1, $2)',
      ['kid', suffix],
    );
    expect(rows).toEqual([{ details: { ...skipped, kid: `${suffix}\uFFFD\uFFFDé😀` } }]);
  });

  it('is told nothing after its end, and of the events it was asked for only', async () => {
    const { auth } = await serveAuth();
    const emit = (name: 'login.failed' | 'access.denied', id: string) =>
      name === 'login.failed'
        ? auth.verifier.events.emit(name, { userId: id, reason: 'disabled' })
        : auth.verifier.events.emit(name, { subject: id, code: 'INSUFFICIENT_SCOPE' });
    const id = `chosen-${suffix}`;
    const names = eventNames.filter((name) => name !== 'access.denied');
    const log = startAuditLog(auth, { url: urlOf(app), events: names });
    emit('login.failed', id);
    emit('access.denied', id);
    await log.close();
    emit('login.failed', id);
    expect((await rowsAbout([id])).map(({ event }) => event)).toEqual(['login.failed']);
  });
});
