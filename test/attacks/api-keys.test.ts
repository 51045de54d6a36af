import { crc32 } from 'node:zlib';

import { describe, expect, it } from 'vitest';
import { createApiKeyFormat, digestOfKey } from '../../lib/accounts/api-key-format.js';
import { sendRaw } from '../../lib/testing/raw-request.js';
import { answerOf, serveKeys } from '../world/key-server.js';

const format = createApiKeyFormat('dev');
const madeUp = () => format.create().key;
const DAY = 86_400;

const codeOf = async (response: Response) => ({
  status: response.status,
  code: ((await response.json()) as { code?: string }).code,
});
const INVALID = { status: 401, code: 'INVALID_TOKEN' };

describe('I2 what cannot be a key is refused without the store', () => {
  const digits = 'A'.repeat(16);
  it.each([
    { title: 'nothing', key: () => '' },
    { title: 'a word', key: () => 'secret' },
    { title: '16 kB less the rest of the head', key: () => 'a'.repeat(15_000) },
    { title: 'a key of 75 characters and one more', key: (key: string) => `${key}a` },
    { title: 'a checksum that is wrong', key: (key: string) => `${key.slice(0, -6)}000000` },
    { title: 'another environment', key: () => createApiKeyFormat('live').create().key },
    {
      title: 'another environment of the same length',
      key: () => createApiKeyFormat('tst').create().key,
    },
    { title: 'wildcards of SQL', key: () => 'lk_dev_%_%' },
    {
      title: 'wildcards in place of the secret',
      key: (key: string) => withSecret(key, '%'.repeat(32)),
    },
    { title: 'a quote that ends a string', key: () => `lk_dev_${digits}_' OR 1=1 --` },
    { title: 'the name of a prototype', key: () => '__proto__' },
    { title: 'a prototype as id', key: () => withChecksum(`lk_dev___proto___${'A'.repeat(39)}`) },
    { title: 'a constructor', key: () => 'constructor' },
    { title: 'the key in capitals', key: (key: string) => key.toUpperCase() },
    { title: 'a space inside', key: (key: string) => key.replace(/.$/, ' x') },
    { title: 'two keys in one header', key: (key: string) => `${key},${key}` },
    { title: 'a JSON web token', key: () => 'eyJhbGciOiJub25lIn0.e30.' },
    { title: 'the id alone', key: (key: string) => key.slice(0, 23) },
    { title: 'the digest that is stored', key: () => 'A'.repeat(43) },
  ])('$title', async ({ key }) => {
    const { ask, addKey, looks } = await serveKeys();
    const good = await addKey();
    looks.length = 0;
    const response = await ask('/any', key(good.key));
    expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"');
    expect(await codeOf(response)).toEqual(INVALID);
    expect(looks).toEqual([]);
  });

  it('ten thousand of them, which leave nothing behind', async () => {
    const { auth, looks, addKey, user } = await serveKeys();
    await addKey();
    looks.length = 0;
    for (let count = 0; count < 10_000; count += 1) {
      const key = withSecret(madeUp(), 'A'.repeat(32));
      const refusal = await auth.authenticate({ headers: { 'x-api-key': key } }).catch(String);
      expect(refusal).toContain('AuthError');
    }
    expect(looks).toEqual([]);
    expect(await auth.apiKeys.list({ owner: user.id })).toHaveLength(1);
  });
});

/** Keeps the checksum, which no longer fits. */
function withSecret(key: string, secret: string): string {
  return `${key.slice(0, 24)}${secret}${key.slice(-6)}`;
}

/** The right checksum for what has the wrong form. */
function withChecksum(body: string): string {
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  let rest = crc32(body);
  let text = '';
  for (let place = 0; place < 6; place += 1) {
    text = digits.charAt(rest % 62) + text;
    rest = Math.floor(rest / 62);
  }
  return body + text;
}

