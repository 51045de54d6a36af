import { isDeepStrictEqual } from 'node:util';
import { type BoundedMap, createBoundedMap } from '../../bounded-map.js';
import { AuthError } from '../../errors.js';
import type { EventSink } from '../../events.js';
import type { Introspector } from '../introspection/introspector.js';
import type { IssuerOptions } from './options.js';
import type { IssuerPolicy } from './policy.js';
import { isRecord } from '../../is-record.js';
import type { VerifiedTokenCache } from '../tokens/verified-tokens.js';

/**
 * Finds an issuer that is known only at run time, such as a tenant's. Gets the token's `iss`, which nothing has
 * vouched for yet: look it up in your own list, never fetch it. Returns the issuer's options, or undefined for
 * an unknown issuer; its tokens are then refused with 401, and so are they when the options are of another
 * issuer. A throw, or options that `createVerifier()` would refuse, cause 503 KEYS_UNAVAILABLE and the event
 * `hook.failed`.
 *
 * Options are kept for 5 minutes, which is also the longest time that a dropped issuer's tokens are accepted;
 * undefined is kept for 30 seconds, a failure for 5. The same options again keep keys and verified tokens.
 */
export type IssuerResolver = (
  issuer: string,
) => IssuerOptions | undefined | Promise<IssuerOptions | undefined>;

/** An issuer we trust, with the memory that belongs to it. */
export interface TrustedIssuer {
  readonly policy: IssuerPolicy;
  readonly cache: VerifiedTokenCache | undefined;
  /** Undefined where its tokens are verified by its keys. */
  readonly introspector: Introspector | undefined;
  /**
   * When the resolver has to be asked again before another of its tokens is accepted, one verified earlier
   * included. Milliseconds since 1970; `Infinity` for a configured issuer.
   */
  trustedUntil: number;
}

export interface ResolvedIssuersOptions {
  readonly resolveIssuer: IssuerResolver;
  /** Prepares an issuer's policy. Throws a TypeError for an unsafe one. */
  readonly trust: (issuer: IssuerOptions) => TrustedIssuer;
  readonly events: EventSink;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface ResolvedIssuers {
  /** Throws or rejects with KEYS_UNAVAILABLE when the resolver fails. */
  find(iss: string): TrustedIssuer | undefined | Promise<TrustedIssuer | undefined>;
  all(): readonly TrustedIssuer[];
}

const MAX_ISSUERS = 10_000;
const MAX_ISSUER_LENGTH = 512;
const KNOWN_MS = 300_000;
const UNKNOWN_MS = 30_000;
const FAILED_MS = 5_000;

/** An issuer the resolver knows. */
interface Known {
  readonly trusted: TrustedIssuer;
  /** What `trusted` was made from, to see whether a later answer is the same. */
  readonly options: unknown;
}

/** An issuer the resolver doesn't know, or could not be asked about. */
interface Absent {
  readonly error: AuthError | undefined;
  readonly expiresAt: number;
}

/**
 * Remembers what a resolver returns. Known and absent issuers are kept apart, so that a flood of made-up
 * names cannot push the real ones out; questions asked at the same time share one answer.
 */
export function createResolvedIssuers(context: ResolvedIssuersOptions): ResolvedIssuers {
  const { now } = context;
  const known: BoundedMap<string, Known> = createBoundedMap(MAX_ISSUERS);
  const absent: BoundedMap<string, Absent> = createBoundedMap(MAX_ISSUERS);
  const pending = new Map<string, Promise<TrustedIssuer | undefined>>();

  async function resolve(iss: string): Promise<TrustedIssuer | undefined> {
    const before = known.get(iss);
    const found = await ask(iss, before, context);
    if (before && before.trusted !== found?.trusted) {
      before.trusted.trustedUntil = Number.NEGATIVE_INFINITY;
      known.delete(iss);
    }
    // A resolver that returns another tenant's issuer must not lend that tenant's keys.
    if (!found?.trusted.policy.names.includes(iss)) {
      absent.set(iss, { error: undefined, expiresAt: now() + UNKNOWN_MS });
      return undefined;
    }
    found.trusted.trustedUntil = now() + KNOWN_MS;
    known.set(iss, found);
    return found.trusted;
  }

  async function resolveOrFail(iss: string): Promise<TrustedIssuer | undefined> {
    try {
      return await resolve(iss);
    } catch (cause) {
      context.events.emit('hook.failed', { hook: 'resolveIssuer' });
      const error = new AuthError('KEYS_UNAVAILABLE', { reason: 'resolver', cause });
      absent.set(iss, { error, expiresAt: now() + FAILED_MS });
      throw error;
    } finally {
      pending.delete(iss);
    }
  }

  return {
    find(iss) {
      if (!canBeAsked(iss)) return undefined;
      const trusted = known.get(iss)?.trusted;
      if (trusted && now() < trusted.trustedUntil) return trusted;
      const missed = absent.get(iss);
      if (missed && now() < missed.expiresAt) {
        if (missed.error) throw missed.error;
        return undefined;
      }
      const asked = pending.get(iss) ?? resolveOrFail(iss);
      pending.set(iss, asked);
      return asked;
    },
    all: () => [...known.values()].map(({ trusted }) => trusted),
  };
}

/** A resolver may look into a plain object, and `__proto__` or `constructor` are in every one of them. */
function canBeAsked(iss: string): boolean {
  return iss.length <= MAX_ISSUER_LENGTH && !(iss in Object.prototype);
}

/** The same options again keep their keys and verified tokens. */
async function ask(
  iss: string,
  before: Known | undefined,
  { resolveIssuer, trust }: ResolvedIssuersOptions,
): Promise<Known | undefined> {
  const returned: unknown = await resolveIssuer(iss);
  if (returned === undefined || returned === null) return undefined;
  if (!isIssuerOptions(returned))
    throw new TypeError('resolveIssuer() returns the options of an issuer, or undefined');
  if (before && isDeepStrictEqual(before.options, returned)) return before;
  return { trusted: trust(returned), options: copyOf(returned) };
}

/** `trust()` checks every member; here it only has to be an object. */
function isIssuerOptions(value: unknown): value is IssuerOptions {
  return isRecord(value);
}

/** A copy of lists and plain objects, so that options which the application changes in place count as changed. */
function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf);
  if (!isRecord(value) || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, copyOf(item)]));
}
