import { randomBytes } from 'node:crypto';
import { AuthError } from '../errors.js';
import type { EventSink } from '../events.js';
import { accessOf, type Identity, type ProviderAccess } from './identity.js';
import {
  claim,
  findSlot,
  type IdentityKey,
  type IdentityLink,
  isAddedTo,
  type LinkContext,
  linksOf,
  removeLeftover,
  type Slot,
} from './identity-links.js';
import { applyToUser, createIdentityUser, provenBy } from './identity-users.js';
import type { RevocationCounts } from './revocation-counts.js';
import type { StoredUser, UserChange } from '../stores/store.js';
import { refuseUnknownMembers, type Users } from './users.js';

export interface IdentityOptions {
  /**
   * Turns what a provider says into facts of a user. Called at each sign-in with a provider, with the stored user, or
   * with undefined for a new one. The result is merged into the stored user; `{}` changes nothing; `false` refuses the
   * sign-in (403 LOGIN_DENIED). A provider's roles and groups are ignored unless this hook copies them. When it
   * throws, the sign-in is answered 503 and the event is `hook.failed`; an AuthError is passed on. The third argument has
   * the provider's access token, to ask its API with. @defaultValue none
   *
   * @example
   * const auth = createAuth({
   *   provision: ({ groups }) => ({ roles: groups.includes('staff') ? ['analyst'] : [] }),
   * });
   */
  readonly provision?: (
    identity: Identity,
    user: StoredUser | undefined,
    access: ProviderAccess,
  ) => UserChange | false | Promise<UserChange | false>;
}

interface IdentityContext extends LinkContext {
  readonly users: Users;
  readonly events: EventSink;
  readonly counts: RevocationCounts;
  /** Whether an unknown identity gets an account. */
  readonly signUp: boolean;
  /** How old the link of an added identity is before signing in with it counts as strong as the provider says. */
  readonly linkAcrAfterSeconds: number;
}

/** How an identity was linked to the account just now; undefined when it was linked before. */
type LinkedBy = 'new' | 'request' | 'email' | undefined;

/** A sign-in at a provider that has just been proven. */
interface ProvenIdentity {
  readonly identity: Identity;
  /** `sid` of the session there. */
  readonly sessionId?: string | undefined;
}

export interface SignedInUser {
  readonly user: StoredUser;
  readonly link: IdentityLink;
  readonly linkedBy: LinkedBy;
  /** Which endings the sign-in has seen, for the start of its session. */
  readonly revocationCount: string;
}

/**
 * Links between users and their identities at providers. The key of an identity is issuer and subject. Methods reject
 * with LOGIN_DENIED (403) and a reason, and with STORE_UNAVAILABLE (503).
 */
export interface Identities {
  /** Finds or creates the user of an identity that has just been proven. See the table at {@link createIdentities}. */
  signIn(proven: ProvenIdentity): Promise<SignedInUser>;
  /** Links an identity to the account of a user who has asked for it. `confirm` rejects unless that user is still signed in. */
  link(proven: ProvenIdentity, asked: Asked): Promise<SignedInUser>;
  /** What a user can sign in with at providers, the latest first. */
  list(userId: string): Promise<readonly IdentityLink[]>;
  /** The user's link to an identity, if there is one. */
  find(userId: string, key: IdentityKey): Promise<IdentityLink | undefined>;
  /**
   * Whether a sign-in with the identity may count for as much as the provider says: one that the account began with, or one
   * that was linked long enough ago for its owner to have noticed.
   */
  isSettled(link: IdentityLink): boolean;
  /** Notes that a link was used to sign in. */
  touch(link: IdentityLink): Promise<void>;
  /**
   * Removes links of a user, those to one provider or all, and returns them. Sign-ins with them that are under way begin no
   * session; sessions that have begun go on.
   */
  unlink(userId: string, which: Which): Promise<readonly IdentityLink[]>;
}

interface Asked {
  readonly userId: string;
  readonly confirm: () => Promise<void>;
}

type Which = { readonly provider: string } | 'all';

/** What a decision goes by. */
interface Arrival {
  readonly identity: Identity;
  readonly slot: Slot;
  /** The endings at the provider, counted before the slot was read. */
  readonly mark: string;
}

interface Deciding extends IdentityContext {
  /** What the application's hook changes. */
  readonly provisioned: (identity: Identity, user: StoredUser | undefined) => Promise<UserChange>;
}

interface Joining {
  readonly user: StoredUser;
  readonly linkedBy: LinkedBy;
  readonly isAdded: boolean;
}

