import { deepFreeze } from '../claims/frozen.js';
import type { OrgMembership, User } from '../principal.js';
import type { StoredUser } from '../stores/store.js';
import { hasToChangePassword } from './temporary-password.js';
import type { Users } from './users.js';

/** What an owner of keys is and may do today. A key never says more. */
export interface KeyOwner {
  readonly user: User;
  readonly scopes: readonly string[];
  readonly orgs: readonly OrgMembership[];
  /** The OAuth client that the owner is. @defaultValue none: a user */
  readonly clientId?: string | undefined;
  /** Whether guards are to answer 403 PASSWORD_CHANGE_REQUIRED. @defaultValue `false` */
  readonly mustResetPassword?: boolean;
}

/** Finds the owners of keys: users, and service accounts. */
export interface KeyOwners {
  /** Undefined for an owner who is gone or disabled: all keys of theirs are refused. */
  find(ownerId: string): Promise<KeyOwner | undefined>;
}

interface UserOwnersContext {
  readonly users: Pick<Users, 'findById'>;
  readonly scopesOf: (user: StoredUser) => readonly string[];
  /** Whether users sign in with passwords. */
  readonly passwordLogin: boolean;
  /** @defaultValue those of the user's row */
  readonly orgsOf?: ((userId: string) => Promise<readonly OrgMembership[]>) | undefined;
}

/** Users as owners of keys: the facts and scopes that an access token of today would have. */
export function createUserOwners({
  users,
  scopesOf,
  passwordLogin,
  orgsOf,
}: UserOwnersContext): KeyOwners {
  return Object.freeze({
    async find(ownerId: string): Promise<KeyOwner | undefined> {
      const row = await users.findById(ownerId);
      if (!row || row.disabled) return undefined;
      const { id, email, username, roles, groups, attributes } = row;
      const orgs = orgsOf ? await orgsOf(id) : row.orgs;
      return deepFreeze({
        user: {
          ...{ id, email, emailVerified: email !== undefined && row.emailVerified },
          ...{ username, roles: [...roles], groups: [...groups], attributes: { ...attributes } },
        },
        scopes: [...scopesOf(row)],
        orgs: structuredClone(orgs),
        mustResetPassword: hasToChangePassword(row, { passwordLogin }),
      });
    },
  });
}
