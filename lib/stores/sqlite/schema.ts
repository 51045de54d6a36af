import {
  credentialIndexes,
  formerIndexes,
  indexStatements,
  refuseNewerSchema,
  SCHEMA_REVISION,
  SCHEMA_VERSION,
  sessionIndexes,
  tableStatements,
} from '../sql/schema.js';
import type { Row } from '../sql/rows.js';
import { OWNER_ROLE } from '../org-store.js';

/** As much of a database as the schema needs. */
export interface SchemaDatabase {
  exec(sql: string): unknown;
  all(sql: string): readonly Row[];
}

/** Makes the schema, or brings it up to date. One transaction, which is short: a second or two for a million sessions. */
export function prepareSqliteSchema(database: SchemaDatabase): void {
  if (revisionOf(database) >= SCHEMA_REVISION) return;
  // IMMEDIATE: of processes that start together one does it, and the others wait.
  database.exec('BEGIN IMMEDIATE');
  try {
    if (revisionOf(database) < SCHEMA_REVISION) database.exec(statements(database));
    database.exec('COMMIT');
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}

/** Whether the file has a schema, of whatever release. Changes nothing. */
export function hasSchema(database: SchemaDatabase): boolean {
  return columnsOf(database, 'latchkey_schema').length > 0;
}

/** Which release's schema the file has; 0 where it has none, or one of releases 0.2 to 0.4. Changes nothing. */
export function revisionOf(database: SchemaDatabase): number {
  if (!hasSchema(database)) return 0;
  const [row] = database.all('SELECT * FROM latchkey_schema ORDER BY version DESC LIMIT 1');
  refuseNewerSchema(Number(row?.['version'] ?? 0));
  return Number(row?.['revision'] ?? 0);
}

function columnsOf(database: SchemaDatabase, table: string): readonly unknown[] {
  return database.all(`SELECT name FROM pragma_table_info('${table}')`).map(({ name }) => name);
}

function statements(database: SchemaDatabase): string {
  return [
    ...addedColumns(database),
    tableStatements('TEXT'),
    ...formerIndexes.map((name) => `DROP INDEX IF EXISTS ${name};`),
    indexStatements(sessionIndexes),
    indexStatements(credentialIndexes),
    REVOCATIONS,
    MEMBERS,
    `INSERT INTO latchkey_schema (version, revision) VALUES (${SCHEMA_VERSION}, ${SCHEMA_REVISION})
       ON CONFLICT (version) DO UPDATE SET revision = excluded.revision;`,
  ].join('\n');
}

function addedColumns(database: SchemaDatabase): readonly string[] {
  const added = [
    ['latchkey_schema', 'revision BIGINT NOT NULL DEFAULT 1'],
    ['latchkey_sessions', 'sweep_at BIGINT NOT NULL DEFAULT 0'],
    ['latchkey_sessions', 'revoked_seq BIGINT'],
    ['latchkey_credentials', 'resource TEXT'],
  ] as const;
  return added
    .filter(([table, definition]) => {
      const columns = columnsOf(database, table);
      return columns.length > 0 && !columns.includes(definition.split(' ', 1)[0]);
    })
    .map(([table, definition]) => `ALTER TABLE ${table} ADD COLUMN ${definition};`);
}

/** A trigger numbers revocations, so that those of processes with an older release are numbered as well. */
const REVOCATIONS = `
CREATE TABLE IF NOT EXISTS latchkey_revocations (last BIGINT NOT NULL);
INSERT INTO latchkey_revocations SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM latchkey_revocations);
CREATE TRIGGER IF NOT EXISTS latchkey_number_revocation AFTER UPDATE OF revoked_at ON latchkey_sessions
WHEN OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL
BEGIN
  UPDATE latchkey_revocations SET last = last + 1;
  UPDATE latchkey_sessions SET revoked_seq = (SELECT last FROM latchkey_revocations),
    sweep_at = MIN(NEW.sweep_at, NEW.revoked_at) WHERE id = NEW.id;
END;
UPDATE latchkey_sessions SET revoked_seq = (SELECT MAX(last) FROM latchkey_revocations) + ranks.rank FROM (
  SELECT id AS ranked, ROW_NUMBER() OVER (ORDER BY revoked_at, id) AS rank FROM latchkey_sessions
  WHERE revoked_at IS NOT NULL AND revoked_seq IS NULL) AS ranks WHERE id = ranked;
UPDATE latchkey_revocations SET last = MAX(last, COALESCE((SELECT MAX(revoked_seq) FROM latchkey_sessions), 0));
`;

/** What changes together with an organisation, since one statement changes one table here. */
const MEMBERS = `
CREATE TRIGGER IF NOT EXISTS latchkey_first_member AFTER INSERT ON latchkey_orgs
BEGIN
  INSERT INTO latchkey_members (org_id, user_id, roles, is_owner, joined_at)
    VALUES (NEW.id, NEW.created_by, '["${OWNER_ROLE}"]', 1, NEW.created_at);
END;
CREATE TRIGGER IF NOT EXISTS latchkey_delete_members BEFORE DELETE ON latchkey_orgs
BEGIN
  DELETE FROM latchkey_members WHERE org_id = OLD.id;
END;
`;
