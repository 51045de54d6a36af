import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { type Auth, type AuthEventName, eventLabels, eventNames } from 'latchkey';
import { Pool } from 'pg';

export interface AuditLogOptions {
  /** PostgreSQL, with the table of schema.sql: AUTH_STORE_URL. */
  readonly url: string;
  /** @defaultValue all events */
  readonly events?: readonly AuthEventName[];
  /** How many rows wait in memory while the database is away. @defaultValue `10_000`, some 5 MB */
  readonly mostWaiting?: number;
}

export interface AuditLog {
  /** Writes what waits, if the database is there. After `auth.close()`. */
  close(): Promise<void>;
}

const COLUMNS =
  'at timestamptz, instance text, seq bigint, event text, subject text, actor text, session_id text, request_id text, ip text, details jsonb';
// A batch whose answer was lost is sent again; what is there already stays as it is.
const INSERT = `INSERT INTO auth_audit SELECT * FROM jsonb_to_recordset($1::jsonb) AS batch(${COLUMNS}) ON CONFLICT DO NOTHING`;
const BATCH = 500;
const RETRY_MS = 1000;

/** Writes every event to the table, in order and in batches. Requests never wait for it. */
export function startAuditLog(auth: Auth, options: AuditLogOptions): AuditLog {
  const { url, events = eventNames, mostWaiting = 10_000 } = options;
  // A connection of its own: the store's are for requests.
  const pool = new Pool({
    ...{ connectionString: url, max: 1, application_name: 'audit-log', allowExitOnIdle: true },
    ...{ connectionTimeoutMillis: 5000, query_timeout: 10_000 },
  });
  pool.on('error', () => undefined);
  const instance = randomUUID();
  const closing = new AbortController();
  const waiting: object[] = [];
  let [seq, dropped] = [0, 0];
  let writing: Promise<void> | undefined;

  function add(event: string, facts: object, actor?: unknown): void {
    // Also of an event that is dropped: the gap shows it.
    seq += 1;
    if (waiting.length >= mostWaiting) return void (dropped += 1);
    const { requestId, ip, sessionId, ...details } = storable(facts);
    const subject = SUBJECTS.map((name) => details[name]).find((id) => id !== undefined);
    const row = { at: new Date(), instance, seq, event, subject, actor, details };
    waiting.push({ ...row, session_id: sessionId, request_id: requestId, ip });
    writing ??= write();
  }

  async function write(): Promise<void> {
    let isAway = false;
    while (waiting.length > 0) {
      const batch = waiting.slice(0, BATCH);
      try {
        await pool.query(INSERT, [JSON.stringify(batch)]);
        waiting.splice(0, batch.length);
        if (dropped > 0) add('audit.dropped', { count: dropped });
        [isAway, dropped] = [false, 0];
      } catch (error) {
        if (!isAway) warn(`is away (${error instanceof Error ? error.message : 'no Error'})`);
        isAway = true;
        if (closing.signal.aborted) return warn(`lost ${waiting.length + dropped} rows`);
        const { signal } = closing;
        await wait(RETRY_MS, undefined, { ref: false, signal }).catch(() => undefined);
      }
    }
    writing = undefined;
  }

  const stops = events.map((name) =>
    auth.on(name, (event) => {
      const { actorId, by }: Readonly<Record<string, unknown>> = { ...event };
      // Of some events `by` is a word, such as `admin`.
      add(name, event, actorId ?? (eventLabels[name].some((label) => label === 'by') ? null : by));
    }),
  );
  return {
    async close() {
      for (const stop of stops) stop();
      closing.abort();
      await writing;
      await pool.end();
    },
  };
}

/** Whom an event is about, by the member that says so. */
const SUBJECTS = ['userId', 'owner', 'accountId', 'clientId', 'subject'];

/** PostgreSQL stores neither NUL nor half a character, which an issuer may have put into the id of a key. */
function storable(facts: object): Record<string, unknown> {
  const clean = (_name: string, value: unknown) =>
    typeof value === 'string' ? value.replaceAll(/\0|\p{Surrogate}/gu, '\uFFFD') : value;
  return JSON.parse(JSON.stringify(facts, clean)) as Record<string, unknown>;
}

const warn = (what: string): void =>
  process.emitWarning(`the audit log ${what}`, 'AuditLogWarning');
