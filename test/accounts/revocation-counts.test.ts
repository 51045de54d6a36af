import { describe, expect, it } from 'vitest';
import { memoryStore } from 'latchkey';
import { createRevocationCounts } from '../../lib/accounts/revocation-counts.js';

const PERIOD = 600_000;
/** The beginning of a period. */
const START = 3_000_000 * PERIOD;
const SECOND = 1000;
const provider = { issuer: 'https://id.example', subject: 'ada', sessionId: 'there' };
const owner = { userId: 'ada', provider };

/** Two instances on one store, whose clocks can be told apart. */
function instances() {
  const { once } = memoryStore();
  const clock = { here: START, there: START };
  const here = createRevocationCounts(once, () => clock.here);
  const there = createRevocationCounts(once, () => clock.there);
  const at = (time: number, there_ = time): void => {
    Object.assign(clock, { here: time, there: there_ });
  };
  return { here, there, at };
}

describe('an ending between a mark and its comparison is seen', () => {
  const minutes = [0, 1, 5, 9, 9.99, 10, 10.01, 15, 19.99];
  const offsets = minutes.flatMap((proven) =>
    [0.001, 1, 5, 9.99, 10].map((until) => ({ proven, until })),
  );

  it.each(offsets)(
    'proven $proven min into a period, compared $until min later',
    async ({ proven, until }) => {
      const from = START + proven * 60 * SECOND;
      const to = from + until * 60 * SECOND;
      for (const ended of [from, (from + to) / 2, to])
        for (const skew of [0, -10 * SECOND, 10 * SECOND, -60 * SECOND, 60 * SECOND]) {
          const { here, there, at } = instances();
          at(from);
          const mark = await here.of(owner);
          at(ended, ended + skew);
          await there.add({ userId: 'ada' });
          at(to);
          expect(await here.areUnchanged(mark, owner), `${ended - from} ms, ${skew} ms`).toBe(
            false,
          );
        }
    },
  );

  it.each([
    { title: 'of the user', selector: { userId: 'ada' } },
    { title: 'of all but one session', selector: { userId: 'ada', except: 'this' } },
    { title: 'of the user at the provider', selector: { issuer: provider.issuer, subject: 'ada' } },
    {
      title: 'of the session there',
      selector: { issuer: provider.issuer, sessionId: 'there' },
    },
  ])('$title', async ({ selector }) => {
    const { here } = instances();
    const mark = await here.of(owner);
    await here.add(selector);
    expect(await here.areUnchanged(mark, owner)).toBe(false);
  });

  it('several within one millisecond, and one before the mark within the same', async () => {
    const { here } = instances();
    await here.add({ userId: 'ada' });
    const mark = await here.of(owner);
    expect(await here.areUnchanged(mark, owner)).toBe(true);
    await Promise.all([here.add({ userId: 'ada' }), here.add({ userId: 'ada' })]);
    expect(await here.areUnchanged(mark, owner)).toBe(false);
  });

  it('also by the instance whose clock is behind that of the proof', async () => {
    const { here, there, at } = instances();
    at(START, START - 10 * SECOND);
    const mark = await here.of(owner);
    await there.add({ userId: 'ada' });
    expect(await there.areUnchanged(mark, owner)).toBe(false);
  });
});

describe('a mark to which nothing has happened', () => {
  it.each([
    { title: 'at once', after: 0 },
    { title: 'after ten minutes', after: PERIOD },
    { title: 'over the end of a period', after: 5 * 60 * SECOND },
  ])('compares equal $title', async ({ after }) => {
    for (const start of [START, START + PERIOD - 1, START + PERIOD - 60 * SECOND]) {
      const { here, at } = instances();
      at(start);
      await here.add({ userId: 'ada' });
      const mark = await here.of(owner);
      at(start + after);
      await here.add({ userId: 'somebody else' });
      expect(await here.areUnchanged(mark, owner)).toBe(true);
    }
  });

  it('is not believed when it is too old for its endings to be remembered', async () => {
    const { here, at } = instances();
    const mark = await here.of(owner);
    at(START + 4 * PERIOD);
    expect(await here.areUnchanged(mark, owner)).toBe(false);
  });

  it.each(['', '0 0 0', 'u.5000', 'u.x.0 s.x.0 i.x.0', 'u..'])('is none: %j', async (mark) => {
    const { here } = instances();
    expect(await here.areUnchanged(mark, owner)).toBe(false);
  });
});
