import type { z } from 'zod';
import { refuseCrossSite } from '../../http/cross-site.js';
import { publicOrigin } from '../own-urls.js';
import { type Exchange, readFormBody } from '../request-body.js';
import type { RouterParts } from '../parts.js';

/**
 * Reads a form of one of our pages. Stricter than other routes: the browser itself must say that the form stands on this
 * origin, else CROSS_SITE_REQUEST (403).
 */
export async function readPageForm<Body>(
  parts: Pick<RouterParts, 'config'>,
  { req, res }: Exchange,
  schema: z.ZodType<Body>,
): Promise<Body> {
  const own = new Set([publicOrigin(parts, req)]);
  refuseCrossSite(req, { allowed: own, proof: 'browser' });
  return readFormBody({ req, res }, schema);
}
