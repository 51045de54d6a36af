import { AuthError } from '../../errors.js';
import type { EventSink } from '../../events.js';
import type { SignatureAlgorithm } from '../trusted-issuers/options.js';
import {
  discoverJwksUri,
  fetchJwks,
  KeyFetchError,
  type KeyFetchOptions,
  type KeyFetchReason,
} from './fetch.js';
import type { VerificationKey } from './signatures.js';
import { readJwk, type SkippedKey } from './verification-keys.js';

/** The keys of one issuer. */
export interface KeySet {
  /**
   * Answers whether known keys may serve right now; starts a refresh in the background when one is due.
   * Costs two comparisons: it is asked for every request.
   */
  isServing(nowMs: number): boolean;
  /** Resolves once the keys may serve. Rejects with KEYS_UNAVAILABLE. */
  load(): Promise<void>;
  /** Keys that may have signed a token with this header. */
  candidates(kid: string | undefined, algorithm: string): readonly VerificationKey[];
  /**
   * Fetches again because a `kid` is unknown. Answers undefined when this is not the time to: the set is
   * local or was fetched moments ago. Throws or rejects with KEYS_UNAVAILABLE during an outage.
   */
  seek(): Promise<void> | undefined;
  /** Key fetches so far, successful or not. */
  readonly fetches: number;
}

/** A set of configured keys: always there, never fetched. */
export function createLocalKeySet(keys: readonly VerificationKey[]): KeySet {
  return Object.freeze({
    isServing: () => true,
    load: () => Promise.resolve(),
    candidates: (kid: string | undefined, algorithm: string) => selectKeys(keys, kid, algorithm),
    seek: () => undefined,
    fetches: 0,
  });
}

/**
 * Keys that fit a token's header. One without `kid` may be of any key when there is only one of that
 * algorithm; configured keys often have no `kid` and are then tried for every token. At most four are tried.
 */
function selectKeys(
  keys: readonly VerificationKey[],
  kid: string | undefined,
  algorithm: string,
): readonly VerificationKey[] {
  const fitting = keys.filter((key) => key.algorithm === algorithm);
  const named = fitting.filter((key) => key.kid === kid || key.kid === undefined);
  if (kid === undefined && named.length === 0) return fitting.length === 1 ? fitting : [];
  return named.slice(0, 4);
}