/**
 * Creates the links between users and identities. How a sign-in is decided:
 *
 * | identity   | its user            | account with the same verified address      | decision                      |
 * | ---------- | ------------------- | ------------------------------------------- | ----------------------------- |
 * | linked     | exists              | –                                           | that user                     |
 * | linked     | not there           | none                                        | create that user              |
 * | linked     | not there           | that user, created concurrently             | that user                     |
 * | linked     | not there           | another user                                | refuse: `account_exists`      |
 * | linked     | gone for 10 minutes | –                                           | as if it was not linked       |
 * | not linked | –                   | none                                        | link and create; `no_account` without sign-up |
 * | not linked | –                   | one whose address both sides have verified  | link to it                    |
 * | not linked | –                   | any other                                   | refuse: `account_exists`      |
 *
 * A linked user who is not there: a sign-up that was interrupted between its two steps. The provider counts as having
 * verified an address when it is trusted to (`emailVouched`).
 *
 * Endings are counted before anything is read that they change, and again after the last step: an ending that is not seen
 * here comes later, and finds the link or session itself.
 */
export function createIdentities(
  context: IdentityContext,
  { provision }: IdentityOptions = {},
): Identities {
  const { users, credentials, now } = context;
  const deciding: Deciding = { ...context, provisioned: createProvisioning(context, provision) };

  async function signIn(proven: ProvenIdentity): Promise<SignedInUser> {
    const arrival = await arrive(deciding, proven);
    const signedIn = await decide(deciding, arrival);
    if (signedIn) return signedIn;
    const latest = await findSlot(context, proven.identity);
    if (latest.hash === arrival.slot.hash && latest.link?.id === arrival.slot.link?.id)
      throw denied('account_exists');
    // Ends: a slot only goes from free to linked, and after the last one there is no next.
    return signIn(proven);
  }

  async function link(proven: ProvenIdentity, asked: Asked): Promise<SignedInUser> {
    const arrival = await markedFor(deciding, await arrive(deciding, proven), asked.userId);
    await asked.confirm();
    const { link: linked } = arrival.slot;
    const user = await users.findById(asked.userId);
    if (!user || (linked && linked.userId !== user.id)) throw denied('linked_to_other');
    if (linked) return admit(deciding, arrival, { link: linked, user });
    const joined = await join(deciding, arrival, { user, linkedBy: 'request', isAdded: true });
    return joined ?? link(proven, asked);
  }

  return Object.freeze({
    signIn,
    link,
    list: (userId: string) => linksOf(context, userId),
    async find(userId: string, key: IdentityKey) {
      const { link: found } = await findSlot(context, key);
      return found?.userId === userId ? found : undefined;
    },
    isSettled: ({ isAdded, linkedAt }: IdentityLink) =>
      !isAdded || now() - linkedAt >= context.linkAcrAfterSeconds * 1000,
    touch: ({ id }: IdentityLink) => credentials.touch(id, now()),
    unlink: (userId: string, which: Which) => unlink(context, userId, which),
  });
}

/** Looks an identity up. Counts first: a link that is removed after it was seen is counted afterwards. */
async function arrive(
  { counts, ...context }: Deciding,
  { identity, sessionId }: ProvenIdentity,
): Promise<Arrival> {
  const { issuer, subject } = identity;
  const mark = await counts.of({ provider: { issuer, subject, sessionId } });
  return { identity, mark, slot: await findSlot(context, identity) };
}

/** Counts the endings of a user. Before the user is read, for the same reason. */
async function markedFor(
  { counts }: Deciding,
  arrival: Arrival,
  userId: string | undefined,
): Promise<Arrival> {
  const mark = userId === undefined ? counts.none() : await counts.of({ userId });
  return { ...arrival, mark: `${arrival.mark} ${mark}` };
}

/** Undefined when the sign-in has to be refused with `account_exists`, unless the slot has changed meanwhile. */
async function decide(deciding: Deciding, found: Arrival): Promise<SignedInUser | undefined> {
  const { users } = deciding;
  const { identity, slot } = found;
  const { link } = slot;
  const arrival = await markedFor(deciding, found, link?.userId);
  const known = link && (await users.findById(link.userId));
  if (known) return admit(deciding, arrival, { link, user: known });
  if (link && (await removeLeftover(deciding, link))) return undefined;
  const { email, emailVerified } = identity;
  const accountWithSameEmail = emailVerified ? await users.findByLogin(email) : undefined;
  if (!accountWithSameEmail) return signUp(deciding, arrival);
  if (!link) return joinByEmail(deciding, found, accountWithSameEmail.id);
  return accountWithSameEmail.id === link.userId
    ? admit(deciding, arrival, { link, user: accountWithSameEmail })
    : undefined;
}

