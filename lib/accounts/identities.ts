import { createHash, randomBytes } from 'node:crypto';
import { AuthError } from '../errors.js';
import type { EventSink } from '../events.js';
import { isEmail, normaliseLogin } from './logins.js';
import type { Identity } from './identity.js';
import type { CredentialStore, StoredUser, UserChange } from '../stores/store.js';
import type { Users } from './users.js';

export interface IdentityOptions {
  /**
   * Decides what becomes of somebody who has signed in with a provider: called at each such sign-in, with the user as it is, or
   * undefined for somebody new. What it answers is merged into the user, e.g. roles out of `identity.claims`;
   * `false` refuses (403 LOGIN_DENIED). Roles of a provider count for nothing here unless this says so.
   */
  readonly provision?: (
    identity: Identity,
    user: StoredUser | undefined,
  ) => UserChange | false | Promise<UserChange | false>;
}

interface IdentityContext {
  readonly credentials: CredentialStore;
  readonly users: Users;
  readonly events: EventSink;
  /** Whether somebody new gets an account. */
  readonly signUp: boolean;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** How an account came to know an identity; undefined when it knew it before. */
type LinkedBy = 'new' | 'request' | 'email' | undefined;

export interface SignedInUser {
  readonly user: StoredUser;
  readonly linkedBy: LinkedBy;
}

/**
 * Which user is whom at the providers. The key is issuer and subject; an e-mail address alone joins nothing.
 * Rejects with LOGIN_DENIED (403) when there is no account, or none that may be joined, and STORE_UNAVAILABLE (503).
 */
export interface Identities {
  /** The user who has signed in: known, joined by an address that both sides have verified, or new. */
  signIn(identity: Identity): Promise<SignedInUser>;
  /** Joins an identity with the account of a user who is signed in and asks for it. */
  link(identity: Identity, userId: string): Promise<SignedInUser>;
  /** Forgets every identity of a user, who is gone or whose account may have been prepared by somebody else. */
  unlinkAll(userId: string): Promise<void>;
}

/** Where an identity's link is, or where it would go. */
interface Slot {
  readonly hash: string;
  readonly userId: string | undefined;
}

interface Joining {
  readonly slot: Slot;
  readonly user: StoredUser;
  readonly linkedBy: LinkedBy;
}

const KIND = 'identity';
/** Unlinking leaves its row behind, so that each new link of the same identity has a number of its own. */
const MOST_LINKS = 100;

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

  async function join(
    identity: Identity,
    { slot: { hash }, user, linkedBy }: Joining,
  ): Promise<SignedInUser | undefined> {
    // Before anything is linked: an account that refuses must not keep the identity.
    const change = await provisioned(identity, user);
    if (await claim(context, { identity, hash, userId: user.id }))
      return { user: await applyTo(users, user, change), linkedBy };
    // Somebody was faster: the same user, in another tab.
    const slot = await findSlot(context, identity);
    return slot.userId === user.id ? admit(identity, user) : undefined;
  }

  async function signUp(identity: Identity, slot: Slot): Promise<SignedInUser> {
    if (!context.signUp) throw denied('no_account');
    const change = await provisioned(identity, undefined);
    const id = slot.userId ?? randomBytes(16).toString('base64url');
    // The link first: whoever is interrupted between the two finds it at the next sign-in and goes on from here.
    if (slot.userId === undefined && !(await claim(context, { ...slot, identity, userId: id })))
      return signIn(identity);
    return createUser(users, identity, { ...change, id });
  }

  async function signIn(identity: Identity): Promise<SignedInUser> {
    const slot = await findSlot(context, identity);
    const known = slot.userId === undefined ? undefined : await users.findById(slot.userId);
    if (known) return admit(identity, known);
    const { email, emailVerified, emailVouched } = identity;
    const namesake = emailVerified ? await users.findByLogin(email) : undefined;
    if (!namesake) return signUp(identity, slot);
    // Made this moment by the same sign-in, which another instance has finished.
    if (namesake.id === slot.userId) return admit(identity, namesake);
    if (slot.userId === undefined && emailVouched && namesake.emailVerified) {
      const joined = await join(identity, { slot, user: namesake, linkedBy: 'email' });
      if (joined) return joined;
    }
    const latest = await findSlot(context, identity);
    if (latest.userId !== slot.userId) return signIn(identity);
    throw denied('account_exists');
  }

  async function link(identity: Identity, userId: string): Promise<SignedInUser> {
    const slot = await findSlot(context, identity);
    const user = await users.findById(userId);
    if (!user || (slot.userId ?? userId) !== userId) throw denied('linked_to_other');
    if (slot.userId === userId) return admit(identity, user);
    const joined = await join(identity, { slot, user, linkedBy: 'request' });
    if (!joined) throw denied('linked_to_other');
    return joined;
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

/** What the sign-in changes of a user who may sign in, by the application's hook. When that fails, nobody has been refused. */
function createProvisioning(
  { events }: IdentityContext,
  provision: IdentityOptions['provision'],
): (identity: Identity, user: StoredUser | undefined) => Promise<UserChange> {
  return async function provisioned(identity, user) {
    if (user?.disabled) throw denied('disabled');
    if (!provision) return {};
    try {
      const change = await provision(identity, user);
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
  for (let number = 0; number < MOST_LINKS; number += 1) {
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

/** Answers whether the identity is this user's now; false when somebody else took the slot first. */
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
    // A taken hash and an outage look the same from here; whoever is there now tells them apart.
    if (await credentials.findByHash(hash)) return false;
    throw error;
  }
}

/** The name that the provider gives, if it is free, else one that nobody else has. */
async function createUser(
  users: Users,
  identity: Identity,
  change: UserChange & { readonly id: string },
): Promise<SignedInUser> {
  const { email, emailVerified, emailVouched, provider, issuer, subject } = identity;
  const login = normaliseLogin(identity.username);
  const digest = createHash('sha256').update(`${issuer}\n${subject}`).digest('hex');
  const spare = `${provider}-${digest.slice(0, 12)}`;
  const facts = {
    ...(emailVerified && { email, emailVerified: emailVouched }),
    ...change,
  };
  const wanted = login !== undefined && !isEmail(login) ? login : undefined;
  const isNamed = emailVerified || facts.username !== undefined;
  for (const username of [wanted ?? (isNamed ? undefined : spare), spare]) {
    const user = { ...(username !== undefined && { username }), ...facts };
    const created = await users.create(user).catch(unlessTaken);
    if (created) return { user: created, linkedBy: 'new' };
  }
  // The same sign-in, finished by another instance at the same moment.
  const other = await users.findById(change.id);
  if (other) return { user: other, linkedBy: undefined };
  throw denied('account_exists');
}

function unlessTaken(error: unknown): undefined {
  if (error instanceof AuthError && error.code === 'CONFLICT') return undefined;
  throw error;
}

/** Most sign-ins change nothing, and then nothing is written. */
async function applyTo(users: Users, user: StoredUser, change: UserChange): Promise<StoredUser> {
  const isNews = JSON.stringify({ ...user, ...change }) !== JSON.stringify(user);
  return isNews ? users.update(user.id, change) : user;
}
