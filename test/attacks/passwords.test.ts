import { type Auth, memoryStore } from 'latchkey';
import { describe, expect, it } from 'vitest';
import {
  addUser,
  type AuthServer,
  bearer,
  enter,
  PASSWORD,
  serveAuth,
  type Tokens,
} from '../world/auth-server.js';
import { createClock } from '../world/clock.js';

const NEW = 'a sentence that is quite new';

const forgot = ({ post }: AuthServer, body: unknown, headers?: Record<string, string>) =>
  post('/api/auth/forgot-password', body, headers);

const reset = ({ post }: AuthServer, token: unknown, password = NEW) =>
  post('/api/auth/reset-password', { token, new_password: password });

async function settled(server: AuthServer, count: number): Promise<void> {
  while (server.mails.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Asks for a mail and answers its token. */
async function mailedToken(server: AuthServer, email = 'alice@example.com'): Promise<string> {
  const before = server.mails.length;
  await forgot(server, { email });
  await settled(server, before + 1);
  const mail = server.mails.at(-1);
  if (mail?.kind !== 'password_reset') throw new Error('no such mail');
  return mail.data.token;
}

async function withAlice(
  options: Parameters<typeof serveAuth>[0] = {},
  routes: Parameters<typeof serveAuth>[1] = {},
) {
  const clock = createClock();
  const server = await serveAuth({ now: clock.now, ...options }, routes);
  const user = await addUser(server, { username: 'alice', email: 'alice@example.com' });
  return { clock, server, user };
}

async function flawsOf(response: Response): Promise<{ code: string; flaw: string | undefined }> {
  const body = (await response.json()) as { code: string; errors?: { code?: string }[] };
  return { code: body.code, flaw: body.errors?.[0]?.code };
}

describe('P1 asking for a mail', () => {
  it('is 202 with the same body and headers for known, unknown, disabled and password-less users', async () => {
    const { server } = await withAlice();
    await addUser(server, { username: 'sso', email: 'sso@example.com', passwordHash: undefined });
    await addUser(server, { username: 'off', email: 'off@example.com', disabled: true });
    const answers = new Set<string>();
    for (const name of ['alice', 'nobody', 'sso', 'off']) {
      const answer = await forgot(server, { email: `${name}@example.com` });
      const headers = [...answer.headers].filter(
        ([key]) => !key.startsWith('ratelimit') && key !== 'date',
      );
      answers.add(JSON.stringify([answer.status, headers, await answer.text()]));
    }
    expect(answers.size).toBe(1);
    await settled(server, 2);
    expect(server.mails.map(({ to }) => to)).toEqual(['alice@example.com', 'sso@example.com']);
  });

  it('does not wait for the mail', async () => {
    let finish: () => void = () => undefined;
    const sending = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const { server } = await withAlice({}, { sendMail: () => sending });
    expect((await forgot(server, { email: 'alice@example.com' })).status).toBe(202);
    finish();
  });

  it('is limited per address whether or not somebody has it', async () => {
    const { server } = await withAlice({ loginLimit: { max: 2, windowSeconds: 900 } });
    for (const email of ['alice@example.com', 'nobody@example.com']) {
      const statuses = [];
      for (let round = 0; round < 3; round += 1)
        statuses.push((await forgot(server, { email })).status);
      expect(statuses).toEqual([202, 202, 429]);
    }
  });

  it('a mail that cannot be sent is an event and nobody’s error', async () => {
    const { server } = await withAlice(
      {},
      { sendMail: () => Promise.reject(new Error('smtp down')) },
    );
    expect((await forgot(server, { email: 'alice@example.com' })).status).toBe(202);
    await server.auth.close();
    expect(server.events).toContainEqual({ name: 'hook.failed', event: { hook: 'sendMail' } });
  });
});

describe('P2 the mailed token', () => {
  it('signs in once; replayed it is 400', async () => {
    const { server } = await withAlice();
    const token = await mailedToken(server);
    const answer = await reset(server, token);
    expect(answer.status).toBe(200);
    const tokens = (await answer.json()) as Tokens;
    expect((await server.get('/api/me', bearer(tokens))).status).toBe(200);
    expect((await reset(server, token)).status).toBe(400);
    await server.signIn('alice', NEW);
  });

  it('of 20 at once one succeeds', async () => {
    const { server } = await withAlice();
    const token = await mailedToken(server);
    const answers = await Promise.all(Array.from({ length: 20 }, () => reset(server, token)));
    const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
    expect(statuses).toEqual([200, ...Array<number>(19).fill(400)]);
  });

  it('is dead after its time, after a reset by any other, and without its user', async () => {
    const { server, clock, user } = await withAlice();
    const expired = await mailedToken(server);
    clock.advance(3600);
    expect((await reset(server, expired)).status).toBe(400);
    const older = await mailedToken(server);
    const newer = await mailedToken(server);
    // People open whichever mail they see first.
    expect((await reset(server, older)).status).toBe(200);
    expect((await reset(server, newer)).status).toBe(400);
    const orphan = await mailedToken(server);
    await server.auth.users.delete(user.id);
    expect((await reset(server, orphan)).status).toBe(400);
  });

  it.each<{ title: string; change: Parameters<Auth['users']['update']>[1] }>([
    { title: 'another password', change: { passwordHash: 'of another password' } },
    { title: 'another address', change: { email: 'other@example.com' } },
    { title: 'no password any more', change: { passwordHash: undefined } },
    { title: 'been disabled', change: { disabled: true } },
  ])('a mailed token is dead when the account has got $title since', async ({ change }) => {
    const { server, user } = await withAlice();
    const token = await mailedToken(server);
    await server.auth.users.update(user.id, change);
    // Before the rules for new passwords: they would tell whose account it is.
    expect(await flawsOf(await reset(server, token, 'alice@example.com'))).toEqual({
      code: 'INVALID_REQUEST',
      flaw: 'invalid_token',
    });
    expect((await reset(server, token)).status).toBe(400);
    expect(await server.auth.sessions.list(user.id)).toEqual([]);
  });

  it('a mailed token works when other facts of the account have changed', async () => {
    const { server, user } = await withAlice();
    const token = await mailedToken(server);
    await server.auth.users.update(user.id, { roles: ['editor'], username: 'alicia' });
    expect((await reset(server, token)).status).toBe(200);
  });

  it('two tokens of one moment: the second reset finds the first one done', async () => {
    const { server } = await withAlice();
    await Promise.all([
      forgot(server, { email: 'alice@example.com' }),
      forgot(server, { email: 'alice@example.com' }),
    ]);
    await settled(server, 2);
    const tokens = server.mails.map((mail) =>
      mail.kind === 'password_reset' ? mail.data.token : '',
    );
    const answers = await Promise.all(tokens.map((token) => reset(server, token)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  it('survives a refused password and a store in trouble', async () => {
    const store = memoryStore();
    let isDown = false;
    const { server } = await withAlice({
      store: {
        ...store,
        users: {
          ...store.users,
          async update(id, change) {
            if (isDown) throw new Error('connection lost');
            return store.users.update(id, change);
          },
        },
      },
    });
    const token = await mailedToken(server);
    expect((await reset(server, token, 'short')).status).toBe(400);
    isDown = true;
    expect((await reset(server, token)).status).toBe(503);
    isDown = false;
    expect((await reset(server, token)).status).toBe(200);
  });

  it('stands in the query of the link to our page, which has no scripts that could read a fragment', async () => {
    const { server } = await withAlice();
    const token = await mailedToken(server);
    const [mail] = server.mails;
    expect(mail?.kind === 'password_reset' && mail.data.url).toBe(
      `http://localhost:3000/api/auth/reset-password?token=${token}`,
    );
  });
});

describe('P3 odd requests', () => {
  it.each([
    { email: ['v@x.com', 'a@y.com'] },
    { email: 'v@x.com,a@y.com' },
    { email: 'v@x\ncc:a@y' },
    { email: 'v@x%0acc:a@y' },
    { email: 'alice' },
    { email: 'alice@example.com', userId: 'somebody' },
  ])('%j is 400, and no mail', async (body) => {
    const { server } = await withAlice();
    expect((await forgot(server, body)).status).toBe(400);
    await server.auth.close();
    expect(server.mails).toEqual([]);
  });

  it('who is reset follows from the token alone', async () => {
    const { server } = await withAlice();
    const token = await mailedToken(server);
    const answer = await server.post('/api/auth/reset-password', {
      token,
      new_password: NEW,
      username: 'bob',
    });
    expect(answer.status).toBe(400);
  });
});

it('P4 a reset ends every session and tells the owner', async () => {
  const { server } = await withAlice();
  const thief = await enter(server, 'alice');
  const token = await mailedToken(server);
  const answer = await reset(server, token);
  const tokens = (await answer.json()) as Tokens;
  expect(
    (await server.post('/api/auth/refresh', { refresh_token: thief.refresh_token })).status,
  ).toBe(401);
  expect((await server.get('/api/me', bearer(thief))).status).toBe(401);
  expect((await server.get('/api/me', bearer(tokens))).status).toBe(200);
  await settled(server, 2);
  expect(server.mails.at(-1)).toMatchObject({ kind: 'password_changed', to: 'alice@example.com' });
});

describe('L9 a session that the browser had before a reset', () => {
  async function planted() {
    const { server } = await withAlice();
    const { id } = await addUser(server, { username: 'mallory' });
    const credentials = { username: 'mallory', password: PASSWORD, delivery: 'cookie' };
    const [line = ''] = (await server.post('/api/auth/login', credentials)).headers.getSetCookie();
    const theirs = line.replace(/^latchkey-session=|;.*$/g, '');
    return { server, theirs, mallory: () => server.auth.sessions.list(id) };
  }

  it('a session of the same browser ends when a password is reset there, and its cookie goes', async () => {
    const { server, theirs, mallory } = await planted();
    const body = { token: await mailedToken(server), new_password: NEW };
    const headers = { cookie: `latchkey-session=${theirs}`, 'x-csrf': '1' };
    const answer = await server.post('/api/auth/reset-password', body, headers);
    expect(answer.status).toBe(200);
    expect(await mallory()).toEqual([]);
    const cookies = answer.headers.getSetCookie();
    expect(cookies).toContain('latchkey-session=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax');
    for (const cookie of cookies) expect(cookie).toMatch(/^latchkey-session=; Max-Age=0;/);
  });

  it('a reset with two session cookies is refused, and the token is good afterwards', async () => {
    const { server, theirs, mallory } = await planted();
    const token = await mailedToken(server);
    const cookie = `latchkey-session=${theirs}; latchkey-session=another`;
    const body = { token, new_password: NEW };
    const headers = { cookie, 'x-csrf': '1' };
    expect((await server.post('/api/auth/reset-password', body, headers)).status).toBe(400);
    expect(await mallory()).toHaveLength(1);
    expect((await reset(server, token)).status).toBe(200);
  });
});

describe('P5 changing a password', () => {
  const change = ({ post }: AuthServer, tokens: Tokens, body: { old: string; new?: string }) =>
    post(
      '/api/auth/change-password',
      { old_password: body.old, new_password: body.new ?? NEW },
      bearer(tokens),
    );

  it('a wrong old one is 401, and counts with the log-ins of the account', async () => {
    const { server } = await withAlice({ loginLimit: { max: 5, windowSeconds: 900 } });
    const tokens = await server.signIn('alice');
    await new Promise((resolve) => setTimeout(resolve, 20));
    for (let round = 0; round < 5; round += 1)
      expect((await change(server, tokens, { old: 'wrong' })).status).toBe(401);
    expect((await change(server, tokens, { old: PASSWORD })).status).toBe(429);
    const login = await server.post('/api/auth/login', { username: 'alice', password: PASSWORD });
    expect(login.status).toBe(429);
  });

  it('counts under every name of the account, unless the device is known', async () => {
    const { server } = await withAlice({ loginLimit: { max: 3, windowSeconds: 900 } });
    const { device_token, ...tokens } = await server.signIn('alice');
    const email = 'alice@example.com';
    for (let round = 0; round < 4; round += 1)
      await server.post('/api/auth/login', { email, password: 'wrong' });
    expect((await change(server, tokens, { old: PASSWORD })).status).toBe(429);
    const body = { old_password: PASSWORD, new_password: NEW, device_token };
    const answer = await server.post('/api/auth/change-password', body, bearer(tokens));
    expect(answer.status).toBe(200);
  });

  it('a reset by mail ends the lock', async () => {
    const { server } = await withAlice({ loginLimit: { max: 2, windowSeconds: 900 } });
    const names = [{ username: 'alice' }, { email: 'alice@example.com' }];
    for (const name of [...names, ...names, ...names])
      await server.post('/api/auth/login', { ...name, password: 'wrong' });
    expect((await reset(server, await mailedToken(server))).status).toBe(200);
    for (const name of names)
      expect((await server.post('/api/auth/login', { ...name, password: NEW })).status).toBe(200);
  });

  it('the right one gives a new session and ends all others', async () => {
    const { server, user } = await withAlice();
    const [one, two] = [await enter(server, 'alice'), await enter(server, 'alice')];
    const answer = await change(server, one, { old: PASSWORD });
    expect(answer.status).toBe(200);
    const next = (await answer.json()) as Tokens;
    for (const dead of [one, two])
      expect((await server.get('/api/me', bearer(dead))).status).toBe(401);
    expect((await server.get('/api/me', bearer(next))).status).toBe(200);
    expect(await server.auth.sessions.list(user.id)).toHaveLength(1);
  });

  it('of two changes at once one succeeds', async () => {
    const { server } = await withAlice();
    const tokens = await enter(server, 'alice');
    const answers = await Promise.all([
      change(server, tokens, { old: PASSWORD, new: 'the first of two sentences' }),
      change(server, tokens, { old: PASSWORD, new: 'the second of two sentences' }),
    ]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 401]);
  });

  it('without a token it is 401', async () => {
    const { server } = await withAlice();
    const answer = await server.post('/api/auth/change-password', {
      old_password: PASSWORD,
      new_password: NEW,
    });
    expect(answer.status).toBe(401);
  });
});

describe('a user who is disabled while a new password is on its way', () => {
  /** The rules for new passwords are asked when everything else has been found right. */
  async function disabledMeanwhile() {
    const all: { disable?: () => Promise<unknown> } = {};
    const isBlocked = async (): Promise<boolean> => {
      await all.disable?.();
      return false;
    };
    const { server, user } = await withAlice({ passwords: { isBlocked } });
    const tokens = await enter(server, 'alice');
    const token = await mailedToken(server);
    all.disable = () => server.auth.users.update(user.id, { disabled: true });
    const expectOldPassword = async (sessions: number): Promise<void> => {
      const { passwordHash } = (await server.auth.users.findById(user.id)) ?? {};
      expect(passwordHash).toBe(user.passwordHash);
      expect(await server.auth.sessions.list(user.id)).toHaveLength(sessions);
    };
    return { server, tokens, token, expectOldPassword };
  }

  it('a user who is disabled while changing the password changes nothing', async () => {
    const { server, tokens, expectOldPassword } = await disabledMeanwhile();
    const body = { old_password: PASSWORD, new_password: NEW };
    const answer = await server.post('/api/auth/change-password', body, bearer(tokens));
    expect(answer.status).toBe(401);
    await expectOldPassword(1);
  });

  it('a user who is disabled while resetting the password sets none', async () => {
    const { server, token, expectOldPassword } = await disabledMeanwhile();
    expect((await reset(server, token)).status).toBe(400);
    // Whoever has the mail has ended the sessions, before anything else.
    await expectOldPassword(0);
  });
});

describe('P6 new passwords', () => {
  it.each([
    { title: '14 characters', password: 'abcdefgh ijklm', flaw: 'too_short' },
    { title: '257 characters', password: 'long enough '.repeat(22), flaw: 'too_long' },
    { title: 'the e-mail address', password: 'alice@example.com', flaw: 'contains_login' },
    {
      title: 'the user name over and over',
      password: 'alicealicealicealice',
      flaw: 'contains_login',
    },
    { title: 'one character over and over', password: 'aaaaaaaaaaaaaaaaaaaa', flaw: 'blocklisted' },
    { title: 'a word over and over', password: 'passwordpassword', flaw: 'blocklisted' },
    { title: 'a walk on the keyboard', password: 'qwertyuiopasdfghjkl', flaw: 'blocklisted' },
    { title: 'digits in a row', password: '123456789012345678', flaw: 'blocklisted' },
    { title: 'common words with leet', password: 'P@ssw0rd-Passw0rd!', flaw: 'blocklisted' },
    { title: 'a famous example', password: 'correct horse battery staple', flaw: 'blocklisted' },
    { title: 'the old one', password: PASSWORD, flaw: 'same_as_old' },
  ])('$title: $flaw', async ({ password, flaw }) => {
    const { server } = await withAlice();
    const token = await mailedToken(server);
    const answer = await reset(server, token, password);
    expect(answer.status).toBe(400);
    expect(await flawsOf(answer)).toEqual({ code: 'PASSWORD_POLICY', flaw });
  });

  it.each([
    'mississippi mud pie 7',
    'ünïcödé ist auch gut',
    '漢字だけのながいあいことばですよ',
    '🔑🦊🌵🎷🪐🍄🧭🪁🎲🧊🥁🪵🐙🌋🛶',
  ])('%s is fine', async (password) => {
    const { server } = await withAlice();
    const token = await mailedToken(server);
    expect((await reset(server, token, password)).status).toBe(200);
    await server.signIn('alice', password.normalize('NFD'));
  });

  it('a hook may know stolen ones, and one that fails blocks nobody', async () => {
    const isBlocked = (password: string): boolean => {
      if (password.includes('outage')) throw new Error('service down');
      return password.includes('stolen');
    };
    const { server } = await withAlice({ passwords: { isBlocked } });
    const token = await mailedToken(server);
    expect(await flawsOf(await reset(server, token, 'this one was stolen before'))).toMatchObject({
      flaw: 'blocklisted',
    });
    expect((await reset(server, token, 'set in an outage of theirs')).status).toBe(200);
    expect(server.events).toContainEqual({ name: 'hook.failed', event: { hook: 'isBlocked' } });
  });
});
