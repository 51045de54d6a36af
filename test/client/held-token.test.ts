import { expect, it } from 'vitest';
import { holdToken } from '../../lib/client/held-token.js';

const ASKED_AT = 1_800_000_000_000;

/** How long after the question tokens with such an answer are renewed, in seconds. */
function renewals(answer: {
  readonly expires_in?: number;
  readonly refresh_in?: number;
}): number[] {
  return Array.from({ length: 400 }, () => {
    const { renewAt } = holdToken({ access_token: 'a.b.c', ...answer }, ASKED_AT);
    return (renewAt - ASKED_AT) / 1000;
  });
}

it.each([
  {
    title: 'when the server says',
    answer: { expires_in: 1000, refresh_in: 500 },
    from: 450,
    to: 500,
  },
  { title: 'before they end', answer: { expires_in: 1000 }, from: 720, to: 800 },
])(
  'tokens of one moment are renewed $title, each at a moment of its own',
  ({ answer, from, to }) => {
    const seconds = renewals(answer);
    const [least, most] = [Math.min(...seconds), Math.max(...seconds)];
    expect(least).toBeGreaterThanOrEqual(from);
    expect(most).toBeLessThanOrEqual(to);
    // Of so many, some are in the first quarter and some in the last.
    expect(least).toBeLessThan(from + (to - from) / 4);
    expect(most).toBeGreaterThan(to - (to - from) / 4);
  },
);
