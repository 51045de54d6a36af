/** Returns what an event may say of its request. Works for Express' request and plain ones. */
export function requestFacts(request: object): {
  requestId: string | undefined;
  ip: string | undefined;
} {
  const { ip }: { readonly ip?: unknown } = request;
  return { requestId: requestIdOf(request), ip: typeof ip === 'string' ? ip : undefined };
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
