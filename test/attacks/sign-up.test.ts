import { type AuthOptions, createAuth, memoryStore } from 'latchkey';
import type { Mail } from 'latchkey';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  addUser,
  type AuthServer,
  bearer,
  enter,
  PASSWORD,
  SECRET,
  serveAuth,
  type Tokens,
} from '../world/auth-server.js';
import { createClock } from '../world/clock.js';
import { everyStore } from '../world/every-store.js';

const THEIRS = 'what the squatter has thought up';
const NEW = 'a sentence that is quite new';

const signUp = ({ post }: AuthServer, body: object, headers?: Record<string, string>) =>
  post('/api/auth/sign-up', { password: PASSWORD, ...body }, headers);

const verify = ({ post }: AuthServer, body: object, headers?: Record<string, string>) =>
  post('/api/auth/verify-email', body, headers);

const login = ({ post }: AuthServer, email: string, password: string) =>
  post('/api/auth/login', { email, password });

async function serve(options: AuthOptions = {}, routes: Parameters<typeof serveAuth>[1] = {}) {
  return serveAuth({ passwordSignUp: true, ...options }, routes);
}

/** The mails that a step sends, once there are so many. */
async function mailsOf(
  server: AuthServer,
  step: () => Promise<Response>,
  count = 1,
): Promise<readonly Mail[]> {
  const before = server.mails.length;
  const { status } = await step();
  expect(status).toBe(202);
  while (server.mails.length < before + count)
    await new Promise((resolve) => setTimeout(resolve, 5));
  return server.mails.slice(before);
}

/** The token of a sign-up. */
async function signUpToken(server: AuthServer, body: object): Promise<string> {
  const [mail] = await mailsOf(server, () => signUp(server, body));
  if (mail?.kind !== 'sign_up') throw new Error(`mailed ${mail?.kind}`);
  return mail.data.token;
}

async function refusalOf(response: Response) {
  const { code, errors } = (await response.json()) as {
    code: string;
    errors?: { pointer: string }[];
  };
  return { status: response.status, code, pointer: errors?.[0]?.pointer };
}

const places = await everyStore(4);

