import express from 'express';
import { createAuth, memoryStore } from 'latchkey';
import { describe, expect, it } from 'vitest';
import {
  addUser,
  type AuthServer,
  bearer,
  createClient,
  PASSWORD,
  SECRET,
  serveAuth,
  type Tokens,
} from '../world/auth-server.js';
import { createClock } from '../world/clock.js';
import { serve } from '../world/serve.js';

const login = (
  { post }: Pick<AuthServer, 'post'>,
  body: object,
  headers?: Record<string, string>,
) => post('/api/auth/login', body, headers);

async function bytesOf(response: Response): Promise<string> {
  const headers = [...response.headers].filter(([name]) => !['date', 'ratelimit'].includes(name));
  const partitionless = headers.map(([name, value]) => [name, value.replace(/pk=:[^:]*:/g, 'pk=')]);
  return JSON.stringify([response.status, partitionless, await response.text()]);
}

const hashes = ({ auth }: AuthServer): number => auth.passwords.counters().finished;

describe('L1 and L2 who cannot sign in', () => {
  it('unknown, wrong password, no password, disabled, right password or not: the same bytes and one hash each', async () => {
    const server = await serveAuth();
    await addUser(server, { username: 'alice' });
    await addUser(server, { username: 'sso', passwordHash: undefined });
    await addUser(server, { username: 'off', disabled: true });
    const attempts = [
      { username: 'nobody', password: PASSWORD },
      { username: 'alice', password: 'wrong' },
      { username: 'sso', password: PASSWORD },
      { username: 'off', password: PASSWORD },
      { email: 'nobody@example.com', password: 'wrong' },
    ];
    const answers = new Set<string>();
    for (const attempt of attempts) {
      const before = hashes(server);
      const answer = await login(server, attempt);
      expect(answer.status).toBe(401);
      expect(hashes(server) - before).toBe(1);
      answers.add(await bytesOf(answer));
    }
    expect(answers.size).toBe(1);
    const reasons = server.events.filter(({ name }) => name === 'login.failed');
    expect(reasons.map(({ event }) => (event as { reason: string }).reason)).toEqual([
      'unknown_user',
      'wrong_password',
      'no_password',
      'disabled',
      'unknown_user',
    ]);
  });
});

/** Behind a proxy that says who asks. */
async function serveBehindProxy(options: Parameters<typeof createAuth>[0], trustProxy: unknown) {
  const auth = createAuth({
    env: {},
    publicUrl: 'https://app.example.com',
    jwt: { secret: SECRET },
    rateLimit: { max: 100_000, windowSeconds: 60 },
    loginLimit: { max: 100_000, windowSeconds: 60 },
    onWarning: () => undefined,
    ...options,
  });
  const app = express();
  app.set('trust proxy', trustProxy);
  app.use('/api/auth', auth.router());
  app.use(auth.errorHandler());
  const { origin } = await serve(app);
  return createClient({ auth, origin });
}

const from = (ip: string): Record<string, string> => ({ 'x-forwarded-for': ip });

