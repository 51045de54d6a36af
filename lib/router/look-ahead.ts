import type { Request } from 'express';
import { isPrefetch } from '../http/cross-site.js';
import { AuthError } from '../errors.js';

/**
 * Refuses requests whose answer nobody may ever see, on routes that begin, finish or end something by a GET:
 * METHOD_NOT_ALLOWED (405) for HEAD, SERVER_BUSY (503) for a browser that looks ahead and will ask again.
 */
export function refuseLookAhead(req: Request): void {
  if (req.method === 'HEAD') throw new AuthError('METHOD_NOT_ALLOWED', { allow: ['GET', 'POST'] });
  if (isPrefetch(req)) throw new AuthError('SERVER_BUSY', { reason: 'prefetch' });
}
