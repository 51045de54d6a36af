import { describe, expect, it } from 'vitest';
import { createMissLimit } from '../../lib/accounts/miss-limit.js';
import { createClock } from '../world/clock.js';

function world() {
  const clock = createClock();
  const looks = { count: 0, atOnce: 0, most: 0 };
  const refusals: number[] = [];
  const limited = createMissLimit({
    max: 5,
    windowMs: 60_000,
    now: clock.now,
    refusal(until) {
      refusals.push(until);
      return new Error('too many');
    },
  });
  const lookUp = (client: string, isMiss: boolean): Promise<boolean> =>
    limited(client, async () => {
      looks.count += 1;
      looks.atOnce += 1;
      looks.most = Math.max(looks.most, looks.atOnce);
      await Promise.resolve();
      looks.atOnce -= 1;
      return { isMiss, found: !isMiss };
    });
  return { clock, looks, refusals, lookUp };
}

const outcomes = (all: readonly Promise<boolean>[]) => Promise.allSettled(all);

describe('a limit on misses', () => {
  it('refuses a burst of them after as many look-ups as a row of them has', async () => {
    const { looks, lookUp } = world();
    const all = await outcomes(Array.from({ length: 1000 }, () => lookUp('a', true)));
    expect(looks.count).toBe(5);
    expect(all.filter(({ status }) => status === 'rejected')).toHaveLength(995);
  });

  it('refuses none of a burst of hits, of which a few run at once', async () => {
    const { looks, lookUp } = world();
    const all = await outcomes(Array.from({ length: 1000 }, () => lookUp('a', false)));
    expect(all.every(({ status }) => status === 'fulfilled')).toBe(true);
    expect(looks).toEqual({ count: 1000, atOnce: 0, most: 5 });
  });

  it('lets the hits pass that wait behind fewer misses', async () => {
    const { lookUp } = world();
    const mixed = Array.from({ length: 100 }, (_, at) => lookUp('a', at % 25 === 0));
    expect((await outcomes(mixed)).every(({ status }) => status === 'fulfilled')).toBe(true);
  });

  it('counts each client for itself, until its window ends', async () => {
    const { clock, refusals, lookUp } = world();
    const start = clock.now();
    for (let count = 0; count < 5; count += 1) await lookUp('a', true);
    clock.advance(59);
    await expect(lookUp('a', false)).rejects.toThrow('too many');
    expect(refusals).toEqual([start + 60_000]);
    expect(await lookUp('b', false)).toBe(true);
    clock.advance(1);
    expect(await lookUp('a', false)).toBe(true);
  });

  it('does not count a look-up that failed', async () => {
    const { lookUp } = world();
    const limited = createMissLimit({
      ...{ max: 1, windowMs: 1000, now: () => 0 },
      refusal: () => new Error('too many'),
    });
    const fails = () => limited('a', () => Promise.reject(new Error('down')));
    await expect(fails()).rejects.toThrow('down');
    await expect(fails()).rejects.toThrow('down');
    expect(await lookUp('a', false)).toBe(true);
  });
});
