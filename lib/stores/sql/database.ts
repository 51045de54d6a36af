import type { Row, Value } from './rows.js';

/**
 * What a statement is for. `find`: looks rows up by a key. `scan`: walks an index, and is planned with its values each
 * time. `change`: must have no effect when it is held up for longer than callers wait; ends in `RETURNING …`.
 */
export type Purpose = 'find' | 'scan' | 'change';

/** As much of a database as the statements need. */
export interface SqlDatabase {
  /** Runs one statement with `$1`, `$2` … and returns its rows. Creates the schema before the first one. */
  query(sql: string, values: readonly Value[], purpose: Purpose): Promise<readonly Row[]>;
  /** Tells whether an error is a violation of a unique constraint. */
  isUniqueViolation(error: unknown): boolean;
  close(): Promise<void>;
}

/** What databases say differently. Empty where there is one writer at a time. */
export interface SqlDialect {
  /** Locks the rows that a query finds, before anything is judged. */
  readonly forUpdate: string;
  /** Keeps others from changing the rows that a query finds. */
  readonly forShare: string;
  /** The column that says where a row is stored. */
  readonly rowId: string;
  /** The condition that a column's value is among those that a query finds. */
  readonly anyOf: (query: string) => string;
  /** Locks the rows that a query finds, without those that somebody else has locked. */
  readonly skipLocked: string;
  /** Milliseconds that the statement was held up, in a `change`. */
  readonly heldUpMs: string;
  /** A further column of statements that find a session: the server's time. */
  readonly serverTime: string;
  /**
   * How many sessions one statement may revoke, where the process stands still meanwhile. A user with more is dealt with in
   * several steps, until none is left.
   */
  readonly revokesAtOnce: number | undefined;
  /**
   * Makes the insertion of an organisation add its first member as well, and return a row when both were added. For a database
   * whose WITH changes nothing, where a trigger does it.
   */
  readonly withFirstMember: (insertion: string) => string;
  /** The database's own clock, in milliseconds since 1970. */
  readonly clock: string;
}

/** Looks rows up. No row holds a NUL character, and PostgreSQL would take a question for one as an error. */
export async function find(
  database: SqlDatabase,
  sql: string,
  values: readonly Value[],
): Promise<readonly Row[]> {
  return values.some(hasNul) ? [] : database.query(sql, values, 'find');
}

/** Changes rows that it looks up, as {@link find} does. */
export async function change(
  database: SqlDatabase,
  sql: string,
  values: readonly Value[],
): Promise<readonly Row[]> {
  return values.some(hasNul) ? [] : database.query(sql, values, 'change');
}

function hasNul(value: Value): boolean {
  return typeof value === 'string' && value.includes('\0');
}

export async function firstOf<Result>(
  rows: Promise<readonly Row[]>,
  read: (row: Row) => Result,
): Promise<Result | undefined> {
  const [row] = await rows;
  return row && read(row);
}
