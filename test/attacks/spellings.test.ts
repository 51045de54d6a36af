import { memoryStore } from 'latchkey';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '../../lib/stores/store.js';
import { addUser, type AuthServer, bearer, PASSWORD, serveAuth } from '../world/auth-server.js';
import { everyStore } from '../world/every-store.js';

const login = ({ post }: AuthServer, body: object) => post('/api/auth/login', body);

const places = await everyStore(2);

describe.each(places)('one address on $name', ({ isMissing, open, create, drop }) => {
  describe.skipIf(isMissing)('whose domain has two spellings', () => {
    const store = { current: memoryStore() };
    beforeAll(async () => {
      await create();
      store.current = open();
    });
    afterAll(async () => {
      await store.current.close();
      await drop();
    });

    const UNICODE = 'bücher.example';
    const ASCII = 'xn--bcher-kva.example';

    /** As an earlier release has stored it. */
    async function addStored(server: AuthServer, users: Store['users'], email: string) {
      const { id, ...user } = await addUser(server, {
        username: email.split('@')[0] ?? '',
        email: undefined,
      });
      await server.auth.users.delete(id);
      const stored = { ...user, id, username: undefined, email, emailVerified: true };
      expect(await users.create(stored)).toBe('created');
      return stored;
    }

    const statusesOf = (server: AuthServer, name: string, password = PASSWORD) =>
      Promise.all(
        [UNICODE, ASCII, UNICODE.toUpperCase()].map(
          async (domain) => (await login(server, { email: `${name}@${domain}`, password })).status,
        ),
      );

    it('a new account is one, under either spelling', async () => {
      const server = await serveAuth({ store: store.current });
      const user = await addUser(server, { username: 'one', email: `one@${ASCII}` });
      expect(user.email).toBe(`one@${UNICODE}`);
      expect(await statusesOf(server, 'one')).toEqual([200, 200, 200]);
      const second = addUser(server, { username: 'two', email: `one@${UNICODE}` });
      await expect(second).rejects.toMatchObject({ code: 'CONFLICT' });
    });

    it.each([UNICODE, ASCII])(
      'an account that was stored as %s goes on, and stays the only one',
      async (domain) => {
        const server = await serveAuth({ store: store.current });
        const name = domain === ASCII ? 'ascii' : 'unicode';
        const { id } = await addStored(server, store.current.users, `${name}@${domain}`);
        expect(await statusesOf(server, name)).toEqual([200, 200, 200]);
        for (const other of [UNICODE, ASCII]) {
          const second = addUser(server, { username: 'second', email: `${name}@${other}` });
          await expect(second).rejects.toMatchObject({ code: 'CONFLICT' });
        }
        await server.auth.users.update(id, { roles: ['editor'] });
        const same = await server.auth.users.update(id, { email: `${name}@${ASCII}` });
        expect(same).toMatchObject({ email: `${name}@${UNICODE}`, emailVerified: true });
        expect(await statusesOf(server, name)).toEqual([200, 200, 200]);
      },
    );

    it('two accounts that were stored before both go on, each under its own spelling', async () => {
      const server = await serveAuth({ store: store.current });
      for (const domain of [UNICODE, ASCII]) {
        const { id } = await addStored(server, store.current.users, `both@${domain}`);
        const answer = await login(server, { email: `both@${domain}`, password: PASSWORD });
        const tokens = (await answer.json()) as { access_token: string };
        const me = (await (await server.get('/api/me', bearer(tokens))).json()) as object;
        expect(me).toMatchObject({ subject: id });
      }
    });
  });
});

it('a mailbox that only looks like another one gets neither its mail nor its account', async () => {
  const server = await serveAuth({ passwordSignUp: true });
  await addUser(server, { username: 'boss', email: 'boss@example.com' });
  for (const [path, body] of [
    ['/login', { email: 'ｂoss@example.com', password: PASSWORD }],
    ['/login', { username: 'ｂoss', password: PASSWORD }],
    ['/forgot-password', { email: 'ｂoss@example.com' }],
    ['/sign-up', { email: 'ｂoss@example.com', password: PASSWORD }],
    ['/sign-up', { email: 'new@example.com', username: 'ｂoss', password: PASSWORD }],
  ] as const)
    expect((await server.post(`/api/auth${path}`, body)).status).toBe(400);
  await server.auth.close();
  expect(server.mails).toEqual([]);
});

describe('a password that can be set', () => {
  const form = {
    'content-type': 'application/x-www-form-urlencoded',
    'sec-fetch-site': 'same-origin',
  };

  async function world() {
    const server = await serveAuth();
    const { id } = await addUser(server);
    const set = async (password: string): Promise<boolean> => {
      const { passwords, users } = server.auth;
      const isAllowed = await passwords.checkPolicy(password, { user: {} }).then(
        () => true,
        () => false,
      );
      if (isAllowed) await users.update(id, { passwordHash: await passwords.hash(password) });
      return isAllowed;
    };
    const signIn = async (password: string) =>
      (await login(server, { username: 'alice', password })).status;
    const signInByForm = async (password: string) => {
      const body = new URLSearchParams({ username: 'alice', password });
      const answer = await fetch(`${server.origin}/api/auth/signin`, {
        method: 'POST',
        redirect: 'manual',
        headers: form,
        body: body.toString(),
      });
      return answer.status;
    };
    return { set, signIn, signInByForm };
  }

  const letters = Array.from({ length: 256 }, (_, at) => String.fromCodePoint(0xc0 + (at % 60)));
  const emoji = Array.from({ length: 256 }, (_, at) => String.fromCodePoint(0x1f400 + (at % 64)));

  it.each([
    { title: 'blanks at both ends', password: '  between two blanks  ' },
    { title: 'signs of a form', password: 'a=b&c+d%20e; "quoted" <f>' },
    { title: 'a blank that is none', password: 'no\u00A0break between these' },
    { title: '256 letters with accents', password: letters.join('') },
    { title: '256 emoji, 512 code units', password: emoji.join('') },
    { title: 'compatibility characters', password: 'ｆｕｌｌ ｗｉｄｔｈ ｌｅｔｔｅｒｓ' },
  ])('works with $title, in JSON and in the form, however it is typed', async ({ password }) => {
    const { set, signIn, signInByForm } = await world();
    expect(await set(password)).toBe(true);
    for (const typed of [password, password.normalize('NFD'), password.normalize('NFKC')]) {
      expect(await signIn(typed)).toBe(200);
      expect(await signInByForm(typed)).toBe(303);
    }
    expect(await signIn(['!', ...Array.from(password).slice(1)].join(''))).toBe(401);
  });

  it('works when it was set with its accents apart', async () => {
    const { set, signIn } = await world();
    const apart = letters.join('').normalize('NFD');
    expect(apart.length).toBeGreaterThan(400);
    expect(await set(apart)).toBe(true);
    expect(await signIn(apart)).toBe(200);
  });

  it.each([
    { title: 'a line break, which browsers drop', password: 'a sentence with\na line break' },
    { title: 'NUL', password: 'a sentence with \0 inside' },
    { title: 'half a character', password: 'a sentence with \uD83D inside' },
    { title: '257 characters', password: `${emoji.join('')}!` },
  ])('has no $title', async ({ password }) => {
    const { set } = await world();
    expect(await set(password)).toBe(false);
  });
});
