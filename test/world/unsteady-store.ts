import type { InstanceStore, Store } from '../../lib/stores/store.js';
import { abilitiesOf, wrapStore } from '../../lib/stores/wrap-store.js';

/** The way of one instance to a store that others may share, which a test can break. */
export interface UnsteadyStore {
  readonly store: Store;
  /** Every operation, in order. */
  readonly operations: string[];
  /** What happens to an operation from now on: `lost`: it takes effect, and its answer never comes. */
  fail(how: (operation: string) => 'down' | 'lost' | 'unanswered' | undefined): void;
  recover(): void;
  /** When the instance last reported, by the clock of the test. */
  lastReport(): number | undefined;
}

/**
 * Breaks the way to a store. The ages of reports follow the clock of the test: `reportedAt`, which the instances of one store
 * share, knows when each came.
 */
export function createUnsteadyStore(
  store: Store,
  { now, reportedAt }: { readonly now: () => number; readonly reportedAt: Map<string, number> },
): UnsteadyStore {
  const operations: string[] = [];
  let lastReport: number | undefined;
  let faultOf: Parameters<UnsteadyStore['fail']>[0] = () => undefined;

  const wrapped = wrapStore(async (operation, run) => {
    operations.push(operation);
    const fault = faultOf(operation);
    if (fault === 'down') throw new Error('connection refused');
    const result = await run(store);
    if (fault === 'lost') throw new Error('connection lost');
    return fault === 'unanswered' ? new Promise(() => undefined) : result;
  }, abilitiesOf(store));

  const instances: InstanceStore = {
    ...wrapped.instances,
    async report(report, maxAgeMs) {
      const reports = await wrapped.instances.report(report, maxAgeMs);
      lastReport = now();
      reportedAt.set(report.id, lastReport);
      // Those that are not known here are of another test.
      return reports.flatMap((each) => {
        const at = reportedAt.get(each.id);
        return at === undefined ? [] : [{ ...each, ageMs: now() - at }];
      });
    },
  };

  return {
    store: { ...wrapped, instances, close: () => store.close() },
    operations,
    fail: (how) => void (faultOf = how),
    recover: () => void (faultOf = () => undefined),
    lastReport: () => lastReport,
  };
}
