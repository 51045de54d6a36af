import type { AuthScheme, Challenge } from '../errors/challenges.js';
import { isRepeated } from '../http/repeated-fields.js';
import type { RequestHead } from './credentials.js';

export interface GuardChallengeOptions {
  /** Protection space in challenges. */
  readonly realm: string;
  /** Schemes that the guard accepts, at least one. */
  readonly schemes: readonly AuthScheme[];
  /** URL of the protected resource's metadata. @defaultValue none */
  readonly resourceMetadata?: string | undefined;
  /** Algorithms of DPoP proofs, where they are accepted. */
  readonly proofAlgorithms?: readonly string[] | undefined;
  /** Scopes to ask for with the first token. @defaultValue none */
  readonly scopes?: readonly string[] | undefined;
}

/**
 * Returns how refusals of a request are challenged: by each scheme that the guard accepts, with the error at the one that the
 * request has tried (RFC 9449 §7.2). Undefined where every refusal says it by itself: with plain bearer tokens only.
 */
export function createGuardChallenges(
  options: GuardChallengeOptions,
): ((request: RequestHead) => Challenge) | undefined {
  const { schemes, resourceMetadata, scopes } = options;
  const isPlain = resourceMetadata === undefined && scopes === undefined;
  if (isPlain && schemes.length === 1 && schemes[0] === 'Bearer') return undefined;
  // Built once each: refusals are remembered by the challenge that they were built with.
  const ambiguous = Object.freeze({ ...options });
  const byBearer = Object.freeze({ ...options, tried: 'Bearer' as const });
  const byProof = Object.freeze({ ...options, tried: 'DPoP' as const });
  return ({ headers: { authorization = '' }, rawHeaders }) => {
    if (isRepeated(rawHeaders, 'authorization')) return ambiguous;
    const scheme = authorization.slice(0, 7).trimEnd().toLowerCase();
    if (scheme === 'bearer') return byBearer;
    return scheme.startsWith('dpop') ? byProof : ambiguous;
  };
}
