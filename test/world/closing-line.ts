import type { Reporter, TestModule } from 'vitest/node';

/** Ends the run with one plain line that CI can count. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      for (const test of tests) count[test.result().state] += 1;
      // A file that does not load has no tests to count, and is a failure all the same.
      if (tests.length === 0 && !module.ok()) count.failed += 1;
    }
    const line = `Tests: ${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`;
    // The coverage table is printed after the run has ended; this line comes after everything.
    process.once('exit', () => console.log(line));
  }
}