describe('I2 keys that open nothing', () => {
  it('unknown, revoked and expired ones, and those of an owner who is gone, get the same bytes for as many looks', async () => {
    const { auth, ask, addKey, looks, clock, user } = await serveKeys();
    const [revoked, expired] = [await addKey(), await addKey({ expiresInSeconds: 60 })];
    const other = await auth.users.create({ username: 'bob' });
    const orphan = await addKey({ owner: other.id });
    await auth.apiKeys.revoke(revoked.id);
    clock.advance(60);
    const answers = [];
    for (const key of [madeUp(), revoked.key, expired.key]) {
      looks.length = 0;
      answers.push(await answerOf(await ask('/any', key)));
      expect(looks).toEqual(['credentials.findByHash']);
    }
    await auth.users.delete(other.id);
    answers.push(await answerOf(await ask('/any', orphan.key)));
    const [first, ...others] = answers;
    expect(first).toMatchObject({ status: 401 });
    for (const answer of others) expect(answer).toEqual(first);
    expect(user.id).not.toBe(other.id);
  });

  it('the id of one key with the secret of another', async () => {
    const { ask, addKey } = await serveKeys();
    const [one, other] = [await addKey(), await addKey()];
    const body = `${one.key.slice(0, 24)}${other.key.slice(24, -6)}`;
    expect(await codeOf(await ask('/any', withChecksum(body)))).toEqual(INVALID);
  });

  it('one whose row has been given to another id', async () => {
    const { auth, ask, user, clock } = await serveKeys();
    const { key } = format.create();
    await auth.store.credentials.create({
      ...{ id: 'A'.repeat(16), hash: digestOfKey(key), kind: 'api_key', ownerId: user.id },
      ...{ data: '{"name":"x","scopes":[]}', createdAt: clock.now(), expiresAt: undefined },
    });
    expect(await codeOf(await ask('/any', key))).toEqual(INVALID);
  });

  it.each([
    { title: 'in the query', path: (key: string) => `/any?api_key=${key}&x-api-key=${key}` },
    { title: 'as an access token in the query', path: (key: string) => `/any?access_token=${key}` },
  ])('one $title is not read', async ({ path }) => {
    const { get, addKey } = await serveKeys();
    const { key } = await addKey();
    expect(await codeOf(await get(path(key)))).toEqual({
      status: 401,
      code: 'CREDENTIALS_MISSING',
    });
  });

  it.each(['Bearer', 'Basic', 'ApiKey'])('one sent as %s opens nothing', async (scheme) => {
    const { get, addKey, looks } = await serveKeys();
    const { key } = await addKey();
    looks.length = 0;
    const response = await get('/any', { authorization: `${scheme} ${key}` });
    expect(response.status).toBe(401);
    expect(looks).toEqual([]);
  });

  it.each([
    { title: 'a bearer token beside it', more: [['Authorization', 'Bearer a.b.c']] as const },
    { title: 'a second key', more: [['X-API-Key', 'other']] as const },
    { title: 'the same key twice', more: [['x-api-key', 'SAME']] as const },
  ])('$title is 400, and neither is judged', async ({ more }) => {
    const { origin, addKey, looks } = await serveKeys();
    const { key } = await addKey();
    looks.length = 0;
    const headers = [['X-API-Key', key] as const, ...more].map(
      ([name, value]) => [name, value === 'SAME' ? key : value] as const,
    );
    const answer = await sendRaw(origin, { target: '/any', headers });
    expect(answer.status).toBe(400);
    expect(answer.body).toContain('INVALID_REQUEST');
    expect(looks).toEqual([]);
  });
});

describe('I2 made-up keys with a right checksum', () => {
  it('cost twenty looks a minute from one address, while known keys go on', async () => {
    const { ask, addKey, looks, clock, events } = await serveKeys();
    const { key } = await addKey();
    expect((await ask('/any', key)).status).toBe(200);
    looks.length = 0;
    const answers = await Promise.all(Array.from({ length: 60 }, () => ask('/any', madeUp())));
    expect(looks).toEqual(Array.from({ length: 20 }, () => 'credentials.findByHash'));
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(20);
    const limited = answers.find(({ status }) => status === 429);
    expect(limited?.headers.get('retry-after')).toBe('60');
    expect(events.filter(({ name }) => name === 'rate.limited')).toHaveLength(40);
    clock.advance(59);
    // Past the lag: its owner is looked at again, although unknown keys of this address are not.
    expect((await ask('/any', key)).status).toBe(200);
    const fresh = await addKey();
    expect(await codeOf(await ask('/any', fresh.key))).toEqual({
      status: 429,
      code: 'RATE_LIMITED',
    });
    clock.advance(1);
    expect((await ask('/any', fresh.key)).status).toBe(200);
  });
});

describe('I2 a shared cache', () => {
  it.each(['/any', '/public'])('is told that the answer of %s is for this key', async (path) => {
    const { ask, addKey } = await serveKeys();
    const { key } = await addKey();
    expect((await ask(path, key)).headers.get('vary')).toContain('X-API-Key');
  });

  it('is told that an anonymous answer would be another one with a key', async () => {
    const { get } = await serveKeys();
    expect((await get('/public')).headers.get('vary')).toContain('X-API-Key');
  });
});