describe.each(places)('signing up on $name', ({ isMissing, open, create, drop }) => {
  describe.skipIf(isMissing)('by a password and a proven address', () => {
    const store = { current: memoryStore() };
    beforeAll(async () => {
      await create();
      store.current = open();
    });
    afterAll(async () => {
      await store.current.close();
      await drop();
    });

    it('a sign-up is an account once its token comes back with its password, and once only', async () => {
      const server = await serve({ store: store.current });
      const email = 'once@example.com';
      const token = await signUpToken(server, { email, username: 'once' });
      expect((await login(server, email, PASSWORD)).status).toBe(401);
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => verify(server, { token, password: PASSWORD })),
      );
      const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
      expect(statuses).toEqual([200, ...Array<number>(19).fill(400)]);
      const signedIn = answers.find(({ status }) => status === 200);
      const tokens = (await signedIn?.json()) as Tokens;
      const me = (await (await server.get('/api/me', bearer(tokens))).json()) as object;
      expect(me).toMatchObject({ user: { email, username: 'once' } });
      expect(await server.auth.users.findByLogin(email)).toMatchObject({ emailVerified: true });
      expect((await login(server, email, PASSWORD)).status).toBe(200);
      expect((await verify(server, { token, password: PASSWORD })).status).toBe(400);
    });

    it('a squatter who signed up first gets nothing when the owner arrives', async () => {
      const server = await serve({ store: store.current });
      const email = 'owner@example.com';
      const planted = await signUpToken(server, { email, username: 'owner', password: THEIRS });
      const own = await signUpToken(server, { email, username: 'owner' });
      // The owner has both mails, and may open the wrong one.
      expect(await refusalOf(await verify(server, { token: planted, password: PASSWORD }))).toEqual(
        {
          status: 401,
          code: 'INVALID_CREDENTIALS',
          pointer: undefined,
        },
      );
      expect((await verify(server, { token: own, password: PASSWORD })).status).toBe(200);
      expect((await login(server, email, THEIRS)).status).toBe(401);
      expect((await verify(server, { token: planted, password: THEIRS })).status).toBe(409);
      expect((await login(server, email, THEIRS)).status).toBe(401);
      expect((await login(server, email, PASSWORD)).status).toBe(200);
    });

    it('W11 of two sign-ups of one address that are confirmed at once one wins, with its password alone', async () => {
      const server = await serve({ store: store.current });
      const email = 'twice@example.com';
      const passwords = [PASSWORD, THEIRS];
      const tokens: string[] = [];
      for (const password of passwords) tokens.push(await signUpToken(server, { email, password }));
      const answers = await Promise.all(
        passwords.map((password, at) => verify(server, { token: tokens[at], password })),
      );
      const statuses = answers.map(({ status }) => status);
      expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 409]);
      const logins = [];
      for (const password of passwords)
        logins.push((await login(server, email, password)).status === 200 ? 200 : 409);
      expect(logins).toEqual(statuses);
    });

    it('W11 a user name that was taken meanwhile is 409, and the token is good for another one', async () => {
      const server = await serve({ store: store.current });
      const token = await signUpToken(server, { email: 'late@example.com', username: 'early' });
      await addUser(server, { username: 'early' });
      expect(await refusalOf(await verify(server, { token, password: PASSWORD }))).toEqual({
        status: 409,
        code: 'CONFLICT',
        pointer: '#/username',
      });
      const again = await verify(server, { token, password: PASSWORD, username: 'Later' });
      expect(again.status).toBe(200);
      const user = await server.auth.users.findByLogin('late@example.com');
      expect(user?.username).toBe('later');
    });

    it('W6 a token for a new address is dead when the password was reset, the user disabled or deleted meanwhile', async () => {
      const server = await serve({ store: store.current });
      const changes: readonly ((id: string) => Promise<unknown>)[] = [
        (id) => server.auth.users.update(id, { passwordHash: 'of another password' }),
        (id) => server.auth.users.update(id, { email: `else-${id}@example.com` }),
        (id) => server.auth.users.update(id, { disabled: true }),
        (id) => server.auth.users.delete(id),
      ];
      for (const [at, change] of changes.entries()) {
        const email = `before-${at}@example.com`;
        const user = await addUser(server, { username: `w6-${at}`, email });
        const tokens = await enter(server, `w6-${at}`);
        const next = { email: `after-${at}@example.com`, password: PASSWORD };
        const mails = await mailsOf(
          server,
          () => server.post('/api/auth/change-email', next, bearer(tokens)),
          2,
        );
        const mail = mails.find(({ kind }) => kind === 'email_change');
        const token = mail?.kind === 'email_change' ? mail.data.token : '';
        await change(user.id);
        const answer = await verify(server, { token, password: PASSWORD });
        expect(await refusalOf(answer)).toMatchObject({ code: 'INVALID_REQUEST' });
        expect(await server.auth.users.findByLogin(next.email)).toBeUndefined();
      }
    });

    it('W11 of two accounts that prove one new address at once one gets it, the other 409', async () => {
      const server = await serve({ store: store.current });
      const email = 'wanted@example.com';
      const proofs: { token: string; password: string }[] = [];
      for (const username of ['one-of-two', 'two-of-two']) {
        await addUser(server, { username });
        const tokens = await enter(server, username);
        const [mail] = await mailsOf(server, () =>
          server.post('/api/auth/change-email', { email, password: PASSWORD }, bearer(tokens)),
        );
        const token = mail?.kind === 'email_change' ? mail.data.token : '';
        proofs.push({ token, password: PASSWORD });
      }
      const answers = await Promise.all(proofs.map((proof) => verify(server, proof)));
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([204, 409]);
    });
  });
});