describe('L3 attempts on one account from many addresses', () => {
  it.each(['alice', 'nobody'])(
    'the 11th for %s is 429 with Retry-After, even with the right password',
    async (username) => {
      const server = await serveBehindProxy({ loginLimit: { max: 10, windowSeconds: 900 } }, 1);
      await addUser(server);
      for (let attempt = 0; attempt < 10; attempt += 1) {
        const answer = await login(
          server,
          { username, password: 'wrong' },
          from(`203.0.113.${attempt}`),
        );
        expect(answer.status).toBe(401);
      }
      const answer = await login(server, { username, password: PASSWORD }, from('203.0.113.99'));
      expect(answer.status).toBe(429);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(800);
      expect(answer.headers.get('ratelimit')).toContain('"account"');
      expect(((await answer.json()) as { code: string }).code).toBe('RATE_LIMITED');
      // Another spelling is the same account, and another account is another one.
      expect(
        (await login(server, { username: ` ${username.toUpperCase()}`, password: 'x' })).status,
      ).toBe(429);
      expect((await login(server, { username: 'somebody', password: 'x' })).status).toBe(401);
    },
  );

  it('the owner’s own browser is not locked out by strangers', async () => {
    const server = await serveBehindProxy({ loginLimit: { max: 3, windowSeconds: 900 } }, 1);
    await addUser(server);
    const browser = { 'sec-fetch-site': 'same-origin' };
    const first = await login(server, { username: 'alice', password: PASSWORD }, browser);
    const cookie = first.headers.getSetCookie().find((line) => line.includes('latchkey-device'));
    expect(cookie).toMatch(/^__Host-latchkey-device=.+; Path=\/; HttpOnly; SameSite=Lax; Secure$/);
    for (let attempt = 0; attempt < 4; attempt += 1)
      await login(server, { username: 'alice', password: 'x' });
    expect((await login(server, { username: 'alice', password: PASSWORD })).status).toBe(429);
    const known = { ...browser, cookie: cookie?.split(';')[0] ?? '' };
    expect((await login(server, { username: 'alice', password: PASSWORD }, known)).status).toBe(
      200,
    );
    // A device of one account is a stranger to all others.
    for (let attempt = 0; attempt < 3; attempt += 1)
      await login(server, { username: 'bob', password: 'x' });
    expect((await login(server, { username: 'bob', password: 'x' }, known)).status).toBe(429);
  });

  it('successes do not count', async () => {
    const server = await serveAuth({ loginLimit: { max: 2, windowSeconds: 900 } });
    await addUser(server);
    for (let attempt = 0; attempt < 6; attempt += 1) {
      await server.signIn('alice');
      // Given back behind the reply.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
});

describe('L4 and L5 attempts from one address', () => {
  const limited = { rateLimit: { max: 3, windowSeconds: 60 } };

  it.each([
    { title: 'one address', addresses: ['203.0.113.7'] },
    {
      title: 'one IPv6 /64',
      addresses: ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', '2001:DB8:1:2:A::B'],
    },
    {
      title: 'IPv4 in either spelling',
      addresses: ['203.0.113.7', '::ffff:203.0.113.7', '::FFFF:203.0.113.7'],
    },
  ])('$title is one bucket over all accounts', async ({ addresses }) => {
    const server = await serveBehindProxy(limited, 1);
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 4; attempt += 1) {
      const address = addresses[attempt % addresses.length] ?? '';
      const answer = await login(
        server,
        { username: `user${attempt}`, password: 'x' },
        from(address),
      );
      statuses.push(answer.status);
    }
    expect(statuses).toEqual([401, 401, 401, 429]);
    expect(
      (await login(server, { username: 'x', password: 'x' }, from('2001:db8:1:3::1'))).status,
    ).toBe(401);
  });

  it.each([
    { title: 'with changing ports', addresses: ['203.0.113.7:51000', '203.0.113.7:51001'] },
    {
      title: 'with and without port and brackets',
      addresses: ['2001:db8::7', '[2001:db8::7]', '[2001:DB8::7]:443', '"[2001:db8:0::7]:_x"'],
    },
    { title: 'with a zone', addresses: ['fe80::1%eth0', 'fe80::1%eth1', 'fe80::1'] },
    { title: 'with IPv4 in IPv6', addresses: ['203.0.113.7', '[::ffff:203.0.113.7]:80'] },
    { title: 'in hexadecimal', addresses: ['203.0.113.7', '::ffff:cb00:7107'] },
    { title: 'that is none', addresses: ['unknown', '_hidden', '203.0.113.777', 'a b', '[::1'] },
  ])('W4 an address $title is one bucket', async ({ addresses }) => {
    const server = await serveBehindProxy(limited, 1);
    const ips: unknown[] = [];
    server.auth.on('login.failed', ({ ip }) => ips.push(ip));
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 4; attempt += 1) {
      const address = addresses[attempt % addresses.length] ?? '';
      const body = { username: 'x', password: 'x' };
      statuses.push((await login(server, body, from(address))).status);
    }
    expect(statuses).toEqual([401, 401, 401, 429]);
    expect(new Set(ips).size).toBe(1);
    expect((await login(server, { username: 'x', password: 'x' }, from('192.0.2.1'))).status).toBe(
      401,
    );
  });

  it('X-Forwarded-For counts for nothing without trust proxy', async () => {
    const server = await serveBehindProxy(limited, false);
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 4; attempt += 1) {
      const answer = await login(
        server,
        { username: 'x', password: 'x' },
        from(`203.0.113.${attempt}`),
      );
      statuses.push(answer.status);
    }
    expect(statuses).toEqual([401, 401, 401, 429]);
  });

  it('behind one trusted proxy the right-most address counts, and not what a client wrote before it', async () => {
    const server = await serveBehindProxy(limited, 1);
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 4; attempt += 1) {
      const chain = `198.51.100.${attempt}, 203.0.113.7`;
      statuses.push((await login(server, { username: 'x', password: 'x' }, from(chain))).status);
    }
    expect(statuses).toEqual([401, 401, 401, 429]);
  });

  it('reading has ten times as much', async () => {
    const server = await serveBehindProxy(limited, 1);
    const statuses = await Promise.all(
      Array.from(
        { length: 31 },
        async () => (await server.get('/api/auth/session', from('203.0.113.7'))).status,
      ),
    );
    expect(statuses.filter((status) => status === 200)).toHaveLength(30);
    expect(statuses.filter((status) => status === 429)).toHaveLength(1);
  });

  it('instances on one store share their counters', async () => {
    const store = memoryStore();
    const one = await serveBehindProxy({ ...limited, store }, 1);
    const two = await serveBehindProxy({ ...limited, store }, 1);
    const statuses: number[] = [];
    for (const server of [one, two, one, two])
      statuses.push(
        (await login(server, { username: 'x', password: 'x' }, from('203.0.113.7'))).status,
      );
    expect(statuses).toEqual([401, 401, 401, 429]);
  });
});

