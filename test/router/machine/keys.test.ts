import { join } from 'node:path';
import { rmSync } from 'node:fs';
import { type AuthOptions, createAuth, memoryStore, openStore, type Store } from 'latchkey';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  addUser,
  type AuthServer,
  BASE,
  bearer,
  PASSWORD,
  serveAuth,
  type Tokens,
} from '../../world/auth-server.js';
import { createClock } from '../../world/clock.js';
import { createDatabaseFolder } from '../../world/database-folder.js';

const DAY = 86_400;
const EMAIL = 'alice@example.com';

/** Alice, who has just signed in. */
async function world(options: AuthOptions = {}) {
  const clock = createClock();
  const server = await serveAuth({
    acceptApiKeys: true,
    tokenScopes: ({ roles }) => roles.filter((role) => role.includes(':')),
    now: clock.now,
    ...options,
  });
  const user = await addUser(server, {
    email: EMAIL,
    roles: ['reports:read', 'reports:write'],
    orgs: [{ id: 'acme', roles: [], isDefault: true }],
  });
  const tokens = await signInByCode(server, user, clock.now());
  return { ...server, clock, user, tokens, ...callsOf(server, tokens) };
}

/** Without the work of a password. */
async function signInByCode(
  { auth, post }: AuthServer,
  user: Awaited<ReturnType<typeof addUser>>,
  now: number,
): Promise<Tokens> {
  const { refreshToken } = await auth.sessions.start(user, {
    ...{ amr: ['pwd'], authTime: Math.floor(now / 1000), acr: undefined, device: undefined },
    delivery: 'body',
  });
  const response = await post('/api/auth/refresh', { refresh_token: refreshToken });
  return (await response.json()) as Tokens;
}

