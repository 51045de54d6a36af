import path from 'node:path';
import { type RunnerTestCase, TestRunner } from 'vitest';
import { readEnvironment } from './environment.js';
import { mutantsIn, readFindings, writeFinding } from './findings.js';

/** What the instrumenter's code reads and writes. */
interface Switchboard {
  activeMutant?: string | undefined;
  currentTestId?: string | undefined;
  mutantCoverage?: {
    readonly static: Readonly<Record<string, number>>;
    readonly perTest: Readonly<Record<string, Readonly<Record<string, number>>>>;
  };
  hitCount?: number | undefined;
  hitLimit?: number | undefined;
}

/** Tests that take longer wait for real time, and would do so for each mutant. */
const LONGEST_TEST_MS = 1500;

const { findings, progress = '' } = readEnvironment();
/** What an earlier run of this file that did not end has tried: mutant and test. */
const tried = new Set(
  readFindings(progress).flatMap(({ kind, by, mutants }) =>
    kind === 'tried' ? mutants.map((mutant) => `${mutant} ${by}`) : [],
  ),
);
const NAMESPACE = '__stryker__';
const shared = globalThis as { [NAMESPACE]?: Switchboard };
const board = (shared[NAMESPACE] ??= {});

/**
 * Runs each test once as it is, and once more for each mutant that it ran through and that no test has killed yet. A test that
 * fails is run again without the mutant: if it still fails, its world was spoilt, and the mutant is left to a process of its own.
 */
export default class SwitchingRunner extends TestRunner {
  #isSpoilt = false;

  async runTask(test: RunnerTestCase): Promise<void> {
    board.currentTestId = test.id;
    const startedAt = performance.now();
    try {
      await this.#run(test);
    } finally {
      board.currentTestId = undefined;
    }
    const durationMs = performance.now() - startedAt;
    const counts = Object.entries(board.mutantCoverage?.perTest[test.id] ?? {});
    const by = `${path.relative(this.config.root, test.file.filepath)}: ${test.name}`;
    if (durationMs > LONGEST_TEST_MS || this.#isSpoilt) {
      const mutants = counts.map(([mutant]) => mutant);
      return writeFinding(findings, { kind: 'undecided', mutants, by });
    }
    const killed = mutantsIn(findings, 'killed');
    for (const [mutant, count] of counts) {
      if (killed.has(mutant) || tried.has(`${mutant} ${by}`)) continue;
      const found = { mutants: [mutant], by };
      if (this.#isSpoilt) {
        writeFinding(findings, { kind: 'undecided', ...found });
        continue;
      }
      writeFinding(progress, { kind: 'trying', ...found });
      const hasPassed = await this.#passesWith(test, mutant, {
        hitLimit: Math.max(1000, count * 100),
        timeoutMs: 3000 + durationMs * 20,
      });
      writeFinding(progress, { kind: 'tried', ...found });
      if (hasPassed) continue;
      this.#isSpoilt = !(await this.#passes(test));
      writeFinding(findings, { kind: this.#isSpoilt ? 'undecided' : 'killed', ...found });
    }
  }

  override onAfterRunFiles(): void {
    super.onAfterRunFiles();
    const { static: outside = {}, perTest = {} } = board.mutantCoverage ?? {};
    const covered = new Set(Object.values(perTest).flatMap((counts) => Object.keys(counts)));
    writeFinding(findings, { kind: 'covered', mutants: [...covered], by: 'a test' });
    // Run through while a module loads, in a hook, or in the background.
    writeFinding(findings, { kind: 'undecided', mutants: Object.keys(outside), by: 'no test' });
  }

  async #run(test: RunnerTestCase): Promise<void> {
    await TestRunner.getTestFn(test)();
  }

  async #passesWith(
    test: RunnerTestCase,
    mutant: string,
    { hitLimit, timeoutMs }: { readonly hitLimit: number; readonly timeoutMs: number },
  ): Promise<boolean> {
    Object.assign(board, { activeMutant: mutant, hitCount: 0, hitLimit });
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), timeoutMs);
    });
    const hasPassed = await Promise.race([this.#passes(test), timeout]);
    clearTimeout(timer);
    Object.assign(board, { activeMutant: undefined, hitCount: undefined, hitLimit: undefined });
    return hasPassed;
  }

  async #passes(test: RunnerTestCase): Promise<boolean> {
    const hasPassed = await this.#run(test).then(
      () => true,
      () => false,
    );
    await this.#cleanUp(test);
    return hasPassed;
  }

  /** Closes what the test opened, so that a hundred mutants are not a hundred open servers. */
  async #cleanUp(test: RunnerTestCase): Promise<void> {
    const closing = test as { onFinished?: readonly ((context: unknown) => unknown)[] };
    const handlers = closing.onFinished ?? [];
    closing.onFinished = [];
    for (const handler of handlers.toReversed()) await Promise.resolve(handler(test.context));
  }
}
