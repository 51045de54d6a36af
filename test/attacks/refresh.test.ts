import { memoryStore } from 'latchkey';
import { describe, expect, it } from 'vitest';
import type { Store } from '../../lib/stores/store.js';
import {
  addUser,
  type AuthServer,
  bearer,
  PASSWORD,
  serveAuth,
  startSession,
  type Tokens,
} from '../world/auth-server.js';
import { createClock } from '../world/clock.js';

const refresh = ({ post }: AuthServer, token: unknown, headers?: Record<string, string>) =>
  post('/api/auth/refresh', { refresh_token: token }, headers);

async function refreshed(server: AuthServer, token: string): Promise<Tokens> {
  const response = await refresh(server, token);
  expect(response.status).toBe(200);
  return (await response.json()) as Tokens;
}

async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { code: string }).code;
}

async function served(options: Parameters<typeof serveAuth>[0] = {}) {
  const clock = createClock();
  const server = await serveAuth({ now: clock.now, ...options });
  return { clock, server, user: await addUser(server) };
}

/** A session, without the work of a password. */
async function signedIn(options?: Parameters<typeof serveAuth>[0]) {
  const all = await served(options);
  const refresh_token = await startSession(all.server, all.user, all.clock.now());
  return { ...all, tokens: { refresh_token } };
}

/** A session with an access token. */
async function loggedIn() {
  const all = await served();
  return { ...all, tokens: await all.server.signIn('alice') };
}

describe('R1 parallel refreshes', () => {
  it('100 at once with one token: 100 times 200, one rotation, one successor', async () => {
    const { server, tokens } = await signedIn();
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => refreshed(server, tokens.refresh_token)),
    );
    expect(new Set(answers.map((answer) => answer.refresh_token)).size).toBe(1);
    expect(server.events.filter(({ name }) => name === 'refresh.rotated')).toHaveLength(1);
  });
});

describe('R2 reuse', () => {
  it('the parent after its grace ends the session: the newest token is dead, and there is one event', async () => {
    const { server, tokens, clock } = await signedIn();
    const next = await refreshed(server, tokens.refresh_token);
    clock.advance(11);
    const reused = await refresh(server, tokens.refresh_token);
    expect(reused.status).toBe(401);
    expect(await codeOf(reused)).toBe('REFRESH_REUSED');
    expect((await refresh(server, next.refresh_token)).status).toBe(401);
    expect((await refresh(server, tokens.refresh_token)).status).toBe(401);
    expect((await server.get('/api/me', bearer(next))).status).toBe(401);
    expect(server.events.filter(({ name }) => name === 'refresh.reused')).toHaveLength(1);
  });

  it('20 reuses at once are one event', async () => {
    const { server, tokens, clock } = await signedIn();
    await refreshed(server, tokens.refresh_token);
    clock.advance(11);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => refresh(server, tokens.refresh_token)),
    );
    expect(answers.every(({ status }) => status === 401)).toBe(true);
    expect(server.events.filter(({ name }) => name === 'refresh.reused')).toHaveLength(1);
  });

  it('the grandparent is reuse even within the grace', async () => {
    const { server, tokens } = await signedIn();
    const next = await refreshed(server, tokens.refresh_token);
    const latest = await refreshed(server, next.refresh_token);
    expect(await codeOf(await refresh(server, tokens.refresh_token))).toBe('REFRESH_REUSED');
    expect((await refresh(server, latest.refresh_token)).status).toBe(401);
  });

  it('the parent within its grace gets the same successor again', async () => {
    const { server, tokens, clock } = await signedIn();
    const next = await refreshed(server, tokens.refresh_token);
    clock.advance(10);
    const again = await refreshed(server, tokens.refresh_token);
    expect(again.refresh_token).toBe(next.refresh_token);
  });

  it('without a grace the winner gets its answer all the same', async () => {
    const { server, tokens } = await signedIn({ sessions: { graceSeconds: 0 } });
    await refreshed(server, tokens.refresh_token);
  });
});

it('R3 a thief who was served within the grace is noticed at the owner’s first refresh after it', async () => {
  const { server, tokens, clock } = await signedIn();
  const owner = await refreshed(server, tokens.refresh_token);
  const thief = await refreshed(server, tokens.refresh_token);
  const thiefNext = await refreshed(server, thief.refresh_token);
  clock.advance(11);
  expect(await codeOf(await refresh(server, owner.refresh_token))).toBe('REFRESH_REUSED');
  expect((await refresh(server, thiefNext.refresh_token)).status).toBe(401);
});

