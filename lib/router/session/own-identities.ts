import type { Request } from 'express';
import { AuthError } from '../../errors.js';
import type { Callers } from '../caller.js';
import type { Endpoint } from '../respond.js';
import type { RouterParts } from '../parts.js';
import { removeOwnIdentity, waysInOf } from './identities.js';

/** One of our own users, with the session that speaks for them. */
async function ownerOf({ sessions }: RouterParts, callers: Callers, req: Request) {
  const { user, principal } = await callers.requireUser(req);
  const { sessionId } = principal;
  const session = sessionId === undefined ? undefined : await sessions.findById(sessionId);
  return { user, session };
}

/** Lists what the caller can sign in with. Errors: CREDENTIALS_MISSING (401). */
export function listIdentities(parts: RouterParts, callers: Callers): Endpoint {
  return async function handleListIdentities(req, res) {
    res.json(await waysInOf(parts, await ownerOf(parts, callers, req)));
  };
}

/** {@link removeOwnIdentity} of the provider in the path: 204. */
export function removeIdentity(parts: RouterParts, callers: Callers): Endpoint {
  return async function handleRemoveIdentity(req, res) {
    const { user, session } = await ownerOf(parts, callers, req);
    // An access token can outlive its session for a moment on another instance.
    if (session?.userId !== user.id)
      throw new AuthError('TOKEN_REVOKED', { realm: parts.verifier.realm, reason: 'session' });
    const provider = String(req.params['provider']);
    await removeOwnIdentity(parts, req, { user, session, provider });
    res.status(204).end();
  };
}
