import type { Report } from './findings.js';
import { type BenchAlgorithm, createSigner, mint, type Signer } from './tokens.js';

/** Measures one group of figures and reports them as it goes. */
export type Bench = (context: BenchContext) => Promise<void>;

export interface BenchContext {
  readonly report: Report;
  /** Pairs of slices per comparison. */
  readonly pairs: number;
  /** How many sessions the largest store holds. */
  readonly sessions: number;
  /** A signer of the algorithm and its 10,000 tokens, made once a run. */
  readonly issued: (algorithm: BenchAlgorithm) => Promise<Issued>;
}

export interface Issued {
  readonly signer: Signer;
  readonly tokens: readonly string[];
}

const ROTATION = 10_000;

export function createBenchContext(
  report: Report,
  { pairs, sessions }: Pick<BenchContext, 'pairs' | 'sessions'>,
): BenchContext {
  const made = new Map<BenchAlgorithm, Promise<Issued>>();
  return {
    report,
    pairs,
    sessions,
    issued(algorithm) {
      const known = made.get(algorithm) ?? issue(algorithm);
      made.set(algorithm, known);
      return known;
    },
  };
}

async function issue(algorithm: BenchAlgorithm): Promise<Issued> {
  const signer = createSigner(algorithm);
  return { signer, tokens: await mint(signer, ROTATION) };
}