describe('what a sign-up tells', () => {
  it('a known, an unknown and a disabled address get the same answer, at the cost of one hash', async () => {
    const server = await serve();
    const hashes = () => server.auth.passwords.counters().finished;
    await addUser(server, { email: 'alice@example.com' });
    await addUser(server, { username: 'off', email: 'off@example.com', disabled: true });
    const answers = new Set<string>();
    for (const name of ['alice', 'nobody', 'off']) {
      const before = hashes();
      const answer = await signUp(server, { email: `${name}@example.com`, password: NEW });
      const headers = [...answer.headers].filter(
        ([key]) => !key.startsWith('ratelimit') && key !== 'date',
      );
      answers.add(JSON.stringify([answer.status, headers, await answer.text()]));
      expect(hashes() - before).toBe(1);
    }
    expect(answers.size).toBe(1);
    await server.auth.close();
    expect(server.mails.map(({ kind, to }) => [kind, to])).toEqual([
      ['account_exists', 'alice@example.com'],
      ['sign_up', 'nobody@example.com'],
    ]);
    expect(server.events.map(({ name }) => name)).toEqual(Array(3).fill('sign_up.requested'));
  });

  it('who has an account sets a new password by the mail', async () => {
    const server = await serve();
    await addUser(server, { email: 'alice@example.com' });
    const [mail] = await mailsOf(server, () => signUp(server, { email: 'alice@example.com' }));
    if (mail?.kind !== 'account_exists') throw new Error('no such mail');
    expect(mail.data.url).toBe(
      `http://localhost:3000/api/auth/reset-password?token=${mail.data.token}`,
    );
    const body = { token: mail.data.token, new_password: NEW };
    expect((await server.post('/api/auth/reset-password', body)).status).toBe(200);
    expect((await login(server, 'alice@example.com', NEW)).status).toBe(200);
  });

  it.each([
    { title: 'a weak password', body: { password: 'short' }, pointer: '#/password' },
    {
      title: 'the address as password',
      body: { password: 'new@example.com' },
      pointer: '#/password',
    },
    { title: 'an address as user name', body: { username: 'a@b.example' }, pointer: '#/username' },
    { title: 'no address', body: { email: 'new' }, pointer: '#/email' },
    { title: 'two addresses', body: { email: ['a@b.example', 'c@d.example'] }, pointer: '#/email' },
    { title: 'roles', body: { roles: ['admin'] }, pointer: '#/roles' },
  ])('$title is 400, and no mail', async ({ body, pointer }) => {
    const server = await serve();
    const answer = await signUp(server, { email: 'new@example.com', ...body });
    expect(await refusalOf(answer)).toMatchObject({ status: 400, pointer });
    await server.auth.close();
    expect(server.mails).toEqual([]);
  });

  it('is limited by address, whether or not it is known', async () => {
    const server = await serve({ loginLimit: { max: 2, windowSeconds: 900 } });
    await addUser(server, { email: 'alice@example.com' });
    for (const email of ['alice@example.com', 'nobody@example.com']) {
      const statuses = [];
      for (let round = 0; round < 3; round += 1)
        statuses.push((await signUp(server, { email })).status);
      expect(statuses).toEqual([202, 202, 429]);
    }
  });
});

