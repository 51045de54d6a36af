import crypto, { pbkdf2Sync, scryptSync } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { promisify } from 'node:util';
import session from 'express-session';
import Database from 'libsql';
import { createAuth } from 'latchkey';
import passport from 'passport';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { createApp as createAfter } from '../../../examples/moving-from/passport-sessions/after.js';
import { createApp as createBefore } from '../../../examples/moving-from/passport-sessions/before.js';
import {
  formerHash,
  passwords,
} from '../../../examples/moving-from/passport-sessions/former-hashes.js';
import { importUsers } from '../../../examples/moving-from/passport-sessions/import-users.js';
import { createApp as createBoth } from '../../../examples/moving-from/passport-sessions/side-by-side.js';
import {
  openUserTable,
  type UserTable,
} from '../../../examples/moving-from/passport-sessions/users.js';
import { BASE } from '../../world/auth-server.js';
import { createHttpBrowser, type HttpBrowser } from '../../world/http-browser.js';
import { reservePort } from '../../world/login-app.js';
import { declaredNames, tabledNames } from '../../world/option-tables.js';

const PASSWORD = 'four quiet lamps above a harbour';
const EVIL = 'https://evil.example';

// Hashes of this strength take long on purpose. The same few are made again and again, so each is computed once.
beforeAll(() => {
  const compute = promisify(crypto.pbkdf2);
  const made = new Map<string, Promise<Buffer>>();
  const spy = vi.spyOn(crypto, 'pbkdf2').mockImplementation((...asked) => {
    const [password, salt, iterations, length, digest, done] = asked;
    const key = JSON.stringify([password, salt, iterations, length, digest]);
    const hash = made.get(key) ?? compute(password, salt, iterations, length, digest);
    made.set(key, hash);
    hash.then(
      (bytes) => done(null, Buffer.from(bytes)),
      (error: Error) => done(error, Buffer.alloc(0)),
    );
  });
  syncBuiltinESMExports();
  return () => {
    spy.mockRestore();
    syncBuiltinESMExports();
  };
});

// One user for all tests, whose hash is of that kind.
let users: UserTable;
beforeAll(async () => {
  users = openUserTable(new Database(':memory:'));
  await users.add('ada', PASSWORD);
});

type Kind = 'before' | 'after' | 'both';

interface Setting {
  readonly publicUrl?: string;
  readonly table?: UserTable;
}

async function start(kind: Kind, { publicUrl, table = users }: Setting = {}) {
  const port = await reservePort();
  const sessions = { secret: 'of this test alone', store: new session.MemoryStore() };
  const auth = createAuth({ ...BASE, publicUrl: publicUrl ?? port.origin, passwords });
  await importUsers(table, auth);
  const apps = {
    before: () => createBefore(table, sessions),
    after: () => createAfter(auth, () => Promise.resolve(42)),
    both: () => createBoth(auth, table, sessions),
  };
  const serve = (which: Kind) => port.serve(apps[which]());
  serve(kind);
  return { auth, table, origin: port.origin, browser: createHttpBrowser(), serve };
}

interface Place {
  readonly origin: string;
  readonly browser: HttpBrowser;
}

/** By the application's own form, on the way to a page. */
async function signIn({ origin, browser }: Place, password = PASSWORD) {
  const form = await browser.open(`${origin}/notes`);
  expect(new URL(form.url).pathname).toBe('/login');
  return browser.submit(form, { username: 'ada', password });
}

const COOKIE = { before: 'connect.sid', after: 'latchkey-session' } as const;

