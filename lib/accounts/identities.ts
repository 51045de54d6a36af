import { createHash, randomBytes } from 'node:crypto';
import { AuthError } from '../errors.js';
import type { EventSink } from '../events.js';
import { isEmail, normaliseLogin } from './logins.js';
import { accessOf, type Identity, type ProviderAccess } from './identity.js';
import type { CredentialStore, StoredUser, UserChange } from '../stores/store.js';
import type { Users } from './users.js';

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

interface IdentityContext {
  readonly credentials: CredentialStore;
  readonly users: Users;
  readonly events: EventSink;
  /** Whether an unknown identity gets an account. */
  readonly signUp: boolean;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** How an identity was linked to the account just now; undefined when it was linked before. */
type LinkedBy = 'new' | 'request' | 'email' | undefined;

export interface SignedInUser {
  readonly user: StoredUser;
  readonly linkedBy: LinkedBy;
}

/**
 * Links between users and their identities at providers. The key of an identity is issuer and subject. Methods reject
 * with LOGIN_DENIED (403) and a reason, and with STORE_UNAVAILABLE (503).
 */
export interface Identities {
  /** Finds or creates the user of an identity that has just been proven. See the table at {@link createIdentities}. */
  signIn(identity: Identity): Promise<SignedInUser>;
  /** Links an identity to the account of a user who is signed in and has asked for it. */
  link(identity: Identity, userId: string): Promise<SignedInUser>;
  /** Removes all links of a user: one who was deleted, or whose links may have been made by an attacker. */
  unlinkAll(userId: string): Promise<void>;
}

/** An identity's link, or the place where it will be stored. */
interface Slot {
  readonly hash: string;
  /** The linked user; undefined while the slot is free. */
  readonly userId: string | undefined;
}

interface Joining {
  readonly hash: string;
  readonly user: StoredUser;
  readonly linkedBy: LinkedBy;
}

const KIND = 'identity';
/** An unlinked identity leaves its row behind; the next link of that identity takes the next number. */
const MAX_LINKS = 100;

/**
 * Creates the links between users and identities. How a sign-in is decided:
 *
 * | identity   | its user         | account with the same verified address         | decision                      |
 * | ---------- | ---------------- | ---------------------------------------------- | ----------------------------- |
 * | linked     | exists           | –                                              | that user                     |
 * | linked     | not there        | none                                           | create that user              |
 * | linked     | not there        | that user, created concurrently                | that user                     |
 * | linked     | not there        | another user                                   | refuse: `account_exists`      |
 * | not linked | –                | none                                           | link and create; `no_account` without sign-up |
 * | not linked | –                | one whose address both sides have verified     | link to it                    |
 * | not linked | –                | any other                                      | refuse: `account_exists`      |
 *
 * A linked user who is not there: a sign-up that was interrupted between its two steps. The provider counts as having
 * verified an address when it is trusted to (`emailVouched`).
 */
export function createIdentities(
  context: IdentityContext,
  { provision }: IdentityOptions = {},
): Identities {
  const { users } = context;
  const provisioned = createProvisioning(context, provision);

  async function admit(identity: Identity, user: StoredUser): Promise<SignedInUser> {
    const change = await provisioned(identity, user);
    return { user: await applyTo(users, user, change), linkedBy: undefined };
  }

  /** Undefined when a concurrent request has taken the slot. */
  async function join(
    identity: Identity,
    { hash, user, linkedBy }: Joining,
  ): Promise<SignedInUser | undefined> {
    // Before the link is stored: when the hook refuses, the account must not keep the identity.
    const change = await provisioned(identity, user);
    if (!(await claim(context, { identity, hash, userId: user.id }))) return undefined;
    return { user: await applyTo(users, user, change), linkedBy };
  }

  /** Undefined when a concurrent request has taken the slot. */
  async function signUp(identity: Identity, slot: Slot): Promise<SignedInUser | undefined> {
    if (!context.signUp) throw denied('no_account');
    const change = await provisioned(identity, undefined);
    const id = slot.userId ?? randomBytes(16).toString('base64url');
    // The link first: after an interruption the next sign-in finds it and creates the user.
    if (slot.userId === undefined && !(await claim(context, { ...slot, identity, userId: id })))
      return undefined;
    return createUser(users, identity, { ...change, id });
  }

  /** Undefined when the sign-in has to be refused with `account_exists`, unless the slot has changed meanwhile. */
  async function decide(identity: Identity, slot: Slot): Promise<SignedInUser | undefined> {
    const known = slot.userId === undefined ? undefined : await users.findById(slot.userId);
    if (known) return admit(identity, known);
    const { email, emailVerified, emailVouched } = identity;
    const accountWithSameEmail = emailVerified ? await users.findByLogin(email) : undefined;
    if (!accountWithSameEmail) return signUp(identity, slot);
    if (accountWithSameEmail.id === slot.userId) return admit(identity, accountWithSameEmail);
    const isJoinable =
      slot.userId === undefined && emailVouched && accountWithSameEmail.emailVerified;
    if (!isJoinable) return undefined;
    return join(identity, { hash: slot.hash, user: accountWithSameEmail, linkedBy: 'email' });
  }

  async function signIn(identity: Identity): Promise<SignedInUser> {
    const slot = await findSlot(context, identity);
    const signedIn = await decide(identity, slot);
    if (signedIn) return signedIn;
    const latest = await findSlot(context, identity);
    if (latest.hash === slot.hash && latest.userId === slot.userId) throw denied('account_exists');
    // Ends: a slot only goes from free to linked, and after MAX_LINKS there is no next one.
    return signIn(identity);
  }

  async function link(identity: Identity, userId: string): Promise<SignedInUser> {
    const { hash, userId: linkedTo } = await findSlot(context, identity);
    const user = await users.findById(userId);
    if (!user || (linkedTo ?? userId) !== userId) throw denied('linked_to_other');
    if (linkedTo === userId) return admit(identity, user);
    const joined = await join(identity, { hash, user, linkedBy: 'request' });
    return joined ?? link(identity, userId);
  }

  return Object.freeze({
    signIn,
    link,
    unlinkAll: (userId: string) => unlinkAll(context, userId),
  });
}

async function unlinkAll({ credentials, now }: IdentityContext, userId: string): Promise<void> {
  for (const { id, kind, revokedAt } of await credentials.listByOwner(userId))
    if (kind === KIND && revokedAt === undefined) await credentials.revoke(id, now());
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
      if (change !== false) return change;
    } catch (cause) {
      if (cause instanceof AuthError) throw cause;
      events.emit('hook.failed', { hook: 'provision' });
      throw new AuthError('STORE_UNAVAILABLE', { reason: 'provision', cause });
    }
    throw denied('not_provisioned');
  };
}

