import type { Request } from 'express';
import { AuthError } from '../errors.js';
import { requestFacts } from '../http/request-facts.js';
import type { RouterParts } from './parts.js';

/** Refuses a request that only the user in person may send, and tells of it. Throws IMPERSONATION_ACTIVE (403). */
export function refuseActor(
  { events, verifier: { realm } }: Pick<RouterParts, 'events' | 'verifier'>,
  req: Request,
  { actorId, userId }: { readonly actorId: string; readonly userId: string },
): never {
  events.emit('impersonation.refused', {
    ...{ actorId, userId, reason: 'active' },
    ...requestFacts(req),
  });
  throw new AuthError('IMPERSONATION_ACTIVE', { realm });
}
