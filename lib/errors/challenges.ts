/** A scheme by which access tokens are sent: RFC 6750 or RFC 9449. */
export type AuthScheme = 'Bearer' | 'DPoP';

/** What the challenges of one guard have in common (RFC 9110 §11.6.1). */
export interface Challenge {
  /** Protection space (RFC 9110 §11.5). */
  readonly realm: string;
  /** Schemes that are accepted, at least one: each has a challenge. */
  readonly schemes: readonly AuthScheme[];
  /**
   * The scheme that the request used: only its challenge names the error, and one that is not accepted has none. Undefined:
   * each names it, as for a request that is ambiguous (RFC 9449 §7.2).
   */
  readonly tried?: AuthScheme | undefined;
  /** URL of the protected resource's metadata (RFC 9728 §5.1). */
  readonly resourceMetadata?: string | undefined;
  /** Algorithms of DPoP proofs (RFC 9449 §7.1, `algs`). */
  readonly proofAlgorithms?: readonly string[] | undefined;
  /** Scopes to ask for with the first token, in 401 challenges that name no others. */
  readonly scopes?: readonly string[] | undefined;
}

/** What a challenge says about one refusal. */
export interface ChallengeError {
  readonly error?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
  readonly acrValues?: readonly string[] | undefined;
  readonly maxAgeSeconds?: number | undefined;
}

/** Protection space of challenges, unless another one is given. */
export const DEFAULT_REALM = 'api';

/**
 * Builds the value of `WWW-Authenticate`. Characters that the grammar does not allow are left out, so that no configured
 * or claimed text can split the header.
 */
export function challengeHeader(challenge: Challenge, refusal: ChallengeError): string {
  return challenge.schemes
    .map((scheme) => challengeOfScheme(scheme, challenge, refusal))
    .join(', ');
}

function challengeOfScheme(
  scheme: AuthScheme,
  { realm, tried, resourceMetadata, proofAlgorithms, scopes: firstScopes }: Challenge,
  { error, scopes: neededScopes, acrValues, maxAgeSeconds }: ChallengeError,
): string {
  const parameters = [`realm="${quotable(realm)}"`];
  if (error !== undefined && (tried === undefined || tried === scheme))
    parameters.push(`error="${error}"`);
  const scopes = neededScopes ?? (error === 'invalid_request' ? undefined : firstScopes);
  if (scopes) parameters.push(`scope="${scopeList(scopes)}"`);
  if (acrValues) parameters.push(`acr_values="${scopeList(acrValues)}"`);
  if (maxAgeSeconds !== undefined) parameters.push(`max_age="${maxAgeSeconds}"`);
  if (scheme === 'DPoP' && proofAlgorithms) parameters.push(`algs="${scopeList(proofAlgorithms)}"`);
  if (resourceMetadata !== undefined)
    parameters.push(`resource_metadata="${quotable(resourceMetadata)}"`);
  return `${scheme} ${parameters.join(', ')}`;
}

const challenges = new WeakMap<object, Challenge>();

/**
 * Notes how a request was authenticated, where that is more than a plain bearer token: the guards behind the first one
 * challenge alike.
 */
export function noteChallenge(request: object, challenge: Challenge): void {
  challenges.set(request, challenge);
}

/** What `noteChallenge` has noted; undefined for a request that nothing was noted of. */
export function challengeOf(request: object): Challenge | undefined {
  return challenges.get(request);
}

/** What RFC 6750 §3 allows inside a quoted attribute: %x20-21 / %x23-5B / %x5D-7E. */
function quotable(text: string): string {
  return text.replace(/[^\x20-\x21\x23-\x5B\x5D-\x7E]/g, '');
}

/** Space-separated scope-tokens; a token with a forbidden character is left out whole. */
export function scopeList(tokens: readonly string[]): string {
  return tokens.filter(isScopeToken).join(' ');
}

/** Whether the text is a scope-token (RFC 6749 §3.3: %x21 / %x23-5B / %x5D-7E). */
export function isScopeToken(text: string): boolean {
  return /^[\x21\x23-\x5B\x5D-\x7E]+$/.test(text);
}

/** Whether the value is a list of scope-tokens. */
export function isScopeList(list: unknown): list is readonly string[] {
  return (
    Array.isArray(list) && list.every((item) => typeof item === 'string' && isScopeToken(item))
  );
}
