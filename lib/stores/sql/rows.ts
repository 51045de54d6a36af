import type { Session, StoredCredential, StoredUser, UserChange } from '../store.js';

export type Value = string | number | null;

/** One row as a driver gives it. */
export type Row = Readonly<Record<string, unknown>>;

/** Drivers give 64-bit integers as text, number or bigint. Times and counters all fit a number. */
export function number(row: Row, column: string): number {
  return Number(row[column]);
}

export function text(row: Row, column: string): string {
  return String(row[column]);
}

function maybeNumber(row: Row, column: string): number | undefined {
  const value = row[column];
  return value === null || value === undefined ? undefined : Number(value);
}

function maybeText(row: Row, column: string): string | undefined {
  const value = row[column];
  return typeof value === 'string' ? value : undefined;
}

export const sessionColumns = `id, user_id, kid, salt, generation, rotated_at, version, created_at, last_used_at,
  idle_expires_at, expires_at, revoked_at, revoked_reason, provider_issuer, provider_subject, provider_session, data`;

export function toSession(row: Row): Session {
  const issuer = maybeText(row, 'provider_issuer');
  return {
    id: text(row, 'id'),
    userId: text(row, 'user_id'),
    kid: text(row, 'kid'),
    salt: text(row, 'salt'),
    generation: number(row, 'generation'),
    rotatedAt: number(row, 'rotated_at'),
    version: number(row, 'version'),
    createdAt: number(row, 'created_at'),
    lastUsedAt: number(row, 'last_used_at'),
    idleExpiresAt: number(row, 'idle_expires_at'),
    expiresAt: number(row, 'expires_at'),
    revokedAt: maybeNumber(row, 'revoked_at'),
    revokedReason: maybeText(row, 'revoked_reason'),
    provider:
      issuer === undefined
        ? undefined
        : {
            issuer,
            subject: text(row, 'provider_subject'),
            sessionId: maybeText(row, 'provider_session'),
          },
    data: text(row, 'data'),
  };
}

const userMembers = [
  ...[
    'id',
    'username',
    'email',
    'email_verified',
    'password_hash',
    'must_reset_password',
    'disabled',
  ],
  ...['roles', 'groups', 'attributes', 'orgs', 'created_at', 'updated_at', 'version'],
];
export const userColumns: string = userMembers.join(', ');

/** The columns of a user beside those of a session. */
export const joinedUserColumns: string = userMembers
  .map((name) => `u.${name} AS u_${name}`)
  .join(', ');

/** The user of a row with {@link joinedUserColumns}. */
export function toJoinedUser(row: Row): StoredUser | undefined {
  if (row['u_id'] === null) return undefined;
  return toUser(Object.fromEntries(userMembers.map((name) => [name, row[`u_${name}`]])));
}

export function toUser(row: Row): StoredUser {
  return {
    id: text(row, 'id'),
    username: maybeText(row, 'username'),
    email: maybeText(row, 'email'),
    emailVerified: number(row, 'email_verified') === 1,
    passwordHash: maybeText(row, 'password_hash'),
    mustResetPassword: number(row, 'must_reset_password') === 1,
    disabled: number(row, 'disabled') === 1,
    roles: JSON.parse(text(row, 'roles')),
    groups: JSON.parse(text(row, 'groups')),
    attributes: JSON.parse(text(row, 'attributes')),
    orgs: JSON.parse(text(row, 'orgs')),
    createdAt: number(row, 'created_at'),
    updatedAt: number(row, 'updated_at'),
    version: number(row, 'version'),
  };
}

export const credentialColumns =
  'id, hash, kind, owner_id, resource, data, created_at, expires_at, last_used_at, revoked_at';

export function toCredential(row: Row): StoredCredential {
  return {
    id: text(row, 'id'),
    hash: text(row, 'hash'),
    kind: text(row, 'kind'),
    ownerId: text(row, 'owner_id'),
    resource: maybeText(row, 'resource'),
    data: text(row, 'data'),
    createdAt: number(row, 'created_at'),
    expiresAt: maybeNumber(row, 'expires_at'),
    lastUsedAt: maybeNumber(row, 'last_used_at'),
    revokedAt: maybeNumber(row, 'revoked_at'),
  };
}

const columnOf: Readonly<Record<keyof UserChange, string>> = {
  username: 'username',
  email: 'email',
  emailVerified: 'email_verified',
  passwordHash: 'password_hash',
  mustResetPassword: 'must_reset_password',
  disabled: 'disabled',
  roles: 'roles',
  groups: 'groups',
  attributes: 'attributes',
  orgs: 'orgs',
};

/** The columns of what is given, with their values. A member that is there with undefined becomes NULL. */
export function userValues(user: UserChange): readonly (readonly [column: string, value: Value])[] {
  const given: Readonly<Record<string, unknown>> = { ...user };
  return Object.entries(columnOf)
    .filter(([member]) => Object.hasOwn(given, member))
    .map(([member, column]) => [column, toValue(given[member])] as const);
}

function toValue(member: unknown): Value {
  if (member === undefined) return null;
  if (typeof member === 'boolean') return Number(member);
  return typeof member === 'string' ? member : JSON.stringify(member);
}
