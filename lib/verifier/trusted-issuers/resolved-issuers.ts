import { isDeepStrictEqual } from 'node:util';
import { AuthError } from '../../errors.js';
import type { EventSink } from '../../events.js';
import type { IssuerOptions } from './options.js';
import type { IssuerPolicy } from './policy.js';
import { isRecord } from '../../is-record.js';
import type { VerifiedTokenCache } from '../tokens/verified-tokens.js';

/**
 * Finds an issuer that is known only at run time, such as a tenant's. Gets the token's `iss`, which nothing
 * has vouched for yet: look it up in your own list, never fetch it. Answers the issuer's options, or
 * undefined for one we don't know. Answers are kept for 5 minutes, also `undefined` ones for 30 seconds;
 * a throw answers 503.
 */
export type IssuerResolver = (
  issuer: string,
) => IssuerOptions | undefined | Promise<IssuerOptions | undefined>;

/** An issuer we trust, with the memory that belongs to it. */
export interface TrustedIssuer {
  readonly policy: IssuerPolicy;
  readonly cache: VerifiedTokenCache | undefined;
  /** True once a resolver no longer answers with this policy. */
  isRetired: boolean;
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
  readonly options: IssuerOptions;
  readonly expiresAt: number;
}

/** An issuer the resolver doesn't know, or could not be asked about. */
interface Absent {
  readonly error: unknown;
  readonly expiresAt: number;
}

/**
 * Remembers what a resolver answers. Known and absent issuers are kept apart, so that a flood of made-up
 * ones cannot push the real ones out; questions asked at the same time share one answer.
 */
export function createResolvedIssuers(context: ResolvedIssuersOptions): ResolvedIssuers {
  const known = new Map<string, Known>();
  const absent = new Map<string, Absent>();
  const pending = new Map<string, Promise<TrustedIssuer | undefined>>();

  async function resolve(iss: string): Promise<TrustedIssuer | undefined> {
    try {
      const options = await ask(iss, context);
      const before = known.get(iss);
      const trusted = options && renew(before, options, context);
      if (before && before.trusted !== trusted) before.trusted.isRetired = true;
      known.delete(iss);
      // A resolver that answers with another tenant's issuer must not lend that tenant's keys.
      if (!trusted?.policy.issuers.has(iss)) {
        keep(absent, iss, { error: undefined, expiresAt: context.now() + UNKNOWN_MS });
        return undefined;
      }
      keep(known, iss, { trusted, options, expiresAt: context.now() + KNOWN_MS });
      return trusted;
    } catch (error) {
      keep(absent, iss, { error, expiresAt: context.now() + FAILED_MS });
      throw error;
    } finally {
      pending.delete(iss);
    }
  }

  return {
    find(iss) {
      if (iss.length > MAX_ISSUER_LENGTH) return undefined;
      const nowMs = context.now();
      const found = known.get(iss);
      if (found && nowMs < found.expiresAt) return found.trusted;
      const missed = absent.get(iss);
      if (missed && nowMs < missed.expiresAt) {
        if (missed.error !== undefined) throw missed.error;
        return undefined;
      }
      const asked = pending.get(iss) ?? resolve(iss);
      pending.set(iss, asked);
      return asked;
    },
    all: () => [...known.values()].map(({ trusted }) => trusted),
  };
}

async function ask(
  iss: string,
  { resolveIssuer, events }: ResolvedIssuersOptions,
): Promise<IssuerOptions | undefined> {
  try {
    const answer = await resolveIssuer(iss);
    if (answer === undefined || answer === null) return undefined;
    if (!isRecord(answer)) throw new TypeError('resolveIssuer() answered with no issuer options');
    return answer;
  } catch (cause) {
    events.emit('hook.failed', { hook: 'resolveIssuer' });
    throw new AuthError('KEYS_UNAVAILABLE', { reason: 'resolver', cause });
  }
}

/** The same options again keep their keys and verified tokens. */
function renew(
  before: Known | undefined,
  options: IssuerOptions,
  { trust }: ResolvedIssuersOptions,
): TrustedIssuer {
  return before && isDeepStrictEqual(before.options, options) ? before.trusted : trust(options);
}

function keep<Value>(map: Map<string, Value>, key: string, value: Value): void {
  const [oldest] = map.keys();
  if (map.size >= MAX_ISSUERS && oldest !== undefined) map.delete(oldest);
  map.set(key, value);
}