describe('I2 what a key may do', () => {
  it.each([
    { title: 'its own project', path: '/projects/42', status: 200 },
    { title: 'another one', path: '/projects/43', status: 403 },
    { title: 'one that begins like it', path: '/projects/421', status: 403 },
    { title: 'one that it begins like', path: '/projects/4', status: 403 },
    { title: 'one in another case of the path', path: '/projects/%34%32', status: 200 },
    { title: 'a route that names none', path: '/any', status: 403 },
    { title: 'an optional one', path: '/public', status: 403 },
    { title: 'a route of ours', path: '/api/auth/me', status: 403 },
  ])('a key for project:42 and $title: $status', async ({ path, status }) => {
    const { ask, addKey } = await serveKeys();
    const { key } = await addKey({ resource: 'project:42' });
    const answer = await codeOf(await ask(path, key));
    expect(answer).toEqual({ status, code: status === 200 ? undefined : 'RESOURCE_FORBIDDEN' });
  });

  it('it never has a scope that its owner has not, or has lost', async () => {
    const { auth, ask, addKey, user, clock } = await serveKeys();
    const { key } = await addKey({ scopes: ['reports:read'] });
    const { key: without } = await addKey();
    expect((await ask('/reports', key)).status).toBe(200);
    expect((await ask('/reports', without)).status).toBe(403);
    await auth.users.update(user.id, { roles: ['analyst'] });
    clock.advance(5);
    expect(await codeOf(await ask('/reports', key))).toEqual({
      status: 403,
      code: 'INSUFFICIENT_SCOPE',
    });
    await expect(addKey({ scopes: ['reports:read'] })).rejects.toMatchObject({ status: 400 });
  });

  it.each([
    { title: 'is disabled', change: { disabled: true }, answer: INVALID },
    {
      title: 'must change the password',
      change: { mustResetPassword: true },
      answer: { status: 403, code: 'PASSWORD_CHANGE_REQUIRED' },
    },
    { title: 'has left the organisation', change: { orgs: [] }, answer: INVALID, org: 'acme' },
  ])('it is refused within the lag when its owner $title', async ({ change, answer, org }) => {
    const { auth, ask, addKey, user, clock } = await serveKeys();
    const { key } = await addKey({ org });
    expect((await ask('/any', key)).status).toBe(200);
    await auth.users.update(user.id, change);
    clock.advance(5);
    expect(await codeOf(await ask('/any', key))).toEqual(answer);
  });

  it('a key for one organisation opens no other, whatever the application says of its owner', async () => {
    const { ask, addKey } = await serveKeys({
      loadPrincipal: () => ({ orgs: [{ id: 'acme', roles: ['admin'] }, { id: 'globex' }] }),
    });
    const { key } = await addKey({ org: 'acme' });
    const principal = (await (await ask('/any', key)).json()) as { orgs: { id: string }[] };
    expect(principal.orgs.map(({ id }) => id)).toEqual(['acme']);
    expect((await ask('/orgs', key)).status).toBe(200);
    expect((await ask('/orgs', key, { 'x-org-id': 'globex' })).status).toBe(403);
    expect((await ask('/looked-up-orgs', key, { 'x-org-id': 'acme' })).status).toBe(200);
    expect((await ask('/looked-up-orgs', key, { 'x-org-id': 'globex' })).status).toBe(403);
  });

  it.each([
    'GET /keys',
    'POST /keys',
    'DELETE /keys/x',
    'GET /sessions',
    'GET /identities',
    'GET /account',
    'POST /change-password',
    'GET /users',
    'POST /logout',
  ])('it is no way to %s', async (route) => {
    const { auth, origin, addKey, user } = await serveKeys();
    await auth.users.update(user.id, { roles: ['users:admin'] });
    const { key } = await addKey({ scopes: ['users:admin'] });
    const [method = '', path = ''] = route.split(' ');
    const response = await fetch(`${origin}/api/auth${path}`, {
      method,
      headers: { 'x-api-key': key, 'content-type': 'application/json' },
      ...(method === 'POST' && { body: '{}' }),
    });
    expect([400, 401]).toContain(response.status);
    expect(await auth.apiKeys.list({ owner: user.id })).toHaveLength(1);
  });

  it('its own facts are those of its owner today', async () => {
    const { ask, addKey, user } = await serveKeys();
    const { key, id } = await addKey({
      scopes: ['reports:read', 'reports:read'],
      org: 'acme',
      expiresInSeconds: DAY,
    });
    expect(await (await ask('/any', key)).json()).toEqual({
      method: 'api_key',
      subject: user.id,
      user: {
        id: user.id,
        email: 'alice@example.com',
        emailVerified: true,
        username: 'alice',
        roles: ['reports:read', 'reports:write', 'analyst'],
        groups: ['staff'],
        attributes: { region: 'emea' },
      },
      scopes: ['reports:read'],
      claims: { sub: user.id, key_id: id, org: 'acme' },
      issuer: 'http://localhost:3000',
      issuedAt: 1_800_000_000,
      expiresAt: 1_800_000_000 + DAY,
      orgs: [{ id: 'acme', roles: ['admin'], isDefault: true }],
    });
  });
});

