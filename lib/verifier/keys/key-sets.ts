import { AuthError } from '../../errors.js';
import type { KeyState } from '../../status.js';
import {
  discoverUrl,
  fetchJwks,
  KeyFetchError,
  type KeyFetchOptions,
  type KeyFetchReason,
} from './fetch.js';
import { createFetchBucket, type FetchBucket } from './fetch-bucket.js';
import { type KeysByFingerprint, type KeySetContext, readKeySet } from './read-key-set.js';
import { canonicalAlgorithm, type VerificationKey } from './signatures.js';

/** The keys of one issuer. */
export interface KeySet {
  /**
   * Returns whether known keys may serve right now; starts a refresh in the background when one is due.
   * Costs two comparisons: it is called for every request.
   */
  isServing(nowMs: number): boolean;
  /** What is known of the keys. Starts nothing. */
  state(nowMs: number): KeyState;
  /** Resolves once the keys may serve. Rejects with KEYS_UNAVAILABLE. */
  load(): Promise<void>;
  /** Keys that may have signed a token with this header, those that `kid` names first. */
  candidates(kid: string | undefined, algorithm: string): readonly VerificationKey[];
  /**
   * Fetches again because a `kid` is unknown. Returns undefined when that is not possible now: the set is
   * local, or the bucket of fetches is empty. Throws or rejects with KEYS_UNAVAILABLE during an outage.
   */
  seek(): Promise<void> | undefined;
  /** Key fetches so far, successful or not. */
  readonly fetches: number;
  /** Whether its keys are configured, and never fetched. */
  readonly isLocal: boolean;
}

/** A set of configured keys: always there, never fetched. */
export function createLocalKeySet(keys: readonly VerificationKey[]): KeySet {
  return Object.freeze({
    isServing: () => true,
    state: () => 'current',
    load: () => Promise.resolve(),
    candidates: (kid: string | undefined, algorithm: string) => selectKeys(keys, kid, algorithm),
    seek: () => undefined,
    fetches: 0,
    isLocal: true,
  });
}

/**
 * Keys that fit a token's header. Every key that `kid` names is among them, whatever stands beside it, and
 * every key without a `kid`; together they are never more than a set may have. A token without `kid` may be of
 * a key that has one when it is the only key of that algorithm.
 */
function selectKeys(
  keys: readonly VerificationKey[],
  kid: string | undefined,
  algorithm: string,
): readonly VerificationKey[] {
  const fitting = keys.filter((key) => key.algorithm === canonicalAlgorithm(algorithm));
  const unnamed = fitting.filter((key) => key.kid === undefined);
  if (kid !== undefined) return [...fitting.filter((key) => key.kid === kid), ...unnamed];
  return unnamed.length === 0 && fitting.length === 1 ? fitting : unnamed;
}

