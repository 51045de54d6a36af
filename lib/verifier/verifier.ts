import { DEFAULT_REALM } from '../errors/challenges.js';
import { createEvents, type EventSink } from '../events.js';
import { refuseUnknownOptions } from '../known-options.js';
import type { IssuerState } from '../status.js';
import { createPrincipal, type Principal } from '../principal.js';
import { prepareVerification, type VerifierContext } from './prepare.js';
import type { Refusals } from './tokens/refusals.js';
import type { TrustedIssuer } from './trusted-issuers/resolved-issuers.js';
import { findSigner } from './keys/find-signer.js';
import type { VerificationKey } from './keys/signatures.js';
import { introspect, verifyOpaque } from './introspection/introspect.js';
import { describeVerified, passesOwnCheck } from './tokens/describe-verified.js';
import { isAllowedType, judgeAnyHeader, judgeToken, validUntil } from './tokens/rules.js';
import { decodeJsonObject, hasTokenShape } from './tokens/shape.js';
import type { VerifiedToken } from './tokens/verified-tokens.js';
import { type VerifierOptions, verifierOptionNames } from './options.js';
import { digestOf, type Outcome, recall, type Verification } from './verification.js';
import { warmUp } from './warm-up.js';

/** Exact counts since the verifier was made, for tests and metrics. */
export interface VerifierCounters {
  readonly signatureChecks: number;
  readonly keyFetches: number;
  /** Questions to issuers about their tokens (RFC 7662). */
  readonly introspections: number;
  readonly cachedTokens: number;
  /** Memory that the cached tokens take, estimated within a factor of two. */
  readonly cachedBytes: number;
}

export interface Verifier {
  /**
   * Verifies an access token: form, `alg`, `typ`, `iss`, `aud`, `exp`, `nbf`, `iat`, signature and revocation
   * (RFC 8725, RFC 9068 §4). Does not look at scopes, roles or organisations.
   * Rejects with an `AuthError`: INVALID_TOKEN, TOKEN_EXPIRED, TOKEN_REVOKED, KEYS_UNAVAILABLE or
   * STORE_UNAVAILABLE.
   */
  verify(token: string): Promise<Principal>;
  /**
   * Like `verify`, but returns the principal itself, and throws, where nothing has to be waited for. With the socket that the
   * token came on, the same token sent there again is known by comparison, without a digest; every check of its verdict stays.
   */
  verifyNow(token: string, connection?: object): Principal | Promise<Principal>;
  /**
   * Like `verifyNow`, also for tokens that are bound to a key or a certificate (`cnf`, RFC 7800), which the others refuse.
   * The caller must check that the sender holds it.
   */
  verifyBound(token: string, connection?: object): Principal | Promise<Principal>;
  /** Resolves when every configured issuer's keys are there. Rejects with the reason. */
  ready(): Promise<void>;
  /**
   * What is known of the keys of each configured issuer, at once. Starts renewals that are due; keys that are missing are
   * fetched by `ready()` and by tokens. Issuers of `resolveIssuer` are not among them.
   */
  issuers(): readonly IssuerState[];
  counters(): VerifierCounters;
  readonly realm: string;
  readonly events: EventSink;
  /** Milliseconds since 1970, by the clock that the verifier was given. */
  readonly now: () => number;
}

type Json = Readonly<Record<string, unknown>>;

/** One token on its way through the checks. */
interface Candidate {
  readonly token: string;
  readonly header: Json;
  readonly claims: Record<string, unknown>;
  readonly trusted: TrustedIssuer;
}

/**
 * Creates a verifier. Throws a TypeError for options that cannot be safe.
 *
 * @example
 * const verifier = createVerifier({
 *   issuers: {
 *     issuer: 'https://id.example.com/',
 *     audience: 'https://api.example.com',
 *     keys: { discovery: true },
 *   },
 * });
 * const { subject, scopes } = await verifier.verify(token);
 */
