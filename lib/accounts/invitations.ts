import { createHash, randomBytes } from 'node:crypto';
import { AuthError, reusableError } from '../errors.js';
import { isRecord } from '../is-record.js';
import type { OrgStore, StoredOrg } from '../stores/org-store.js';
import type { CredentialStore, StoredCredential, StoredUser } from '../stores/store.js';
import { isEmail, normaliseLogin } from './logins.js';
import { alreadyMember, isOwner, mayManage, readOrgRoles } from './org-rules.js';

/** An invitation that can be accepted. */
export interface Invitation {
  readonly id: string;
  readonly orgId: string;
  /** Normalised. */
  readonly email: string;
  readonly roles: readonly string[];
  /** Id of the member who sent it; undefined: the application did. */
  readonly invitedBy: string | undefined;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Who is invited, and with which roles. */
export interface NewInvitation {
  readonly orgId: string;
  readonly email: string;
  /** @defaultValue none */
  readonly roles?: readonly string[];
  /** Id of the member who invites. The invitation counts only while they may. @defaultValue the application does, and it counts until it expires */
  readonly invitedBy?: string | undefined;
}

/** An invitation with what its receiver shows. */
export interface SentInvitation {
  readonly invitation: Invitation;
  /** Random, for the mail. Secret, and kept nowhere. */
  readonly token: string;
}

/** An invitation that is open, or the reason why it is not. */
type JudgedInvitation =
  | { readonly invitation: Invitation; readonly org: StoredOrg; readonly row: StoredCredential }
  | { readonly refusal: AuthError };

/** Invitations by mail. Every method may reject with STORE_UNAVAILABLE (503). */
export interface Invitations {
  /** Replaces an earlier invitation of the address. INVALID_REQUEST (400), CONFLICT (409) for too many open ones. */
  invite(given: NewInvitation): Promise<SentInvitation>;
  /** Open ones, the newest first. */
  list(orgId: string): Promise<readonly Invitation[]>;
  /** Returns whether there was an open one. */
  withdraw(key: Pick<Invitation, 'id' | 'orgId'>): Promise<boolean>;
  /** Withdraws what an address was invited to an organisation with. */
  withdrawOf(key: Pick<Invitation, 'email' | 'orgId'>): Promise<void>;
  /** Withdraws all that a user has sent. */
  withdrawBy(userId: string): Promise<void>;
  withdrawAll(orgId: string): Promise<void>;
  judge(token: string): Promise<JudgedInvitation>;
  /**
   * Uses an invitation up for `join`, which returns whether the user has become a member by it. The user's proven address must be
   * the invited one: ORG_FORBIDDEN (403). Of concurrent calls exactly one succeeds; the others, and later ones, reject with
   * INVALID_REQUEST (400). After an outage in `join` the same user may try again. CONFLICT (409) for one who is a member already.
   */
  accept(
    token: string,
    user: StoredUser,
    join: (invitation: Invitation) => Promise<'added' | 'member' | 'missing'>,
  ): Promise<{ readonly invitation: Invitation; readonly org: StoredOrg }>;
}

export interface InvitationsContext {
  readonly orgs: OrgStore;
  readonly credentials: CredentialStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const KIND = 'invitation';
const LIFE_MS = 7 * 86_400_000;
const MOST_OPEN = 100;

export function createInvitations(context: InvitationsContext): Invitations {
  const { credentials, now } = context;

  const openOf = async (orgId: string): Promise<readonly Invitation[]> => {
    const rows = await credentials.listByOwner(ownerOf(orgId), { kind: KIND });
    return rows.filter((row) => isOpen(row, now())).map(toInvitation);
  };
  const withdrawEach = (these: readonly Pick<Invitation, 'id'>[]): Promise<readonly boolean[]> =>
    Promise.all(these.map(({ id }) => credentials.revoke(id, now())));

  return Object.freeze({
    async invite({ orgId, invitedBy, ...given }: NewInvitation): Promise<SentInvitation> {
      const email = readAddress(given.email);
      const roles = readOrgRoles(given.roles ?? []);
      const open = await openOf(orgId);
      const [former, others] = [
        open.filter((each) => each.email === email),
        open.filter((each) => each.email !== email),
      ];
      if (others.length >= MOST_OPEN) throw tooMany;
      const token = randomBytes(32).toString('base64url');
      const row = {
        id: randomBytes(16).toString('base64url'),
        hash: hashOf(token),
        kind: KIND,
        ownerId: ownerOf(orgId),
        ...(invitedBy !== undefined && { resource: inviterOf(invitedBy) }),
        data: JSON.stringify({ email, roles, invitedBy } satisfies InvitationData),
        createdAt: now(),
        expiresAt: now() + LIFE_MS,
      };
      await credentials.create(row);
      await withdrawEach(former);
      return { invitation: toInvitation({ ...row, ...unused }), token };
    },
    list: openOf,
    async withdraw({ id, orgId }: Pick<Invitation, 'id' | 'orgId'>): Promise<boolean> {
      const row = await credentials.findById(id);
      const isTheirs = row?.kind === KIND && row.ownerId === ownerOf(orgId);
      return isTheirs && isOpen(row, now()) && credentials.revoke(id, now());
    },
    async withdrawOf({ email, orgId }: Pick<Invitation, 'email' | 'orgId'>): Promise<void> {
      const open = await openOf(orgId);
      await withdrawEach(open.filter((each) => each.email === email));
    },
    async withdrawBy(userId: string): Promise<void> {
      await withdrawEach(await credentials.listByResource(inviterOf(userId), { kind: KIND }));
    },
    async withdrawAll(orgId: string): Promise<void> {
      await withdrawEach(await openOf(orgId));
    },
    judge: (token: string) => judge(context, token),
    accept: (token: string, user: StoredUser, join: Parameters<Invitations['accept']>[2]) =>
      accept(context, { token, user }, join),
  });
}

const ownerOf = (orgId: string): string => `org:${orgId}`;
const inviterOf = (userId: string): string => `inviter:${userId}`;
const hashOf = (token: string): string => createHash('sha256').update(token).digest('base64url');

/** What a new row does not have yet. */
const unused = { resource: undefined, lastUsedAt: undefined, revokedAt: undefined };

/** What stands in the row of an invitation. */
interface InvitationData {
  readonly email: string;
  readonly roles: readonly string[];
  readonly invitedBy?: string | undefined;
  /** Who is accepting it, or has. */
  readonly acceptedBy?: string | undefined;
}

function readData({ data }: Pick<StoredCredential, 'data'>): InvitationData {
  const facts: unknown = JSON.parse(data);
  if (!isRecord(facts) || typeof facts['email'] !== 'string')
    throw new TypeError("an invitation's data is not what was stored");
  const { email, roles, invitedBy, acceptedBy } = facts;
  return {
    email,
    roles: Array.isArray(roles) ? roles.filter((role) => typeof role === 'string') : [],
    invitedBy: typeof invitedBy === 'string' ? invitedBy : undefined,
    acceptedBy: typeof acceptedBy === 'string' ? acceptedBy : undefined,
  };
}

function toInvitation(row: StoredCredential): Invitation {
  const { id, ownerId, createdAt, expiresAt = createdAt } = row;
  const { email, roles, invitedBy } = readData(row);
  return { id, orgId: ownerId.slice('org:'.length), email, roles, invitedBy, createdAt, expiresAt };
}

function isOpen({ revokedAt, expiresAt = 0 }: StoredCredential, now: number): boolean {
  return revokedAt === undefined && now < expiresAt;
}

function readAddress(email: string): string {
  const login = normaliseLogin(email);
  if (login !== undefined && isEmail(login)) return login;
  const errors = [{ pointer: '#/email', detail: 'is no e-mail address', code: 'email' }];
  throw new AuthError('INVALID_REQUEST', { reason: 'organisation', errors });
}

async function judge(
  { orgs, credentials, now }: InvitationsContext,
  token: string,
): Promise<JudgedInvitation> {
  const row = await credentials.findByHash(hashOf(token));
  if (row?.kind !== KIND) return { refusal: unknown };
  const isUsed = row.revokedAt !== undefined && readData(row).acceptedBy !== undefined;
  if (isUsed) return { refusal: used };
  if (row.revokedAt !== undefined) return { refusal: unknown };
  if (!isOpen(row, now())) return { refusal: expired };
  const invitation = toInvitation(row);
  const org = await orgs.get(invitation.orgId);
  const isGood = org !== undefined && (await maySend(orgs, invitation));
  return isGood ? { invitation, org, row } : { refusal: unknown };
}

/** Whether its sender could send it today: one who has left must not let others in, and a former owner no owner. */
async function maySend(orgs: OrgStore, { orgId, invitedBy, roles }: Invitation): Promise<boolean> {
  if (invitedBy === undefined) return true;
  const sender = await orgs.getMember(orgId, invitedBy);
  if (!sender) return false;
  return isOwner(roles) ? isOwner(sender.roles) : mayManage(sender.roles);
}

async function accept(
  context: InvitationsContext,
  { token, user }: { readonly token: string; readonly user: StoredUser },
  join: Parameters<Invitations['accept']>[2],
): Promise<{ readonly invitation: Invitation; readonly org: StoredOrg }> {
  const { credentials, now } = context;
  const judged = await judge(context, token);
  if ('refusal' in judged) throw judged.refusal;
  const { invitation, org, row } = judged;
  refuseOtherAddress(invitation, user);
  const claim = await claimFor(context, row, user.id);
  const outcome = await join(invitation);
  // Last, so that an outage before it leaves the invitation to the user who has claimed it.
  const isWinner = await credentials.revoke(row.id, now());
  if (outcome === 'missing') throw unknown;
  if (!isWinner) throw used;
  if (outcome === 'member' && claim === 'first') throw alreadyMember;
  return { invitation, org };
}

/** Throws ORG_FORBIDDEN (403) unless the user has proven to be whom the mail was for: links are passed on. */
export function refuseOtherAddress({ email }: Invitation, user: StoredUser): void {
  if (normaliseLogin(user.email) !== email) throw otherAddress;
  if (!user.emailVerified) throw unproven;
}

/** Notes who accepts. `again`: the same user has tried before, or is trying. */
async function claimFor(
  context: InvitationsContext,
  row: StoredCredential,
  userId: string,
): Promise<'first' | 'again'> {
  const { credentials } = context;
  const { acceptedBy, ...data } = readData(row);
  if (acceptedBy === undefined) {
    const claimed = { ...data, acceptedBy: userId } satisfies InvitationData;
    if (await credentials.update(row.id, { from: row.data, to: JSON.stringify(claimed) }))
      return 'first';
    const latest = await credentials.findById(row.id);
    if (latest?.revokedAt !== undefined || !latest) throw used;
    return claimFor(context, latest, userId);
  }
  if (acceptedBy !== userId) throw used;
  return 'again';
}

function dead(reason: string, detail: string): AuthError {
  return reusableError('INVALID_REQUEST', {
    reason,
    errors: [{ pointer: '#/token', detail, code: reason }],
  });
}

const unknown = dead('invitation', 'is of no invitation, or of one that was withdrawn');
const used = dead('invitation_used', 'is of an invitation that was accepted');
const expired = dead('invitation_expired', 'is of an invitation that has expired');

const otherAddress = reusableError('ORG_FORBIDDEN', {
  reason: 'invitation_address',
  detail: 'This invitation is for another e-mail address. Sign in with the account that has it.',
});

const unproven = reusableError('ORG_FORBIDDEN', {
  reason: 'invitation_unproven',
  detail:
    'This account has not proven that its e-mail address is its own. Confirm the address first.',
});

const tooMany = reusableError('CONFLICT', {
  reason: 'too_many_invitations',
  detail: `There are ${MOST_OPEN} open invitations. Withdraw one first.`,
});