describe.each(['before', 'after'] as const)(
  'the application with passport sessions, %s',
  (kind) => {
    it('shows a page to who signs in by its own form on the way, keeps what they write, and signs out', async () => {
      const place = await start(kind);
      const { origin, browser } = place;
      expect((await browser.open(`${origin}/`)).body).toContain('Nobody is signed in.');
      const notes = await signIn(place);
      expect(notes.url).toBe(`${origin}/notes`);
      expect(notes.body).toContain('Notes of ada');
      expect((await browser.submit(notes, { text: 'milk' })).body).toContain('<li>milk</li>');
      expect(JSON.parse((await browser.fetch(`${origin}/api/me`)).body)).toEqual({
        username: 'ada',
      });

      const signedIn = browser.cookies('localhost').get(COOKIE[kind]) ?? '';
      const home = await browser.submit(await browser.open(`${origin}/`));
      expect(home.body).toContain('Nobody is signed in.');
      expect((await browser.fetch(`${origin}/api/me`)).status).toBe(401);
      // The session has ended, not only its cookie.
      browser.setCookie('localhost', COOKIE[kind], signedIn);
      expect((await browser.fetch(`${origin}/api/me`)).status).toBe(401);
    });

    it('signs nobody in by a wrong password, and asks again', async () => {
      const place = await start(kind);
      const page = await signIn(place, 'not the password');
      expect(page.body).toContain('type="password"');
      expect((await place.browser.fetch(`${place.origin}/api/me`)).status).toBe(401);
      expect((await place.browser.open(`${place.origin}/notes`)).body).not.toContain(
        'Notes of ada',
      );
    });

    it('gives the session another id at the log-in, so that one that was planted is worth nothing', async () => {
      const place = await start(kind);
      await signIn(place);
      const planted = place.browser.cookies('localhost').get(COOKIE[kind]) ?? '';
      const victim = createHttpBrowser();
      victim.setCookie('localhost', COOKIE[kind], planted);
      const form = await victim.open(`${place.origin}/login`);
      await victim.submit(form, { username: 'ada', password: PASSWORD });
      expect(victim.cookies('localhost').get(COOKIE[kind])).not.toBe(planted);
      expect((await place.browser.fetch(`${place.origin}/api/me`)).status).toBe(401);
    });

    it('takes no form of another site for its user’s', async () => {
      const place = await start(kind);
      await signIn(place);
      await place.browser.open(`${place.origin}/notes`, { form: { text: 'bread' }, from: EVIL });
      expect((await place.browser.open(`${place.origin}/notes`)).body).not.toContain('bread');
    });
  },
);

describe('a log-in that another site’s form sends', () => {
  it.each([
    { kind: 'before', status: 200, signedIn: true },
    { kind: 'after', status: 403, signedIn: false },
  ] as const)('is answered with $status $kind', async ({ kind, status, signedIn }) => {
    const { origin, browser } = await start(kind);
    const form = { username: 'ada', password: PASSWORD };
    const page = await browser.open(`${origin}/login/password`, { form, from: EVIL });
    expect(page.status).toBe(status);
    expect((await browser.open(`${origin}/`)).body.includes('Hello ada')).toBe(signedIn);
  });
});

/** By the form of before, as somebody new. */
async function signUp({ origin, browser }: Place, username = 'bob') {
  const form = await browser.open(`${origin}/signup`);
  return browser.submit(form, { username, password: PASSWORD });
}

const openTable = (): UserTable => openUserTable(new Database(':memory:'));

describe('signing up', () => {
  it.each(['before', 'after', 'both'] as const)(
    'makes an account and signs its user in, %s',
    async (kind) => {
      const place = await start(kind, { table: openTable() });
      expect((await signUp(place)).body).toContain('Hello bob');
      const { body } = await place.browser.fetch(`${place.origin}/api/me`);
      expect(JSON.parse(body)).toEqual({ username: 'bob' });
      expect((await signUp({ ...place, browser: createHttpBrowser() })).status).toBe(409);
    },
  );

  it('side by side, is good for signing in later', async () => {
    const place = await start('both', { table: openTable() });
    await signUp(place);
    const later = { ...place, browser: createHttpBrowser() };
    const form = await later.browser.open(`${later.origin}/login`);
    await later.browser.submit(form, { username: 'bob', password: PASSWORD });
    expect((await later.browser.open(`${later.origin}/notes`)).body).toContain('Notes of bob');
  });

  it('wants a better password than before', async () => {
    const { origin, browser, auth } = await start('after', { table: openTable() });
    const form = await browser.open(`${origin}/signup`);
    const page = await browser.submit(form, { username: 'bob', password: 'hunter2' });
    expect(page.status).toBe(400);
    expect(await auth.users.findById('42')).toBeUndefined();
  });
});

