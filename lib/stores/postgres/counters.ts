import type { Purpose, SqlDatabase } from '../sql/database.js';
import { counterKey, toCount } from '../sql/once.js';
import { text } from '../sql/rows.js';
import { StoreFailure } from '../failures/store-failure.js';
import { type Count, type CountOptions, PATIENCE_MS } from '../store.js';

/** Keys are locked in their order, so that two batches never wait for each other. */
const ADD = `INSERT INTO latchkey_once (key, value, count, expires_at)
  SELECT name, '', amount, ends FROM json_to_recordset($1::json) AS counts (name text, amount bigint, ends bigint) ORDER BY name
  ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN latchkey_once.expires_at <= $2 THEN excluded.count ELSE latchkey_once.count + excluded.count END,
    expires_at = CASE WHEN latchkey_once.expires_at <= $2 THEN excluded.expires_at ELSE latchkey_once.expires_at END
  RETURNING key, count, expires_at`;

/** What is not there is 0 already. */
const TAKE_BACK = `WITH held AS MATERIALIZED (
    SELECT key AS held_key, amount FROM latchkey_once
    JOIN json_to_recordset($1::json) AS counts (name text, amount bigint) ON key = name
    WHERE expires_at > $2 ORDER BY key FOR UPDATE OF latchkey_once)
  UPDATE latchkey_once SET count = GREATEST(0, count + amount) FROM held WHERE key = held_key
  RETURNING key, count, expires_at`;

const READ = `SELECT key, count, expires_at FROM latchkey_once
  WHERE key = ANY (ARRAY(SELECT name FROM json_to_recordset($1::json) AS counts (name text))) AND expires_at > $2`;

interface Pending {
  readonly key: string;
  readonly options: CountOptions;
  readonly amount: number;
  readonly since: number;
  readonly resolve: (count: Count) => void;
  readonly reject: (error: unknown) => void;
}

/** Decrements may wait so long for others, since nobody waits for them. */
const COMPANY_MS = 100;
/** With less time left a call is not worth a statement. */
const LEAST_MS = 250;
/** Counts of one statement share a moment; those that are further apart have another clock. */
const SAME_MOMENT_MS = 1000;

/**
 * Counts in batches: those of one tick, and those that come while a batch is under way, go in one statement. Counters stay exact, as if they
 * had been counted one after the other.
 */
export function batchedCounters(
  queryFrom: (since: number) => SqlDatabase['query'],
): (key: string, options: CountOptions) => Promise<Count> {
  let waiting: Pending[] = [];
  let isBusy = false;
  let soon: NodeJS.Immediate | undefined;
  let later: NodeJS.Timeout | undefined;

  function schedule(): void {
    if (isBusy || waiting.length === 0) return;
    if (waiting.some(({ amount }) => amount >= 0)) soon ??= setImmediate(() => void flush());
    else later ??= setTimeout(() => void flush(), COMPANY_MS);
  }

  async function flush(): Promise<void> {
    clearImmediate(soon);
    clearTimeout(later);
    [soon, later] = [undefined, undefined];
    const { batch, rest } = nextBatch(waiting);
    waiting = rest;
    isBusy = true;
    await count(batch, queryFrom);
    isBusy = false;
    schedule();
  }

  return (key, options) =>
    new Promise((resolve, reject) => {
      // One such key would fail a whole batch. Elsewhere in a text, a half of a surrogate pair is replaced on its way to the server.
      if (key.includes('\0')) throw new StoreFailure('error', 'PostgreSQL keeps no NUL character');
      const { amount = 1 } = options;
      const name = counterKey(Buffer.from(key).toString());
      waiting.push({ key: name, options, amount, since: performance.now(), resolve, reject });
      schedule();
    });
}

/** As many as can go together: of one sign, at one moment, and for each key with windows of one length. */
function nextBatch(waiting: readonly Pending[]): { batch: Pending[]; rest: Pending[] } {
  const batch: Pending[] = [];
  const rest: Pending[] = [];
  const windows = new Map<string, number>();
  const latest = performance.now() - PATIENCE_MS + LEAST_MS;
  for (const pending of waiting) {
    const { key, options, amount, since } = pending;
    const [first = pending] = batch;
    const window = windows.get(key) ?? options.windowMs;
    if (since < latest) {
      pending.reject(new StoreFailure('overload', 'PostgreSQL had no time to count'));
    } else if (
      Math.sign(amount) === Math.sign(first.amount) &&
      Math.abs(options.now - first.options.now) < SAME_MOMENT_MS &&
      window === options.windowMs
    ) {
      windows.set(key, window);
      batch.push(pending);
    } else {
      rest.push(pending);
    }
  }
  return { batch, rest };
}

async function count(
  batch: readonly Pending[],
  queryFrom: (since: number) => SqlDatabase['query'],
): Promise<void> {
  const [first] = batch;
  if (!first) return;
  const now = Math.max(...batch.map(({ options }) => options.now));
  const groups = new Map<string, Pending[]>();
  for (const pending of batch)
    groups.set(pending.key, [...(groups.get(pending.key) ?? []), pending]);
  const counts = [...groups].map(([name, members]) => ({
    name,
    amount: sum(members),
    ends: now + (members[0]?.options.windowMs ?? 0),
  }));
  try {
    const query = queryFrom(Math.min(...batch.map(({ since }) => since)));
    const { sql, purpose } = statementFor(first.amount);
    const rows = await query(sql, [JSON.stringify(counts), now], purpose);
    const found = new Map(rows.map((row) => [text(row, 'key'), row]));
    for (const { name, ends } of counts)
      tell(groups.get(name) ?? [], toCount(found.get(name), ends));
  } catch (error) {
    for (const { reject } of batch) reject(error);
  }
}

function statementFor(amount: number): { readonly sql: string; readonly purpose: Purpose } {
  if (amount === 0) return { sql: READ, purpose: 'find' };
  return { sql: amount > 0 ? ADD : TAKE_BACK, purpose: 'change' };
}

function sum(members: readonly Pending[]): number {
  return members.reduce((total, { amount }) => total + amount, 0);
}

/** Each caller learns what the counter was after its own turn. */
function tell(members: readonly Pending[], { count: total, resetAt }: Count): void {
  for (const [at, { resolve }] of members.entries())
    resolve({ count: Math.max(0, total - sum(members.slice(at + 1))), resetAt });
}
