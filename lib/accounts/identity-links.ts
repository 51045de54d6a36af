import { createHash, randomBytes } from 'node:crypto';
import { AuthError } from '../errors.js';
import { isRecord } from '../is-record.js';
import {
  type CredentialStore,
  LASTING_KIND,
  type StoredCredential,
  type StoredUser,
} from '../stores/store.js';
import type { Identity } from './identity.js';

/** The key of an identity. */
export type IdentityKey = Pick<Identity, 'issuer' | 'subject'>;

/** An identity, and what its provider is called here. */
export type NamedIdentity = IdentityKey & Pick<Identity, 'provider'>;

/** An identity at a provider that an account can be signed in to with. `provider` is its name when the identity was linked. */
export interface IdentityLink extends NamedIdentity {
  readonly id: string;
  readonly userId: string;
  /** Milliseconds since 1970. */
  readonly linkedAt: number;
  readonly lastUsedAt: number | undefined;
  /** Whether its user could sign in another way already when it was linked. */
  readonly isAdded: boolean;
}

/** An identity's link, or the place where it will be stored. */
export interface Slot {
  readonly hash: string;
  /** Undefined while the slot is free. */
  readonly link: IdentityLink | undefined;
}

export interface LinkContext {
  readonly credentials: CredentialStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

interface Claim {
  readonly identity: NamedIdentity;
  readonly hash: string;
  readonly userId: string;
  readonly isAdded: boolean;
}

const KIND = LASTING_KIND;
/** An unlinked identity leaves its row behind; the next link of that identity takes the next number. */
const MAX_LINKS = 100;

/** Rejects with LOGIN_DENIED (403) for an identity that was linked and unlinked too often. */
export async function findSlot(
  { credentials }: LinkContext,
  { issuer, subject }: IdentityKey,
): Promise<Slot> {
  for (let number = 0; number < MAX_LINKS; number += 1) {
    const hash = createHash('sha256')
      .update(JSON.stringify([KIND, issuer, subject, number]))
      .digest('base64url');
    const found = await credentials.findByHash(hash);
    if (!found) return { hash, link: undefined };
    if (found.revokedAt === undefined) return { hash, link: toLink(found) };
  }
  throw new AuthError('LOGIN_DENIED', { reason: 'linked_too_often' });
}

/** Stores a link. Undefined when a concurrent request has taken the slot. */
export async function claim(
  { credentials, now }: LinkContext,
  { identity, hash, userId, isAdded }: Claim,
): Promise<IdentityLink | undefined> {
  const { provider, issuer, subject } = identity;
  const row = {
    id: randomBytes(16).toString('base64url'),
    hash,
    kind: KIND,
    ownerId: userId,
    data: JSON.stringify({ provider, issuer, subject, isAdded }),
    createdAt: now(),
    expiresAt: undefined,
  };
  try {
    await credentials.create(row);
    return toLink({ ...row, lastUsedAt: undefined });
  } catch (error) {
    // The store rejects a hash that is taken as it rejects in an outage. Looking it up tells which one it was.
    if (await credentials.findByHash(hash)) return undefined;
    throw error;
  }
}

/** A link whose user isn't there: a sign-up in progress that long at most, later the rest of a user who was deleted. */
const SIGN_UP_MS = 600_000;

/** Removes the link of a user who isn't there. Returns false while it may be that of a sign-up in progress. */
export async function removeLeftover(
  { credentials, now }: LinkContext,
  { id, linkedAt }: IdentityLink,
): Promise<boolean> {
  if (now() - linkedAt <= SIGN_UP_MS) return false;
  await credentials.revoke(id, now());
  return true;
}

/** Whether a user with these links could sign in another way already. */
export function isAddedTo(user: StoredUser, links: readonly IdentityLink[]): boolean {
  return user.passwordHash !== undefined || links.length > 0;
}

/** A user's links, the latest first. */
export async function linksOf(
  { credentials }: LinkContext,
  userId: string,
): Promise<readonly IdentityLink[]> {
  const rows = await credentials.listByOwner(userId, { kind: KIND });
  return rows.filter(({ kind, revokedAt }) => kind === KIND && revokedAt === undefined).map(toLink);
}

function toLink({
  id,
  ownerId,
  data,
  createdAt,
  lastUsedAt,
}: Omit<StoredCredential, 'resource' | 'revokedAt'>): IdentityLink {
  const facts: unknown = JSON.parse(data);
  if (!isRecord(facts)) throw new TypeError("a link's data is not what was stored");
  const { provider, issuer, subject, isAdded } = facts;
  return {
    id,
    userId: ownerId,
    provider: String(provider),
    issuer: String(issuer),
    subject: String(subject),
    linkedAt: createdAt,
    lastUsedAt,
    // Former versions did not note it.
    isAdded: isAdded !== false,
  };
}
