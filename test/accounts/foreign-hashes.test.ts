import { createHash } from 'node:crypto';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { AuthOptions, PasswordOptions } from 'latchkey';
import { addUser, type AuthServer, PASSWORD, serveAuth } from '../world/auth-server.js';
import { findBlock, readReadmes } from '../package/readmes.js';
import { PATIENCE } from '../world/patience.js';

type VerifyForeign = NonNullable<PasswordOptions['verifyForeign']>;

/** Stands in for an older system whose hashes cost nothing. */
const oldHash = (password: string): string =>
  `old$${createHash('sha256').update(password).digest('hex')}`;

/** An application that knows these hashes, and counts how often it is asked. */
async function world(hook: VerifyForeign = (hash, password) => hash === oldHash(password)) {
  const calls: (string | undefined)[] = [];
  const verifyForeign: VerifyForeign = (hash, password) => {
    calls.push(hash);
    return hook(hash, password);
  };
  const server = await serveAuth({ passwords: { verifyForeign } });
  return { server, calls };
}

const statusOf = async ({ post }: AuthServer, username: string, password = PASSWORD) =>
  (await post('/api/auth/login', { username, password })).status;

const hashOf = async ({ auth }: AuthServer, username: string) =>
  (await auth.users.findByLogin(username))?.passwordHash;

describe('a hash of an older system', () => {
  it('signs its user in, and is argon2id from then on', async () => {
    const { server, calls } = await world();
    await addUser(server, { passwordHash: oldHash(PASSWORD) });
    expect(await statusOf(server, 'alice', 'wrong')).toBe(401);
    expect(await hashOf(server, 'alice')).toBe(oldHash(PASSWORD));
    expect(await statusOf(server, 'alice')).toBe(200);
    expect(await hashOf(server, 'alice')).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(calls).toEqual([oldHash(PASSWORD), oldHash(PASSWORD)]);
    expect(await statusOf(server, 'alice')).toBe(200);
    expect(calls).toHaveLength(2);
  });

  it('can be replaced by its owner, by a password that is another one', async () => {
    const { server } = await world();
    const { id } = await addUser(server, { passwordHash: oldHash(PASSWORD) });
    const { passwords, users } = server.auth;
    const user = await users.findById(id);
    const question = { user: {}, currentHash: user?.passwordHash };
    await expect(passwords.checkPolicy(PASSWORD, question)).rejects.toMatchObject({
      reason: 'same_as_old',
    });
    await passwords.checkPolicy('a sentence that is quite new', question);
  });

  it('a wrong password costs the same for every kind of account: one argon2 and one call', async () => {
    const { server, calls } = await world();
    await addUser(server, { username: 'today' });
    await addUser(server, { username: 'older', passwordHash: oldHash(PASSWORD) });
    await addUser(server, { username: 'none', passwordHash: undefined });
    await addUser(server, { username: 'off', disabled: true });
    await addUser(server, { username: 'odd', passwordHash: 'whatever' });
    const costs: Record<string, unknown> = {};
    for (const username of ['today', 'older', 'none', 'off', 'odd', 'nobody']) {
      const before = [server.auth.passwords.counters().finished, calls.length] as const;
      expect(await statusOf(server, username, 'wrong')).toBe(401);
      costs[username] = {
        // The call runs in the same queue.
        argon2: server.auth.passwords.counters().finished - before[0] - 1,
        calls: calls.length - before[1],
      };
    }
    const same = { argon2: 1, calls: 1 };
    expect(costs).toEqual({
      today: same,
      older: same,
      none: same,
      off: same,
      odd: same,
      nobody: same,
    });
    expect(calls).toEqual([
      undefined,
      oldHash(PASSWORD),
      undefined,
      undefined,
      'whatever',
      undefined,
    ]);
  });

  it('the hook decides about hashes that it was given, and about nothing else', async () => {
    const { server } = await world(() => true);
    await addUser(server, { username: 'today' });
    await addUser(server, { username: 'none', passwordHash: undefined });
    for (const username of ['today', 'none', 'nobody'])
      expect(await statusOf(server, username, 'wrong')).toBe(401);
  });

  it('a hash that the hook cannot read is broken', async () => {
    const { server } = await world(() => undefined);
    await addUser(server, { passwordHash: 'whatever' });
    expect(await statusOf(server, 'alice')).toBe(401);
    expect(server.events.map(({ name }) => name)).toEqual(['password.hash_broken', 'login.failed']);
  });

  it.each(['alice', 'nobody'])(
    'a hook that throws is 503 for %s, and an event that quotes nothing',
    async (name) => {
      const { server } = await world((hash, password) => {
        throw new Error(`cannot compare ${password} with ${hash}`);
      });
      await addUser(server, { passwordHash: oldHash(PASSWORD) });
      const answer = await server.post('/api/auth/login', { username: name, password: 'a secret' });
      expect(answer.status).toBe(503);
      expect(server.events).toEqual([{ name: 'hook.failed', event: { hook: 'verifyForeign' } }]);
      expect(JSON.stringify([server.events, await answer.text()])).not.toMatch(/a secret|old\$/);
    },
  );

  it('the hook waits in the queue of hashes, and past it the answer is 503', async () => {
    let finish: () => void = () => undefined;
    const waiting = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let running = 0;
    const verifyForeign: VerifyForeign = async () => {
      running += 1;
      await waiting;
      return false;
    };
    const passwords = { verifyForeign, maxConcurrentHashes: 1, maxQueuedHashes: 1 };
    const server = await serveAuth({ passwords });
    await addUser(server, { passwordHash: oldHash(PASSWORD) });
    const first = statusOf(server, 'alice');
    await vi.waitUntil(() => running === 1, PATIENCE);
    const second = statusOf(server, 'alice');
    await vi.waitUntil(() => server.auth.passwords.counters().waiting === 1, PATIENCE);
    expect(await statusOf(server, 'alice')).toBe(503);
    expect(running).toBe(1);
    finish();
    expect([await first, await second]).toContain(401);
  });
});

