import type { Row, Value } from './sql-rows.js';

/** As much of a database as the statements need. */
export interface SqlDatabase {
  /** Runs one statement with `$1`, `$2` … and returns its rows. Creates the schema before the first one. */
  query(sql: string, values: readonly Value[]): Promise<readonly Row[]>;
  /** Tells whether an error is a violation of a unique constraint. */
  isUniqueViolation(error: unknown): boolean;
  close(): Promise<void>;
}

/**
 * Runs a statement that looks rows up. No row holds a NUL character, and PostgreSQL would take a question for
 * one as an error.
 */
export async function lookUp(
  database: SqlDatabase,
  sql: string,
  values: readonly Value[],
): Promise<readonly Row[]> {
  const isAskable = !values.some((value) => typeof value === 'string' && value.includes('\0'));
  return isAskable ? database.query(sql, values) : [];
}

export async function firstOf<Result>(
  rows: Promise<readonly Row[]>,
  read: (row: Row) => Result,
): Promise<Result | undefined> {
  const [row] = await rows;
  return row && read(row);
}
