import { createHash } from 'node:crypto';
import type { Request, Response } from 'express';
import { z } from 'zod';
import { createBoundedMap } from '../../bounded-map.js';
import type { CookiePurpose } from '../../http/cookies.js';
import type { LoginSecrets } from '../../providers/login-provider.js';
import { AuthError } from '../../errors.js';
import { createSealer, TooLongToSealError } from '../../secrets/sealing.js';
import type { RouterParts } from '../parts.js';

/** A log-in that waits for the provider's answer. */
export interface Transaction {
  /** Name of the provider that the user was sent to. */
  readonly provider: string;
  readonly secrets: LoginSecrets;
  readonly returnTo: string;
  readonly mode: 'cookie' | 'code';
  /** Of the client that will redeem our code, which need not share the browser's cookies (RFC 7636 §4.2). */
  readonly codeChallenge?: string | undefined;
  /** Id of the signed-in user whose account the identity is to be linked with. */
  readonly linkTo?: string | undefined;
  /** `prompt=none`: the provider must not show anything. */
  readonly isSilent: boolean;
}

/** A log-in whose answer has come. */
type Answered =
  | { readonly pending: Transaction }
  /** It has taken too long, or its answer has come before. */
  | { readonly over: Pick<Transaction, 'returnTo' | 'mode'> };

const schema: z.ZodType<Transaction & { readonly begunAt: number }> = z.strictObject({
  begunAt: z.number(),
  provider: z.string(),
  secrets: z.strictObject({
    state: z.string(),
    nonce: z.string().optional(),
    codeVerifier: z.string(),
    redirectUri: z.string(),
    acrValues: z.array(z.string()).optional(),
    maxAgeSeconds: z.number().optional(),
  }),
  returnTo: z.string(),
  mode: z.enum(['cookie', 'code']),
  codeChallenge: z.string().optional(),
  linkTo: z.string().optional(),
  isSilent: z.boolean(),
});

/** Pending log-ins, each in a sealed cookie of its own, so that two tabs can sign in at once. */
export interface Transactions {
  /** Rejects with INVALID_REQUEST (400) for wishes that no cookie can hold. */
  begin(exchange: Pick<Exchange, 'req' | 'res'>, transaction: Transaction): Promise<void>;
  /**
   * Takes the log-in of a callback. Pending is one that was begun by this browser, for this provider, less than ten minutes
   * ago, and not taken before on any instance. Undefined for one that this browser knows nothing of.
   */
  take(
    exchange: Exchange,
    answer: { readonly state: string; readonly provider: string },
  ): Promise<Answered | undefined>;
}

interface Exchange {
  readonly req: Request;
  readonly res: Response;
}

const LIFE_SECONDS = 600;
/** So long the browser still knows where a log-in was to lead that has taken too long. */
const KNOWN_SECONDS = 3600;
/** Log-ins that are over, of which the browser knows nothing any more: an answer may arrive twice. */
const MOST_OVER = 1000;
/** Node.js accepts 16 kB of headers, and the application has cookies of its own. */
const MOST_AT_ONCE = 5;
const MOST_CHARACTERS = 6000;
/** With the cookie's name no more than a browser keeps, which drops a longer one in silence (RFC 6265bis §5.7). */
const MAX_LENGTH = 3900;
/** A browser has no more. A forged request with thousands of cookies must not keep us busy. */
const MOST_LOOKED_AT = 20;

export function createTransactions({ cookies, rootKeys, store, now }: RouterParts): Transactions {
  const sealer = createSealer(rootKeys, 'login', { now, maxLength: MAX_LENGTH });

  const over = createBoundedMap<string, Pick<Transaction, 'returnTo' | 'mode'>>(MOST_OVER);

  /** Returns text that sorts by age, also for two log-ins of one millisecond. */
  let begun = 0;
  function nextAge(): string {
    begun = (begun + 1) % 36 ** 3;
    return `${now().toString(36)}${begun.toString(36).padStart(3, '0')}`;
  }

  /** Removes the oldest log-ins, so that the new one fits. */
  function dropOldest(req: Request, res: Response, coming: number): void {
    const newestFirst = cookies
      .purposes(req, 'login-')
      .toSorted()
      .toReversed()
      .slice(0, MOST_LOOKED_AT);
    let characters = coming;
    for (const [index, purpose] of newestFirst.entries()) {
      characters += cookies.read(req, purpose)?.length ?? 0;
      if (index + 1 >= MOST_AT_ONCE || characters > MOST_CHARACTERS) cookies.clear(res, purpose);
    }
  }

  return Object.freeze({
    async begin({ req, res }: Exchange, transaction: Transaction): Promise<void> {
      const value = await sealer
        .seal({ ...transaction, begunAt: now() }, KNOWN_SECONDS)
        .catch(refuseTooLong);
      dropOldest(req, res, value.length);
      const purpose: CookiePurpose = `login-${nextAge()}-${digest(transaction.secrets.state)}`;
      cookies.set(res, purpose, { value, maxAgeSeconds: KNOWN_SECONDS });
    },
    async take(
      { req, res }: Exchange,
      { state, provider }: { readonly state: string; readonly provider: string },
    ): Promise<Answered | undefined> {
      const id = digest(state);
      const purpose = cookies.purposes(req, 'login-').find((name) => name.endsWith(`-${id}`));
      const sealed = purpose && cookies.read(req, purpose);
      if (purpose === undefined || sealed === undefined) {
        const known = over.get(id);
        return known && { over: known };
      }
      const { data } = schema.safeParse(await sealer.open(sealed));
      if (data?.secrets.state !== state || data.provider !== provider) return undefined;
      const { begunAt, ...transaction } = data;
      const isInTime = now() < begunAt + LIFE_SECONDS * 1000;
      const life = { now: now(), expiresAt: now() + LIFE_SECONDS * 1000 };
      const isPending = isInTime && (await store.once.add(`login:${id}`, '', life));
      cookies.clear(res, purpose);
      const { returnTo, mode } = transaction;
      over.set(id, { returnTo, mode });
      return isPending ? { pending: transaction } : { over: { returnTo, mode } };
    },
  });
}

function refuseTooLong(error: unknown): never {
  if (!(error instanceof TooLongToSealError)) throw error;
  throw new AuthError('INVALID_REQUEST', {
    reason: 'too_long',
    detail: 'The parameters of the log-in are too long together.',
  });
}

/** Only tells log-ins apart; the seal makes one genuine. */
function digest(state: string): string {
  return createHash('sha256').update(state).digest('hex').slice(0, 32);
}