describe('R4 forgeries', () => {
  it.each([
    { title: 'another MAC', forge: (parts: string[]) => [...parts.slice(0, 4), 'A'.repeat(43)] },
    { title: 'the next generation', forge: (p: string[]) => [p[0], p[1], p[2], '1', p[4]] },
    { title: 'a random ending', forge: (p: string[]) => [p[2], '1', 'cmFuZG9t'] },
    { title: 'another key name', forge: (p: string[]) => [p[0], 'AAAAAAAA', p[2], p[3], p[4]] },
    { title: 'the last character in another spelling', forge: respelt },
    { title: 'no MAC', forge: (p: string[]) => p.slice(0, 4) },
    {
      title: 'a generation with a leading zero',
      forge: (p: string[]) => [p[0], p[1], p[2], '00', p[4]],
    },
  ])('$title: 401, and the session is as it was', async ({ forge }) => {
    const { server, tokens } = await signedIn();
    const forged = forge(tokens.refresh_token.split('.')).join('.');
    const answer = await refresh(server, forged);
    expect(answer.status).toBe(401);
    expect(await codeOf(answer)).toBe('REFRESH_INVALID');
    await server.post('/api/auth/revoke', { refresh_token: forged });
    const next = await refreshed(server, tokens.refresh_token);
    expect(next.refresh_token.split('.')[3]).toBe('1');
  });

  /** Base64url's last character of 43 holds two bits that are not looked at when it is decoded. */
  function respelt(parts: string[]): string[] {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const mac = parts[4] ?? '';
    const last = alphabet.indexOf(mac.at(-1) ?? '');
    return [...parts.slice(0, 4), mac.slice(0, -1) + alphabet[last ^ 1]];
  }
});

describe('R5 refresh beside the end of the session', () => {
  const endings: {
    title: string;
    end: (server: AuthServer, tokens: Tokens, id: string) => unknown;
  }[] = [
    {
      title: 'log-out everywhere',
      end: ({ post }, tokens) => post('/api/auth/logout', { all: true }, bearer(tokens)),
    },
    {
      title: 'a password change',
      end: ({ post }, tokens) =>
        post(
          '/api/auth/change-password',
          {
            old_password: 'plenty of words to sign in with',
            new_password: 'quite another sentence for this',
          },
          bearer(tokens),
        ),
    },
    { title: 'a user’s removal', end: ({ auth }, _tokens, id) => removeUser(auth, id) },
  ];

  async function removeUser(auth: AuthServer['auth'], id: string): Promise<void> {
    await auth.users.delete(id);
    await auth.sessions.revoke({ userId: id }, 'user_deleted');
  }

  it.each(endings)('$title: afterwards no token works, whichever wins', async ({ end }) => {
    for (let round = 0; round < 5; round += 1) {
      const { server, tokens, user } = await loggedIn();
      const [answer] = await Promise.all([
        refresh(server, tokens.refresh_token),
        end(server, tokens, user.id),
      ]);
      const late = answer.status === 200 ? ((await answer.json()) as Tokens) : undefined;
      for (const each of [tokens, late].filter((token) => token !== undefined)) {
        expect((await refresh(server, each.refresh_token)).status).toBe(401);
        expect((await server.get('/api/me', bearer(each))).status).toBe(401);
      }
    }
  });
});

describe('R5 a user who may not sign in any more, whose sessions were not revoked', () => {
  const changes: {
    title: string;
    change: (auth: AuthServer['auth'], id: string) => Promise<unknown>;
  }[] = [
    { title: 'disabled', change: ({ users }, id) => users.update(id, { disabled: true }) },
    { title: 'deleted', change: ({ users }, id) => users.delete(id) },
  ];

  it.each(changes)('$title: a refresh is 401, and ends the session', async ({ change }) => {
    const { server, tokens, user } = await loggedIn();
    await change(server.auth, user.id);
    expect(await codeOf(await refresh(server, tokens.refresh_token))).toBe('REFRESH_INVALID');
    expect((await server.get('/api/me', bearer(tokens))).status).toBe(401);
    expect(await server.auth.sessions.list(user.id)).toEqual([]);
  });

  it.each(changes)('$title: no generation is used up for them', async ({ change }) => {
    const store = memoryStore();
    const { server, tokens, user } = await signedIn({ store });
    await change(server.auth, user.id);
    await refresh(server, tokens.refresh_token);
    const [id = ''] = tokens.refresh_token.split('.').slice(2);
    expect(await store.sessions.get(id)).toMatchObject({
      generation: 0,
      revokedReason: 'user_gone',
    });
  });

  it.each(changes)('$title: the session is not recognised', async ({ change }) => {
    const { server, tokens, user } = await signedIn();
    await change(server.auth, user.id);
    expect(await server.auth.sessions.recognise(tokens.refresh_token)).toBeUndefined();
  });
});