describe('hashes of before', () => {
  // Made as these libraries make them.

  it.each([
    { kind: 'mongoose', hash: () => pbkdf2Sync(PASSWORD, 'a1b2', 25_000, 512, 'sha256') },
    { kind: 'scrypt', hash: () => scryptSync(PASSWORD, 'a1b2', 64) },
  ])('of the kind $kind sign their user in, who then has another', async ({ kind, hash }) => {
    const place = await start('after', { table: openTable() });
    const passwordHash = formerHash(kind, 'a1b2', hash());
    await place.auth.users.create({ id: '7', username: 'ada', passwordHash });
    expect((await signIn(place, `${PASSWORD}!`)).status).toBe(401);
    expect((await place.auth.users.findById('7'))?.passwordHash).toBe(passwordHash);
    expect((await signIn(place)).body).toContain('Notes of ada');
    expect((await place.auth.users.findById('7'))?.passwordHash).toMatch(/^\$argon2id\$/);
  });
});

describe('imported users', () => {
  it('sign in with an e-mail address where they are created with one', async () => {
    const place = await start('after', { table: openTable() });
    const { auth, browser, origin } = place;
    const passwordHash = formerHash('scrypt', 'a1b2', scryptSync(PASSWORD, 'a1b2', 64));
    await auth.users.create({ id: '7', email: 'ada@example.com', passwordHash });
    const form = await browser.open(`${origin}/login`);
    await browser.submit(form, { username: 'ada@example.com', password: PASSWORD });
    expect((await browser.fetch(`${origin}/api/me`)).status).toBe(200);
  });

  it('have their hashes replaced at the first log-in', async () => {
    const place = await start('after');
    const { auth } = place;
    expect((await auth.users.findById('1'))?.passwordHash).toMatch(/^passport\$/);
    await signIn(place);
    expect((await auth.users.findById('1'))?.passwordHash).toMatch(/^\$argon2id\$/);
    expect(await importUsers(users, auth)).toEqual([]);
    expect((await auth.users.findById('1'))?.passwordHash).toMatch(/^\$argon2id\$/);
  });

  it('are told apart without regard to case, and those left out are named', async () => {
    const table = openUserTable(new Database(':memory:'));
    for (const name of ['Bob', 'bob']) await table.add(name, PASSWORD);
    const auth = createAuth({ ...BASE, publicUrl: 'http://localhost:3000' });
    expect(await importUsers(table, auth)).toEqual(['bob']);
  });
});

describe('both, side by side', () => {
  it('let a user of Latchkey use routes that have moved and routes that have not', async () => {
    const place = await start('both');
    const { origin, browser } = place;
    const notes = await signIn(place);
    expect(notes.url).toBe(`${origin}/notes`);
    expect((await browser.submit(notes, { text: 'milk' })).body).toContain('<li>milk</li>');
    expect(JSON.parse((await browser.fetch(`${origin}/api/me`)).body)).toEqual({ username: 'ada' });
    await browser.submit(await browser.open(`${origin}/`));
    expect((await browser.fetch(`${origin}/api/me`)).status).toBe(401);
    expect((await browser.open(`${origin}/notes`)).url).toContain('/login');
  });

  it('take over a session of before with the next page, once, and its user notices nothing', async () => {
    const place = await start('before');
    const { origin, browser, serve, auth } = place;
    await signIn(place);
    const former = browser.cookies('localhost').get('connect.sid') ?? '';
    serve('both');
    const notes = await browser.open(`${origin}/notes?page=2`);
    expect(notes.url).toBe(`${origin}/notes?page=2`);
    expect(notes.body).toContain('Notes of ada');
    expect((await browser.fetch(`${origin}/api/me`)).status).toBe(200);
    expect(await auth.sessions.list('1')).toHaveLength(1);

    const copy = createHttpBrowser();
    copy.setCookie('localhost', 'connect.sid', former);
    expect((await copy.open(`${origin}/notes`)).url).toContain('/login');

    await browser.submit(await browser.open(`${origin}/`));
    expect((await browser.open(`${origin}/notes`)).url).toContain('/login');
    serve('after');
    expect((await browser.open(`${origin}/notes`)).url).toContain('/login');
  });

  it('end a session of before by the button of a page that was open', async () => {
    const place = await start('before');
    const { origin, browser, serve } = place;
    await signIn(place);
    const home = await browser.open(`${origin}/`);
    serve('both');
    expect((await browser.submit(home)).body).toContain('Nobody is signed in.');
    expect((await browser.open(`${origin}/notes`)).url).toContain('/login');
  });

  it('lead back to before, where who has signed in since signs in once more', async () => {
    const place = await start('both');
    const { origin, browser, serve } = place;
    await signIn(place);
    serve('before');
    expect((await browser.open(`${origin}/notes`)).url).toContain('/login');
    expect((await signIn(place)).body).toContain('Notes of ada');
  });

  it('give it the cookie that Latchkey reads over https, too', async () => {
    const place = await start('before', { publicUrl: 'https://localhost' });
    await signIn(place);
    place.serve('both');
    await place.browser.open(`${place.origin}/notes`);
    expect([...place.browser.cookies('localhost').keys()]).toContain('__Host-latchkey-session');
    expect((await place.browser.fetch(`${place.origin}/api/me`)).status).toBe(200);
  });

  it('take over a session of before that two tabs open at once', async () => {
    const place = await start('before');
    const { origin, browser, serve } = place;
    await signIn(place);
    serve('both');
    await Promise.all([browser.open(`${origin}/notes`), browser.open(`${origin}/`)]);
    expect((await browser.open(`${origin}/notes`)).body).toContain('Notes of ada');
    expect((await browser.fetch(`${origin}/api/me`)).status).toBe(200);
  });

  it('lead nobody away by a path that could be another host', async () => {
    const place = await start('before');
    const { origin, browser, serve } = place;
    await signIn(place);
    serve('both');
    const until = (url: URL): boolean => url.origin !== origin;
    const page = await browser.open(`${origin}//evil.example/`, { until });
    expect(page.url).toBe(`${origin}/evil.example/`);
  });

  it('leave a disabled user’s old session to the old routes', async () => {
    const place = await start('before');
    await signIn(place);
    await place.auth.users.update('1', { disabled: true });
    place.serve('both');
    expect((await place.browser.fetch(`${place.origin}/api/me`)).status).toBe(401);
    expect((await place.browser.open(`${place.origin}/notes`)).body).toContain('Notes of ada');
    expect(await place.auth.sessions.list('1')).toEqual([]);
  });
});

