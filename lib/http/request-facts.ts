/** What an event may say of its request. Works for Express' request and plain ones. */
export function requestFacts(request: object): {
  requestId: string | undefined;
  ip: string | undefined;
} {
  const { id, ip } = request as { id?: unknown; ip?: unknown };
  return {
    requestId: typeof id === 'string' ? id : undefined,
    ip: typeof ip === 'string' ? ip : undefined,
  };
}
