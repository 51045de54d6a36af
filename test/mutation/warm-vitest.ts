import path from 'node:path';
import { Writable } from 'node:stream';
import { BaseSequencer, createVitest, type Reporter, type Vitest } from 'vitest/node';
import { alias } from '../../vitest.config.js';
import { root, type VitestOutcome } from './run-vitest.js';

/** One source as it stands there without its rule. */
interface ReplacedSource {
  /** From the root. */
  readonly file: string;
  readonly text: string;
}

export interface WarmVitest {
  /** Runs test files, given from the root, until one test fails. In a process of its own, which loads all sources anew. */
  run(files: readonly string[], replaced: ReplacedSource): Promise<VitestOutcome>;
  close(): Promise<void>;
}

/** Runs files in the order in which they are named: those that notice most stand first. */
class AsNamed extends BaseSequencer {
  override sort<Specification>(specifications: Specification[]): Promise<Specification[]> {
    return Promise.resolve(specifications);
  }
}

/**
 * Starts vitest once for many runs, each of which replaces another source: what it has compiled for one run it keeps for
 * the next, and only what is replaced is compiled again.
 */
export async function startWarmVitest(timeoutMs: number): Promise<WarmVitest> {
  let replaced: ReplacedSource | undefined;
  let counts = nothingYet();
  const reporter: Reporter = {
    onTestCaseResult(test) {
      const { state } = test.result();
      if (state === 'passed') counts.passed += 1;
    },
    // The failure that ends a run of tests side by side may be reported here only.
    onTestRunEnd(modules) {
      for (const { children } of modules)
        for (const test of children.allTests('failed')) counts.failed.push(test.fullName);
    },
    onTestModuleEnd(module) {
      const [error] = module.errors();
      if (!error || module.children.size > 0) return;
      counts.broken.push(`${path.relative(root, module.moduleId)}: ${error.message}`);
    },
  };
  const vitest = await createVitest(
    'test',
    {
      config: false,
      root,
      watch: false,
      include: ['test/**/*.test.ts'],
      isolate: false,
      bail: 1,
      maxWorkers: 1,
      testTimeout: 30_000,
      hookTimeout: 60_000,
      silent: true,
      reporters: [reporter],
      sequence: { sequencer: AsNamed },
    },
    {
      resolve: { alias },
      plugins: [
        {
          name: 'replaced-source',
          enforce: 'pre',
          load: (id) => (path.relative(root, id) === replaced?.file ? replaced.text : undefined),
        },
      ],
    },
    { stdout: nowhere(), stderr: nowhere() },
  );
  const project = vitest.getRootProject();

  return {
    async run(files, source) {
      const former = replaced;
      replaced = source;
      for (const each of [former, source])
        if (each) vitest.invalidateFile(path.join(root, each.file));
      counts = nothingYet();
      const specifications = files.map((file) =>
        project.createSpecification(path.join(root, file)),
      );
      const hasTimedOut = await endsTooLate(
        vitest,
        () => vitest.runTestSpecifications(specifications),
        timeoutMs,
      );
      return { ...counts, hasTimedOut };
    },
    close: () => vitest.close(),
  };
}

function nothingYet() {
  const failed: string[] = [];
  const broken: string[] = [];
  return { passed: 0, failed, broken };
}

/** Ends the run with its worker when it takes too long. */
async function endsTooLate(
  vitest: Vitest,
  run: () => Promise<unknown>,
  timeoutMs: number,
): Promise<boolean> {
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    // The second call does not wait for the test to end.
    void vitest.cancelCurrentRun('keyboard-input');
    void vitest.cancelCurrentRun('keyboard-input');
  }, timeoutMs);
  await run();
  clearTimeout(timer);
  return isLate;
}

function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}
