import type { Request } from 'express';
import { type Authenticator, createAuthenticator } from '../authenticate/authenticator.js';
import { AuthError } from '../errors.js';
import type { Principal } from '../principal.js';
import type { StoredUser } from '../stores/store.js';
import type { RouterParts } from './parts.js';

/** Authenticates requests to our own routes. */
export interface Callers {
  /** By a valid access token, ours or another trusted issuer's, by our session cookie, or by an API key. Undefined without any. */
  readonly find: Authenticator<Request>;
  /** Like `find`, also for users who must change their password first, and not by an API key. */
  readonly findAny: Authenticator<Request>;
  /**
   * One of our own users, with the user's row as it is now. Rejects with 401 for any other caller, and for an API key: a program's key
   * must not lead to passwords, sessions, accounts and further keys.
   */
  requireUser(req: Request): Promise<OwnUser>;
  /** Like `requireUser`, also for users who must change their password first. */
  requireAnyUser(req: Request): Promise<OwnUser>;
}

interface OwnUser {
  readonly principal: Principal;
  readonly user: StoredUser;
}

export function createCallers({ verifier, pipeline, config, users }: RouterParts): Callers {
  const { realm } = verifier;
  // Our own routes take the cookie whatever the application's guards do: they refuse requests from other sites.
  const own = { sessionCookie: true };
  const inPerson = { ...own, methods: ['jwt', 'opaque', 'session'] } as const;
  const find = createAuthenticator(verifier, own, pipeline);
  const findUser = createAuthenticator(verifier, inPerson, pipeline);
  const findAny = createAuthenticator(
    verifier,
    { ...inPerson, allowPasswordChange: true },
    pipeline,
  );

  async function ownUser(principal: Principal | undefined): Promise<OwnUser> {
    if (!principal) throw new AuthError('CREDENTIALS_MISSING', { realm });
    // Another issuer's `sub` may equal one of our ids.
    if (principal.issuer !== config.jwt.issuer)
      throw new AuthError('INVALID_TOKEN', { realm, reason: 'issuer' });
    const user = await users.findById(principal.subject);
    if (!user || user.disabled)
      throw new AuthError('TOKEN_REVOKED', { realm, reason: 'user_gone' });
    return { principal, user };
  }

  return Object.freeze({
    find,
    findAny,
    requireUser: async (req: Request) => ownUser(await findUser(req)),
    requireAnyUser: async (req: Request) => ownUser(await findAny(req)),
  });
}
