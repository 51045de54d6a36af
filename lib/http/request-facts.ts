import { clientAddress } from './client-address.js';

/** Returns what an event may say of its request: Express' or a plain one, which has no id and no `ip`. */
export function requestFacts(request: object): {
  requestId: string | undefined;
  ip: string | undefined;
} {
  return { requestId: requestIdOf(request), ip: clientAddress(request) };
}

/**
 * Returns the id of a request, as `securityHeaders()` or another middleware put it on `req.id`; undefined without one.
 *
 * @example
 * ```ts
 * console.log(requestIdOf(req), 'invoice sent');
 * ```
 */
export function requestIdOf(request: object): string | undefined {
  const { id }: { readonly id?: unknown } = request;
  return typeof id === 'string' ? id : undefined;
}
