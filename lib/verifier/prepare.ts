import { DEFAULT_REALM } from '../errors/challenges.js';
import { createEvents } from '../events.js';
import { readHttpHosts } from '../http/bounded-fetch.js';
import { renamedOption } from '../known-options.js';
import { readMaxTokenLength, type VerifierOptions } from './options.js';
import { createLastTokens } from './tokens/last-tokens.js';
import { createRefusals } from './tokens/refusals.js';
import { createRevocationCheck } from './tokens/revocation.js';
import { createSeenHeaders } from './tokens/seen-headers.js';
import { createIssuerDirectory } from './trusted-issuers/directory.js';
import type { Verification } from './verification.js';

/** What `createAuth()` knows and a verifier alone doesn't. */
export interface VerifierContext {
  /** Whether a text looks like a secret of the application that is no access token. It is refused, and no issuer is asked about it. */
  readonly isOwnSecret?: ((text: string) => boolean) | undefined;
}

/** Checks a verifier's options and prepares what every verification needs. Throws a TypeError for options that cannot be safe. */
export function prepareVerification(
  options: VerifierOptions,
  context: VerifierContext,
): Verification {
  const { realm = DEFAULT_REALM, now = Date.now, events = createEvents() } = options;
  const refusals = createRefusals(realm);
  const { allowLoopbackHttp = true } = options;
  const internalHosts = readHttpHosts(options.allowInternalHosts ?? [], 'allowInternalHosts');
  const directory = createIssuerDirectory({
    issuers: options.issuers ?? [],
    resolveIssuer: options.resolveIssuer,
    cache: renamedOption('createVerifier()', options, ['cache', 'tokenCache']),
    allowLoopbackHttp,
    internalHosts: allowLoopbackHttp && !options.allowInternalHosts ? 'any' : internalHosts,
    allowHttpHosts: readHttpHosts(options.allowHttpHosts ?? [], 'allowHttpHosts'),
    clockToleranceSeconds: options.clockToleranceSeconds ?? 5,
    events,
    now,
  });
  return {
    directory,
    refusals,
    checkRevocation: createRevocationCheck(options.isRevoked, {
      events,
      revoked: refusals.revoked,
    }),
    seenHeaders: createSeenHeaders(),
    lastTokens: createLastTokens(),
    now,
    maxTokenLength: readMaxTokenLength(options),
    isOwnSecret: context.isOwnSecret,
    signatureChecks: 0,
  };
}
