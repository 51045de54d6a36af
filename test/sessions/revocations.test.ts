import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createRevocations, type Revocations } from '../../lib/sessions/revocations.js';
import type { Store } from '../../lib/stores/store.js';
import { createClock } from '../world/clock.js';
import { addSessions, switchedStore } from '../world/switched-store.js';
import { PATIENCE } from '../world/patience.js';

const ACCESS_TTL = 900;

/** A store, and an instance that looks for what was revoked elsewhere. */
function world({ lagSeconds = 300, hears = false } = {}) {
  const clock = createClock();
  const switched = switchedStore();
  const { store } = switched;
  const { onRevoked: _, ...deaf } = store.sessions;
  const revocations = createRevocations(hears ? store.sessions : deaf, {
    revocationLagSeconds: lagSeconds,
    accessTtlSeconds: ACCESS_TTL,
    now: clock.now,
  });
  onTestFinished(() => revocations.close());
  return {
    ...{ clock, switched, store, revocations },
    add: (count: number, userId = 'ann') => addSessions(store, { count, now: clock.now(), userId }),
    /** As another instance would. */
    revoke: (userId = 'ann') =>
      store.sessions.revoke({ userId }, { now: clock.now(), reason: 'test' }),
  };
}

/** Counts the pages that were asked for, and those that begin anew. */
function countPages({ switched }: ReturnType<typeof world>) {
  const counts = { pages: 0, fromTheBeginning: 0 };
  switched.onPage = ({ page }) => {
    counts.pages += 1;
    if (page.after === undefined) counts.fromTheBeginning += 1;
  };
  return counts;
}

/** Lets the look that has begun come to its second page, and holds it there until it is told to go on or to fail. */
function holdSecondPage({ switched }: ReturnType<typeof world>) {
  let release: ((outcome: 'go on' | 'fail') => void) | undefined;
  let pages = 0;
  const held = new Promise<void>((isThere) => {
    switched.onPage = async () => {
      pages += 1;
      if (pages !== 2) return;
      const outcome = await new Promise((resolve) => {
        release = resolve;
        isThere();
      });
      if (outcome === 'fail') throw new Error('the store is gone');
    };
  });
  return { held, let: (outcome: 'go on' | 'fail') => release?.(outcome) };
}

describe('revocations of other instances', () => {
  it('are read a page at a time, and each once', async () => {
    const here = world({ lagSeconds: 1 });
    const ids = await here.add(2500);
    await here.revoke();
    const counts = countPages(here);
    await here.revocations.ready();
    expect(counts).toEqual({ pages: 3, fromTheBeginning: 1 });
    expect(ids.map((id) => here.revocations.has(id))).toEqual(Array(2500).fill(true));
    const [late = ''] = await here.add(1, 'ben');
    expect(here.revocations.has(late)).toBe(false);
    await here.revoke('ben');
    await vi.waitUntil(() => here.revocations.has(late), PATIENCE);
    expect(counts.fromTheBeginning).toBe(1);
    expect(counts.pages).toBeLessThan(10);
  });

  it('are known soon when the store tells of them, with few looks for many', async () => {
    const here = world({ hears: true });
    const counts = countPages(here);
    await here.revocations.ready();
    const ids = await Promise.all(
      Array.from({ length: 200 }, async (_, at) => {
        const [id = ''] = await here.add(1, `user ${at}`);
        await here.revoke(`user ${at}`);
        return id;
      }),
    );
    // The lag, at which it would look by itself, is five minutes.
    await vi.waitUntil(() => ids.every((id) => here.revocations.has(id) === true), PATIENCE);
    expect(counts.pages).toBeLessThan(10);
  });

  it('a look that fails on its way goes on where it was, soon', async () => {
    const here = world({ lagSeconds: 4 });
    const ids = await here.add(3500);
    await here.revoke();
    const asked: (string | undefined)[] = [];
    here.switched.onPage = ({ page }) => {
      asked.push(page.after);
      if (asked.length === 3) throw new Error('the store is gone');
    };
    await expect(here.revocations.ready()).rejects.toThrow('gone');
    await here.revocations.ready();
    expect(ids.map((id) => here.revocations.has(id))).toEqual(Array(3500).fill(true));
    expect(asked).toHaveLength(5);
    expect(asked[3]).toBe(asked[2]);
    expect(new Set(asked).size).toBe(4);
  });

  it('after an outage a look begins half a minute before it, for a replica that has missed something', async () => {
    const here = world({ lagSeconds: 1 });
    await here.add(1);
    await here.revoke();
    await here.revocations.ready();
    const knownUntil = here.clock.now();
    here.clock.advance(60);
    let failures = 0;
    here.switched.onPage = () => {
      failures += 1;
      throw new Error('the store is gone');
    };
    await vi.waitUntil(() => failures > 0, PATIENCE);
    const asked: unknown[] = [];
    here.switched.onPage = (question) => void asked.push(question);
    await vi.waitUntil(() => asked.length > 0, PATIENCE);
    expect(asked[0]).toMatchObject({ time: knownUntil - 30_000, page: { after: undefined } });
  });

  it('are remembered as long as an access token can outlive its session, and then forgotten', async () => {
    const here = world({ hears: true });
    const [old = ''] = await here.add(1);
    await here.revoke();
    await here.revocations.ready();
    /** Lets it take a look, at which it also forgets. */
    const look = async (userId: string): Promise<void> => {
      const [id = ''] = await here.add(1, userId);
      await here.revoke(userId);
      await vi.waitUntil(() => here.revocations.has(id) === true, PATIENCE);
      await wait(50);
    };
    here.clock.advance(ACCESS_TTL + 300);
    await look('ben');
    expect(here.revocations.has(old)).toBe(true);
    here.clock.advance(60);
    await look('cay');
    expect(here.revocations.has(old)).toBe(false);
  });
});