describe('R6 one kind of token in place of another', () => {
  it('an access token does not refresh, and a refresh token is no bearer token', async () => {
    const { server, tokens } = await loggedIn();
    expect((await refresh(server, tokens.access_token)).status).toBe(401);
    const asBearer = { access_token: tokens.refresh_token };
    expect((await server.get('/api/me', bearer(asBearer))).status).toBe(401);
  });
});

describe('R7 lifetimes', () => {
  it('a session that nobody used ends at its idle limit', async () => {
    const { server, tokens, clock } = await signedIn({ refreshIdleTtlSeconds: 3600 });
    clock.advance(3600);
    expect((await refresh(server, tokens.refresh_token)).status).toBe(401);
  });

  it('a session that is always used ends at its absolute limit', async () => {
    const { server, tokens, clock } = await signedIn({
      refreshIdleTtlSeconds: 3600,
      refreshTtlSeconds: 7200,
    });
    let latest = tokens;
    for (let round = 0; round < 3; round += 1) {
      clock.advance(1800);
      latest = await refreshed(server, latest.refresh_token);
    }
    clock.advance(1799);
    latest = await refreshed(server, latest.refresh_token);
    clock.advance(1);
    expect((await refresh(server, latest.refresh_token)).status).toBe(401);
  });
});

describe('R8 a store in trouble', () => {
  it('a failing rotation is 503 with Retry-After, clears no cookie, and a retry succeeds', async () => {
    const store = memoryStore();
    let isDown = false;
    const { server, tokens } = await signedIn({
      store: failing(store, () => isDown),
    });
    isDown = true;
    const answer = await refresh(server, tokens.refresh_token);
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(answer.headers.get('set-cookie')).toBeNull();
    isDown = false;
    await refreshed(server, tokens.refresh_token);
  });

  it('a user who cannot be read is 503 before anything is rotated, and a retry after the grace succeeds', async () => {
    const store = memoryStore();
    let failures = 0;
    const { server, tokens, clock } = await signedIn({
      store: {
        ...store,
        users: {
          ...store.users,
          async findById(id) {
            if (failures-- > 0) throw new Error('connection lost');
            return store.users.findById(id);
          },
        },
      },
    });
    failures = 1;
    expect((await refresh(server, tokens.refresh_token)).status).toBe(503);
    expect(server.events.map(({ name }) => name)).not.toContain('refresh.rotated');
    clock.advance(11);
    const next = await refreshed(server, tokens.refresh_token);
    expect(next.refresh_token.split('.')[3]).toBe('1');
  });

  it('an answer lost after the rotation is given again', async () => {
    const store = memoryStore();
    let losesAnswers = true;
    const lossy: Store = {
      ...store,
      sessions: {
        ...store.sessions,
        async rotate(id, rotation) {
          const rotated = await store.sessions.rotate(id, rotation);
          if (losesAnswers) throw new Error('connection lost');
          return rotated;
        },
      },
    };
    const { server, tokens } = await signedIn({ store: lossy });
    expect((await refresh(server, tokens.refresh_token)).status).toBe(503);
    losesAnswers = false;
    const next = await refreshed(server, tokens.refresh_token);
    expect(next.refresh_token.split('.')[3]).toBe('1');
  });

  it('the grace is counted to the arrival of a retry, however long the store takes to answer it', async () => {
    const clock = createClock();
    const store = memoryStore();
    let answersAfterSeconds = 0;
    const slow: Store = {
      ...store,
      sessions: {
        ...store.sessions,
        async get(id) {
          clock.advance(answersAfterSeconds);
          return store.sessions.get(id);
        },
      },
    };
    const { server, tokens } = await signedIn({ now: clock.now, store: slow });
    const next = await refreshed(server, tokens.refresh_token);
    clock.advance(10);
    answersAfterSeconds = 4;
    const recognised = await server.auth.sessions.recognise(tokens.refresh_token);
    expect(recognised?.refreshToken).toBe(next.refresh_token);
    clock.advance(-4);
    const again = await refreshed(server, tokens.refresh_token);
    expect(again.refresh_token).toBe(next.refresh_token);
  });

  it('the grace is counted to the arrival of the request, however long it waits to be counted', async () => {
    const clock = createClock();
    const store = memoryStore();
    let answersAfterSeconds = 0;
    const slow: Store = {
      ...store,
      once: {
        ...store.once,
        async incr(key, count) {
          clock.advance(answersAfterSeconds);
          return store.once.incr(key, count);
        },
      },
    };
    const { server, tokens } = await signedIn({ now: clock.now, store: slow });
    const next = await refreshed(server, tokens.refresh_token);
    clock.advance(8);
    answersAfterSeconds = 4;
    const again = await refreshed(server, tokens.refresh_token);
    expect(again.refresh_token).toBe(next.refresh_token);
  });

  it('a store set back to an older state: tokens of later generations are refused, and end nothing', async () => {
    const store = memoryStore();
    const { server, tokens, user, clock } = await signedIn({ store });
    const [id = ''] = tokens.refresh_token.split('.').slice(2);
    const backup = await store.sessions.get(id);
    if (!backup) throw new Error('there is no session');
    const next = await refreshed(server, tokens.refresh_token);

    const older = memoryStore();
    await older.users.create(user);
    await older.sessions.create(backup);
    const setBack = await serveAuth({ store: older, now: clock.now });
    const answer = await refresh(setBack, next.refresh_token);
    expect(answer.status).toBe(401);
    expect(await codeOf(answer)).toBe('REFRESH_INVALID');
    expect(await older.sessions.get(id)).toMatchObject({ generation: 0, revokedAt: undefined });
    expect(await setBack.auth.sessions.recognise(next.refresh_token)).toBeUndefined();
  });

  function failing(store: Store, isDown: () => boolean): Store {
    return {
      ...store,
      sessions: {
        ...store.sessions,
        rotate: async (id, rotation) => {
          if (isDown()) throw new Error('connection lost');
          return store.sessions.rotate(id, rotation);
        },
      },
    };
  }
});