it('L6 20 wrong log-ins at once at a limit of 5 cost 5 hashes', async () => {
  const server = await serveAuth({ loginLimit: { max: 5, windowSeconds: 900 } });
  await addUser(server);
  const before = hashes(server);
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => login(server, { username: 'alice', password: 'wrong' })),
  );
  expect(answers.filter(({ status }) => status === 401)).toHaveLength(5);
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(15);
  expect(hashes(server) - before).toBe(5);
});

describe('L7 odd identifiers', () => {
  it.each([
    { username: ['a', 'b'] },
    { username: { $ne: null } },
    { username: 42 },
    { username: null },
    { username: '' },
    { username: 'a'.repeat(300) },
    { email: 'a@b.com,c@d.com' },
    { email: 'a@b@c.com' },
    { email: 'a\u0000@b.com' },
    { email: 'v@x\ncc:a@y' },
    { email: 'ａ@b.com' },
    { username: 'a', email: 'a@b.com' },
    {},
  ])('%j is 400 without a hash', async (identifier) => {
    const server = await serveAuth();
    const answer = await login(server, { ...identifier, password: PASSWORD });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      code: 'INVALID_REQUEST',
      errors: [{ pointer: expect.any(String) as string }],
    });
    expect(hashes(server)).toBe(0);
  });

  it.each(['A@B.com ', ' a@b.COM'])('%j is a@b.com', async (email) => {
    const server = await serveAuth();
    await addUser(server, { username: undefined, email: 'a@b.com' });
    expect((await login(server, { email, password: PASSWORD })).status).toBe(200);
    expect((await login(server, { username: email, password: PASSWORD })).status).toBe(200);
  });
});