describe('the token of a sign-up', () => {
  it('alone proves nothing: the mail may have reached somebody who did not sign up', async () => {
    const server = await serve();
    const token = await signUpToken(server, { email: 'new@example.com' });
    expect(await refusalOf(await verify(server, { token }))).toEqual({
      status: 400,
      code: 'INVALID_REQUEST',
      pointer: '#/password',
    });
    expect(await server.auth.users.list({ limit: 1 })).toEqual([]);
    expect((await verify(server, { token, password: PASSWORD })).status).toBe(200);
  });

  it('is not used up by whoever opens the link: only the form sends it', async () => {
    const server = await serve();
    await addUser(server, { email: 'alice@example.com' });
    const forgot = () => server.post('/api/auth/forgot-password', { email: 'alice@example.com' });
    const [mail] = await mailsOf(server, forgot);
    const reset = mail?.kind === 'password_reset' ? mail.data.token : '';
    const verifying = await signUpToken(server, { email: 'new@example.com' });
    for (const [path, token] of [
      ['/reset-password', reset],
      ['/verify-email', verifying],
    ])
      for (const method of ['GET', 'HEAD'])
        await fetch(`${server.origin}/api/auth${path}?token=${token}`, { method });
    const body = { token: reset, new_password: NEW };
    expect((await server.post('/api/auth/reset-password', body)).status).toBe(200);
    expect((await verify(server, { token: verifying, password: PASSWORD })).status).toBe(200);
  });

  it('is no way to guess its password', async () => {
    const server = await serve({ loginLimit: { max: 3, windowSeconds: 900 } });
    const token = await signUpToken(server, { email: 'new@example.com' });
    const statuses = [];
    for (const password of ['a', 'b', 'c', PASSWORD])
      statuses.push((await verify(server, { token, password })).status);
    expect(statuses).toEqual([401, 401, 401, 429]);
  });

  it('does not end with a later one, and has its time', async () => {
    const clock = createClock();
    const server = await serve({ now: clock.now }, { verifyTokenSeconds: 600 });
    const late = await signUpToken(server, { email: 'late@example.com' });
    clock.advance(600);
    expect((await verify(server, { token: late, password: PASSWORD })).status).toBe(400);
    const first = await signUpToken(server, { email: 'new@example.com' });
    await signUpToken(server, { email: 'new@example.com' });
    expect((await verify(server, { token: first, password: PASSWORD })).status).toBe(200);
  });

  it('survives an outage between the account and its session', async () => {
    const store = memoryStore();
    let isDown = true;
    const { joined: _joined, ...sessions } = store.sessions;
    const server = await serve({
      store: {
        ...store,
        sessions: {
          ...sessions,
          create: (session) =>
            isDown ? Promise.reject(new Error('down')) : sessions.create(session),
        },
      },
    });
    const token = await signUpToken(server, { email: 'new@example.com' });
    expect((await verify(server, { token, password: PASSWORD })).status).toBe(503);
    isDown = false;
    expect((await verify(server, { token, password: PASSWORD })).status).toBe(200);
  });

  it('sets a cookie where one is asked for, and ends the session that was there', async () => {
    const server = await serve();
    const { id } = await addUser(server, { username: 'mallory' });
    const credentials = { username: 'mallory', password: PASSWORD, delivery: 'cookie' };
    const [planted] = (await server.post('/api/auth/login', credentials)).headers.getSetCookie();
    const [former = ''] = planted?.split(';') ?? [];
    const token = await signUpToken(server, { email: 'new@example.com' });
    const answer = await verify(
      server,
      { token, password: PASSWORD, delivery: 'cookie' },
      { cookie: former, 'x-csrf': '1' },
    );
    expect(answer.status).toBe(200);
    expect(await answer.json()).not.toHaveProperty('refresh_token');
    // The others clear cookies that were planted at deeper paths.
    const [cookie, ...others] = answer.headers
      .getSetCookie()
      .filter((line) => !line.includes('=; Max-Age=0'));
    expect(cookie).toMatch(/^latchkey-session=r1\.[^;]+; Max-Age=\d+; Path=\/;/);
    expect(others).toEqual([]);
    expect(await server.auth.sessions.list(id)).toEqual([]);
  });
});

