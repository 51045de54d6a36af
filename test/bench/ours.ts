import type { Verifier } from 'latchkey';
import { latchkey } from './built-library.js';
import { CORS_ORIGIN } from './cors-origin.js';
import type { Stack } from './stack.js';
import type { Trust } from './trust.js';

const { createVerifier, orgContext, requireAuth, requireScopes, securityHeaders } = latchkey;

/** Revoked sessions: none of the tokens', so that every lookup is made and every one passes. */
const revokedSessions = new Set(Array.from({ length: 1000 }, (_, index) => `revoked-${index}`));

/** A verifier with every check on. */
export function createOurVerifier(trust: Trust, cache?: false): Verifier {
  const { issuer, audience, algorithm, keys, maxEntries } = trust;
  return createVerifier({
    issuers: { issuer, audience, keys, algorithms: [algorithm], allowedOrgs: 'any' },
    isRevoked: ({ sessionId }) => sessionId === undefined || revokedSessions.has(sessionId),
    ...(cache === false
      ? { tokenCache: cache }
      : maxEntries !== undefined && { tokenCache: { maxEntries } }),
  });
}

export function ourGuard(trust: Trust): Stack {
  const verifier = createOurVerifier(trust);
  return {
    handlers: [requireAuth(verifier), requireScopes('reports:read')],
    ready: () => verifier.ready(),
    counters: () => verifier.counters(),
  };
}

export function ourHeaders(preset: 'api' | 'web'): Stack {
  return { handlers: [securityHeaders({ preset, cors: { origins: [CORS_ORIGIN] } })] };
}

export function ourWholeStack(trust: Trust): Stack {
  const guard = ourGuard(trust);
  return {
    ...guard,
    handlers: [...ourHeaders('api').handlers, ...guard.handlers, orgContext()],
  };
}