describe('the recipe in the README', () => {
  /** The options that the recipe gives, with a bcrypt whose every password is `secret`. */
  async function recipe(asked: string[]): Promise<AuthOptions> {
    const readmes = await readReadmes();
    const readme = readmes.find(({ file }) => file === path.join('lib', 'accounts', 'README.md'));
    const { code } = findBlock(readme, 'Hashes of an older system', 'ts');
    const module = code.replace(
      "import { createAuth } from 'latchkey';",
      'const createAuth = (options) => options;',
    );
    const bcrypt = {
      async compare(password: string, hash: string) {
        asked.push(hash);
        return password === 'secret';
      },
    };
    vi.stubGlobal('bcrypt', bcrypt);
    onTestFinished(() => void vi.unstubAllGlobals());
    const url = `data:text/javascript,${encodeURIComponent(`${module}\nexport { auth };`)}`;
    const { auth } = (await import(/* @vite-ignore */ url)) as { auth: AuthOptions };
    return auth;
  }

  it('reads what Django has written, and what bcrypt has', async () => {
    const asked: string[] = [];
    const server = await serveAuth(await recipe(asked));
    // Of Django's own tests.
    const django = 'pbkdf2_sha256$10000$seasalt$CWWFdHOWwPnki7HvkcqN9iA2T3KLW1cf2uZ5kvArtVY=';
    const bcrypt = `2y$10$${'a'.repeat(53)}`;
    await addUser(server, { username: 'django', passwordHash: django });
    await addUser(server, { username: 'php', passwordHash: `$${bcrypt}` });
    await addUser(server, { username: 'empty', passwordHash: 'pbkdf2_sha256$1$seasalt$' });
    expect(await statusOf(server, 'django', 'letmein')).toBe(401);
    expect(await statusOf(server, 'django', 'lètmein')).toBe(200);
    expect(await statusOf(server, 'django', 'lètmein')).toBe(200);
    expect(await statusOf(server, 'php', 'wrong')).toBe(401);
    expect(await statusOf(server, 'php', 'secret')).toBe(200);
    expect(await statusOf(server, 'empty', 'anything')).toBe(401);
    expect(await statusOf(server, 'nobody', 'lètmein')).toBe(401);
    expect(asked).toEqual(Array(2).fill(`$${bcrypt.replace('2y', '2b')}`));
    for (const username of ['django', 'php'])
      expect(await hashOf(server, username)).toMatch(/^\$argon2id\$/);
  });
});