async function findSlot(
  { credentials }: IdentityContext,
  { issuer, subject }: Identity,
): Promise<Slot> {
  for (let number = 0; number < MAX_LINKS; number += 1) {
    const hash = createHash('sha256')
      .update(JSON.stringify([KIND, issuer, subject, number]))
      .digest('base64url');
    const found = await credentials.findByHash(hash);
    if (!found) return { hash, userId: undefined };
    if (found.revokedAt === undefined) return { hash, userId: found.ownerId };
  }
  throw denied('linked_too_often');
}

interface Claim {
  readonly identity: Identity;
  readonly hash: string;
  readonly userId: string;
}

/** Stores the link. Returns false when a concurrent request has taken the slot. */
async function claim(
  { credentials, now }: IdentityContext,
  { identity, hash, userId }: Claim,
): Promise<boolean> {
  const { provider, issuer, subject } = identity;
  try {
    await credentials.create({
      id: randomBytes(16).toString('base64url'),
      hash,
      kind: KIND,
      ownerId: userId,
      data: JSON.stringify({ provider, issuer, subject }),
      createdAt: now(),
      expiresAt: undefined,
    });
    return true;
  } catch (error) {
    // The store rejects a hash that is taken as it rejects in an outage. Looking it up tells which one it was.
    if (await credentials.findByHash(hash)) return false;
    throw error;
  }
}

/** Creates a user under the provider's user name, or under a made-up one where that is taken or unusable. */
async function createUser(
  users: Users,
  identity: Identity,
  change: UserChange & { readonly id: string },
): Promise<SignedInUser> {
  const { email, emailVerified, emailVouched } = identity;
  const facts = {
    ...(emailVerified && { email, emailVerified: emailVouched }),
    ...change,
  };
  const createAs = (username: string | undefined) =>
    users.create({ ...(username !== undefined && { username }), ...facts }).catch(unlessTaken);

  const madeUp = madeUpName(identity);
  const hasLogin = emailVerified || facts.username !== undefined;
  const preferred = usernameAt(identity) ?? (hasLogin ? undefined : madeUp);
  const created = (await createAs(preferred)) ?? (await createAs(madeUp));
  if (created) return { user: created, linkedBy: 'new' };
  const concurrent = await users.findById(change.id);
  if (concurrent) return { user: concurrent, linkedBy: undefined };
  throw denied('account_exists');
}

/** The provider's user name, where it can be one here. E-mail addresses can't. */
function usernameAt({ username }: Identity): string | undefined {
  const login = normaliseLogin(username);
  return login !== undefined && !isEmail(login) ? login : undefined;
}

/** The same for each sign-in of the identity, and no other identity's. */
function madeUpName({ provider, issuer, subject }: Identity): string {
  const digest = createHash('sha256').update(`${issuer}\n${subject}`).digest('hex');
  return `${provider}-${digest.slice(0, 12)}`;
}

function unlessTaken(error: unknown): undefined {
  if (error instanceof AuthError && error.code === 'CONFLICT') return undefined;
  throw error;
}

/** Writes only what differs: most sign-ins change nothing. */
async function applyTo(users: Users, user: StoredUser, change: UserChange): Promise<StoredUser> {
  const isChanged = JSON.stringify({ ...user, ...change }) !== JSON.stringify(user);
  return isChanged ? users.update(user.id, change) : user;
}
