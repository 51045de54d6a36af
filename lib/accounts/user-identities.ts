import { AuthError } from '../errors.js';
import { refuseUnknownOptions } from '../known-options.js';
import {
  claim,
  findSlot,
  type IdentityLink,
  isAddedTo,
  type LinkContext,
  linksOf,
  type NamedIdentity,
  removeLeftover,
} from './identity-links.js';
import type { Users } from './users.js';

/** Users' accounts at providers, for applications that bring users along. Nothing here asks who may do it. Rejects with STORE_UNAVAILABLE (503). */
export interface UserIdentities {
  /** What a user can sign in with at providers, the latest first. */
  list(userId: string): Promise<readonly IdentityLink[]>;
  /**
   * Links an account at a provider to a user, as a former system had it: the caller says that it is theirs. Linking it again changes nothing. Where the
   * user has a password or another identity, it raises no sign-in to a stronger `acr` until the link is as old as AUTH_LINK_ACR_AFTER says. Rejects with
   * NOT_FOUND (404) for a user who is not there, CONFLICT (409) when it is another user's, also one who was deleted if it was linked in the last ten minutes, and a TypeError for what is no identity.
   *
   * @example
   * await auth.identities.add(user.id, {
   *   provider: 'google',
   *   issuer: 'https://accounts.google.com',
   *   subject: '110169484474386276334',
   * });
   */
  add(userId: string, identity: NamedIdentity): Promise<IdentityLink>;
}

interface UserIdentitiesContext extends LinkContext {
  readonly users: Users;
}

export function createUserIdentities(context: UserIdentitiesContext): UserIdentities {
  const { users, credentials, now } = context;

  async function add(userId: string, given: NamedIdentity): Promise<IdentityLink> {
    const identity = readIdentity(given);
    const user = await users.findById(userId);
    if (!user) throw noSuchUser();
    const { hash, link: known } = await findSlot(context, identity);
    if (known?.userId === userId) return known;
    if (known) {
      const hasUser = (await users.findById(known.userId)) !== undefined;
      if (hasUser || !(await removeLeftover(context, known))) throw linkedToOther();
      return add(userId, given);
    }
    const isAdded = isAddedTo(user, await linksOf(context, userId));
    const link = await claim(context, { identity, hash, userId, isAdded });
    // Ends: a slot only goes from free to linked to given up, and after the last one there is no next.
    if (!link) return add(userId, given);
    if (await users.findById(userId)) return link;
    await credentials.revoke(link.id, now());
    throw noSuchUser();
  }

  return Object.freeze({ add, list: (userId: string) => linksOf(context, userId) });
}

function noSuchUser(): AuthError {
  return new AuthError('NOT_FOUND', { reason: 'no_user', detail: 'There is no such user.' });
}

function linkedToOther(): AuthError {
  return new AuthError('CONFLICT', {
    reason: 'linked_to_other',
    detail: 'This account at a provider belongs to another user.',
  });
}

const CALLEE = 'auth.identities.add(userId, identity)';

/** Throws a TypeError for what no sign-in could ever find again. */
function readIdentity(given: NamedIdentity): NamedIdentity {
  refuseUnknownOptions(CALLEE, given, ['provider', 'issuer', 'subject']);
  const { provider, issuer, subject } = given;
  if (typeof provider !== 'string' || provider === '')
    throw new TypeError(`${CALLEE} needs \`provider\`, its name in the configuration`);
  if (typeof issuer !== 'string' || !URL.canParse(issuer))
    throw new TypeError(`${CALLEE} needs \`issuer\`, a URL such as https://accounts.google.com`);
  if (typeof subject !== 'string' || subject === '')
    throw new TypeError(`${CALLEE} needs \`subject\`, a text: the user's id at the provider`);
  return { provider, issuer, subject };
}
