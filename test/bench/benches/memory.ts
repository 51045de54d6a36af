import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { BenchContext } from '../bench.js';
import type { MemoryUse } from '../memory-use.js';

/** What the cache costs, full, and after a million tokens that are no good. In a process of its own. */
export async function memory({ report }: BenchContext): Promise<void> {
  for (const entries of [10_000, 100_000]) {
    const { bytes, cachedTokens } = await measure('good', entries);
    const what = `cache of ${entries.toLocaleString('en')} tokens`;
    report({
      what: `${what}: entries`,
      value: cachedTokens,
      goal: { exactly: entries },
      kind: 'counter',
    });
    report({
      what: `${what}: memory an entry`,
      value: bytes / entries,
      unit: 'bytes',
      goal: { atMost: 650 },
      kind: 'steady',
    });
  }
  const { bytes, cachedTokens } = await measure('junk', 1_000_000);
  report({
    what: 'after 1,000,000 junk tokens: entries',
    value: cachedTokens,
    goal: { exactly: 0 },
    kind: 'counter',
  });
  report({
    what: 'after 1,000,000 junk tokens: growth of the heap, a token',
    value: Math.max(0, bytes) / 1_000_000,
    unit: 'bytes',
    goal: { atMost: 1 },
    kind: 'steady',
  });
}

async function measure(kind: 'good' | 'junk', count: number): Promise<MemoryUse> {
  const child = fork(
    fileURLToPath(new URL('../memory-use.ts', import.meta.url)),
    [kind, String(count)],
    { execArgv: [...process.execArgv, '--expose-gc'] },
  );
  const [use] = (await once(child, 'message', { signal: AbortSignal.timeout(120_000) })) as [
    MemoryUse,
  ];
  child.kill();
  return use;
}
