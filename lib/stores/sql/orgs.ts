import { change, find, firstOf, type SqlDatabase, type SqlDialect } from './database.js';
import { number, type Row, text } from './rows.js';
import { StoreFailure } from '../failures/store-failure.js';
import {
  type Membership,
  type OrgStore,
  OWNER_ROLE,
  type StoredMember,
  type StoredOrg,
} from '../org-store.js';
import { PATIENCE_MS } from '../store.js';

const orgColumns = 'id, name, created_at, updated_at, version';
const MEMBERSHIP = `SELECT ${orgColumns}, roles, joined_at FROM latchkey_members JOIN latchkey_orgs ON id = org_id`;

/**
 * Every change of members locks the organisation's row first, so that those of one organisation come one after the other. A statement still
 * sees the other tables as they were before it waited: rows that it decides by it locks as well, which shows them as they are now.
 */
export function orgStore(database: SqlDatabase, dialect: SqlDialect): OrgStore {
  return Object.freeze({
    ...orgRows(database, dialect),
    ...memberRows(database, dialect),
    getMember: (orgId, userId) =>
      firstOf(
        find(database, `${MEMBERSHIP} WHERE org_id = $1 AND user_id = $2`, [orgId, userId]),
        toMembership,
      ),
    async membersOf(orgId, { after = '', limit }) {
      const rows = await find(
        database,
        `SELECT org_id, user_id, roles, joined_at FROM latchkey_members
         WHERE org_id = $1 AND user_id > $2 ORDER BY user_id LIMIT $3`,
        [orgId, after, limit],
      );
      return rows.map(toMember);
    },
    async membershipsOf(userId, { after = '', limit }) {
      const rows = await find(
        database,
        `${MEMBERSHIP} WHERE user_id = $1 AND org_id > $2 ORDER BY org_id LIMIT $3`,
        [userId, after, limit],
      );
      return rows.map(toMembership);
    },
  } satisfies OrgStore);
}

function orgRows(
  database: SqlDatabase,
  { withFirstMember }: SqlDialect,
): Pick<OrgStore, 'create' | 'get' | 'update' | 'delete' | 'list'> {
  return {
    async create({ id, name, createdAt, updatedAt }, ownerId) {
      const rows = await database.query(
        withFirstMember(
          `INSERT INTO latchkey_orgs (id, name, created_at, updated_at, version, created_by)
           VALUES ($1, $2, $3, $4, 0, $5) ON CONFLICT DO NOTHING`,
        ),
        [id, name, createdAt, updatedAt, ownerId],
        'change',
      );
      return rows.length === 1 ? 'created' : 'taken';
    },
    get: (id) =>
      firstOf(find(database, `SELECT ${orgColumns} FROM latchkey_orgs WHERE id = $1`, [id]), toOrg),
    async update(id, { version, now, name }) {
      const [row] = await change(
        database,
        `UPDATE latchkey_orgs SET name = $4, updated_at = $3, version = version + 1
         WHERE id = $1 AND version = $2 RETURNING ${orgColumns}`,
        [id, version, now, name],
      );
      return row ? toOrg(row) : 'stale';
    },
    async delete(id) {
      // A trigger deletes the members.
      const rows = await change(database, 'DELETE FROM latchkey_orgs WHERE id = $1 RETURNING id', [
        id,
      ]);
      return rows.length === 1;
    },
    async list({ after = '', limit }) {
      const rows = await find(
        database,
        `SELECT ${orgColumns} FROM latchkey_orgs WHERE id > $1 ORDER BY id LIMIT $2`,
        [after, limit],
      );
      return rows.map(toOrg);
    },
  };
}

function memberRows(
  database: SqlDatabase,
  dialect: SqlDialect,
): Pick<OrgStore, 'addMember' | 'setRoles' | 'replaceRoles' | 'removeMember'> {
  const locked = lockedWithOtherOwner(dialect);

  async function changeRoles(
    orgId: string,
    userId: string,
    { from, to }: { readonly from: string; readonly to: readonly string[] },
  ): ReturnType<NonNullable<OrgStore['replaceRoles']>> {
    const outcome = await changeMember(
      database,
      {
        sql: `${locked} UPDATE latchkey_members SET roles = $3, is_owner = $4
          WHERE org_id = (SELECT id FROM org) AND user_id = $2 AND ($5 = '' OR roles = $5)
            AND (is_owner = 0 OR $4 = 1 OR EXISTS (SELECT 1 FROM other_owner)) RETURNING user_id`,
        values: [orgId, userId, JSON.stringify(to), isOwner(to), from],
      },
      whyNotChanged(from),
    );
    return outcome === 'done' ? 'changed' : outcome;
  }

  return {
    async addMember({ orgId, userId, roles, joinedAt }) {
      const outcome = await changeMember(
        database,
        {
          sql: `WITH org AS MATERIALIZED (SELECT id FROM latchkey_orgs WHERE id = $1 ${dialect.forShare})
            INSERT INTO latchkey_members (org_id, user_id, roles, is_owner, joined_at)
              SELECT id, $2, $3, $4, $5 FROM org WHERE TRUE ON CONFLICT DO NOTHING RETURNING user_id`,
          values: [orgId, userId, JSON.stringify(roles), isOwner(roles), joinedAt],
        },
        whyNotAdded,
      );
      return outcome === 'done' ? 'added' : outcome;
    },
    async setRoles(orgId, userId, to) {
      const outcome = await changeRoles(orgId, userId, { from: ANY_ROLES, to });
      if (outcome === 'stale') throw new TypeError('no roles were expected');
      return outcome;
    },
    replaceRoles: (orgId, userId, { from, to }) =>
      changeRoles(orgId, userId, { from: JSON.stringify(from), to }),
    async removeMember(orgId, userId, { evenLastOwner = false, from } = {}) {
      const expected = from ? JSON.stringify(from) : ANY_ROLES;
      const outcome = await changeMember(
        database,
        {
          sql: `${locked} DELETE FROM latchkey_members WHERE org_id = (SELECT id FROM org) AND user_id = $2
            AND ($4 = '' OR roles = $4)
            AND (is_owner = 0 OR $3 = 1 OR EXISTS (SELECT 1 FROM other_owner)) RETURNING user_id`,
          values: [orgId, userId, Number(evenLastOwner), expected],
        },
        whyNotChanged(expected),
      );
      return outcome === 'done' ? 'removed' : outcome;
    },
  };
}