describe('I2 a key that the store was asked of', () => {
  it('costs no look within the lag, and one for any number of requests at once after it', async () => {
    const { ask, addKey, looks, clock } = await serveKeys();
    const { key } = await addKey();
    looks.length = 0;
    await Promise.all(Array.from({ length: 20 }, () => ask('/any', key)));
    expect(looks).toEqual(['credentials.findByHash', 'users.findById']);
    clock.advance(4.999);
    await ask('/any', key);
    expect(looks).toHaveLength(2);
    clock.advance(0.001);
    await Promise.all(Array.from({ length: 20 }, () => ask('/any', key)));
    expect(looks).toHaveLength(4);
  });

  it('is refused at once where it is revoked, also on a connection that has sent it', async () => {
    const { auth, addKey, looks } = await serveKeys();
    const { key, id } = await addKey();
    const request = { headers: { 'x-api-key': key }, socket: {} };
    const first = await auth.authenticate(request);
    looks.length = 0;
    expect(await auth.authenticate(request)).toBe(first);
    expect(looks).toEqual([]);
    expect(await auth.apiKeys.revoke(id)).toBe(true);
    expect(await auth.apiKeys.revoke(id)).toBe(false);
    await expect(auth.authenticate(request)).rejects.toMatchObject(INVALID);
  });

  it('is told from another one on the same connection', async () => {
    const { auth, addKey } = await serveKeys();
    const other = await auth.users.create({ username: 'bob' });
    const [one, two] = [await addKey(), await addKey({ owner: other.id })];
    const socket = {};
    const subjects = [];
    for (const { key } of [one, two, one, two])
      subjects.push((await auth.authenticate({ headers: { 'x-api-key': key }, socket })).subject);
    expect(subjects).toEqual([one.owner, two.owner, one.owner, two.owner]);
    const refused = { headers: { 'x-api-key': madeUp() }, socket };
    await expect(auth.authenticate(refused)).rejects.toMatchObject(INVALID);
  });

  it('ends at its expiry, not at the end of the lag', async () => {
    const { ask, addKey, clock } = await serveKeys();
    const { key } = await addKey({ expiresInSeconds: 60 });
    clock.advance(58);
    expect((await ask('/any', key)).status).toBe(200);
    clock.advance(2);
    expect((await ask('/any', key)).status).toBe(401);
  });

  it('is asked of for every request where a guard says so', async () => {
    const { ask, addKey, looks } = await serveKeys();
    const { key } = await addKey();
    await ask('/at-once', key);
    looks.length = 0;
    expect((await ask('/at-once', key)).status).toBe(200);
    expect(looks).toHaveLength(2);
  });

  it('opens no guard that takes tokens only', async () => {
    const { ask, addKey } = await serveKeys();
    expect(await codeOf(await ask('/jwt', (await addKey()).key))).toEqual(INVALID);
  });
});

describe('T4 no secret of a key is anywhere', () => {
  it('neither in events nor in what is listed nor in the principal', async () => {
    const { auth, ask, addKey, events, user } = await serveKeys();
    const { key, id } = await addKey();
    const principal = await (await ask('/any', key)).text();
    await ask('/any', `${key}x`);
    const listed = JSON.stringify(await auth.apiKeys.list({ owner: user.id }));
    await auth.apiKeys.revoke(id);
    await ask('/any', key);
    const all = [principal, listed, JSON.stringify(events)].join('\n');
    expect(events.map(({ name }) => name)).toContain('api_key.revoked');
    expect(all).toContain(id);
    expect(all).not.toContain(key.slice(24));
    expect(all).not.toContain('hash');
  });
});
