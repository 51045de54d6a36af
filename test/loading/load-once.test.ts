import { expect, it } from 'vitest';
import { loadOnce } from '../../lib/loading/load-once.js';

/** Work whose attempts end one after another as they are told to. */
function workThatEnds(...outcomes: readonly (string | Error)[]) {
  let attempts = 0;
  const work = loadOnce(async () => {
    const outcome = outcomes[attempts];
    attempts += 1;
    if (outcome instanceof Error) throw outcome;
    return outcome;
  });
  return { work, attempts: () => attempts };
}

it('calls share one attempt, and its result ever after', async () => {
  const { work, attempts } = workThatEnds('first', 'second');
  expect(await Promise.all([work(), work()])).toEqual(['first', 'first']);
  expect(await work()).toBe('first');
  expect(attempts()).toBe(1);
});

it('an attempt that fails is the answer to those who waited for it, and the next call makes another', async () => {
  const { work, attempts } = workThatEnds(new Error('too many open files'), 'second');
  const waiting = await Promise.allSettled([work(), work()]);
  expect(waiting.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await work()).toBe('second');
  expect(await work()).toBe('second');
  expect(attempts()).toBe(2);
});