export interface RemoteKeySetOptions extends KeyFetchOptions {
  readonly issuer: string;
  /** Where the set is; undefined: find it by discovery. */
  readonly jwksUri: string | undefined;
  readonly algorithms: readonly SignatureAlgorithm[];
  /** How long fetched keys count as fresh. A refresh starts when four fifths of it are over. */
  readonly cacheSeconds: number;
  /** How long after the last successful fetch known keys serve during an outage. */
  readonly staleSeconds: number;
  readonly events: EventSink;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const FETCHES_AT_ONCE = 2;
const REFILL_MS = 5000;

interface RemoteState {
  /** By fingerprint. */
  keys: ReadonlyMap<string, VerificationKey>;
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
  readonly bucket: ReturnType<typeof createBucket>;
}

/**
 * A key set behind a URL. Every fetch, for whatever reason, draws from one bucket of two that refills by
 * one each 5 s: neither a flood of made-up key ids nor an outage can make more, and yet a key that an
 * issuer starts to use this second is found at once.
 */
export function createRemoteKeySet(options: RemoteKeySetOptions): KeySet {
  const { now } = options;
  const state: RemoteState = {
    keys: new Map(),
    list: [],
    jwksUri: options.jwksUri,
    refreshDueAt: Number.NEGATIVE_INFINITY,
    servesUntil: Number.NEGATIVE_INFINITY,
    staleUntil: Number.NEGATIVE_INFINITY,
    failure: undefined,
    inFlight: undefined,
    fetches: 0,
    bucket: createBucket(),
  };
  return {
    isServing(nowMs) {
      if (nowMs >= state.refreshDueAt && nowMs < state.staleUntil) void refresh(state, options);
      return nowMs < state.servesUntil;
    },
    async load() {
      if (now() < state.servesUntil) return;
      await refresh(state, options);
      if (now() >= state.staleUntil) throw unavailable(state, now());
    },
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

/** Starts a fetch, joins the one in flight, or answers undefined when the bucket is empty. Never rejects. */
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
  state.jwksUri ??= await discoverJwksUri(options.issuer, options);
  return fetchJwks(state.jwksUri, options);
}

function accept(
  state: RemoteState,
  { issuer, algorithms, events, now, cacheSeconds, staleSeconds }: RemoteKeySetOptions,
  members: readonly unknown[],
): void {
  const { keys, skipped } = readKeySet(members, { algorithms, known: state.keys });
  for (const { kid, reason } of skipped)
    events.emit('keys.skipped', { issuer, kid: printable(kid), reason });
  if (keys.size === 0) throw new KeyFetchError('no_usable_key', 'the JWK Set has no usable key');
  const withdrawn = [...state.keys].filter(([fingerprint]) => !keys.has(fingerprint));
  for (const [, key] of withdrawn) key.withdrawn = true;
  const added = keys.size - (state.keys.size - withdrawn.length);
  const at = now();
  state.keys = keys;
  state.list = [...keys.values()];
  state.failure = undefined;
  state.refreshDueAt = at + cacheSeconds * 800;
  state.servesUntil = at + cacheSeconds * 1000;
  state.staleUntil = at + staleSeconds * 1000;
  events.emit('keys.fetched', { issuer, keys: keys.size, added, withdrawn: withdrawn.length });
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
  events.emit('keys.failed', { issuer, reason, retryAfterSeconds: Math.ceil(waitMs / 1000) });
}

function unavailable({ bucket, failure }: RemoteState, nowMs: number): AuthError {
  return new AuthError('KEYS_UNAVAILABLE', {
    reason: 'key_set',
    cause: failure,
    retryAfterSeconds: bucket.waitMs(nowMs) / 1000,
  });
}

interface ReadKeySet {
  /** By fingerprint. */
  readonly keys: ReadonlyMap<string, VerificationKey>;
  readonly skipped: readonly SkippedKey[];
}

/** Judges a JWK Set. A key that was known before keeps its object, and with it the tokens verified by it. */
function readKeySet(
  members: readonly unknown[],
  context: {
    readonly algorithms: readonly SignatureAlgorithm[];
    readonly known: ReadonlyMap<string, VerificationKey>;
  },
): ReadKeySet {
  const keys = new Map<string, VerificationKey>();
  const skipped: SkippedKey[] = [];
  for (const member of members) {
    const fingerprint = JSON.stringify(member);
    const read = context.known.get(fingerprint) ?? readJwk(member, context.algorithms);
    if (!read) continue;
    if ('reason' in read) skipped.push(read);
    else keys.set(fingerprint, read);
  }
  return { keys, skipped };
}

/** A key id as it may stand in a log line. */
function printable(kid: string | undefined): string | undefined {
  return kid?.replace(/[^\x21-\x7E]/g, '?').slice(0, 128);
}

function createBucket() {
  let tokens = FETCHES_AT_ONCE;
  let refilledAt = 0;

  function refill(nowMs: number): void {
    // A clock that was set back must not stop the refill.
    if (nowMs < refilledAt) refilledAt = nowMs;
    const refills = Math.floor((nowMs - refilledAt) / REFILL_MS);
    tokens = Math.min(FETCHES_AT_ONCE, tokens + refills);
    // A full bucket does not save up the time that is left over.
    refilledAt = tokens === FETCHES_AT_ONCE ? nowMs : refilledAt + refills * REFILL_MS;
  }

  return {
    take(nowMs: number): boolean {
      refill(nowMs);
      if (tokens === 0) return false;
      tokens -= 1;
      return true;
    },
    /** Milliseconds until a fetch is possible; 0 now. */
    waitMs(nowMs: number): number {
      refill(nowMs);
      return tokens > 0 ? 0 : Math.max(0, refilledAt + REFILL_MS - nowMs);
    },
  };
}