async function admit(
  { users, provisioned }: Deciding,
  { identity, mark }: Arrival,
  { link, user }: { readonly link: IdentityLink; readonly user: StoredUser },
): Promise<SignedInUser> {
  const change = { ...provenBy(identity, user), ...(await provisioned(identity, user)) };
  const latest = await applyToUser(users, user, change);
  return { user: latest, link, linkedBy: undefined, revocationCount: mark };
}

async function joinByEmail(
  deciding: Deciding,
  found: Arrival,
  userId: string,
): Promise<SignedInUser | undefined> {
  const arrival = await markedFor(deciding, found, userId);
  const user = await deciding.users.findById(userId);
  const { email, emailVouched } = arrival.identity;
  if (!emailVouched || user?.email !== email || !user?.emailVerified) return undefined;
  const isAdded = isAddedTo(user, await linksOf(deciding, user.id));
  return join(deciding, arrival, { user, linkedBy: 'email', isAdded });
}

/** Undefined when a concurrent request has taken the slot. */
async function join(
  { users, counts, credentials, now, provisioned }: Deciding,
  { identity, slot, mark }: Arrival,
  { user, linkedBy, isAdded }: Joining,
): Promise<SignedInUser | undefined> {
  // Before the link is stored: when the hook refuses, the account must not keep the identity.
  const change = { ...provenBy(identity, user), ...(await provisioned(identity, user)) };
  const { issuer, subject } = identity;
  const link = await claim(
    { credentials, now },
    { identity, hash: slot.hash, userId: user.id, isAdded },
  );
  if (!link) return undefined;
  const provider = { issuer, subject, sessionId: undefined };
  const isUnchanged = await counts.areUnchanged(mark, { userId: user.id, provider });
  const latest = await users.findById(user.id);
  if (!isUnchanged || !latest || latest.disabled) {
    await credentials.revoke(link.id, now());
    throw denied('ended_meanwhile');
  }
  return { user: await applyToUser(users, user, change), link, linkedBy, revocationCount: mark };
}

/** Undefined when a concurrent request has taken the slot. */
async function signUp(
  context: Deciding,
  { identity, slot, mark }: Arrival,
): Promise<SignedInUser | undefined> {
  const { users, provisioned } = context;
  if (!context.signUp) throw denied('no_account');
  const change = await provisioned(identity, undefined);
  const id = slot.link?.userId ?? randomBytes(16).toString('base64url');
  // The link first: after an interruption the next sign-in finds it and creates the user.
  const link =
    slot.link ?? (await claim(context, { identity, hash: slot.hash, userId: id, isAdded: false }));
  if (!link) return undefined;
  const { user, isNew } = await createIdentityUser(users, identity, { ...change, id });
  // The user whom a concurrent sign-in had made may have been deleted meanwhile, and must not come back.
  if (isNew && (await findSlot(context, identity)).link?.id !== link.id) {
    await users.delete(id);
    throw denied('ended_meanwhile');
  }
  return { user, link, linkedBy: isNew ? 'new' : undefined, revocationCount: mark };
}

/** Without sign-ins, for the command line: see {@link Identities.unlink}. */
export async function unlink(
  { credentials, counts, now }: LinkContext & Pick<IdentityContext, 'counts'>,
  userId: string,
  which: Which,
): Promise<readonly IdentityLink[]> {
  const all = await linksOf({ credentials, now }, userId);
  const these = all.filter(({ provider }) => which === 'all' || provider === which.provider);
  await Promise.all(
    these.map(async ({ id, issuer, subject }) => {
      await credentials.revoke(id, now());
      // Counted afterwards: a sign-in that still saw the link had counted before, and notices.
      await counts.add({ issuer, subject });
    }),
  );
  return these;
}

function denied(reason: string): AuthError {
  return new AuthError('LOGIN_DENIED', { reason });
}

/** Refuses disabled users, and asks the application's hook for changes. A hook that fails is an outage, not a refusal. */
function createProvisioning(
  { events }: IdentityContext,
  provision: IdentityOptions['provision'],
): (identity: Identity, user: StoredUser | undefined) => Promise<UserChange> {
  return async function provisioned(identity, user) {
    if (user?.disabled) throw denied('disabled');
    if (!provision) return {};
    try {
      const change = await provision(identity, user, accessOf(identity));
      if (change !== false) {
        refuseUnknownMembers('the answer of provision()', { ...change });
        return change;
      }
    } catch (cause) {
      if (cause instanceof AuthError) throw cause;
      events.emit('hook.failed', { hook: 'provision' });
      throw new AuthError('STORE_UNAVAILABLE', { reason: 'provision', cause });
    }
    throw denied('not_provisioned');
  };
}
