import { AsyncResource } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { isRecord } from '../is-record.js';
import type { InstanceStore, StoredReport } from '../stores/store.js';
import type { Silence, StoreSilence } from './store-silence.js';

interface ReportsContext {
  readonly instances: InstanceStore;
  readonly silence: StoreSilence;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Tells the other instances when the store did not answer this one, and learns when it did not answer them. */
export interface InstanceReports {
  /** Begins to report now and then. Does nothing the second time. */
  readonly begin: () => void;
  /** Reports, and learns what the others know at this moment. Rejects as the store does. */
  readonly exchange: () => Promise<void>;
  /** Stops the timer, and lets the others know that no more reports will come. */
  readonly close: () => Promise<void>;
}

const EVERY_MS = 2500;

/** A silence that begins or ends is told so soon, and not more often than that. */
const SOON_MS = 250;

/** An instance whose report is older has been cut off from the store since then. */
const CUT_OFF_MS = 8000;

/** An instance whose report is older is gone, and has stopped to matter. */
const FORGOTTEN_MS = 60_000;

/** The newest ones; no report gets longer than some kilobytes. */
const MOST_SILENCES = 100;

/** Creates the reports of one instance. Nothing is reported before {@link InstanceReports.begin} or an exchange. */
export function createInstanceReports({
  instances,
  silence,
  now,
}: ReportsContext): InstanceReports {
  const id = randomBytes(12).toString('base64url');
  // A report that a request causes is no part of the request, and waits for no connection that the request holds.
  const startTimer = AsyncResource.bind((run: () => void, afterMs: number) =>
    setTimeout(run, afterMs).unref(),
  );
  let timer: NodeJS.Timeout | undefined;
  let exchanging: Promise<void> | undefined;
  let lastReport = -Infinity;
  let isClosed = false;

  async function report(): Promise<void> {
    lastReport = performance.now();
    const data = writeReport(silence.own(), { time: now(), isLast: isClosed });
    const reports = await instances.report({ id, data }, FORGOTTEN_MS);
    const time = now();
    silence.learn(
      reports.filter((each) => each.id !== id).flatMap((each) => silencesIn(each, time)),
    );
  }

  function exchange(): Promise<void> {
    exchanging ??= report().finally(() => (exchanging = undefined));
    return exchanging;
  }

  function scheduleNext(afterMs: number): void {
    if (isClosed) return;
    clearTimeout(timer);
    // Every instance at moments of its own. A failure is reported by the store itself (`store.failed`).
    timer = startTimer(
      () => void exchange().then(again, again),
      afterMs * (0.75 + Math.random() / 2),
    );
  }
  const again = (): void => scheduleNext(EVERY_MS);

  silence.onChange(() => {
    if (performance.now() - lastReport > SOON_MS) scheduleNext(SOON_MS);
  });

  return Object.freeze({
    begin(): void {
      if (timer === undefined) scheduleNext(SOON_MS);
    },
    exchange,
    async close(): Promise<void> {
      isClosed = true;
      clearTimeout(timer);
      if (lastReport === -Infinity) return;
      await exchanging?.catch(() => undefined);
      // What this instance has met still matters for the grace of tokens that it has renewed.
      const leaving = silence.own().length > 0 ? report() : instances.leave(id);
      await leaving.catch(() => undefined);
    },
  });
}

/** Silences as pairs: how long before the report each began and ended, in milliseconds. */
interface Told {
  readonly silences: readonly (readonly [number, number])[];
  /** Whether no more reports come, so that the age of this one says nothing. */
  readonly isLast: boolean;
}

function writeReport(
  own: readonly Silence[],
  { time, isLast }: { readonly time: number; readonly isLast: boolean },
): string {
  const silences = own
    .slice(-MOST_SILENCES)
    .map(({ start, end }) => [Math.ceil(time - start), Math.floor(time - end)] as const);
  return JSON.stringify({ silences, isLast } satisfies Told);
}

function silencesIn({ data, ageMs }: StoredReport, time: number): readonly Silence[] {
  const { silences, isLast } = readReport(data);
  const reportedAt = time - ageMs;
  const told = silences.map(([start, end]) => ({
    start: reportedAt - start,
    // One that went on when it was reported goes on until the next report.
    end: end === 0 && !isLast ? time : reportedAt - end,
  }));
  const isCutOff = ageMs > CUT_OFF_MS && !isLast;
  return isCutOff ? [...told, { start: reportedAt, end: time }] : told;
}

/** An instance of another release may report something else: it counts as one that has met no silence. */
function readReport(data: string): Told {
  const told = parseJson(data);
  if (!isRecord(told) || !Array.isArray(told['silences'])) return { silences: [], isLast: false };
  return { silences: told['silences'].filter(isPair), isLast: told['isLast'] === true };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isPair(value: unknown): value is readonly [number, number] {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [start, end]: unknown[] = value;
  return (
    Number.isFinite(start) &&
    Number.isFinite(end) &&
    Number(end) >= 0 &&
    Number(start) >= Number(end)
  );
}
