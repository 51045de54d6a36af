import { expect, it } from 'vitest';
import { patiently } from '../../lib/client/patience.js';

it.each(['0', new Date(0).toUTCString(), 'soon'])(
  'tries again after a pause where Retry-After is %j, which says nothing',
  async (retryAfter) => {
    let tries = 0;
    const answer = await patiently(
      async () => {
        tries += 1;
        return new Response(null, { status: 503, headers: { 'Retry-After': retryAfter } });
      },
      { forMs: 400, isTrouble: (status) => status === 503 },
    );
    expect(answer.status).toBe(503);
    expect(tries).toBeLessThan(5);
  },
);