describe('an instance that was frozen, so that no timer ran', () => {
  async function frozen() {
    const here = world();
    const [ended = '', live = ''] = [...(await here.add(1)), ...(await here.add(1, 'ben'))];
    await here.revocations.ready();
    await here.revoke();
    expect(here.revocations.has(ended)).toBe(false);
    here.clock.advance(301);
    return { ...here, ended, live };
  }

  it('looks before it answers the first request, once for all that come together', async () => {
    const here = await frozen();
    const counts = countPages(here);
    const answers = await askAll(here.revocations, [here.ended, here.live, here.ended]);
    expect(answers).toEqual([true, false, true].map((value) => ({ status: 'fulfilled', value })));
    expect(counts.pages).toBe(1);
    expect(here.revocations.has(here.live)).toBe(false);
  });

  it('does not believe a look in whose middle it was frozen', async () => {
    const here = world();
    const [id = ''] = await here.add(1);
    // The first look has read everything, and is not over.
    expect(await here.revocations.has(id)).toBe(false);
    await here.revoke();
    here.clock.advance(301);
    expect(await here.revocations.has(id)).toBe(true);
  });

  it('goes on from memory when the store is gone, and asks no more for each request', async () => {
    const here = await frozen();
    here.switched.onPage = () => {
      throw new Error('the store is gone');
    };
    expect(await here.revocations.has(here.live)).toBe(false);
    expect(here.revocations.has(here.live)).toBe(false);
  });
});

