import { hash as argon2 } from '@node-rs/argon2';
import { memoryStore } from 'latchkey';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Store } from '../../lib/stores/store.js';
import { addUser, type AuthServer, PASSWORD, serveAuth } from '../world/auth-server.js';
import { everyStore } from '../world/every-store.js';
import { PATIENCE } from '../world/patience.js';

/** Of other parameters than today's: replaced at the next log-in. */
const OLD_COST = { memoryCost: 8192, timeCost: 1, parallelism: 1 };

const places = await everyStore(3);

/** A store in which something happens just before a hash is replaced. */
function interrupted(store: Store, happening: { current?: (() => Promise<unknown>) | undefined }) {
  const update: Store['users']['update'] = async (id, change) => {
    const { current } = happening;
    if (current && change.set.passwordHash?.includes('m=19456')) {
      happening.current = undefined;
      await current();
    }
    return store.users.update(id, change);
  };
  return { ...store, users: { ...store.users, update } };
}

describe.each(places)('W9 on $name', ({ isMissing, open, create, drop }) => {
  describe.skipIf(isMissing)('an old password whose hash has other parameters', () => {
    const store = { current: memoryStore() };
    beforeAll(async () => {
      await create();
      store.current = open();
    });
    afterAll(async () => {
      await store.current.close();
      await drop();
    });

    async function world(username: string) {
      const happening: { current?: () => Promise<unknown> } = {};
      const server = await serveAuth({ store: interrupted(store.current, happening) });
      const passwordHash = await argon2(PASSWORD, OLD_COST);
      const { id } = await server.auth.users.create({ username, passwordHash });
      const login = (password = PASSWORD) =>
        server.post('/api/auth/login', { username, password }).then(({ status }) => status);
      return { server, happening, id, login };
    }

    it.each<{ title: string; change: (users: AuthServer['auth'], id: string) => Promise<unknown> }>(
      [
        {
          title: 'another password',
          change: async (auth, id) => {
            const passwordHash = await auth.passwords.hash('set while the log-in was on its way');
            await auth.users.update(id, { passwordHash });
          },
        },
        { title: 'disabled', change: ({ users }, id) => users.update(id, { disabled: true }) },
        { title: 'deleted', change: ({ users }, id) => users.delete(id) },
      ],
    )('opens no session for a user who got $title meanwhile', async ({ title, change }) => {
      const { server, happening, id, login } = await world(`late-${title.replace(' ', '-')}`);
      happening.current = () => change(server.auth, id);
      expect(await login()).toBe(401);
      expect(happening.current).toBeUndefined();
      expect(await server.auth.sessions.list(id)).toEqual([]);
    });

    it('signs in twice at once, and is replaced', async () => {
      const { server, id, login } = await world('twice');
      expect(await Promise.all([login(), login()])).toEqual([200, 200]);
      const { passwordHash } = (await server.auth.users.findById(id)) ?? {};
      expect(passwordHash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    });
  });
});

it('W6 an outage in mid-reset leaves no session of the old password', async () => {
  const store = memoryStore();
  const { joined: _joined, ...sessions } = store.sessions;
  let isDown = false;
  const create: Store['sessions']['create'] = (session) =>
    isDown ? Promise.reject(new Error('down')) : sessions.create(session);
  const server = await serveAuth({ store: { ...store, sessions: { ...sessions, create } } });
  await addUser(server, { email: 'alice@example.com' });
  const { refresh_token } = await server.signIn('alice');
  await server.post('/api/auth/forgot-password', { email: 'alice@example.com' });
  await vi.waitUntil(() => server.mails.length > 0, PATIENCE);
  const [mail] = server.mails;
  const token = mail?.kind === 'password_reset' ? mail.data.token : '';
  const new_password = 'a sentence that is quite new';
  isDown = true;
  const answer = await server.post('/api/auth/reset-password', { token, new_password });
  expect(answer.status).toBe(503);
  isDown = false;
  expect((await server.post('/api/auth/refresh', { refresh_token })).status).toBe(401);
  await server.signIn('alice', new_password);
});
