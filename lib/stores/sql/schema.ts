import { StoreFailure } from '../failures/store-failure.js';
import { LASTING_KIND } from '../store.js';

/**
 * The newest version of the schema that this package knows. A release refuses a database of a higher one, so it rises
 * only when older releases could no longer use the tables.
 */
export const SCHEMA_VERSION = 1;

/**
 * What has been added to a version while older releases go on using it: 1 is what releases 0.2 to 0.4 made, 2 has the
 * columns of releases 0.5 and 0.6 in sessions, 3 their indexes, too. 4 has everything of this release.
 */
export const COLUMNS_REVISION = 2;
export const SESSIONS_REVISION = 3;
export const SCHEMA_REVISION = 4;

/** Throws when the schema was made by a newer release: to write into it could destroy what we don't know. */
export function refuseNewerSchema(version: number): void {
  if (version > SCHEMA_VERSION)
    throw new StoreFailure(
      'schema',
      `the store's schema has version ${version}, and this release of latchkey knows ${SCHEMA_VERSION}; upgrade the package`,
    );
}

/** Statements that make the tables, if they are not there. `text` is a text column that is compared byte by byte. */
export function tableStatements(text: string): string {
  return `
CREATE TABLE IF NOT EXISTS latchkey_schema (
  version BIGINT PRIMARY KEY,
  revision BIGINT NOT NULL DEFAULT 1
);
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
  data ${text} NOT NULL,
  sweep_at BIGINT NOT NULL DEFAULT 0,
  revoked_seq BIGINT
);
CREATE TABLE IF NOT EXISTS latchkey_once (
  key ${text} PRIMARY KEY,
  value ${text} NOT NULL,
  count BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS latchkey_once_end ON latchkey_once (expires_at);
${accountTables(text)}
${orgTables(text)}`;
}

function accountTables(text: string): string {
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
  revoked_at BIGINT,
  resource ${text}
);
CREATE INDEX IF NOT EXISTS latchkey_credentials_owner ON latchkey_credentials (owner_id);`;
}

/** `created_by` is the first member. `is_owner` is 1 for those with the role `owner`. */
export function orgTables(text: string): string {
  return `
CREATE TABLE IF NOT EXISTS latchkey_orgs (
  id ${text} PRIMARY KEY,
  name ${text} NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  version BIGINT NOT NULL,
  created_by ${text} NOT NULL
);
CREATE TABLE IF NOT EXISTS latchkey_members (
  org_id ${text} NOT NULL,
  user_id ${text} NOT NULL,
  roles ${text} NOT NULL,
  is_owner INTEGER NOT NULL,
  joined_at BIGINT NOT NULL,
  PRIMARY KEY (org_id, user_id)
);
CREATE INDEX IF NOT EXISTS latchkey_members_user ON latchkey_members (user_id, org_id);
CREATE INDEX IF NOT EXISTS latchkey_members_owner ON latchkey_members (org_id) WHERE is_owner = 1;`;
}

type Indexes = Readonly<Record<string, string>>;

/** The indexes on sessions. None holds a column that a rotation changes, `sweep_at` once a day apart. */
export const sessionIndexes: Indexes = {
  latchkey_sessions_of_user: 'latchkey_sessions (user_id, expires_at, id) WHERE revoked_at IS NULL',
  latchkey_sessions_of_subject:
    'latchkey_sessions (provider_issuer, provider_subject) WHERE provider_issuer IS NOT NULL AND revoked_at IS NULL',
  latchkey_sessions_of_provider:
    'latchkey_sessions (provider_issuer, provider_session) WHERE provider_issuer IS NOT NULL AND provider_session IS NOT NULL AND revoked_at IS NULL',
  latchkey_sessions_sweep: 'latchkey_sessions (sweep_at)',
  latchkey_sessions_revocation: 'latchkey_sessions (revoked_seq) WHERE revoked_seq IS NOT NULL',
  latchkey_sessions_revocation_time: 'latchkey_sessions (revoked_at) WHERE revoked_at IS NOT NULL',
};

/** Indexes on credentials, since release 0.7. None holds a column that changes at each use. */
export const credentialIndexes: Indexes = {
  latchkey_credentials_resource:
    'latchkey_credentials (resource, created_at) WHERE resource IS NOT NULL',
  latchkey_credentials_revoked: `latchkey_credentials (revoked_at) WHERE revoked_at IS NOT NULL AND kind <> '${LASTING_KIND}'`,
  latchkey_credentials_expired: `latchkey_credentials (expires_at) WHERE expires_at IS NOT NULL AND kind <> '${LASTING_KIND}'`,
};

export function indexStatements(indexes: Indexes): string {
  return Object.entries(indexes)
    .map(([name, columns]) => `CREATE INDEX IF NOT EXISTS ${name} ON ${columns};`)
    .join('\n');
}

/** Indexes of releases 0.2 to 0.4 that these replace. */
export const formerIndexes: readonly string[] = [
  ...['latchkey_sessions_user', 'latchkey_sessions_subject', 'latchkey_sessions_provider'],
  ...['latchkey_sessions_revoked', 'latchkey_sessions_idle'],
];
