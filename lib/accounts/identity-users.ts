import { createHash } from 'node:crypto';
import { AuthError } from '../errors.js';
import type { StoredUser, UserChange } from '../stores/store.js';
import type { Identity } from './identity.js';
import { isEmail, normaliseLogin } from './logins.js';
import type { Users } from './users.js';

interface MadeUser {
  readonly user: StoredUser;
  /** False when a concurrent sign-in of the same identity has made the user. */
  readonly isNew: boolean;
}

/**
 * Makes the user of an identity, under the provider's user name, or under a made-up one where that is taken or unusable.
 * Rejects with LOGIN_DENIED (403) when somebody else has the e-mail address that the provider calls verified. One that it doesn't may be
 * somebody else's: it is left out then, and keeps nobody out.
 */
export async function createIdentityUser(
  users: Users,
  identity: Identity,
  change: UserChange & { readonly id: string },
): Promise<MadeUser> {
  const { email, emailVerified, emailUsable = emailVerified, emailVouched } = identity;
  const address = emailUsable ? { email, emailVerified: emailVouched } : {};
  const createAs = (username: string | undefined, facts: UserChange) =>
    users
      .create({ ...(username !== undefined && { username }), ...facts, ...change })
      .catch(unlessTaken);

  const madeUp = madeUpName(identity);
  const hasLogin = emailUsable || change.username !== undefined;
  const preferred = usernameAt(identity) ?? (hasLogin ? undefined : madeUp);
  const created =
    (await createAs(preferred, address)) ??
    (await createAs(madeUp, address)) ??
    (emailVerified ? undefined : await createAs(madeUp, {}));
  if (created) return { user: created, isNew: true };
  const concurrent = await users.findById(change.id);
  if (concurrent) return { user: concurrent, isNew: false };
  throw new AuthError('LOGIN_DENIED', { reason: 'account_exists' });
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

/**
 * Writes what a sign-in says of its user, and only what differs: most sign-ins change nothing. Rejects with LOGIN_DENIED (403) for a
 * user who is gone meanwhile.
 */
export async function applyToUser(
  users: Users,
  user: StoredUser,
  change: UserChange,
): Promise<StoredUser> {
  const isChanged = JSON.stringify({ ...user, ...change }) !== JSON.stringify(user);
  if (!isChanged) return user;
  return users.update(user.id, change).catch((error: unknown) => {
    if (error instanceof AuthError && error.code === 'NOT_FOUND')
      throw new AuthError('LOGIN_DENIED', { reason: 'user_gone' });
    throw error;
  });
}

/** The proof of the user's address that a sign-in brings, where it is still missing. */
export function provenBy({ email, emailVouched }: Identity, user: StoredUser): UserChange {
  const isProof = emailVouched && email === user.email && !user.emailVerified;
  return isProof ? { emailVerified: true } : {};
}