describe('L8 odd passwords', () => {
  it.each([
    { title: 'a megabyte', password: 'x'.repeat(1024 * 1024), status: 413 },
    { title: '257 characters', password: 'x'.repeat(257), status: 400 },
    { title: 'none', password: '', status: 400 },
    { title: 'a number', password: 1234, status: 400 },
  ])('$title: $status without a hash', async ({ password, status }) => {
    const server = await serveAuth();
    expect((await login(server, { username: 'alice', password })).status).toBe(status);
    expect(hashes(server)).toBe(0);
  });

  it('what stands behind a NUL character counts', async () => {
    const server = await serveAuth();
    const passwordHash = await server.auth.passwords.hash(`${PASSWORD}\0more`);
    await addUser(server, { passwordHash });
    expect((await login(server, { username: 'alice', password: PASSWORD })).status).toBe(401);
    expect((await login(server, { username: 'alice', password: `${PASSWORD}\0more` })).status).toBe(
      200,
    );
  });
});

describe('L9 a session that was there before', () => {
  it('gets a new id, and the old one is revoked', async () => {
    const server = await serveAuth();
    await addUser(server, { username: 'mallory' });
    await addUser(server, { username: 'alice' });
    const credentials = { username: 'mallory', password: PASSWORD, delivery: 'cookie' };
    const [planted = ''] = (await login(server, credentials)).headers.getSetCookie();
    const [cookieOfMallory = ''] = planted.split(';');
    const headers = { cookie: cookieOfMallory, 'sec-fetch-site': 'same-origin' };
    const answer = await login(
      server,
      { username: 'alice', password: PASSWORD, delivery: 'cookie' },
      headers,
    );
    expect(answer.status).toBe(200);
    const cookie = answer.headers
      .getSetCookie()
      .find((line) => line.startsWith('latchkey-session='));
    expect(cookie).not.toContain(cookieOfMallory.split('.')[2]);
    expect((await server.post('/api/auth/refresh', {}, headers)).status).toBe(401);
  });
});

it.each([
  { 'sec-fetch-site': 'cross-site', 'content-type': 'text/plain' },
  { 'sec-fetch-site': 'cross-site' },
  { origin: 'https://evil.example' },
])('L10 a cross-site form is 403, with or without cookies: %j', async (headers) => {
  const server = await serveAuth();
  await addUser(server);
  const answer = await login(server, { username: 'alice', password: PASSWORD }, headers);
  expect(answer.status).toBe(403);
  expect(answer.headers.getSetCookie()).toEqual([]);
});

describe('L11 a password that must be changed', () => {
  it('opens change-password, log-out and session, and nothing else', async () => {
    const server = await serveAuth();
    await addUser(server, { mustResetPassword: true, roles: ['admin'] });
    const tokens = await server.signIn('alice');
    expect(tokens.must_reset_password).toBe(true);
    for (const path of [
      '/api/me',
      '/api/strict',
      '/api/auth/me',
      '/api/auth/sessions',
      '/api/auth/users',
    ]) {
      const answer = await server.get(path, bearer(tokens));
      expect([path, answer.status]).toEqual([path, 403]);
      expect(((await answer.json()) as { code: string }).code).toBe('PASSWORD_CHANGE_REQUIRED');
    }
    const session = await server.get('/api/auth/session', bearer(tokens));
    expect(await session.json()).toMatchObject({ authenticated: true, must_reset_password: true });
    const refreshed = await server.post('/api/auth/refresh', {
      refresh_token: tokens.refresh_token,
    });
    expect(((await refreshed.json()) as Tokens).must_reset_password).toBe(true);
    const changed = await server.post(
      '/api/auth/change-password',
      { old_password: PASSWORD, new_password: 'a sentence that is quite new' },
      bearer(tokens),
    );
    expect(changed.status).toBe(200);
    const next = (await changed.json()) as Tokens;
    expect(next.must_reset_password).toBe(false);
    expect((await server.get('/api/me', bearer(next))).status).toBe(200);
    expect((await server.get('/api/me', bearer(tokens))).status).toBe(401);
    expect((await server.post('/api/auth/logout', {}, bearer(next))).status).toBe(204);
  });
});