describe('the cookies that a log-in sets', () => {
  it.each([
    { kind: 'before', lines: [/^connect\.sid=[^;]+; Path=\/; HttpOnly$/] },
    {
      kind: 'after',
      lines: [
        /^latchkey-session=[^;]+; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Lax$/,
        /^latchkey-device=[^;]+; Max-Age=31536000; Path=\/; HttpOnly; SameSite=Lax$/,
      ],
    },
  ] as const)('are those of the README, $kind', async ({ kind, lines }) => {
    const { origin } = await start(kind);
    const answer = await fetch(`${origin}/login/password`, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({ username: 'ada', password: PASSWORD }),
      headers: { origin, 'sec-fetch-site': 'same-origin' },
    });
    const set = answer.headers.getSetCookie();
    expect(set).toHaveLength(lines.length);
    for (const line of lines) expect(set).toContainEqual(expect.stringMatching(line));
  });
});

describe('the README says what becomes of every option', () => {
  const folder = 'passport-sessions';
  const file = '@types/express-session/index.d.ts';

  it('of session()', () => {
    const declared = declaredNames(file, 'SessionOptions', 'CookieOptions');
    expect(tabledNames(folder, 'session()')).toEqual(declared);
  });

  it('of passport', () => {
    const types = ['AuthenticateOptions', 'InitializeOptions', 'SessionOptions'];
    const further = ['SessionStrategyOptions', 'LogInOptions', 'LogOutOptions'];
    const declared = declaredNames('@types/passport/index.d.ts', ...types, ...further);
    expect(tabledNames(folder, 'passport')).toEqual(declared);
  });

  it('of passport-local', () => {
    const types = '@types/passport-local/index.d.ts';
    const declared = declaredNames(types, 'IStrategyOptionsWithRequest');
    expect(tabledNames(folder, 'passport-local')).toEqual(declared);
  });

  it('and of what both add to a request', () => {
    const declared = declaredNames('@types/passport/index.d.ts', 'Request');
    const names = new Set([...declared, ...declaredNames(file, 'Request')]);
    expect(tabledNames(folder, 'req')).toEqual(names);
    expect(tabledNames(folder, 'req.session')).toEqual(declaredNames(file, 'Session'));
  });

  it('and of every function', () => {
    const { prototype } = passport.Passport;
    const methods = Object.getOwnPropertyNames(prototype).filter(
      (name) => !['constructor', 'init'].includes(name),
    );
    const names = [...methods, ...Object.keys(passport)].filter((name) => !name.startsWith('_'));
    expect(tabledNames(folder, 'Functions')).toEqual(new Set(names));
  });
});