describe('a new address', () => {
  async function world(options: AuthOptions = {}) {
    const clock = createClock();
    const server = await serve({ now: clock.now, ...options });
    const user = await addUser(server, { email: 'alice@example.com' });
    const tokens = await enter(server, 'alice', clock.now());
    const ask = (body: object) => server.post('/api/auth/change-email', body, bearer(tokens));
    async function askFor(email: string): Promise<string> {
      const mails = await mailsOf(server, () => ask({ email }), 2);
      const mail = mails.find(({ kind }) => kind === 'email_change');
      return mail?.kind === 'email_change' ? mail.data.token : '';
    }
    return { clock, server, user, tokens, ask, askFor };
  }

  it('counts when its token comes back; the old one is told and signs in until then', async () => {
    const { server, user, tokens, askFor } = await world();
    const token = await askFor('new@example.com');
    expect(server.mails).toContainEqual({
      kind: 'email_change_requested',
      to: 'alice@example.com',
      data: { userId: user.id, newEmail: 'new@example.com' },
    });
    expect((await login(server, 'alice@example.com', PASSWORD)).status).toBe(200);
    expect((await login(server, 'new@example.com', PASSWORD)).status).toBe(401);
    expect((await verify(server, { token }, bearer(tokens))).status).toBe(204);
    expect((await login(server, 'alice@example.com', PASSWORD)).status).toBe(401);
    expect((await login(server, 'new@example.com', PASSWORD)).status).toBe(200);
    expect(await server.auth.users.findById(user.id)).toMatchObject({ emailVerified: true });
    expect((await verify(server, { token }, bearer(tokens))).status).toBe(400);
  });

  it('is no trap: a stranger who opens the mail does not give their address to the account', async () => {
    const { clock, server, user, askFor } = await world();
    await addUser(server, { username: 'stranger' });
    const stranger = await enter(server, 'stranger', clock.now());
    const token = await askFor('stranger@example.com');
    expect((await verify(server, { token })).status).toBe(401);
    expect((await verify(server, { token }, bearer(stranger))).status).toBe(401);
    expect((await verify(server, { token, password: 'a guess' })).status).toBe(401);
    expect((await server.auth.users.findById(user.id))?.email).toBe('alice@example.com');
    expect((await verify(server, { token, password: PASSWORD })).status).toBe(204);
  });

  it('another account’s address gets the same answer; its owner is told, and nothing changes', async () => {
    const { server, ask } = await world();
    await addUser(server, { username: 'bob', email: 'bob@example.com' });
    const mails = await mailsOf(server, () => ask({ email: 'bob@example.com' }), 2);
    expect(mails.map(({ kind, to }) => [kind, to])).toEqual([
      ['email_change_requested', 'alice@example.com'],
      ['account_exists', 'bob@example.com'],
    ]);
  });

  it('the present address is proven by the same way', async () => {
    const { server, user, tokens, ask } = await world();
    const [mail] = await mailsOf(server, () => ask({ email: 'ALICE@example.com' }));
    const token = mail?.kind === 'email_change' ? mail.data.token : '';
    expect((await verify(server, { token }, bearer(tokens))).status).toBe(204);
    expect(await server.auth.users.findById(user.id)).toMatchObject({ emailVerified: true });
  });

  it('takes the password, or a sign-in of the last ten minutes', async () => {
    const { server, clock, ask } = await world({ loginLimit: { max: 3, windowSeconds: 900 } });
    clock.advance(601);
    const email = 'new@example.com';
    expect(await refusalOf(await ask({ email }))).toMatchObject({ code: 'AUTH_CONTEXT_REQUIRED' });
    expect((await ask({ email, password: PASSWORD })).status).toBe(202);
    const statuses = [];
    for (let round = 0; round < 4; round += 1)
      statuses.push((await ask({ email, password: 'a guess' })).status);
    expect(statuses).toEqual([401, 401, 401, 429]);
    // Guesses count with the log-ins.
    const answer = await server.post('/api/auth/login', { username: 'alice', password: PASSWORD });
    expect(answer.status).toBe(429);
  });

  it('without a user who is signed in it is 401', async () => {
    const { server } = await world();
    const body = { email: 'new@example.com', password: PASSWORD };
    expect((await server.post('/api/auth/change-email', body)).status).toBe(401);
  });
});

describe('settings', () => {
  const routes = ['/sign-up', '/verify-email', '/change-email'];

  it('without AUTH_PASSWORD_SIGN_UP nobody signs up, and /providers says so', async () => {
    const server = await serveAuth();
    for (const route of routes)
      expect((await server.post(`/api/auth${route}`, {})).status).toBe(404);
    const answer = await server.get('/api/auth/providers');
    expect(await answer.json()).toMatchObject({ passwords: true, sign_up: false });
  });

  it('with AUTH_PASSWORDS=off /providers says so', async () => {
    const server = await serveAuth({ passwordLogin: false });
    const answer = await server.get('/api/auth/providers');
    expect(await answer.json()).toMatchObject({ passwords: false, sign_up: false });
  });

  it.each<{ title: string; env: Record<string, string>; message: RegExp }>([
    {
      title: 'without sendMail',
      env: { AUTH_PASSWORD_SIGN_UP: 'on' },
      message: /AUTH_PASSWORD_SIGN_UP.*sendMail/,
    },
    {
      title: 'without passwords',
      env: { AUTH_PASSWORD_SIGN_UP: 'on', AUTH_PASSWORDS: 'off' },
      message: /AUTH_PASSWORD_SIGN_UP.*AUTH_PASSWORDS/,
    },
  ])('signing up $title is refused when the application starts', ({ env, message }) => {
    const AUTH_PUBLIC_URL = 'http://localhost:3000';
    const start = () =>
      createAuth({ env: { AUTH_JWT_SECRET: SECRET, AUTH_PUBLIC_URL, ...env } }).router();
    expect(start).toThrow(message);
  });
});