describe('an instance that has read some of the revocations and knows of more', () => {
  async function behind(options = {}) {
    const here = world(options);
    const revoked = await here.add(1500);
    await here.revoke();
    const [live = '', other = ''] = await here.add(2, 'ben');
    const asked: string[] = [];
    here.switched.onGet = (id) => void asked.push(id);
    const page = holdSecondPage(here);
    const [first = '', unread = ''] = [revoked[0], revoked.at(-1)];
    const early = Promise.resolve(here.revocations.has(live)).catch(() => undefined);
    await page.held;
    return { ...here, ...{ page, first, unread, live, other, early, asked, revoked } };
  }

  it('asks the store for a session that it doesn’t know, and answers at once from memory what it does', async () => {
    const here = await behind();
    expect(here.revocations.has(here.first)).toBe(true);
    expect(await here.revocations.has(here.unread)).toBe(true);
    expect(await here.revocations.has(here.other)).toBe(false);
    expect(await here.early).toBe(false);
    expect(await here.revocations.has('a session that was swept')).toBe(true);
    here.page.let('go on');
    await vi.waitUntil(() => here.revocations.has(here.unread) === true, PATIENCE);
    expect(here.revocations.has(here.live)).toBe(false);
  });

  it('asks once per session, however many requests come, and believes the answer for the lag', async () => {
    const here = await behind();
    await here.early;
    here.asked.length = 0;
    const many = await askAll(here.revocations, Array<string>(100).fill(here.other));
    expect(many).toEqual(Array(100).fill({ status: 'fulfilled', value: false }));
    expect(here.revocations.has(here.other)).toBe(false);
    expect(here.asked).toEqual([here.other]);
    await here.revoke('ben');
    here.clock.advance(301);
    expect(await here.revocations.has(here.other)).toBe(true);
    expect(here.asked).toEqual([here.other, here.other]);
  });

  it('asks few questions at once, and refuses rather than let a thousand more wait', async () => {
    const here = await behind();
    await here.early;
    let open = 0;
    let most = 0;
    here.switched.onGet = async () => {
      open += 1;
      most = Math.max(most, open);
      await wait(1);
      open -= 1;
    };
    const answers = await askAll(
      here.revocations,
      here.revoked.slice(1000).concat(await here.add(800, 'cay')),
    );
    expect(most).toBe(8);
    const refusals = answers.flatMap((answer) =>
      answer.status === 'rejected' ? [answer.reason as unknown] : [],
    );
    expect(refusals).toHaveLength(1300 - 1008);
    for (const refusal of refusals) expect(refusal).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    const isRevoked = answers.flatMap((answer) =>
      answer.status === 'fulfilled' ? [answer.value] : [],
    );
    expect(isRevoked.filter(Boolean)).toHaveLength(500);
  });

  it('lets nothing pass that it doesn’t know when the store is gone, until a later look goes on', async () => {
    const here = await behind({ lagSeconds: 4 });
    here.switched.onGet = async () => {
      await wait(1);
      throw new Error('the store is gone');
    };
    here.page.let('fail');
    here.switched.onPage = () => {
      throw new Error('the store is still gone');
    };
    await wait(50);
    const answers = await askAll(here.revocations, here.revoked);
    const passed = answers.filter((answer) => answer.status === 'fulfilled' && !answer.value);
    expect(passed).toEqual([]);
    expect(answers.filter(({ status }) => status === 'rejected')).toHaveLength(500);
    here.switched.onPage = () => undefined;
    await vi.waitUntil(() => isYesAtOnce(here.revocations.has(here.unread)), PATIENCE);
    expect(here.revocations.has(here.live)).toBe(false);
  });

  it('a session that is revoked here while the store is asked is revoked', async () => {
    const here = await behind();
    let answer: (() => void) | undefined;
    here.switched.onGet = () => new Promise((resolve) => (answer = resolve));
    const asked = here.revocations.has(here.other);
    await vi.waitUntil(() => answer !== undefined, PATIENCE);
    here.revocations.add([here.other]);
    answer?.();
    expect(await asked).toBe(true);
  });
});

describe('an instance without an answer of the store', () => {
  it('goes on from memory, at once, when it had read everything', async () => {
    const here = world({ lagSeconds: 1 });
    const [revoked = ''] = await here.add(1);
    await here.revoke();
    await here.revocations.ready();
    let failures = 0;
    here.switched.onPage = () => {
      failures += 1;
      throw new Error('the store is gone');
    };
    here.switched.onGet = here.switched.onPage as () => void;
    await vi.waitUntil(() => failures > 1, PATIENCE);
    expect(here.revocations.has(revoked)).toBe(true);
    expect(here.revocations.has('live')).toBe(false);
  });

  it('refuses to be ready, and passes what it cannot know, when it has just started', async () => {
    const here = world();
    here.switched.onPage = () => {
      throw new Error('the store is gone');
    };
    expect(await here.revocations.has('live')).toBe(false);
    await expect(here.revocations.ready()).rejects.toThrow('gone');
  });
});

it('a store of somebody else’s whose revocations have no position is never believed to be read', async () => {
  const { store, add, revoke, clock } = world();
  const [, , last = ''] = (await add(1200)).toReversed();
  await revoke();
  const former = {
    ...store.sessions,
    async revokedSince(...asked: Parameters<Store['sessions']['revokedSince']>) {
      const page = await store.sessions.revokedSince(...asked);
      // As JavaScript may do it.
      return page.map(({ id, revokedAt }) => ({ id, revokedAt })) as unknown as typeof page;
    },
  };
  const revocations = createRevocations(former, { accessTtlSeconds: ACCESS_TTL, now: clock.now });
  onTestFinished(() => revocations.close());
  await expect(revocations.ready()).rejects.toThrow(TypeError);
  expect(await revocations.has(last)).toBe(true);
});

function askAll(
  { has }: Pick<Revocations, 'has'>,
  ids: readonly string[],
): Promise<PromiseSettledResult<boolean>[]> {
  return Promise.allSettled(ids.map(async (id) => has(id)));
}

/** Whether an answer is a yes from memory. */
function isYesAtOnce(answer: boolean | Promise<boolean>): boolean {
  if (typeof answer === 'boolean') return answer;
  answer.catch(() => undefined);
  return false;
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
