import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { type MutationEnvironment, writeEnvironment } from './environment.js';

export interface VitestRun {
  readonly environment: MutationEnvironment;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Asked now and then; ends the run early. */
  readonly isHanging?: () => boolean;
}

export interface VitestOutcome {
  readonly hasTimedOut: boolean;
  readonly passed: number;
  /** Names of failed tests. */
  readonly failed: readonly string[];
  /** Files that did not even load, with the reason. */
  readonly broken: readonly string[];
}

interface JsonReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

export const root = path.resolve(import.meta.dirname, '../..');

let runs = 0;

/** Runs test files in a process of its own, which is ended when it takes too long. */
export async function runVitest(run: VitestRun): Promise<VitestOutcome> {
  runs += 1;
  const report = `${run.environment.findings}.${runs}.report.json`;
  const child = spawn(
    process.execPath,
    [
      path.join(root, 'node_modules/vitest/vitest.mjs'),
      'run',
      '--config=test/mutation/vitest.config.ts',
      '--reporter=json',
      `--outputFile=${report}`,
      ...(run.args ?? []),
    ],
    {
      cwd: root,
      env: { ...process.env, ...writeEnvironment(run.environment), ...run.env },
      stdio: ['ignore', 'ignore', 'pipe'],
      // Its workers end with it: a signal to the group reaches them all.
      detached: true,
    },
  );
  let complaint = '';
  child.stderr.on('data', (text) => (complaint += String(text)));
  let hasTimedOut = false;
  const startedAt = performance.now();
  const timer = setInterval(() => {
    if (performance.now() - startedAt < run.timeoutMs && !run.isHanging?.()) return;
    hasTimedOut = true;
    clearInterval(timer);
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }, 1000);
  await once(child, 'close');
  clearInterval(timer);
  const { testResults } = hasTimedOut ? { testResults: [] } : readReport(report, complaint);
  rmSync(report, { force: true });
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  return {
    hasTimedOut,
    passed: tests.filter(({ status }) => status === 'passed').length,
    failed: tests.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName),
    broken: testResults
      .filter(
        ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
      )
      .map(({ name, message }) => `${path.relative(root, name)}: ${message}`),
  };
}

function readReport(file: string, complaint: string): JsonReport {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as JsonReport;
  } catch (error) {
    throw new Error(`vitest ended without a report:\n${complaint}`, { cause: error });
  }
}
