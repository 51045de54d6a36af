import { AuthError, reusableError } from '../../errors.js';
import type { EventSink } from '../../events.js';
import type { RemoteFetchOptions } from '../../http/bounded-fetch.js';
import { describeVerified, passesOwnCheck } from '../tokens/describe-verified.js';
import { LAST_DATE, validUntil } from '../tokens/rules.js';
import type { VerifiedToken, VerifiedTokenCache } from '../tokens/verified-tokens.js';
import type { IssuerPolicy } from '../trusted-issuers/policy.js';
import { askAbout } from './ask.js';
import { createEndpoint } from './endpoint.js';
import { judgeAnswer } from './judge-answer.js';
import { type Answer, readAnswer } from './read-answer.js';
import type { IntrospectionPolicy } from './read-introspection.js';
import { createMissed, type Refused } from './missed.js';
import { createTurns } from './turns.js';

export type Verdict = VerifiedToken | Refused;

/** Asks an issuer about its tokens. */
export interface Introspector {
  /**
   * The verdict on a token that is not among the remembered ones. Questions about the same token at the same time are one.
   * Throws or rejects with KEYS_UNAVAILABLE.
   */
  judge(token: string, digest: string): Verdict | Promise<Verdict>;
  /** Resolves when the endpoint and the keys of signed answers are known. Rejects with KEYS_UNAVAILABLE. */
  ready(): Promise<void>;
  /** Questions asked, and signatures of answers checked. */
  readonly counters: { readonly introspections: number; readonly signatureChecks: number };
}

export interface IntrospectorOptions extends Omit<RemoteFetchOptions, 'fetch'> {
  readonly policy: IssuerPolicy;
  readonly introspection: IntrospectionPolicy;
  /** Undefined where no token is remembered. */
  readonly cache: VerifiedTokenCache | undefined;
  readonly events: EventSink;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

interface Heard extends Answer {
  /** From when the answer counts, in milliseconds since 1970. */
  readonly askedAt: number;
}

/**
 * Remembers what the issuer said: good verdicts among the verified tokens, bad ones apart, so that made-up tokens push no
 * real ones out. Tokens are remembered by their digest.
 */
export function createIntrospector(options: IntrospectorOptions): Introspector {
  const { policy, introspection, cache, events, now } = options;
  const [issuer = ''] = policy.names.listed;
  const asked = { ...options, fetch: introspection.fetch };
  const counters = { introspections: 0, signatureChecks: 0 };
  const endpoint = createEndpoint(issuer, asked);
  const turns = createTurns({ issuer, events, now });
  const missed = createMissed({ ...introspection, now });
  const pending = new Map<string, Promise<Verdict>>();

  async function ask(token: string): Promise<Heard | undefined> {
    try {
      const url = await endpoint.find();
      const askedAt = now();
      counters.introspections += 1;
      const reply = await askAbout(token, url, asked);
      if (!reply) return undefined;
      const answer = await readAnswer(reply, { policy, now, counter: counters });
      return { ...answer, askedAt };
    } catch (error) {
      endpoint.forget();
      throw error;
    }
  }

  /** "Not active" would be the answer about a token that the endpoint does not know (RFC 7662 §2.2): this is none. */
  function noAnswer(): AuthError {
    const retryAfterSeconds = Math.max(1, introspection.negativeCacheSeconds);
    events.emit('introspection.failed', { issuer, reason: 'status', retryAfterSeconds });
    return reusableError('KEYS_UNAVAILABLE', { reason: 'introspection', retryAfterSeconds });
  }

  async function judgeAnew(token: string, digest: string): Promise<Verdict> {
    if (!policy.keys.isServing(now())) await policy.keys.load();
    const heard = await turns.run(() => ask(token));
    if (!heard) {
      const error = noAnswer();
      missed.remember(digest, error);
      throw error;
    }
    const verdict = judge(heard, options);
    if ('refused' in verdict) missed.remember(digest, verdict);
    else cache?.remember(digest, verdict, Math.floor(now() / 1000));
    return verdict;
  }

  return {
    judge(token, digest) {
      const known = missed.recall(digest);
      if (known) return known;
      const asking =
        pending.get(digest) ?? judgeAnew(token, digest).finally(() => pending.delete(digest));
      pending.set(digest, asking);
      return asking;
    },
    async ready() {
      await Promise.all([policy.keys.load(), turns.run(() => endpoint.find())]);
    },
    counters,
  };
}

function judge(
  { members, key, askedAt }: Heard,
  { policy, introspection: { cacheSeconds }, cache, now }: IntrospectorOptions,
): Verdict {
  const exp = typeof members['exp'] === 'number' ? members['exp'] : undefined;
  const refused = judgeAnswer(members, policy, Math.floor(now() / 1000));
  if (refused) return { refused, exp: exp ?? 0 };
  const { active: _, ...claims } = members;
  const [issuer = ''] = policy.names.listed;
  const askedSeconds = Math.floor(askedAt / 1000);
  const aged = validUntil({ ...claims, exp: exp ?? LAST_DATE }, policy);
  const verified = describeVerified(claims, {
    policy,
    method: 'opaque',
    issuer,
    key,
    expiresAt: exp ?? askedSeconds + cacheSeconds,
    // Without the tolerance: once `exp` is over, the issuer has the word again.
    diesAt: Math.min(
      aged,
      Math.floor(exp ?? LAST_DATE),
      askedSeconds + (cache?.maxAgeSeconds ?? 0),
    ),
  });
  return passesOwnCheck(verified.claims, policy) ? verified : { refused: 'check', exp: 0 };
}