export interface RemoteKeySetOptions extends KeyFetchOptions, KeySetContext {
  /** Where the set is; undefined: find it by discovery. */
  readonly jwksUri: string | undefined;
  /** Members of a JWK Set that serve until the first successful fetch. */
  readonly initial?: readonly unknown[] | undefined;
  /** How long fetched keys count as fresh. A refresh starts when four fifths of it are over. */
  readonly cacheSeconds: number;
  /** How long after the last successful fetch known keys serve during an outage. */
  readonly staleSeconds: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

interface RemoteState {
  keys: KeysByFingerprint;
  /** The same keys, for looking through. */
  list: readonly VerificationKey[];
  jwksUri: string | undefined;
  /** Milliseconds since 1970, like the next two: when a request should start a refresh in the background, */
  refreshDueAt: number;
  /** until when keys serve without waiting for one, */
  servesUntil: number;
  /** and until when they serve although no refresh succeeds. */
  staleUntil: number;
  /** Why the last fetch failed; undefined when it did not. */
  failure: unknown;
  inFlight: Promise<void> | undefined;
  fetches: number;
  readonly bucket: FetchBucket;
}

/**
 * A key set behind a URL. Every fetch, for whatever reason, draws from one bucket. Known keys serve while a
 * fetch is on its way, and during an outage until the stale limit; a set that was fetched replaces them, also
 * when it has no key for us. Throws a TypeError when there are initial keys and none is usable.
 */
export function createRemoteKeySet(options: RemoteKeySetOptions): KeySet {
  const { now } = options;
  const state = createState(options);

  function isServing(nowMs: number): boolean {
    if (nowMs >= state.refreshDueAt && nowMs < state.staleUntil) void refresh(state, options);
    return nowMs < state.servesUntil;
  }

  return {
    isServing,
    state(nowMs) {
      if (nowMs >= state.staleUntil) return 'missing';
      return state.failure === undefined ? 'current' : 'stale';
    },
    async load() {
      if (isServing(now())) return;
      await refresh(state, options);
      if (now() >= state.staleUntil) throw unavailable(state, now());
    },
    isLocal: false,
    candidates: (kid, algorithm) => selectKeys(state.list, kid, algorithm),
    seek() {
      const refreshed = refresh(state, options);
      if (!refreshed && state.failure) throw unavailable(state, now());
      return refreshed?.then(() => {
        if (state.failure) throw unavailable(state, now());
      });
    },
    get fetches() {
      return state.fetches;
    },
  };
}

function createState({ initial, ...options }: RemoteKeySetOptions): RemoteState {
  const keys: KeysByFingerprint = initial ? readKeySet(initial, options) : new Map();
  if (initial && keys.size === 0)
    throw new TypeError(
      `\`initial\` has no public key usable with ${options.algorithms.join(', ')}`,
    );
  const servesUntil = initial
    ? options.now() + options.staleSeconds * 1000
    : Number.NEGATIVE_INFINITY;
  return {
    keys,
    list: [...keys.values()].flat(),
    jwksUri: options.jwksUri,
    refreshDueAt: Number.NEGATIVE_INFINITY,
    servesUntil,
    staleUntil: servesUntil,
    failure: undefined,
    inFlight: undefined,
    fetches: 0,
    bucket: createFetchBucket(),
  };
}

/** Starts a fetch, joins the one in flight, or returns undefined when the bucket is empty. Never rejects. */
function refresh(state: RemoteState, options: RemoteKeySetOptions): Promise<void> | undefined {
  if (state.inFlight) return state.inFlight;
  if (!state.bucket.take(options.now())) return undefined;
  state.fetches += 1;
  state.inFlight = fetchMembers(state, options)
    .then((members) => accept(state, options, members))
    .catch((error: unknown) => fail(state, options, error))
    .finally(() => {
      state.inFlight = undefined;
    });
  return state.inFlight;
}

async function fetchMembers(
  state: RemoteState,
  options: RemoteKeySetOptions,
): Promise<readonly unknown[]> {
  state.jwksUri ??= await discoverUrl('jwks_uri', options.issuer, options);
  return fetchJwks(state.jwksUri, options);
}

/** Takes a fetched set over. Throws when it has no key for us; the keys before it are withdrawn all the same. */
function accept(
  state: RemoteState,
  options: RemoteKeySetOptions,
  members: readonly unknown[],
): void {
  const { issuer, events, now, cacheSeconds, staleSeconds } = options;
  const keys = readKeySet(members, options, state.keys);
  const withdrawn = [...state.keys].filter(([fingerprint]) => !keys.has(fingerprint));
  for (const [, ofJwk] of withdrawn) for (const key of ofJwk) key.withdrawn = true;
  const added = keys.size - (state.keys.size - withdrawn.length);
  const at = keys.size > 0 ? now() : Number.NEGATIVE_INFINITY;
  state.keys = keys;
  state.list = [...keys.values()].flat();
  state.failure = undefined;
  state.refreshDueAt = at + cacheSeconds * 800;
  state.servesUntil = at + cacheSeconds * 1000;
  state.staleUntil = at + Math.max(cacheSeconds, staleSeconds) * 1000;
  events.emit('keys.fetched', { issuer, keys: keys.size, added, withdrawn: withdrawn.length });
  if (keys.size === 0) throw new KeyFetchError('no_usable_key', 'the JWK Set has no usable key');
}

function fail(state: RemoteState, options: RemoteKeySetOptions, error: unknown): void {
  const { issuer, events, now } = options;
  const reason: KeyFetchReason = error instanceof KeyFetchError ? error.reason : 'network';
  const waitMs = state.bucket.waitMs(now());
  // The metadata may have moved together with the keys.
  state.jwksUri = options.jwksUri;
  state.failure = error;
  state.servesUntil = state.staleUntil;
  state.refreshDueAt = now() + waitMs;
  const { foundIssuer } = error instanceof KeyFetchError ? error : {};
  events.emit('keys.failed', {
    ...{ issuer, reason, retryAfterSeconds: Math.ceil(waitMs / 1000) },
    ...(foundIssuer !== undefined && { foundIssuer }),
  });
}

function unavailable({ bucket, failure }: RemoteState, nowMs: number): AuthError {
  return new AuthError('KEYS_UNAVAILABLE', {
    reason: 'key_set',
    cause: failure,
    retryAfterSeconds: bucket.waitMs(nowMs) / 1000,
  });
}
