import { abba, type Quartiles, quartiles } from './statistics.js';

/** Verifies one token; rejects when it is not good. */
export type Verify = (token: string) => Promise<unknown>;

export interface Side {
  readonly verify: Verify;
  readonly tokens: readonly string[];
}

export interface CostOptions {
  /** The side whose cost is the numerator. */
  readonly subject: Side;
  readonly baseline: Side;
  readonly pairs: number;
  /** Verifications under way at once. */
  readonly concurrency: number;
}

/** CPU time of all threads that the subject takes for its tokens, as a multiple of the baseline's, pair by pair. */
export async function compareCost(options: CostOptions): Promise<Quartiles> {
  const { subject, baseline, pairs, concurrency } = options;
  for (const side of [subject, baseline, subject, baseline]) {
    await costOf(side, concurrency);
  }
  const ratios: number[] = [];
  for (let index = 0; index < pairs; index += 1) {
    const costs = new Map<Side, number>();
    for (const side of abba(index, [subject, baseline])) {
      costs.set(side, await costOf(side, concurrency));
    }
    ratios.push((costs.get(subject) ?? Number.NaN) / (costs.get(baseline) ?? Number.NaN));
  }
  return quartiles(ratios);
}

/** Microseconds of CPU time, user and system, all threads, as the operating system counts it. */
async function costOf({ verify, tokens }: Side, concurrency: number): Promise<number> {
  const before = process.cpuUsage();
  for (let start = 0; start < tokens.length; start += concurrency) {
    await Promise.all(tokens.slice(start, start + concurrency).map((token) => verify(token)));
  }
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
