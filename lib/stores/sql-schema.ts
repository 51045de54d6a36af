import { StoreFailure } from './store-failure.js';

/** What the two databases call differently. */
export interface Dialect {
  /** A text column that is compared byte by byte, whatever the language of the database. */
  readonly text: string;
}

export const sqliteDialect: Dialect = { text: 'TEXT' };
export const postgresDialect: Dialect = { text: 'TEXT COLLATE "C"' };

/** The newest version of the schema that this package knows. */
export const SCHEMA_VERSION = 1;

/**
 * Makes the schema, or brings it up to {@link SCHEMA_VERSION}. Every statement may be run again, so that
 * instances that start together do no harm; the caller runs them in one transaction, under a lock.
 */
export function schemaStatements(dialect: Dialect): string {
  return `
CREATE TABLE IF NOT EXISTS latchkey_schema (version BIGINT PRIMARY KEY);
${sessionTables(dialect)}
${accountTables(dialect)}
INSERT INTO latchkey_schema (version) VALUES (${SCHEMA_VERSION}) ON CONFLICT DO NOTHING;
`;
}

function sessionTables({ text }: Dialect): string {
  return `
CREATE TABLE IF NOT EXISTS latchkey_sessions (
  id ${text} PRIMARY KEY,
  user_id ${text} NOT NULL,
  kid ${text} NOT NULL,
  salt ${text} NOT NULL,
  generation BIGINT NOT NULL,
  rotated_at BIGINT NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  last_used_at BIGINT NOT NULL,
  idle_expires_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  revoked_at BIGINT,
  revoked_reason ${text},
  provider_issuer ${text},
  provider_subject ${text},
  provider_session ${text},
  data ${text} NOT NULL
);
CREATE INDEX IF NOT EXISTS latchkey_sessions_user ON latchkey_sessions (user_id);
CREATE INDEX IF NOT EXISTS latchkey_sessions_subject
  ON latchkey_sessions (provider_issuer, provider_subject);
CREATE INDEX IF NOT EXISTS latchkey_sessions_provider
  ON latchkey_sessions (provider_issuer, provider_session);
CREATE INDEX IF NOT EXISTS latchkey_sessions_revoked ON latchkey_sessions (revoked_at);
CREATE INDEX IF NOT EXISTS latchkey_sessions_idle ON latchkey_sessions (idle_expires_at);
CREATE TABLE IF NOT EXISTS latchkey_once (
  key ${text} PRIMARY KEY,
  value ${text} NOT NULL,
  count BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS latchkey_once_end ON latchkey_once (expires_at);`;
}

function accountTables({ text }: Dialect): string {
  return `
CREATE TABLE IF NOT EXISTS latchkey_users (
  id ${text} PRIMARY KEY,
  username ${text} UNIQUE,
  email ${text} UNIQUE,
  email_verified INTEGER NOT NULL,
  password_hash ${text},
  must_reset_password INTEGER NOT NULL,
  disabled INTEGER NOT NULL,
  roles ${text} NOT NULL,
  groups ${text} NOT NULL,
  attributes ${text} NOT NULL,
  orgs ${text} NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  version BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS latchkey_credentials (
  id ${text} PRIMARY KEY,
  hash ${text} NOT NULL UNIQUE,
  kind ${text} NOT NULL,
  owner_id ${text} NOT NULL,
  data ${text} NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  last_used_at BIGINT,
  revoked_at BIGINT
);
CREATE INDEX IF NOT EXISTS latchkey_credentials_owner ON latchkey_credentials (owner_id);`;
}

/** Throws when the schema was made by a newer release: to write into it could destroy what we don't know. */
export function refuseNewerSchema(version: number): void {
  if (version > SCHEMA_VERSION)
    throw new StoreFailure(
      'schema',
      `the store's schema has version ${version}, and this release of latchkey knows ${SCHEMA_VERSION}; upgrade the package`,
    );
}