function callsOf({ origin }: Pick<AuthServer, 'origin'>, tokens: Tokens) {
  const call = async (route: string, body?: unknown) => {
    const [method = '', path = ''] = route.split(' ');
    const response = await fetch(`${origin}/api/auth${path}`, {
      method,
      headers: { ...bearer(tokens), 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      body: (text === '' ? undefined : JSON.parse(text)) as Readonly<Record<string, unknown>>,
    };
  };
  const use = async (key: unknown): Promise<number> => {
    const response = await fetch(`${origin}/api/me`, { headers: { 'x-api-key': String(key) } });
    return response.status;
  };
  return { call, use };
}

const keysOf = ({ body }: { body: Readonly<Record<string, unknown>> }) =>
  body['keys'] as readonly Readonly<Record<string, unknown>>[];

describe('POST /keys', () => {
  it('answers with a key that works, and that no other answer holds', async () => {
    const { call, use, events, mails, user } = await world();
    const wanted = {
      name: 'nightly build',
      scopes: ['reports:read'],
      org: 'acme',
      expires_in: DAY,
    };
    const { status, body } = await call('POST /keys', wanted);
    expect(status).toBe(201);
    const { key, ...shown } = body;
    expect(shown).toEqual({
      id: expect.stringMatching(/^[0-9A-Za-z]{16}$/) as string,
      prefix: `lk_dev_${String(shown['id'])}`,
      name: 'nightly build',
      scopes: ['reports:read'],
      resource: null,
      org: 'acme',
      created_at: '2027-01-15T08:00:00.000Z',
      expires_at: '2027-01-16T08:00:00.000Z',
      last_used_at: null,
    });
    expect(await use(key)).toBe(200);
    const listed = await call('GET /keys');
    expect(keysOf(listed)).toEqual([{ ...shown, last_used_at: '2027-01-15T08:00:00.000Z' }]);
    expect(events.find(({ name }) => name === 'api_key.created')?.event).toMatchObject({
      keyId: shown['id'],
      owner: user.id,
      by: user.id,
      ip: '127.0.0.1',
    });
    const data = { userId: user.id, keyId: shown['id'], name: 'nightly build' };
    await expect.poll(() => mails).toEqual([{ kind: 'api_key_created', to: EMAIL, data }]);
    expect(JSON.stringify([listed, events, mails])).not.toContain(String(key).slice(24));
  });

  it.each([
    { title: 'no name', body: {}, pointer: '#/name' },
    { title: 'an empty name', body: { name: ' ' }, pointer: '#/name' },
    { title: 'a name of 101 characters', body: { name: 'n'.repeat(101) }, pointer: '#/name' },
    { title: 'NUL in the name', body: { name: 'a\0b' }, pointer: '#/name' },
    { title: 'ESC in the name', body: { name: '\u001B[2J' }, pointer: '#/name' },
    { title: 'half a pair in the name', body: { name: '\uD800' }, pointer: '#/name' },
    { title: 'a name that is a number', body: { name: 1 }, pointer: '#/name' },
    { title: 'a scope of nobody’s', body: { scopes: ['users:admin'] }, pointer: '#/scopes' },
    { title: 'a scope with a space', body: { scopes: ['reports:read x'] }, pointer: '#/scopes' },
    { title: 'a scope with NUL', body: { scopes: ['a\0'] }, pointer: '#/scopes' },
    { title: '51 scopes', body: { scopes: Array(51).fill('reports:read') }, pointer: '#/scopes' },
    { title: 'scopes as text', body: { scopes: 'reports:read' }, pointer: '#/scopes' },
    { title: 'an organisation of others', body: { org: 'globex' }, pointer: '#/org' },
    { title: 'an organisation with half a pair', body: { org: '\uDFFF' }, pointer: '#/org' },
    { title: 'a life of 59 seconds', body: { expires_in: 59 }, pointer: '#/expires_in' },
    { title: 'a life in fractions', body: { expires_in: 60.5 }, pointer: '#/expires_in' },
    { title: 'a life of a century', body: { expires_in: 3e9 }, pointer: '#/expires_in' },
    { title: 'an owner', body: { owner: 'bob' }, pointer: '#/owner' },
    {
      title: 'a prototype',
      body: JSON.parse('{"__proto__":{"scopes":["x"]}}'),
      pointer: '#/__proto__',
    },
  ])('refuses $title', async ({ title, body, pointer }) => {
    const { call } = await world();
    const named = title.includes('name') ? body : { name: 'build', ...body };
    // A spread drops what JSON keeps as an own member.
    const sent = title === 'a prototype' ? body : named;
    const answer = await call('POST /keys', sent);
    expect(answer.status).toBe(400);
    const errors = answer.body['errors'] as readonly { pointer: string }[];
    expect(errors.map((error) => error.pointer)).toContain(pointer);
    expect(keysOf(await call('GET /keys'))).toEqual([]);
  });

  it('needs a sign-in of the last ten minutes', async () => {
    const { call, clock } = await world();
    clock.advance(601);
    expect(await call('POST /keys', { name: 'build' })).toMatchObject({
      status: 401,
      body: { code: 'AUTH_CONTEXT_REQUIRED', max_age: 600 },
    });
    expect((await call('GET /keys')).status).toBe(200);
  });

  it('makes no more than an owner may have, and lets one go for another', async () => {
    const { call } = await world({ apiKeys: { maxPerOwner: 2 } });
    const first = await call('POST /keys', { name: 'one' });
    await call('POST /keys', { name: 'two' });
    expect(await call('POST /keys', { name: 'three' })).toMatchObject({
      status: 409,
      body: { code: 'CONFLICT' },
    });
    await call(`DELETE /keys/${String(first.body['id'])}`);
    expect((await call('POST /keys', { name: 'three' })).status).toBe(201);
  });

  it('gives a key the longest life where none is asked for, and no longer one', async () => {
    const { call } = await world({ apiKeys: { maxLifeSeconds: DAY } });
    const { body } = await call('POST /keys', { name: 'build' });
    expect(body['expires_at']).toBe('2027-01-16T08:00:00.000Z');
    expect((await call('POST /keys', { name: 'build', expires_in: DAY + 1 })).status).toBe(400);
  });

  it.each([
    { title: 'nothing', mayCreate: undefined, status: 403, code: 'RESOURCE_FORBIDDEN' },
    { title: 'no', mayCreate: () => false, status: 403, code: 'RESOURCE_FORBIDDEN' },
    { title: 'yes', mayCreate: () => true, status: 201, code: undefined },
    { title: 'yes, later', mayCreate: async () => true, status: 201, code: undefined },
    {
      title: 'that it is out of order',
      mayCreate: () => Promise.reject(new Error('down')),
      status: 503,
      code: 'STORE_UNAVAILABLE',
    },
  ])('for a resource, of which the application says $title: $status', async (row) => {
    const { mayCreate, status, code } = row;
    const asked: unknown[] = [];
    const hook = mayCreate && {
      mayCreate: async (...given: unknown[]) => {
        asked.push(given);
        return mayCreate();
      },
    };
    const { call, user, events } = await world({ apiKeys: hook ?? {} });
    const answer = await call('POST /keys', { name: 'build', resource: 'project:42' });
    expect(answer.status).toBe(status);
    expect(answer.body['code']).toBe(code);
    const wanted = { resource: 'project:42', org: undefined, scopes: [] };
    const expected = [expect.objectContaining({ id: user.id }), wanted];
    expect(asked).toEqual(mayCreate ? [expected] : []);
    const failed = events.filter(({ name }) => name === 'hook.failed').map(({ event }) => event);
    expect(failed).toEqual(status === 503 ? [{ hook: 'mayCreate' }] : []);
  });

  it('lets the application refuse keys for everything', async () => {
    const { call } = await world({ apiKeys: { mayCreate: () => false } });
    expect(await call('POST /keys', { name: 'build' })).toMatchObject({
      status: 403,
      body: { code: 'INSUFFICIENT_ROLE' },
    });
  });
});

describe('GET /me by a key', () => {
  it('says whom it is of, and what it may do', async () => {
    const { auth, origin, user } = await world();
    const wanted = { owner: user.id, name: 'build', scopes: ['reports:read'], org: 'acme' };
    const { key } = await auth.apiKeys.create(wanted);
    const response = await fetch(`${origin}/api/auth/me`, { headers: { 'x-api-key': key } });
    expect(await response.json()).toMatchObject({
      subject: user.id,
      method: 'api_key',
      scopes: ['reports:read'],
      orgs: [{ id: 'acme' }],
      expires_at: 8_640_000_000_000,
    });
  });
});

describe('GET and DELETE /keys', () => {
  it('list and end the caller’s own keys, and nobody else’s', async () => {
    const { auth, call, use, user } = await world();
    const bob = await auth.users.create({ username: 'bob' });
    const own = await auth.apiKeys.create({ owner: user.id, name: 'a', resource: 'project:1' });
    const plain = await auth.apiKeys.create({ owner: user.id, name: 'b' });
    const other = await auth.apiKeys.create({ owner: bob.id, name: 'c', resource: 'project:1' });
    const ids = async (path: string) => keysOf(await call(path)).map(({ id }) => id);
    expect(new Set(await ids('GET /keys'))).toEqual(new Set([own.id, plain.id]));
    expect(await ids('GET /keys?resource=project:1')).toEqual([own.id]);
    expect(await ids('GET /keys?resource=project:%25')).toEqual([]);
    expect((await call('GET /keys?resource=a&resource=b')).status).toBe(400);
    for (const id of [other.id, 'unknown', '__proto__', '%00', '%ED%A0%80', 'a'.repeat(5000)])
      expect((await call(`DELETE /keys/${id}`)).status).toBe(404);
    expect((await call(`DELETE /keys/${plain.id}`)).status).toBe(204);
    expect((await call(`DELETE /keys/${plain.id}`)).status).toBe(404);
    expect(await use(plain.key)).toBe(401);
    expect(await ids('GET /keys')).toEqual([own.id]);
    expect(await auth.apiKeys.list({ resource: 'project:1' })).toHaveLength(2);
  });

  it('are the administrators’ for every user', async () => {
    const { auth, user, events, use, ...server } = await world();
    const admin = await addUser({ auth }, { username: 'carol', roles: ['users:admin'] });
    const { call } = callsOf(server, await server.signIn('carol'));
    const { key, id } = await auth.apiKeys.create({ owner: user.id, name: 'a' });
    expect(keysOf(await call(`GET /users/${user.id}/keys`))).toHaveLength(1);
    expect((await call('GET /users/nobody/keys')).status).toBe(404);
    expect((await call(`DELETE /users/${admin.id}/keys/${id}`)).status).toBe(404);
    expect((await server.call(`GET /users/${user.id}/keys`)).status).toBe(403);
    expect((await server.call(`DELETE /users/${user.id}/keys/${id}`)).status).toBe(403);
    expect((await call(`DELETE /users/${user.id}/keys/${id}`)).status).toBe(204);
    expect(await use(key)).toBe(401);
    const told = events.filter(({ event }) => JSON.stringify(event).includes('"by":"admin"'));
    expect(told.map(({ name }) => name)).toEqual(['api_key.revoked']);
    expect(events.at(-2)?.event).toMatchObject({ change: 'key_revoked', by: admin.id });
  });
});

describe('AUTH_API_KEYS=off', () => {
  it('leaves the header to the application, has no routes, and says how to turn keys on', async () => {
    const { auth, origin, call, tokens } = await world({ acceptApiKeys: false });
    const headers = { ...bearer(tokens), 'x-api-key': 'the application’s own'.replace('’', '') };
    expect((await fetch(`${origin}/api/me`, { headers })).status).toBe(200);
    expect((await fetch(`${origin}/api/auth/keys`, { headers })).status).toBe(404);
    await expect(call('GET /users/x/keys')).rejects.toThrow('JSON');
    expect(() => auth.apiKeys).toThrow(/AUTH_API_KEYS=on/);
    expect(Object.keys(auth)).not.toContain('apiKeys');
  });

  it.each([
    {
      title: 'an application that only verifies tokens',
      options: { jwt: { jwksUrl: 'https://id.example/keys', issuer: 'https://id.example' } },
      message: /no users of our own/,
    },
    {
      title: 'a strange environment',
      options: { apiKeyEnvironment: 'Pre_Prod' },
      message: /lower-case/,
    },
    {
      title: 'a strange option',
      options: { apiKeys: JSON.parse('{"most":3}') as object },
      message: /no option most/,
    },
    {
      title: 'a bound that bounds nothing',
      options: { apiKeys: { maxPerOwner: Number.NaN } },
      message: /maxPerOwner/,
    },
    {
      title: 'a hook that is none',
      options: { apiKeys: { mayCreate: JSON.parse('true') as () => true } },
      message: /mayCreate/,
    },
  ])('$title can’t be started with keys on', ({ options, message }) => {
    expect(() =>
      createAuth({ ...BASE, acceptApiKeys: true, publicUrl: 'http://localhost:3000', ...options }),
    ).toThrow(message);
  });
});

describe('P4 a new password ends the keys that an intruder has made', () => {
  async function withKey() {
    const entered = await world();
    const { key } = await entered.auth.apiKeys.create({ owner: entered.user.id, name: 'intruder' });
    expect(await entered.use(key)).toBe(200);
    const left = async () => (await entered.auth.apiKeys.list({ owner: entered.user.id })).length;
    return { ...entered, key, left };
  }

  it('by a mailed link', async () => {
    const { post, mails, use, key, left, events } = await withKey();
    await post('/api/auth/forgot-password', { email: EMAIL });
    await expect.poll(() => mails.length).toBe(1);
    const [mail] = mails;
    const token = mail?.kind === 'password_reset' ? mail.data.token : '';
    const body = { token, new_password: `${PASSWORD} anew` };
    expect((await post('/api/auth/reset-password', body)).status).toBe(200);
    expect([await use(key), await left()]).toEqual([401, 0]);
    expect(events.find(({ name }) => name === 'api_key.revoked')?.event).toMatchObject({
      by: 'password',
    });
  });

  it('by an administrator, and when the account is deleted', async () => {
    const { auth, use, key, left, user, events, ...server } = await withKey();
    await addUser({ auth }, { username: 'carol', roles: ['users:admin'] });
    const { call } = callsOf(server, await server.signIn('carol'));
    expect((await call(`POST /users/${user.id}/reset-password`)).status).toBe(202);
    expect([await use(key), await left()]).toEqual([401, 0]);
    await auth.users.update(user.id, { mustResetPassword: false });
    const another = await auth.apiKeys.create({ owner: user.id, name: 'b' });
    expect(await use(another.key)).toBe(200);
    expect((await call(`DELETE /users/${user.id}`)).status).toBe(204);
    expect([await use(another.key), await left()]).toEqual([401, 0]);
    expect(events.map(({ event }) => (event as { by?: string }).by)).toContain('deletion');
  });

  it.each([
    { title: 'also one that is made while it is on its way', isDown: false, status: 200 },
    { title: 'also where it gets no further', isDown: true, status: 503 },
  ])('$title', async ({ isDown, status }) => {
    const inner = memoryStore();
    let meanwhile = async (): Promise<unknown> => undefined;
    const store: Store = {
      ...inner,
      users: {
        ...inner.users,
        async update(id, change) {
          if (change.set.passwordHash !== undefined) await meanwhile();
          return inner.users.update(id, change);
        },
      },
    };
    const { auth, user, post, mails } = await world({ store });
    const owner = user.id;
    await auth.apiKeys.create({ owner, name: 'intruder' });
    await post('/api/auth/forgot-password', { email: EMAIL });
    await expect.poll(() => mails.length).toBe(1);
    const [mail] = mails;
    const token = mail?.kind === 'password_reset' ? mail.data.token : '';
    meanwhile = async () => {
      if (isDown) throw new Error('down');
      await auth.apiKeys.create({ owner, name: 'again' });
    };
    const body = { token, new_password: `${PASSWORD} anew` };
    expect((await post('/api/auth/reset-password', body)).status).toBe(status);
    expect(await auth.apiKeys.list({ owner })).toEqual([]);
  });

  it('not by its owner, who knows the old one', async () => {
    const { call, use, key, left } = await withKey();
    const body = { old_password: PASSWORD, new_password: `${PASSWORD} anew` };
    expect((await call('POST /change-password', body)).status).toBe(200);
    expect([await use(key), await left()]).toEqual([200, 1]);
  });

  it('W6 also one that is being made meanwhile', async () => {
    let meanwhile = async (): Promise<void> => undefined;
    const inner = memoryStore();
    const { credentials } = inner;
    const store: Store = {
      ...inner,
      credentials: {
        ...credentials,
        async create(row) {
          await meanwhile();
          return credentials.create(row);
        },
      },
    };
    const { auth, call, user, mails } = await world({ store });
    meanwhile = async () => {
      await auth.sessions.revoke({ userId: user.id }, 'password_reset');
      await auth.apiKeys.revokeAll(user.id);
    };
    expect((await call('POST /keys', { name: 'intruder' })).status).toBe(401);
    expect(await auth.apiKeys.list({ owner: user.id })).toEqual([]);
    expect(mails).toEqual([]);
  });
});

describe('two instances on one SQLite file', () => {
  it('refuse within the lag what the other one has revoked', async () => {
    const folder = createDatabaseFolder();
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const clock = createClock();
    const [one, other] = [1, 2].map(() => {
      const store = openStore(`file:${join(folder, 'auth.db')}`);
      const auth = createAuth({
        ...{ ...BASE, publicUrl: 'http://localhost:3000', acceptApiKeys: true, store },
        ...{ now: clock.now, sessions: { revocationLagSeconds: 2 } },
      });
      onTestFinished(async () => {
        await auth.close();
        await store.close();
      });
      return auth;
    });
    if (!one || !other) throw new Error('two were made');
    const { id: owner } = await one.users.create({ username: 'alice' });
    const { key, id } = await one.apiKeys.create({ owner, name: 'build' });
    expect(await other.apiKeys.find(id)).toMatchObject({ owner, name: 'build' });
    const request = { headers: { 'x-api-key': key } };
    expect((await other.authenticate(request)).subject).toBe(owner);
    await one.apiKeys.revoke(id);
    await expect(one.authenticate(request)).rejects.toMatchObject({ status: 401 });
    expect((await other.authenticate(request)).subject).toBe(owner);
    clock.advance(2);
    await expect(other.authenticate(request)).rejects.toMatchObject({ status: 401 });
  });
});

describe('a store', () => {
  function failing() {
    const inner = memoryStore();
    const state = { isDown: false, touches: [] as number[] };
    const orFail =
      <Given extends unknown[], Result>(run: (...given: Given) => Promise<Result>) =>
      async (...given: Given): Promise<Result> => {
        if (state.isDown) throw new Error('down');
        return run(...given);
      };
    const { credentials } = inner;
    const store: Store = {
      ...inner,
      credentials: {
        ...credentials,
        findByHash: orFail((hash) => credentials.findByHash(hash)),
        touch: orFail(async (id, now) => {
          state.touches.push(now);
          return credentials.touch(id, now);
        }),
      },
    };
    return { store, state };
  }

  it('that is down is 503 past the lag, and the key is good again afterwards', async () => {
    const { store, state } = failing();
    const { auth, use, user, clock } = await world({ store });
    const { key } = await auth.apiKeys.create({ owner: user.id, name: 'build' });
    expect(await use(key)).toBe(200);
    state.isDown = true;
    clock.advance(4);
    expect(await use(key)).toBe(200);
    clock.advance(1);
    expect(await use(key)).toBe(503);
    state.isDown = false;
    expect(await use(key)).toBe(200);
  });

  it('whose answer is older than a revocation here is not believed', async () => {
    const inner = memoryStore();
    const { credentials } = inner;
    let meanwhile = async (): Promise<unknown> => undefined;
    const store: Store = {
      ...inner,
      credentials: {
        ...credentials,
        async findByHash(hash) {
          const row = await credentials.findByHash(hash);
          await meanwhile();
          return row;
        },
      },
    };
    const { auth, use, user } = await world({ store });
    const { key, id } = await auth.apiKeys.create({ owner: user.id, name: 'build' });
    meanwhile = () => auth.apiKeys.revoke(id);
    expect(await use(key)).toBe(401);
    expect(await use(key)).toBe(401);
  });

  it('is told of the use of a key once a minute, and no request fails by it', async () => {
    const { store, state } = failing();
    const { auth, use, user, clock } = await world({ store });
    const { key, id } = await auth.apiKeys.create({ owner: user.id, name: 'build' });
    const start = clock.now();
    for (let count = 0; count < 3; count += 1) await use(key);
    clock.advance(59);
    await use(key);
    expect(state.touches).toEqual([start]);
    state.isDown = true;
    clock.advance(1);
    // The look of a moment ago is still good.
    expect(await use(key)).toBe(200);
    state.isDown = false;
    clock.advance(60);
    await use(key);
    expect(state.touches).toEqual([start, start + 120_000]);
    expect((await auth.apiKeys.find(id))?.lastUsedAt).toBe(start + 120_000);
  });
});