describe('L12 a broken hash in the database', () => {
  it.each([
    '',
    'x',
    '$2b$12$abcdefghijklmnopqrstuuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123',
    '$argon2id$v=19$m=99999999,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$KQ0p1JqY0nJ4m8Yb0d1yZ9n4Rr1Xw3c8o2bq8l0tX5s',
    '$argon2id$v=19$m=19456,t=999,p=1$c29tZXNhbHRzb21lc2FsdA$KQ0p1JqY0nJ4m8Yb0d1yZ9n4Rr1Xw3c8o2bq8l0tX5s',
    '$argon2id$v=19$m=19456,t=2,p=1$$',
    '$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$not/base64/at=all',
  ])('%j is 401 with an event', async (passwordHash) => {
    const server = await serveAuth();
    const { id } = await addUser(server, { passwordHash });
    const answer = await login(server, { username: 'alice', password: PASSWORD });
    expect(answer.status).toBe(401);
    expect(hashes(server)).toBeGreaterThanOrEqual(1);
    expect(server.events).toContainEqual({ name: 'password.hash_broken', event: { userId: id } });
  });

  it('a hash with older parameters signs in, and is brought up to today’s', async () => {
    const server = await serveAuth();
    const { hash } = await import('@node-rs/argon2');
    const passwordHash = await hash(PASSWORD, { memoryCost: 8192, timeCost: 1, parallelism: 1 });
    const { id } = await addUser(server, { passwordHash });
    await Promise.all([server.signIn('alice'), server.signIn('alice'), server.signIn('alice')]);
    const user = await server.auth.users.findById(id);
    expect(user?.passwordHash).toContain('$argon2id$v=19$m=19456,t=2,p=1$');
    await server.signIn('alice');
  });
});

it('a busy server says so: 503 with Retry-After past the waiting line', async () => {
  const server = await serveAuth({ passwords: { maxConcurrentHashes: 1, maxQueuedHashes: 2 } });
  const answers = await Promise.all(
    Array.from({ length: 40 }, () => login(server, { username: 'alice', password: 'x' })),
  );
  // Whoever comes when a place has become free already is served: three or more, however slow the machine is.
  const busy = answers.filter(({ status }) => status === 503);
  const served = answers.filter(({ status }) => status === 401);
  expect(served.length).toBeGreaterThanOrEqual(3);
  expect(busy.length).toBeGreaterThan(0);
  expect(served.length + busy.length).toBe(40);
  expect(busy[0]?.headers.get('retry-after')).toBe('2');
});

it('a user who is disabled while they sign in gets no session, also when none is revoked', async () => {
  const store = memoryStore();
  const server = await serveAuth({
    store: {
      ...store,
      sessions: {
        ...store.sessions,
        // The password has been found right by now.
        async create(session) {
          const user = await store.users.findById(session.userId);
          const { version = 0 } = user ?? {};
          await store.users.update(session.userId, { version, now: 1, set: { disabled: true } });
          await store.sessions.create(session);
        },
      },
    },
  });
  const { id } = await addUser(server);
  const answer = await login(server, { username: 'alice', password: PASSWORD });
  expect(answer.status).toBe(401);
  expect(await answer.json()).toMatchObject({ code: 'INVALID_CREDENTIALS' });
  expect(await server.auth.sessions.list(id)).toEqual([]);
});

it('a password changed while its owner signs in leaves no session behind', async () => {
  const clock = createClock();
  const store = memoryStore();
  const server = await serveAuth({
    now: clock.now,
    store: {
      ...store,
      sessions: {
        ...store.sessions,
        // Just before the session is there, somebody changes the password and ends all sessions.
        async create(session) {
          const user = await store.users.findById(session.userId);
          const passwordHash = await server.auth.passwords.hash('another one altogether, really');
          await store.users.update(session.userId, {
            version: user?.version ?? 0,
            now: 1,
            set: { passwordHash },
          });
          await store.sessions.revoke({ userId: session.userId }, { now: 1, reason: 'test' });
          await store.sessions.create(session);
        },
      },
    },
  });
  const { id } = await addUser(server);
  expect((await login(server, { username: 'alice', password: PASSWORD })).status).toBe(401);
  expect(await server.auth.sessions.list(id)).toEqual([]);
});