export function createVerifier(options: VerifierOptions): Verifier;
/** @internal With what only `createAuth()` knows. */
export function createVerifier(options: VerifierOptions, context: VerifierContext): Verifier;
export function createVerifier(options: VerifierOptions, context: VerifierContext = {}): Verifier {
  refuseUnknownOptions('createVerifier()', options, verifierOptionNames);
  const { realm = DEFAULT_REALM, now = Date.now, events = createEvents() } = options;
  const verification = prepareVerification({ ...options, realm, now, events }, context);
  const { directory, refusals } = verification;
  return Object.freeze({
    verify: async (token: string) => refuseBound(refusals, verifyAny(verification, token)),
    verifyNow: (token: string, connection?: object) =>
      refuseBound(refusals, verifyAny(verification, token, connection)),
    verifyBound: (token: string, connection?: object) => verifyAny(verification, token, connection),
    async ready() {
      await directory.ready();
      warmUp(directory.all(), createVerifier);
    },
    issuers: () => directory.states(),
    counters: () => countersOf(verification),
    realm,
    events,
    now,
  });
}

/** A bound token must not be taken as a plain bearer token (RFC 9449 §7.2, RFC 8705 §3). */
function refuseBound(refusals: Refusals, outcome: Outcome): Outcome {
  const judge = (principal: Principal): Principal => {
    if (principal.claims['cnf'] === undefined) return principal;
    throw refusals.invalid('sender_constrained');
  };
  return outcome instanceof Promise ? outcome.then(judge) : judge(outcome);
}

function verifyAny(verification: Verification, token: string, connection?: object): Outcome {
  const { refusals, seenHeaders, checkRevocation, maxTokenLength, lastTokens } = verification;
  const last = connection && lastTokens.recall(connection, token, verification.now());
  if (last) return checkRevocation(last);
  if (typeof token !== 'string' || token.length > maxTokenLength)
    throw refusals.invalid('malformed');
  const issuers = seenHeaders.issuersOf(token);
  const known = issuers && recall(verification, token, issuers);
  if (known) {
    const principal = createPrincipal(known.verified, token);
    if (connection) lastTokens.remember(connection, { token, principal, ...known });
    return checkRevocation(principal);
  }
  // After the look-up: a text with the digest of a verified token is that token, so it has the shape.
  return hasTokenShape(token, maxTokenLength)
    ? verifyAnew(verification, token, connection)
    : verifyOpaque(verification, token, connection);
}

function verifyAnew(verification: Verification, token: string, connection?: object): Outcome {
  const { refusals, directory } = verification;
  const headerText = token.slice(0, token.indexOf('.'));
  const header = decodeJsonObject(headerText);
  if (!header) return verifyOpaque(verification, token, connection);
  const headerFlaw = judgeAnyHeader(header);
  if (headerFlaw) throw refusals.invalid(headerFlaw);
  const claims = decodeJsonObject(token.slice(headerText.length + 1, token.lastIndexOf('.')));
  if (!claims) throw refusals.invalid('malformed');
  // `iss` picks the policy before any key is looked for, so that an unknown issuer costs no fetch.
  const found = directory.find(claims['iss']);
  const judge = (trusted: TrustedIssuer | undefined): Outcome => {
    if (!trusted) throw refusals.invalid('issuer');
    const { introspector, policy } = trusted;
    if (!introspector) return judgeCandidate(verification, { token, header, claims, trusted });
    // A signed answer (RFC 9701) is no token: its type says so.
    if (!isAllowedType(header['typ'], policy.profile)) throw refusals.invalid('type');
    return introspect(verification, { token, trusted, introspector, connection });
  };
  if (!(found instanceof Promise)) return judge(found);
  return found.then(
    (trusted) => (trusted && recallAfterWait(verification, { token, trusted })) ?? judge(trusted),
  );
}

