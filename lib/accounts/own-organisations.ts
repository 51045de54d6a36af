import { AuthError } from '../errors.js';
import type { EventSink } from '../events.js';
import type { OrgMembership } from '../principal.js';
import { refuseUnknownOptions } from '../known-options.js';
import type { Store, StoredUser } from '../stores/store.js';
import { createInvitations, type Invitations } from './invitations.js';
import { createMembershipReader } from './membership-reader.js';
import { MOST_MEMBERSHIPS } from './org-rules.js';
import { createOrgDirectory, type OrgDirectory } from './org-directory.js';
import {
  createOrganisations,
  type OrganisationOptions,
  type Organisations,
} from './organisations.js';
import { createServiceAccounts } from './service-accounts.js';
import type { Users } from './users.js';

/** All that an application has whose organisations are kept in the store. */
export interface OwnOrganisations {
  readonly organisations: Organisations;
  readonly invitations: Pick<Invitations, 'judge'>;
  /** For every request: what this instance knows of memberships is at most as old as the lag. */
  readonly directory: OrgDirectory;
  readonly exists: (orgId: string) => Promise<boolean>;
  /** A user's organisations as API keys of theirs know them. */
  readonly orgsOf: (userId: string) => Promise<readonly OrgMembership[]>;
  /** Rejects with INSUFFICIENT_ROLE (403) for a user who may make no organisation, STORE_UNAVAILABLE (503) for a hook that fails. */
  readonly refuseCreation: (user: StoredUser) => Promise<void>;
}

interface OwnOrganisationsContext {
  readonly store: Pick<Store, 'orgs' | 'credentials'>;
  readonly users: Users;
  readonly events: EventSink;
  /** `iss` of our own tokens. */
  readonly issuer: string | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

interface OwnOrganisationsOptions {
  readonly organisations?: OrganisationOptions;
  readonly sessions?: { readonly revocationLagSeconds?: number };
}

export function createOwnOrganisations(
  { store: { orgs, credentials }, users, events, issuer, now }: OwnOrganisationsContext,
  { organisations = {}, sessions = {} }: OwnOrganisationsOptions,
): OwnOrganisations {
  refuseUnknownOptions('createAuth({ organisations })', organisations, ['scopesOf', 'mayCreate']);
  const { revocationLagSeconds: lagSeconds = 5 } = sessions;
  const memberships = createMembershipReader({ orgs, lagSeconds, now });
  const invitations = createInvitations({ orgs, credentials, now });
  return Object.freeze({
    organisations: createOrganisations({
      ...{ orgs, users, invitations, memberships, events, now },
      // Also with AUTH_SERVICE_ACCOUNTS=off: it may be switched on again.
      accounts: createServiceAccounts({ credentials, now }),
    }),
    invitations,
    directory: createOrgDirectory({ issuer, memberships }),
    exists: async (orgId: string) => (await orgs.get(orgId)) !== undefined,
    async orgsOf(userId: string) {
      const all = await orgs.membershipsOf(userId, { limit: MOST_MEMBERSHIPS });
      return all.map(({ org: { id }, roles }) => ({ id, roles, isDefault: false }));
    },
    refuseCreation: createCreationRule(organisations, events),
  });
}

function createCreationRule({ mayCreate }: OrganisationOptions, events: EventSink) {
  return async function refuseCreation(user: StoredUser): Promise<void> {
    if (!mayCreate) return;
    let may: unknown;
    try {
      may = await mayCreate(user);
    } catch (cause) {
      if (cause instanceof AuthError) throw cause;
      events.emit('hook.failed', { hook: 'mayCreate' });
      throw new AuthError('STORE_UNAVAILABLE', { reason: 'may_create', cause });
    }
    // A forgotten `return` is no permission.
    if (may !== true) throw new AuthError('INSUFFICIENT_ROLE', { reason: 'may_create' });
  };
}
