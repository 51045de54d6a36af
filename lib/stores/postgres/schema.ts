import { codeOf } from './errors.js';
import {
  COLUMNS_REVISION,
  formerIndexes,
  refuseNewerSchema,
  SCHEMA_REVISION,
  SCHEMA_VERSION,
  sessionIndexes,
  tableStatements,
} from '../sql/schema.js';
import type { Row } from '../sql/rows.js';

/** Runs one statement without parameters, for as long as it takes. */
export type RunStatement = (sql: string) => Promise<readonly Row[]>;

/**
 * Makes the tables, or adds what this release needs to those of an older one, which goes on working beside it. No table is
 * rewritten, and no statement waits for a lock longer than others can wait for it. Returns the revision that is there then.
 */
export async function preparePostgresSchema(run: RunStatement): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    const revision = await revisionOf(run);
    if (revision >= COLUMNS_REVISION) return revision;
    try {
      await run(MIGRATION);
    } catch (error) {
      // A statement uses the table, or another instance does the same.
      const isBusy = ['55P03', '40P01'].includes(codeOf(error) ?? '');
      if (!isBusy || attempt === MOST_ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200 + Math.random() * 800));
    }
  }
}

const MOST_ATTEMPTS = 100;

async function revisionOf(run: RunStatement): Promise<number> {
  try {
    // The column is younger than the table: asked for by name, it would be an error in the server's log at every start.
    const [row] =
      await run(`SELECT MAX(version) AS version, MAX((to_jsonb(s) ->> 'revision')::bigint) AS revision
       FROM latchkey_schema s`);
    refuseNewerSchema(Number(row?.['version'] ?? 0));
    return Number(row?.['revision'] ?? 0);
  } catch (error) {
    // There is no such table yet.
    if (codeOf(error) === '42P01') return 0;
    throw error;
  }
}

function indexStatement(name: string, how: string): string {
  return `CREATE INDEX ${how} IF NOT EXISTS ${name} ON latchkey_sessions ${sessionIndexes[name]}`;
}

function everyIndex(): string {
  return Object.keys(sessionIndexes)
    .map((name) => `${indexStatement(name, '')};`)
    .join('\n');
}

const INDEXED_AT_ONCE_BYTES = 16 * 1024 * 1024;

/**
 * One statement, so that it needs no connection of its own and is undone as a whole. The advisory lock makes instances that start
 * together take turns; its number is ours alone (releases 0.2 to 0.4 take it, too), and it ends with the transaction.
 * A trigger numbers revocations, so that those of older releases are numbered as well. Room in the pages lets rotations
 * stay there (HOT), which touches no index.
 */
const MIGRATION = `DO $latchkey$
BEGIN
  PERFORM set_config('lock_timeout', '3s', true);
  PERFORM pg_advisory_xact_lock(7305821460193);
  IF to_regclass('latchkey_schema') IS NULL THEN
    ${tableStatements('TEXT COLLATE "C"')}
    ${everyIndex()}
    INSERT INTO latchkey_schema (version, revision) VALUES (${SCHEMA_VERSION}, ${SCHEMA_REVISION});
  ELSIF (SELECT MAX((to_jsonb(s) ->> 'revision')::bigint) FROM latchkey_schema s) >= ${COLUMNS_REVISION} THEN
    RETURN;
  ELSE
    PERFORM set_config('lock_timeout', '300ms', true);
    ALTER TABLE latchkey_schema ADD COLUMN IF NOT EXISTS revision BIGINT NOT NULL DEFAULT 1;
    ALTER TABLE latchkey_sessions ADD COLUMN IF NOT EXISTS sweep_at BIGINT NOT NULL DEFAULT 0, ADD COLUMN IF NOT EXISTS revoked_seq BIGINT;
    UPDATE latchkey_schema SET revision = ${COLUMNS_REVISION};
    -- So little is indexed faster than others would notice. More of it is left to CREATE INDEX CONCURRENTLY.
    IF pg_relation_size('latchkey_sessions') < ${INDEXED_AT_ONCE_BYTES} THEN
      ${everyIndex()}
      DROP INDEX IF EXISTS ${formerIndexes.join(', ')};
      UPDATE latchkey_schema SET revision = ${SCHEMA_REVISION};
    END IF;
  END IF;
  ALTER TABLE latchkey_sessions SET (fillfactor = 80);
  CREATE SEQUENCE IF NOT EXISTS latchkey_revocations;
  CREATE OR REPLACE FUNCTION latchkey_number_revocation() RETURNS trigger LANGUAGE plpgsql AS $number$
  BEGIN
    NEW.revoked_seq := nextval(format('%I.latchkey_revocations', TG_TABLE_SCHEMA)::regclass);
    NEW.sweep_at := LEAST(NEW.sweep_at, NEW.revoked_at);
    RETURN NEW;
  END $number$;
  DROP TRIGGER IF EXISTS latchkey_number_revocation ON latchkey_sessions;
  CREATE TRIGGER latchkey_number_revocation BEFORE UPDATE OF revoked_at ON latchkey_sessions FOR EACH ROW
    WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL) EXECUTE FUNCTION latchkey_number_revocation();
END $latchkey$`;

const INDEXES = `SELECT c.relname AS name, i.indisvalid AS is_valid
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
  WHERE i.indrelid = 'latchkey_sessions'::regclass
    AND NOT EXISTS (SELECT 1 FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)`;

/**
 * Builds the indexes of this release beside all work on the table, and drops those of older ones. What was interrupted has left an
 * index that nobody uses: it is dropped and built again. The caller sees to it that one instance does this at a time.
 */
export async function buildPostgresIndexes(run: RunStatement): Promise<void> {
  const found = new Map<unknown, unknown>();
  for (const { name, is_valid } of await run(INDEXES)) found.set(name, is_valid);
  for (const name of Object.keys(sessionIndexes)) {
    if (found.get(name) === true) continue;
    if (found.has(name)) await run(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`);
    await run(indexStatement(name, 'CONCURRENTLY'));
  }
  for (const name of formerIndexes)
    if (found.has(name)) await run(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`);
  await run(`UPDATE latchkey_schema SET revision = ${SCHEMA_REVISION} WHERE revision < ${SCHEMA_REVISION}
    AND (SELECT COUNT(*) FROM (${INDEXES}) built WHERE is_valid
      AND name IN (${Object.keys(sessionIndexes)
        .map((name) => `'${name}'`)
        .join(', ')})) = ${Object.keys(sessionIndexes).length}`);
}

/** Answers whether this is the instance that builds indexes; holds until the end of the transaction. */
export const TURN_TO_BUILD = `SELECT pg_try_advisory_xact_lock(730582146, 'latchkey_sessions'::regclass::oid::int) AS is_ours`;

/** Whether all indexes of this release are there. */
export async function hasIndexes(run: RunStatement): Promise<boolean> {
  return (await revisionOf(run)) >= SCHEMA_REVISION;
}
