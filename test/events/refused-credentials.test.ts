import type { AuthOptions } from 'latchkey';
import { describe, expect, it } from 'vitest';
import { serveAuth } from '../world/auth-server.js';
import { createClock } from '../world/clock.js';
import { machineWorld } from '../world/machine.js';

/** An application where alice has an API key. */
async function world(options: AuthOptions = {}) {
  const clock = createClock();
  const server = await serveAuth({ acceptApiKeys: true, now: clock.now, ...options });
  const alice = await server.auth.users.create({ username: 'alice' });
  const made = await server.auth.apiKeys.create({
    owner: alice.id,
    name: 'build',
    expiresInSeconds: 3600,
  });
  const use = async (key = made.key) => {
    const { status } = await server.get('/api/me', { 'x-api-key': key });
    const told = server.events.filter(({ name }) => name === 'token.refused');
    return { status, told: told.map(({ event }) => event) };
  };
  return { ...server, clock, alice, made, use };
}

type World = Awaited<ReturnType<typeof world>>;

describe('token.refused', () => {
  it.each<{ title: string; spoil: (given: World) => unknown }>([
    { title: 'that has ended', spoil: ({ clock }) => clock.advance(3601) },
    { title: 'that was revoked', spoil: ({ auth, made }) => auth.apiKeys.revoke(made.id) },
    {
      title: 'of a disabled user',
      spoil: async ({ auth, alice, clock }) => {
        await auth.users.update(alice.id, { disabled: true });
        clock.advance(10);
      },
    },
    {
      title: 'of a user who is gone',
      spoil: async ({ auth, alice, clock }) => {
        await auth.users.delete(alice.id);
        clock.advance(10);
      },
    },
  ])('says which key it was, and whose: one $title', async ({ spoil }) => {
    const given = await world();
    const { use, made, alice } = given;
    expect(await use()).toEqual({ status: 200, told: [] });
    await spoil(given);
    const { status, told } = await use();
    expect(status).toBe(401);
    expect(told).toMatchObject([
      { code: 'INVALID_TOKEN', reason: 'unknown_key', keyId: made.id, subject: alice.id },
    ]);
    expect(JSON.stringify(told)).not.toContain(made.key.slice(made.prefix.length + 1));
  });

  it('says it of each of the requests that wait for one look at the store', async () => {
    const { use, made, clock, events } = await world();
    clock.advance(3601);
    await Promise.all([use(), use(), use()]);
    const told = events.filter(({ name }) => name === 'token.refused');
    expect(told.map(({ event }) => event)).toMatchObject(Array(3).fill({ keyId: made.id }));
  });

  it.each([
    {
      title: 'with another secret',
      other: (key: string) =>
        `${key.slice(0, 30)}${key.charAt(30) === 'x' ? 'y' : 'x'}${key.slice(31)}`,
    },
    { title: 'that is cut off', other: (key: string) => key.slice(0, -3) },
  ])('takes no word of a key $title for which one it is', async ({ other }) => {
    const { use, made } = await world();
    const { status, told } = await use(other(made.key));
    expect(status).toBe(401);
    expect(told).toHaveLength(1);
    expect(told[0]).not.toHaveProperty('keyId');
    expect(told[0]).not.toHaveProperty('subject');
  });

  it('says whose token it was, when only its session or account has ended', async () => {
    const { auth, account, accessToken, get, events } = await machineWorld();
    const token = await accessToken();
    const headers = { authorization: `Bearer ${token}` };
    expect((await get('/api/strict', headers)).status).toBe(200);
    await auth.serviceAccounts.update(account.id, { disabled: true });
    expect((await get('/api/strict', headers)).status).toBe(401);
    const told = events.filter(({ name }) => name === 'token.refused');
    expect(told).toMatchObject([{ event: { code: 'TOKEN_REVOKED', subject: account.id } }]);
    expect(told[0]?.event).not.toHaveProperty('keyId');
    expect(JSON.stringify(events)).not.toContain(token);
  });

  it('takes no word of a forged token for whose it is', async () => {
    const { accessToken, get, events } = await machineWorld();
    const [head, claims] = (await accessToken()).split('.');
    const headers = { authorization: `Bearer ${head}.${claims}.${'A'.repeat(43)}` };
    expect((await get('/api/me', headers)).status).toBe(401);
    const told = events.filter(({ name }) => name === 'token.refused');
    expect(told).toMatchObject([{ event: { code: 'INVALID_TOKEN' } }]);
    expect(told[0]?.event).not.toHaveProperty('subject');
  });
});

it('a good key on a guard that it does not open is told with key and owner', async () => {
  const { auth, alice, use, events } = await world();
  const resource = 'project:42';
  const only = await auth.apiKeys.create({ owner: alice.id, name: 'one project', resource });
  const { status, told } = await use(only.key);
  expect(status).toBe(403);
  const code = 'RESOURCE_FORBIDDEN';
  expect(told).toMatchObject([{ code, keyId: only.id, subject: alice.id }]);
  const denied = events.filter(({ name }) => name === 'access.denied');
  expect(denied).toMatchObject([{ event: { code, subject: alice.id } }]);
});