/** In the place of roles as JSON, which is never empty. */
const ANY_ROLES = '';

type MemberValues = readonly [orgId: string, userId: string, ...values: (string | number)[]];

/** Answers undefined when the change would happen now, since others came in between. */
type WhyNot<Reason> = (
  database: SqlDatabase,
  orgId: string,
  userId: string,
) => Promise<Reason | undefined>;

async function changeMember<Reason>(
  database: SqlDatabase,
  { sql, values }: { readonly sql: string; readonly values: MemberValues },
  whyNot: WhyNot<Reason>,
): Promise<'done' | Reason> {
  const [orgId, userId] = values;
  const until = performance.now() + PATIENCE_MS;
  do {
    // One after the other: each answer says whether there is another attempt.
    // oxlint-disable-next-line no-await-in-loop
    const rows = await change(database, sql, values);
    if (rows.length === 1) return 'done';
    // oxlint-disable-next-line no-await-in-loop
    const reason = await whyNot(database, orgId, userId);
    if (reason) return reason;
  } while (performance.now() < until);
  throw new StoreFailure('timeout', 'a membership changed again and again');
}

const whyNotAdded: WhyNot<'member' | 'missing'> = async (database, orgId, userId) => {
  const [org] = await find(
    database,
    `SELECT user_id FROM latchkey_orgs LEFT JOIN latchkey_members ON org_id = id AND user_id = $2 WHERE id = $1`,
    [orgId, userId],
  );
  if (!org) return 'missing';
  return org['user_id'] === null ? undefined : 'member';
};

function whyNotChanged(from: string): WhyNot<'missing' | 'stale' | 'last_owner'> {
  return async (database, orgId, userId) => {
    const [member] = await find(
      database,
      `SELECT roles, is_owner, (SELECT COUNT(*) FROM latchkey_members
         WHERE org_id = $1 AND user_id <> $2 AND is_owner = 1) AS others
       FROM latchkey_members JOIN latchkey_orgs ON id = org_id WHERE org_id = $1 AND user_id = $2`,
      [orgId, userId],
    );
    if (!member) return 'missing';
    if (from !== ANY_ROLES && text(member, 'roles') !== from) return 'stale';
    const isLast = number(member, 'is_owner') === 1 && number(member, 'others') === 0;
    return isLast ? 'last_owner' : undefined;
  };
}

/** An owner beside the member, if there is one, and the organisation, both as they are after the wait for their rows. */
function lockedWithOtherOwner({ forUpdate }: SqlDialect): string {
  return `WITH org AS MATERIALIZED (SELECT id FROM latchkey_orgs WHERE id = $1 ${forUpdate}),
    other_owner AS MATERIALIZED (SELECT user_id FROM latchkey_members
      WHERE org_id = (SELECT id FROM org) AND user_id <> $2 AND is_owner = 1 LIMIT 1 ${forUpdate})`;
}

function isOwner(roles: readonly string[]): number {
  return Number(roles.includes(OWNER_ROLE));
}

function toOrg(row: Row): StoredOrg {
  return {
    id: text(row, 'id'),
    name: text(row, 'name'),
    createdAt: number(row, 'created_at'),
    updatedAt: number(row, 'updated_at'),
    version: number(row, 'version'),
  };
}

function toMember(row: Row): StoredMember {
  return { orgId: text(row, 'org_id'), userId: text(row, 'user_id'), ...toRoles(row) };
}

function toMembership(row: Row): Membership {
  return { org: toOrg(row), ...toRoles(row) };
}

function toRoles(row: Row): Pick<StoredMember, 'roles' | 'joinedAt'> {
  return { roles: JSON.parse(text(row, 'roles')), joinedAt: number(row, 'joined_at') };
}
