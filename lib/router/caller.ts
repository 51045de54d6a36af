import type { Request } from 'express';
import { createAuthenticator } from '../authenticate/authenticator.js';
import { AuthError } from '../errors.js';
import type { Principal } from '../principal.js';
import type { StoredUser } from '../stores/store.js';
import { refuseActor } from './in-person.js';
import type { RouterParts } from './parts.js';
import { keepKeyOf } from './proofs.js';

/**
 * Authenticates requests to our own routes. While a support person acts for the user, requests that change something are refused
 * with IMPERSONATION_ACTIVE (403), whatever the route: it needs no check of its own.
 */
export interface Callers {
  /** By a valid access token, ours or another trusted issuer's, by our session cookie, or by an API key. Undefined without any. */
  find(req: Request): Promise<Principal | undefined>;
  /** Like `find`, also for users who must change their password first, and not by an API key. */
  findAny(req: Request): Promise<Principal | undefined>;
  /** Like `findAny`, whoever acts for the user: to end the session that they act in. */
  findForLogout(req: Request): Promise<Principal | undefined>;
  /**
   * One of our own users, with the user's row as it is now. Rejects with 401 for any other caller, and for an API key: a program's key
   * must not lead to passwords, sessions, accounts and further keys.
   */
  requireUser(req: Request): Promise<OwnUser>;
  /** Like `requireUser`, also for users who must change their password first. */
  requireAnyUser(req: Request): Promise<OwnUser>;
}

/** One of our own users, as they are now. */
export interface OwnUser {
  readonly principal: Principal;
  readonly user: StoredUser;
}

export function createCallers(parts: RouterParts): Callers {
  const { verifier, pipeline, config, users } = parts;
  const { realm } = verifier;
  // Our own routes take the cookie whatever the application's guards do: they refuse requests from other sites.
  const own = { sessionCookie: true };
  const ofUsers = { ...own, methods: ['jwt', 'opaque', 'session'] } as const;
  const authenticate = createAuthenticator(verifier, own, pipeline);
  const authenticateUser = createAuthenticator(verifier, ofUsers, pipeline);
  const authenticateAny = createAuthenticator(
    verifier,
    { ...ofUsers, allowPasswordChange: true },
    pipeline,
  );

  function inPerson(req: Request, principal: Principal | undefined): Principal | undefined {
    const isSafe = req.method === 'GET' || req.method === 'HEAD';
    if (isSafe || principal?.claims['act'] === undefined) return principal;
    const { actor, subject: userId } = principal;
    return refuseActor(parts, req, { actorId: actor?.subject ?? '', userId });
  }

  const find = async (req: Request) => inPerson(req, await authenticate(req));
  const findUser = async (req: Request) => inPerson(req, await authenticateUser(req));
  const findAny = async (req: Request) => inPerson(req, await authenticateAny(req));

  async function ownUser(req: Request, principal: Principal | undefined): Promise<OwnUser> {
    if (!principal) throw new AuthError('CREDENTIALS_MISSING', { realm });
    // Another issuer's `sub` may equal one of our ids.
    if (principal.issuer !== config.jwt.issuer)
      throw new AuthError('INVALID_TOKEN', { realm, reason: 'issuer' });
    const user = await users.findById(principal.subject);
    if (!user || user.disabled)
      throw new AuthError('TOKEN_REVOKED', { realm, reason: 'user_gone' });
    keepKeyOf(principal, req);
    // For error handlers, and for `access.denied`.
    req.auth ??= principal;
    return { principal, user };
  }

  return Object.freeze({
    find,
    findAny,
    findForLogout: async (req: Request) => authenticateAny(req),
    requireUser: async (req: Request) => ownUser(req, await findUser(req)),
    requireAnyUser: async (req: Request) => ownUser(req, await findAny(req)),
  });
}
