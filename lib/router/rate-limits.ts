import type { Request, RequestHandler, Response } from 'express';
import { type Options, rateLimit, type Store as LimitStore } from 'express-rate-limit';
import { clientAddress } from '../http/client-address.js';
import { requestFacts } from '../http/request-facts.js';
import { isSafeMethod } from '../http/cross-site.js';
import { AuthError } from '../errors.js';
import type { AuthEvents } from '../events/auth-events.js';
import { isRecord } from '../is-record.js';
import { runMiddleware } from './respond.js';
import type { RouterParts } from './parts.js';

type LimitName = AuthEvents['rate.limited']['limit'];

interface Limiting {
  /** Names the counters in the store, and the policy in the header. */
  readonly name: string;
  readonly kind: LimitName;
  readonly max: number;
  readonly windowSeconds: number;
  /** How the library tells clients apart. */
  readonly keying:
    | Pick<Options, 'keyGenerator' | 'validate'>
    | Pick<Options, 'ipv6Subnet' | 'logger'>;
  /** Whether a success gives its attempt back. @defaultValue `false` */
  readonly countsFailuresOnly?: boolean;
  /** Whether requests pass while the counters are out of reach. @defaultValue `false`: 503 */
  readonly passesOnOutage?: boolean;
}

/**
 * Limits requests per address: IPv6 by its /64, which is what one subscriber has, and every spelling of an address as
 * one. Safe methods, and what `isAsHarmless` knows, guess no secret: they get ten times as much, and pass while the
 * store is down. Emits one LatchkeyWarning for each setting of Express that makes addresses worthless.
 */
export function limitAddresses(
  parts: RouterParts,
  isAsHarmless: (req: Request) => boolean,
): RequestHandler {
  const { max, windowSeconds } = parts.config.rateLimit;
  const keying = { ipv6Subnet: 64, logger: createProxyWarnings() };
  const common = { kind: 'address', windowSeconds, keying } as const;
  const unsafe = limit(parts, { ...common, name: 'address', max });
  const safe = limit(parts, {
    ...common,
    name: 'address-reading',
    max: max * 10,
    passesOnOutage: true,
  });
  return function limitAddress(req, res, next) {
    // The library reads `req.ip` by itself, and its checks want an address there.
    const seen: Request = Object.create(req, { ip: { value: clientAddress(req) ?? '' } });
    return (isSafeMethod(req.method) || isAsHarmless(req) ? safe : unsafe)(seen, res, next);
  };
}

const proxyWarnings: Readonly<Record<string, string>> = {
  ERR_ERL_UNEXPECTED_X_FORWARDED_FOR:
    "requests carry X-Forwarded-For, but Express' `trust proxy` is off: all clients behind the proxy share one rate limit; set it to the number of proxies, e.g. app.set('trust proxy', 1)",
  ERR_ERL_PERMISSIVE_TRUST_PROXY:
    "Express' `trust proxy` is true: a client gets around the rate limits by writing addresses into X-Forwarded-For; set it to the number of proxies, e.g. app.set('trust proxy', 1)",
  ERR_ERL_FORWARDED_HEADER:
    'requests carry `Forwarded`, which Express does not read: all clients behind the proxy share one rate limit; let the proxy send X-Forwarded-For, and set `trust proxy` to the number of proxies',
};

/** Passes the library's findings on, each once. Its own messages may quote an address or a key. */
function createProxyWarnings(): NonNullable<Options['logger']> {
  const told = new Set<string>();
  const tell = (finding: unknown): void => {
    const { code } = isRecord(finding) ? finding : {};
    if (typeof code !== 'string' || told.has(code)) return;
    told.add(code);
    const message =
      proxyWarnings[code] ?? `see https://express-rate-limit.github.io/${code}/ on the rate limits`;
    process.emitWarning(message, 'LatchkeyWarning', code);
  };
  return { warn: tell, error: tell };
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
    keying: { keyGenerator: (req) => accounts.get(req) ?? '', validate: false },
  });
  return (req, res, account) => {
    accounts.set(req, account);
    return runMiddleware(middleware, req, res);
  };
}

function limit(parts: RouterParts, limiting: Limiting): RequestHandler {
  const { name, kind, max, windowSeconds, keying } = limiting;
  const { countsFailuresOnly = false, passesOnOutage = false } = limiting;
  return rateLimit({
    windowMs: windowSeconds * 1000,
    limit: max,
    identifier: name,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    ...keying,
    skipSuccessfulRequests: countsFailuresOnly,
    store: sharedCounters(parts, { name, windowMs: windowSeconds * 1000, passesOnOutage }),
    handler: (req, _res, next) => {
      parts.events.emit('rate.limited', { limit: kind, ...requestFacts(req) });
      next(limitReached(resetTimeOf(req) ?? parts.now(), parts.now()));
    },
  });
}

/** When the library has counted a request, it says so on the request. */
function resetTimeOf(req: Request & { rateLimit?: { resetTime?: Date } }): number | undefined {
  return req.rateLimit?.resetTime?.getTime();
}

/** The refusal of a request whose count begins anew at `retryAt`, in milliseconds since 1970. */
export function limitReached(retryAt: number, now: number): AuthError {
  return new AuthError('RATE_LIMITED', { retryAfterSeconds: (retryAt - now) / 1000, retryAt });
}

/** A limit per account that no answer shows, neither by a header. */
interface SilentLimit {
  /** Counts one attempt. */
  spend(account: string): Promise<{ readonly isWithin: boolean; readonly resetAt: number }>;
  /** Never rejects: a failure is reported by the store's own event. */
  giveBack(account: string): Promise<void>;
}

export function createSilentLimit(parts: RouterParts, name: string): SilentLimit {
  const { max, windowSeconds } = parts.config.loginLimit;
  const counters = sharedCounters(parts, {
    name,
    windowMs: windowSeconds * 1000,
    passesOnOutage: false,
  });
  return Object.freeze({
    async spend(account: string) {
      const { totalHits, resetAt } = await counters.increment(account);
      return { isWithin: totalHits <= max, resetAt };
    },
    giveBack: (account: string) => counters.decrement(account),
  });
}

/** Lets a count of {@link limitAccounts} or {@link createSilentLimit} begin anew. */
export async function forgetCount(
  { store }: Pick<RouterParts, 'store'>,
  name: string,
  account: string,
): Promise<void> {
  await store.once.del(counterKey(name, account));
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
): Counters {
  return {
    localKeys: false,
    async increment(key) {
      const counting = once.incr(counterKey(name, key), { now: now(), windowMs });
      const { count, resetAt } = passesOnOutage
        ? await counting.catch(() => ({ count: 1, resetAt: now() + windowMs }))
        : await counting;
      return { totalHits: count, resetTime: new Date(resetAt), resetAt };
    },
    async decrement(key) {
      // The reply has been sent. A failure is reported by the store's own event.
      await once
        .incr(counterKey(name, key), { now: now(), windowMs, amount: -1 })
        .catch(() => undefined);
    },
    resetKey: (key) => once.del(counterKey(name, key)),
  };
}

interface Counters extends LimitStore {
  increment(
    key: string,
  ): Promise<{ readonly totalHits: number; readonly resetTime: Date; readonly resetAt: number }>;
  decrement(key: string): Promise<void>;
}

function counterKey(name: string, key: string): string {
  return `limit:${name}:${key}`;
}
