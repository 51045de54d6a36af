import { afterEach, expect, it, vi } from 'vitest';
import { patiently } from '../../lib/client/patience.js';

afterEach(() => void vi.useRealTimers());

it.each(['0', new Date(0).toUTCString(), 'soon'])(
  'tries again after a pause where Retry-After is %j, which says nothing',
  async (retryAfter) => {
    let tries = 0;
    const answer = await patiently(
      async () => {
        tries += 1;
        return new Response(null, { status: 503, headers: { 'Retry-After': retryAfter } });
      },
      (status) => status === 503,
      { forMs: 400 },
    );
    expect(answer.status).toBe(503);
    expect(tries).toBeLessThan(5);
  },
);

it('tries ever less often, and then every few seconds', async () => {
  vi.useFakeTimers();
  const at: number[] = [];
  const trying = patiently(
    async () => {
      at.push(performance.now());
      return new Response(null, { status: 503 });
    },
    (status) => status === 503,
    { forMs: 60_000 },
  );
  await vi.advanceTimersByTimeAsync(60_000);
  expect((await trying).status).toBe(503);
  const pauses = at.slice(1).map((ms, i) => ms - (at[i] ?? 0));
  // Each pause is chosen by chance from half of its length on.
  [250, 500, 1000, 2000, 4000, 4000, 4000].forEach((longest, i) => {
    expect(pauses[i]).toBeGreaterThanOrEqual(longest / 2);
    expect(pauses[i]).toBeLessThanOrEqual(longest);
  });
  expect(Math.max(...pauses)).toBeLessThanOrEqual(4000);
});
