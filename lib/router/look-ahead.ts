import type { Request } from 'express';
import { isPrefetch } from '../http/cross-site.js';
import { AuthError } from '../errors.js';

/**
 * Refuses HEAD and prefetch on routes where a GET begins, finishes or ends something: METHOD_NOT_ALLOWED (405), and
 * SERVER_BUSY (503) for a prefetching browser, which asks again when the user follows the link.
 */
export function refuseLookAhead(req: Request): void {
  if (req.method === 'HEAD') throw new AuthError('METHOD_NOT_ALLOWED', { allow: ['GET', 'POST'] });
  if (isPrefetch(req)) throw new AuthError('SERVER_BUSY', { reason: 'prefetch' });
}
