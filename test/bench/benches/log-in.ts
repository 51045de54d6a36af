import { availableParallelism } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { hash, verify } from '@node-rs/argon2';
import type { BenchContext } from '../bench.js';
import { latchkey } from '../built-library.js';
import { createOurVerifier } from '../ours.js';
import { abba, percentile, quartiles } from '../statistics.js';
import { trustIn } from '../trust.js';

const AT_ONCE = 64;
const PASSWORD = 'plenty of words to sign in with';
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** Password checks of 64 that sign in at once against bare argon2, and what a verification feels of them. */
export async function logIn(context: BenchContext): Promise<void> {
  const { passwords, close } = createPasswords();
  const stored = await hash(PASSWORD, COST);
  await compareThroughput(context, () => passwords.verify(stored, PASSWORD), stored);
  await feelLogIns(context, () => passwords.verify(stored, PASSWORD));
  await close();
}

function createPasswords() {
  const auth = latchkey.createAuth({
    env: {},
    publicUrl: 'http://localhost:3000',
    jwt: { secret: 'hT7yW2pLq9Zx4Nc6Vb8Mf3Kd5Gs1Rj0EuAoIiXvB' },
  });
  return { passwords: auth.passwords, close: () => auth.close() };
}

type Work = () => Promise<unknown>;

async function compareThroughput(
  { report, pairs }: BenchContext,
  ours: Work,
  stored: string,
): Promise<void> {
  const cores = availableParallelism();
  const bare = async (): Promise<void> => {
    let left = AT_ONCE;
    const worker = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        await verify(stored, PASSWORD);
      }
    };
    await Promise.all(Array.from({ length: cores }, worker));
  };
  const sides = {
    ours: () => Promise.all(Array.from({ length: AT_ONCE }, ours)),
    bare,
  };
  const ratios: number[] = [];
  // A side takes a second: a tenth of the pairs is as long as elsewhere.
  for (let pair = 0; pair < Math.max(4, Math.ceil(pairs / 10)); pair += 1) {
    const times = { ours: 0, bare: 0 };
    for (const side of abba(pair, ['ours', 'bare'] as const)) {
      const start = performance.now();
      await sides[side]();
      times[side] = performance.now() - start;
    }
    ratios.push(times.bare / times.ours);
  }
  const spread = quartiles(ratios);
  report({
    what: `password checks, 64 at once, against bare argon2 with ${cores} at once: throughput`,
    value: spread.median,
    unit: 'x',
    spread,
    goal: { atLeast: 0.95 },
  });
}

/** 99th percentile of a verification that nothing is remembered of, while nobody signs in and while 64 do. */
async function feelLogIns({ report, issued }: BenchContext, logInOnce: Work): Promise<void> {
  const { signer, tokens } = await issued('RS256');
  const verifier = createOurVerifier(trustIn(signer), false);
  await verifier.ready();
  const quiet = await latencies(verifier, tokens, pause(1500));
  const busy = await latencies(
    verifier,
    tokens,
    Promise.all(Array.from({ length: AT_ONCE }, logInOnce)),
  );
  report({
    what: 'cold RS256 verification beside 64 log-ins, 99th percentile, against quiet',
    value: percentile(busy, 99) / percentile(quiet, 99),
    unit: 'x',
    goal: { atMost: 5 },
    note: `quiet ${percentile(quiet, 99).toFixed(2)} ms, beside log-ins ${percentile(busy, 99).toFixed(2)} ms, of ${busy.length}`,
  });
}

async function latencies(
  verifier: ReturnType<typeof createOurVerifier>,
  tokens: readonly string[],
  meanwhile: Promise<unknown>,
): Promise<number[]> {
  const ending = new AbortController();
  const end = meanwhile.finally(() => ending.abort());
  const times: number[] = [];
  for (let at = 0; !ending.signal.aborted; at += 1) {
    await pause(1);
    const start = performance.now();
    await verifier.verify(tokens[at % tokens.length] ?? '');
    times.push(performance.now() - start);
  }
  await end;
  return times;
}
