import type { ServerResponse } from 'node:http';

const nextNonces = new WeakMap<object, string>();

/** Notes the nonce that the client of a request should use from now on. */
export function noteNextNonce(request: object, nonce: string): void {
  nextNonces.set(request, nonce);
}

/**
 * Sends the nonce that was noted, so that the client has it before its own runs out (RFC 9449 §8.2). Such a response must not be kept
 * by caches.
 */
export function sendNextNonce(request: object, response: ServerResponse): void {
  const nonce = nextNonces.get(request);
  if (nonce === undefined || response.headersSent) return;
  response.setHeader('DPoP-Nonce', nonce);
  response.setHeader('Cache-Control', 'no-store');
}
