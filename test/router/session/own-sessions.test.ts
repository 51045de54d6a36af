import { describe, expect, it } from 'vitest';
import { addUser, bearer, serveAuth } from '../../world/auth-server.js';
import { createClock } from '../../world/clock.js';

interface Answer {
  readonly sessions: readonly { readonly id: string; readonly current: boolean }[];
  readonly next?: string;
}

/** A user with sessions that began a second apart; `ids` has the newest first. */
async function world(count: number) {
  const clock = createClock();
  const server = await serveAuth({ now: clock.now });
  const user = await addUser(server);
  const notes = {
    amr: ['pwd'],
    authTime: clock.now() / 1000,
    acr: undefined,
    device: undefined,
    delivery: 'body',
  } as const;
  const ids: string[] = [];
  for (let at = 1; at < count; at += 1) {
    const { session } = await server.auth.sessions.start(user, notes);
    ids.unshift(session.id);
    clock.advance(1);
  }
  const headers = bearer(await server.signIn('alice'));
  const [own] = await server.auth.sessions.list(user.id, { limit: 1 });
  const list = async (query = ''): Promise<Answer> => {
    const response = await server.get(`/api/auth/sessions${query}`, headers);
    expect(response.status).toBe(200);
    return (await response.json()) as Answer;
  };
  const end = async (id: string): Promise<number> => {
    const address = `${server.origin}/api/auth/sessions/${id}`;
    return (await fetch(address, { method: 'DELETE', headers })).status;
  };
  return { server, headers, list, end, ids: [own?.id ?? '', ...ids] };
}

const idsOf = ({ sessions }: Answer): readonly string[] => sessions.map(({ id }) => id);

describe('GET /sessions', () => {
  it('shows the newest sign-in first, which is the caller’s own here', async () => {
    const { list, ids } = await world(3);
    const answer = await list();
    expect(idsOf(answer)).toEqual(ids);
    expect(answer.sessions.map(({ current }) => current)).toEqual([true, false, false]);
    expect(answer.next).toBeUndefined();
  });

  it('comes in pages of 100, or of as many as were asked for, and none is lost or shown twice', async () => {
    const { list, ids } = await world(130);
    const first = await list();
    expect(idsOf(first)).toHaveLength(100);
    const second = await list(`?after=${first.next}`);
    expect([...idsOf(first), ...idsOf(second)]).toEqual(ids);
    expect(second.next).toBeUndefined();
    const small = await list(`?limit=7&after=${first.next}`);
    expect(idsOf(small)).toEqual(ids.slice(100, 107));
    const rest = await list(`?after=${small.next}`);
    expect(idsOf(rest)).toEqual(ids.slice(107));
  });

  it('goes on where a page ended although sessions have ended meanwhile', async () => {
    const { list, end, ids } = await world(10);
    const first = await list('?limit=4');
    for (const id of [ids[1], ids[3]]) expect(await end(id ?? '')).toBe(204);
    expect(idsOf(await list(`?after=${first.next}`))).toEqual(ids.slice(4));
  });

  it.each([
    'limit=0',
    'limit=101',
    'limit=-1',
    'limit=1e1',
    'limit=',
    'limit=5&limit=6',
    'after=',
    'after=nothing',
    'after=zzz.',
    'after=%00',
    'after=a.b%00',
    'after=a.b&after=a.b',
  ])('?%s is 400', async (query) => {
    const { server, headers } = await world(1);
    const response = await server.get(`/api/auth/sessions?${query}`, headers);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'INVALID_REQUEST' });
  });
});

describe('DELETE /sessions/:id', () => {
  it('ends one of the caller’s sessions, beyond the first page as well', async () => {
    const { list, end, ids } = await world(105);
    expect(await end(ids[104] ?? '')).toBe(204);
    const { next } = await list();
    expect(idsOf(await list(`?after=${next}`))).toEqual(ids.slice(100, 104));
  });

  it('is 404 for one that has ended', async () => {
    const { end, ids } = await world(2);
    expect(await end(ids[1] ?? '')).toBe(204);
    expect(await end(ids[1] ?? '')).toBe(404);
  });
});
