import { closeGaps, formatPosition, parsePosition, passEntry, type Position } from './positions.js';
import type { SqlDatabase } from '../sql/database.js';
import { number, type Row, text, type Value } from '../sql/rows.js';
import type { Revocation, SessionStore } from '../store.js';

const UNNUMBERED = `SELECT id, revoked_at FROM latchkey_sessions
  WHERE revoked_seq IS NULL AND revoked_at >= $1 AND (revoked_at, id) > ($2, $3)
  ORDER BY revoked_at, id LIMIT $4`;

/** Transactions below `oldest` have ended; those from `next` on have not begun. `last_seq` is the last number that was given. */
const STATE = `(SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS last_seq,
    txid_snapshot_xmin(txid_current_snapshot()) AS oldest,
    txid_snapshot_xmax(txid_current_snapshot()) AS next
  FROM latchkey_revocations OFFSET 0) state`;

/**
 * Where a new reader begins: before the first number of interest. What is being written at this moment may get a lower one,
 * which is asked for as a gap.
 */
const FIRST = `SELECT *, (SELECT MIN(revoked_seq) FROM latchkey_sessions WHERE revoked_at >= $1) AS first FROM ${STATE}`;

/** The state, beside each entry or alone. */
const withState = (entries: string): string =>
  `SELECT * FROM ${STATE} LEFT JOIN LATERAL (${entries}) entry ON TRUE ORDER BY revoked_seq`;

/**
 * COALESCE keeps plans from the index by `revoked_at`: statistics know nothing of a burst that has just begun, and all of it would
 * be read for each page.
 */
const OF_INTEREST = 'COALESCE(revoked_at, 0) >= $1';

const NUMBERED = withState(`SELECT id, revoked_at, revoked_seq FROM latchkey_sessions
  WHERE ${OF_INTEREST} AND revoked_seq > $3 ORDER BY revoked_seq LIMIT $2`);

/** Each gap by itself, in order and limited, so that every plan looks them up by the index of numbers. */
const MISSING = withState(`SELECT found.*
  FROM unnest($3::bigint[], $4::bigint[]) AS gap (low, high), LATERAL (
    SELECT id, revoked_at, revoked_seq FROM latchkey_sessions
    WHERE revoked_seq BETWEEN low AND high AND ${OF_INTEREST} ORDER BY revoked_seq LIMIT $2) found
  ORDER BY revoked_seq LIMIT $2`);

/** Pages of revocations in the order of their numbers, those first that have none because they are older. */
export function postgresRevocations(database: SqlDatabase): SessionStore['revokedSince'] {
  /** What has been found out about the gaps of a position, for as long as nothing follows it. */
  let refined: { readonly after: string; readonly position: Position } | undefined;

  async function pageFrom(start: Position, limit: number): Promise<Page> {
    const page: Page = { entries: [], position: start, limit, isBackInTime: false };
    if (page.position.seq === undefined) await readUnnumbered(database, page);
    if (page.position.gaps.length > 0) await readMissing(database, page);
    const { gaps } = page.position;
    const known = page.entries.length;
    await readNumbered(database, page);
    // A change that commits between both statements has the other part of its revocations in the gaps. A short page promises that nothing is missing.
    if (gaps.length > 0 && page.entries.length > known) await readMissing(database, page);
    return page;
  }

  return async (time, { after, limit = 1000 } = {}) => {
    const start =
      after === undefined
        ? { since: time, unnumbered: undefined, seq: undefined, gaps: [] }
        : refined?.after === after
          ? refined.position
          : parsePosition(after);
    const page = await pageFrom(start, limit);
    if (page.isBackInTime)
      return (await pageFrom({ ...start, seq: undefined, gaps: [] }, limit)).entries;
    if (after !== undefined && page.entries.length === 0)
      refined = { after, position: page.position };
    return page.entries;
  };
}

interface Page {
  readonly entries: Revocation[];
  readonly limit: number;
  position: Position;
  /** A fail-over has lost the last numbers, and they will be given again. */
  isBackInTime: boolean;
}

async function readUnnumbered(database: SqlDatabase, page: Page): Promise<void> {
  const { since, unnumbered } = page.position;
  const rows = await database.query(
    UNNUMBERED,
    [since, unnumbered?.revokedAt ?? 0, unnumbered?.id ?? '', page.limit],
    'scan',
  );
  for (const row of rows) {
    const last = { id: text(row, 'id'), revokedAt: number(row, 'revoked_at') };
    page.position = { ...page.position, unnumbered: last };
    page.entries.push({ ...last, position: formatPosition(page.position) });
  }
  if (page.entries.length === page.limit) return;
  const [state] = await database.query(FIRST, [since], 'scan');
  const first = Number(state?.['first'] ?? Number(state?.['last_seq']) + 1);
  const gap = { low: 1, high: first - 1, bornBefore: Number(state?.['next']) };
  page.position = {
    since,
    unnumbered: undefined,
    seq: first - 1,
    gaps: gap.high >= gap.low ? [gap] : [],
  };
}

async function readMissing(database: SqlDatabase, page: Page): Promise<void> {
  const { gaps } = page.position;
  if (page.entries.length >= page.limit) return;
  const lows = `{${gaps.map(({ low }) => low).join(',')}}`;
  const highs = `{${gaps.map(({ high }) => high).join(',')}}`;
  const [state] = await readEntries(database, page, { sql: MISSING, values: [lows, highs] });
  // The gaps that nobody could fill any more when this statement began.
  if (state && page.entries.length < page.limit)
    page.position = closeGaps(page.position, number(state, 'oldest'));
}

async function readNumbered(database: SqlDatabase, page: Page): Promise<void> {
  const { seq } = page.position;
  if (seq === undefined || page.entries.length >= page.limit) return;
  const [state] = await readEntries(database, page, { sql: NUMBERED, values: [seq] });
  page.isBackInTime = state !== undefined && number(state, 'last_seq') < seq;
}

async function readEntries(
  database: SqlDatabase,
  page: Page,
  { sql, values }: { readonly sql: string; readonly values: readonly Value[] },
): Promise<readonly Row[]> {
  const room = page.limit - page.entries.length;
  const rows = await database.query(sql, [page.position.since, room, ...values], 'scan');
  for (const row of rows) {
    if (row['id'] === null) continue;
    page.position = passEntry(page.position, number(row, 'revoked_seq'), number(row, 'next'));
    const { position } = page;
    page.entries.push({
      id: text(row, 'id'),
      revokedAt: number(row, 'revoked_at'),
      // Readers go on from the last one of a page, and it may be long.
      get position() {
        return formatPosition(position);
      },
    });
  }
  return rows;
}
