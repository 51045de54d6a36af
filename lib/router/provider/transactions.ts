import { createHash } from 'node:crypto';
import type { Request, Response } from 'express';
import { z } from 'zod';
import type { CookiePurpose } from '../../http/cookies.js';
import type { LoginSecrets } from '../../providers/login-provider.js';
import { createSealer } from '../../secrets/sealing.js';
import type { RouterParts } from '../parts.js';

/** A log-in that waits for the provider's answer. */
export interface Transaction {
  /** Whom the user was sent to. */
  readonly provider: string;
  readonly secrets: LoginSecrets;
  readonly returnTo: string;
  readonly mode: 'cookie' | 'code';
  /** Of whoever will redeem our code, who may not share the browser's cookies (RFC 7636 §4.2). */
  readonly codeChallenge?: string | undefined;
  /** The signed-in user who wants the identity joined with the account. */
  readonly linkTo?: string | undefined;
  /** The user was not to be asked anything. */
  readonly isSilent: boolean;
}

const schema: z.ZodType<Transaction> = z.strictObject({
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

/** Log-ins on their way, each in a sealed cookie of its own, so that two tabs do not get into each other's way. */
export interface Transactions {
  begin(exchange: Pick<Exchange, 'req' | 'res'>, transaction: Transaction): Promise<void>;
  /**
   * Takes the log-in that this answer is for out of the browser: made by this browser, for this provider, not older than
   * ten minutes, and not taken before, here or elsewhere. Undefined when there is none.
   */
  take(
    exchange: Exchange,
    answer: { readonly state: string; readonly provider: string },
  ): Promise<Transaction | undefined>;
}

interface Exchange {
  readonly req: Request;
  readonly res: Response;
}

const LIFE_SECONDS = 600;
/** Servers take 16 kB of headers or less, and the application has cookies of its own. */
const MOST_AT_ONCE = 5;
const MOST_CHARACTERS = 6000;
/** No browser of ours has more; a request that does shall not keep us busy. */
const MOST_LOOKED_AT = 20;

export function createTransactions({ cookies, rootKeys, store, now }: RouterParts): Transactions {
  const sealer = createSealer(rootKeys, 'login', { now });

  /** Sorts log-ins by age, also those of one moment. */
  let begun = 0;
  function nextAge(): string {
    begun = (begun + 1) % 36 ** 3;
    return `${now().toString(36)}${begun.toString(36).padStart(3, '0')}`;
  }

  /** The oldest make room. */
  function tidy(req: Request, res: Response, coming: number): void {
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
      const value = await sealer.seal(transaction, LIFE_SECONDS);
      tidy(req, res, value.length);
      const purpose: CookiePurpose = `login-${nextAge()}-${digest(transaction.secrets.state)}`;
      cookies.set(res, purpose, { value, maxAgeSeconds: LIFE_SECONDS });
    },
    async take(
      { req, res }: Exchange,
      { state, provider }: { readonly state: string; readonly provider: string },
    ): Promise<Transaction | undefined> {
      const id = digest(state);
      const purpose = cookies.purposes(req, 'login-').find((name) => name.endsWith(`-${id}`));
      const sealed = purpose && cookies.read(req, purpose);
      if (purpose === undefined || sealed === undefined) return undefined;
      const { data: transaction } = schema.safeParse(await sealer.open(sealed));
      if (transaction?.secrets.state !== state || transaction.provider !== provider)
        return undefined;
      const life = { now: now(), expiresAt: now() + LIFE_SECONDS * 1000 };
      const isFirst = await store.once.add(`login:${id}`, '', life);
      cookies.clear(res, purpose);
      return isFirst ? transaction : undefined;
    },
  });
}

/** Long enough to tell log-ins apart; what makes one genuine is inside its seal. */
function digest(state: string): string {
  return createHash('sha256').update(state).digest('hex').slice(0, 32);
}
