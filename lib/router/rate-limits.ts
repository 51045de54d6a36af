import type { Request, RequestHandler, Response } from 'express';
import { ipKeyGenerator, rateLimit, type Store as LimitStore } from 'express-rate-limit';
import { requestFacts } from '../http/request-facts.js';
import { isSafeMethod } from '../http/cross-site.js';
import { AuthError } from '../errors.js';
import type { AuthEvents } from '../events.js';
import { runMiddleware } from './respond.js';
import type { RouterParts } from './parts.js';

type LimitName = AuthEvents['rate.limited']['limit'];

interface Limiting {
  /** Names the counters in the store, and the policy in the header. */
  readonly name: string;
  readonly kind: LimitName;
  readonly max: number;
  readonly windowSeconds: number;
  readonly keyOf: (req: Request) => string;
  /** Whether a success gives its attempt back. @defaultValue `false` */
  readonly countsFailuresOnly?: boolean;
  /** Whether requests pass while nobody can count. @defaultValue `false`: 503 */
  readonly passesOnOutage?: boolean;
}

/**
 * Limits requests per address: IPv6 by its /64, which is what one subscriber has, and IPv4 in whatever spelling.
 * Safe methods, and what `isAsHarmless` knows, guess no secret: they get ten times as much, and pass while the
 * store is down.
 */
export function limitAddresses(
  parts: RouterParts,
  isAsHarmless: (req: Request) => boolean,
): RequestHandler {
  const { max, windowSeconds } = parts.config.rateLimit;
  const keyOf = ({ ip = '' }: Request): string => ipKeyGenerator(ip, 64);
  const common = { kind: 'address', windowSeconds, keyOf } as const;
  const unsafe = limit(parts, { ...common, name: 'address', max });
  const safe = limit(parts, {
    ...common,
    name: 'address-reading',
    max: max * 10,
    passesOnOutage: true,
  });
  return function limitAddress(req, res, next) {
    return (isSafeMethod(req.method) || isAsHarmless(req) ? safe : unsafe)(req, res, next);
  };
}

/** Counts one attempt on an account. Rejects with RATE_LIMITED (429) when there were too many. */
export type SpendAttempt = (req: Request, res: Response, account: string) => Promise<void>;

/**
 * Limits attempts per account, from however many addresses. `account` must not be readable: it becomes part of
 * a key in the store.
 */
export function limitAccounts(
  parts: RouterParts,
  options: Pick<Limiting, 'name' | 'countsFailuresOnly'>,
): SpendAttempt {
  const accounts = new WeakMap<Request, string>();
  const middleware = limit(parts, {
    ...parts.config.loginLimit,
    ...options,
    kind: 'account',
    keyOf: (req) => accounts.get(req) ?? '',
  });
  return (req, res, account) => {
    accounts.set(req, account);
    return runMiddleware(middleware, req, res);
  };
}

function limit(parts: RouterParts, limiting: Limiting): RequestHandler {
  const { name, kind, max, windowSeconds, keyOf } = limiting;
  const { countsFailuresOnly = false, passesOnOutage = false } = limiting;
  return rateLimit({
    windowMs: windowSeconds * 1000,
    limit: max,
    identifier: name,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    keyGenerator: keyOf,
    skipSuccessfulRequests: countsFailuresOnly,
    store: sharedCounters(parts, { name, windowMs: windowSeconds * 1000, passesOnOutage }),
    // Its checks look at Express' settings, and say what they think on the console.
    validate: false,
    handler: (req, _res, next) => {
      parts.events.emit('rate.limited', { limit: kind, ...requestFacts(req) });
      next(new AuthError('RATE_LIMITED', { retryAfterSeconds: retryAfter(req, parts.now()) }));
    },
  });
}

/** When the library has counted a request, it says so on the request. */
function retryAfter(req: Request & { rateLimit?: { resetTime?: Date } }, now: number): number {
  const resetTime = req.rateLimit?.resetTime;
  return resetTime ? (resetTime.getTime() - now) / 1000 : 1;
}

interface Counting {
  readonly name: string;
  readonly windowMs: number;
  readonly passesOnOutage: boolean;
}

/** The counters of all instances are one: they are in the store. */
function sharedCounters(
  { store: { once }, now }: RouterParts,
  { name, windowMs, passesOnOutage }: Counting,
): LimitStore {
  const keyOf = (key: string): string => `limit:${name}:${key}`;
  return {
    localKeys: false,
    async increment(key) {
      const counting = once.incr(keyOf(key), { now: now(), windowMs });
      const { count, resetAt } = passesOnOutage
        ? await counting.catch(() => ({ count: 1, resetAt: now() + windowMs }))
        : await counting;
      return { totalHits: count, resetTime: new Date(resetAt) };
    },
    async decrement(key) {
      // Behind the reply: a failure has nobody to tell but the store's own event.
      await once.incr(keyOf(key), { now: now(), windowMs, amount: -1 }).catch(() => undefined);
    },
    resetKey: (key) => once.del(keyOf(key)),
  };
}
