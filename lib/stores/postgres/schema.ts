import { codeOf } from './errors.js';
import {
  COLUMNS_REVISION,
  credentialIndexes,
  formerIndexes,
  indexStatements,
  orgTables,
  refuseNewerSchema,
  SCHEMA_REVISION,
  SCHEMA_VERSION,
  sessionIndexes,
  SESSIONS_REVISION,
  tableStatements,
} from '../sql/schema.js';
import type { Row } from '../sql/rows.js';

/** Runs one statement without parameters, for as long as it takes. */
export type RunStatement = (sql: string) => Promise<readonly Row[]>;

/**
 * Makes the tables, or adds what this release needs to those of an older one, which goes on working beside it. No table is
 * rewritten, and no statement waits for a lock longer than others can wait for it.
 */
export async function preparePostgresSchema(run: RunStatement): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const { revision, hasTables } = await stateOf(run);
    if (revision >= SCHEMA_REVISION || (revision >= COLUMNS_REVISION && hasTables)) return;
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

export interface SchemaState {
  /** Whether there is a schema, of whatever release. */
  readonly isThere: boolean;
  /** 0 where there is none, or one of releases 0.2 to 0.4. */
  readonly revision: number;
  /** Whether the tables and columns of this release are there. Their indexes may still be built. */
  readonly hasTables: boolean;
}

/** What is there now. Changes nothing. */
export async function stateOf(run: RunStatement): Promise<SchemaState> {
  try {
    // The column is younger than the table: asked for by name, it would be an error in the server's log at every start.
    const [row] =
      await run(`SELECT MAX(version) AS version, MAX((to_jsonb(s) ->> 'revision')::bigint) AS revision,
         to_regclass('latchkey_members') IS NOT NULL AS has_tables
       FROM latchkey_schema s`);
    refuseNewerSchema(Number(row?.['version'] ?? 0));
    const revision = Number(row?.['revision'] ?? 0);
    return { isThere: true, revision, hasTables: row?.['has_tables'] === true };
  } catch (error) {
    // There is no such table yet.
    if (codeOf(error) === '42P01') return { isThere: false, revision: 0, hasTables: false };
    throw error;
  }
}

const INDEXED_AT_ONCE_BYTES = 16 * 1024 * 1024;

const TEXT = 'TEXT COLLATE "C"';

/**
 * One statement, so that it needs no connection of its own and is undone as a whole. The advisory lock makes instances that start
 * together take turns; its number is ours alone (older releases take it, too), and it ends with the transaction.
 * A trigger numbers revocations, so that those of older releases are numbered as well. Room in the pages lets rotations
 * stay there (HOT), which touches no index. The members of an organisation are deleted by a trigger, which sees those that
 * came while the deletion waited, and before RETURNING, where the deadline is looked at.
 */
const MIGRATION = `DO $latchkey$
DECLARE
  found BIGINT := 0;
  has_tables BOOLEAN;
BEGIN
  PERFORM set_config('lock_timeout', '3s', true);
  PERFORM pg_advisory_xact_lock(7305821460193);
  has_tables := to_regclass('latchkey_members') IS NOT NULL;
  IF to_regclass('latchkey_schema') IS NULL THEN
    ${tableStatements(TEXT)}
    INSERT INTO latchkey_schema (version, revision) VALUES (${SCHEMA_VERSION}, 1);
  ELSE
    SELECT COALESCE(MAX((to_jsonb(s) ->> 'revision')::bigint), 0) INTO found FROM latchkey_schema s;
    PERFORM set_config('lock_timeout', '300ms', true);
  END IF;
  IF found < ${COLUMNS_REVISION} THEN
    ALTER TABLE latchkey_schema ADD COLUMN IF NOT EXISTS revision BIGINT NOT NULL DEFAULT 1;
    ALTER TABLE latchkey_sessions ADD COLUMN IF NOT EXISTS sweep_at BIGINT NOT NULL DEFAULT 0, ADD COLUMN IF NOT EXISTS revoked_seq BIGINT;
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
    UPDATE latchkey_schema SET revision = ${COLUMNS_REVISION};
    -- So little is indexed faster than others would notice. More of it is left to CREATE INDEX CONCURRENTLY.
    IF pg_relation_size('latchkey_sessions') < ${INDEXED_AT_ONCE_BYTES} THEN
      ${indexStatements(sessionIndexes)}
      DROP INDEX IF EXISTS ${formerIndexes.join(', ')};
      UPDATE latchkey_schema SET revision = ${SESSIONS_REVISION};
      found := ${SESSIONS_REVISION};
    END IF;
  END IF;
  IF NOT has_tables THEN
    ALTER TABLE latchkey_credentials ADD COLUMN IF NOT EXISTS resource ${TEXT};
    ${orgTables(TEXT)}
    CREATE OR REPLACE FUNCTION latchkey_delete_members() RETURNS trigger LANGUAGE plpgsql AS $members$
    BEGIN
      EXECUTE format('DELETE FROM %I.latchkey_members WHERE org_id = $1', TG_TABLE_SCHEMA) USING OLD.id;
      RETURN OLD;
    END $members$;
    DROP TRIGGER IF EXISTS latchkey_delete_members ON latchkey_orgs;
    CREATE TRIGGER latchkey_delete_members BEFORE DELETE ON latchkey_orgs FOR EACH ROW EXECUTE FUNCTION latchkey_delete_members();
    IF found = ${SESSIONS_REVISION} AND pg_relation_size('latchkey_credentials') < ${INDEXED_AT_ONCE_BYTES} THEN
      ${indexStatements(credentialIndexes)}
      UPDATE latchkey_schema SET revision = ${SCHEMA_REVISION};
    END IF;
  END IF;
END $latchkey$`;

const everyIndex = { ...sessionIndexes, ...credentialIndexes };

const INDEXES = `SELECT c.relname AS name, i.indisvalid AS is_valid
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
  WHERE i.indrelid IN ('latchkey_sessions'::regclass, 'latchkey_credentials'::regclass)
    AND NOT EXISTS (SELECT 1 FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)`;

/**
 * Builds the indexes of this release beside all work on the tables, and drops those of older ones. What was interrupted has left an
 * index that nobody uses: it is dropped and built again. The caller sees to it that one instance does this at a time.
 */
export async function buildPostgresIndexes(run: RunStatement): Promise<void> {
  const found = new Map<unknown, unknown>();
  for (const { name, is_valid } of await run(INDEXES)) found.set(name, is_valid);
  for (const [name, columns] of Object.entries(everyIndex)) {
    if (found.get(name) === true) continue;
    if (found.has(name)) await run(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`);
    await run(`CREATE INDEX CONCURRENTLY IF NOT EXISTS ${name} ON ${columns}`);
  }
  for (const name of formerIndexes)
    if (found.has(name)) await run(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`);
  const names = Object.keys(everyIndex);
  await run(`UPDATE latchkey_schema SET revision = ${SCHEMA_REVISION} WHERE revision < ${SCHEMA_REVISION}
    AND (SELECT COUNT(*) FROM (${INDEXES}) built WHERE is_valid
      AND name IN (${names.map((name) => `'${name}'`).join(', ')})) = ${names.length}`);
}

/** Answers whether this is the instance that builds indexes; holds until the end of the transaction. */
export const TURN_TO_BUILD = `SELECT pg_try_advisory_xact_lock(730582146, 'latchkey_sessions'::regclass::oid::int) AS is_ours`;

/** Whether all indexes of this release are there. */
export async function hasIndexes(run: RunStatement): Promise<boolean> {
  return (await stateOf(run)).revision >= SCHEMA_REVISION;
}