describe('R9 and R10 how the token arrives', () => {
  it('a cookie and a body token that differ are 400', async () => {
    const { server, tokens } = await signedIn();
    const answer = await refresh(server, tokens.refresh_token, {
      cookie: 'latchkey-session=r1.another',
      'x-csrf': '1',
    });
    expect(answer.status).toBe(400);
  });

  it('two cookies of the name that differ are 400', async () => {
    const { server, tokens } = await signedIn();
    const cookie = `latchkey-session=${tokens.refresh_token}; latchkey-session=planted`;
    const answer = await server.post('/api/auth/refresh', {}, { cookie, 'x-csrf': '1' });
    expect(answer.status).toBe(400);
  });

  it('on https a cookie without __Host- is no cookie of ours', async () => {
    const { server } = await signedIn({ publicUrl: 'https://app.example.com' });
    const credentials = { username: 'alice', password: PASSWORD, delivery: 'cookie' };
    const answer = await server.post('/api/auth/login', credentials);
    const line = answer.headers.getSetCookie().find((each) => each.startsWith('__Host-latchkey-s'));
    const [cookie = ''] = line?.split(';') ?? [];
    const planted = { cookie: cookie.replace('__Host-', ''), 'x-csrf': '1' };
    expect((await server.post('/api/auth/refresh', {}, planted)).status).toBe(401);
    const ours = { cookie, 'x-csrf': '1' };
    expect((await server.post('/api/auth/refresh', {}, ours)).status).toBe(200);
  });

  it('GET is 405 and says what is allowed', async () => {
    const { server } = await signedIn();
    const answer = await server.get('/api/auth/refresh');
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('POST');
  });

  it.each([
    { title: 'a cross-site request', headers: { 'sec-fetch-site': 'cross-site' } },
    { title: 'a same-site request of a sub-domain', headers: { 'sec-fetch-site': 'same-site' } },
    { title: 'Origin: null', headers: { origin: 'null' } },
    { title: 'an origin nobody listed', headers: { origin: 'https://evil.example' } },
    { title: 'a cookie without a sign of who sends it', headers: {} },
  ])('$title is 403', async ({ headers }) => {
    const { server, tokens } = await signedIn();
    const cookie = `latchkey-session=${tokens.refresh_token}`;
    const answer = await server.post('/api/auth/refresh', {}, { ...headers, cookie });
    expect(answer.status).toBe(403);
    expect(await codeOf(answer)).toBe('CROSS_SITE_REQUEST');
  });
});