function judgeCandidate(verification: Verification, candidate: Candidate): Outcome {
  const { claims, trusted } = candidate;
  const { policy } = trusted;
  const nowMs = verification.now();
  const flaw = judgeToken(candidate, policy, Math.floor(nowMs / 1000));
  if (flaw) throw verification.refusals.of(flaw, claims['exp']);
  if (policy.keys.isServing(nowMs)) return findKeys(verification, candidate);
  return policy.keys
    .load()
    .then(() => recallAfterWait(verification, candidate) ?? findKeys(verification, candidate));
}

function findKeys(verification: Verification, candidate: Candidate): Outcome {
  const { kid, alg } = readKeyHint(candidate.header);
  const { keys } = candidate.trusted.policy;
  const found = keys.candidates(kid, alg);
  const signer = findSigner(found, candidate, verification);
  if (typeof signer !== 'string') return accept(verification, candidate, signer);
  // A key that the header names and the set does not have may be a new one.
  const isKnown = kid === undefined || found.some((key) => key.kid === kid);
  const sought = isKnown ? undefined : keys.seek();
  if (!sought) throw verification.refusals.invalid(signer);
  return sought.then(() => {
    const known = recallAfterWait(verification, candidate);
    if (known) return known;
    const newSigner = findSigner(keys.candidates(kid, alg), candidate, verification);
    if (typeof newSigner === 'string') throw verification.refusals.invalid(newSigner);
    return accept(verification, candidate, newSigner);
  });
}

/** Requests that waited for the same answer may have brought the same token; the first of them has checked it. */
function recallAfterWait(
  verification: Verification,
  { token, trusted }: Pick<Candidate, 'token' | 'trusted'>,
): Outcome | undefined {
  const known = recall(verification, token, [trusted]);
  return known && verification.checkRevocation(createPrincipal(known.verified, token));
}

/** Both were judged to be text, or absent, before. */
function readKeyHint({ kid, alg }: Json): {
  readonly kid: string | undefined;
  readonly alg: string;
} {
  return {
    kid: typeof kid === 'string' ? kid : undefined,
    alg: typeof alg === 'string' ? alg : '',
  };
}

/** Passes a token on whose signature is good, and remembers it. */
function accept(
  verification: Verification,
  candidate: Candidate,
  signer: VerificationKey,
): Outcome {
  const { token, trusted } = candidate;
  const { refusals, checkRevocation } = verification;
  const verified = describeSigned(verification, candidate, signer);
  if (!passesOwnCheck(verified.claims, trusted.policy)) throw refusals.invalid('check');
  if (trusted.cache) {
    trusted.cache.remember(digestOf(token), verified, Math.floor(verification.now() / 1000));
    verification.seenHeaders.add(token, trusted, verification.now());
  }
  return checkRevocation(createPrincipal(verified, token));
}

function describeSigned(
  { now }: Verification,
  { claims, trusted: { policy, cache } }: Candidate,
  key: VerificationKey,
): VerifiedToken {
  const ageLimit = Math.floor(now() / 1000) + (cache?.maxAgeSeconds ?? 0);
  return describeVerified(claims, {
    policy,
    method: 'jwt',
    issuer: String(claims['iss']),
    expiresAt: Number(claims['exp']),
    key,
    diesAt: Math.min(validUntil(claims, policy), ageLimit),
  });
}

function countersOf({ signatureChecks, directory }: Verification): VerifierCounters {
  const counters = {
    signatureChecks,
    keyFetches: 0,
    introspections: 0,
    cachedTokens: 0,
    cachedBytes: 0,
  };
  for (const { policy, cache, introspector } of directory.all()) {
    counters.signatureChecks += introspector?.counters.signatureChecks ?? 0;
    counters.introspections += introspector?.counters.introspections ?? 0;
    counters.keyFetches += policy.keys.fetches;
    counters.cachedTokens += cache?.entries ?? 0;
    counters.cachedBytes += cache?.bytes ?? 0;
  }
  return Object.freeze(counters);
}
