import { createHash, randomBytes } from 'node:crypto';
import type { Request } from 'express';
import type { z } from 'zod';
import { AuthError, reusableError } from '../../errors.js';
import type { AuthEvents } from '../../events/auth-events.js';
import { requestFacts } from '../../http/request-facts.js';
import type { StoredUser } from '../../stores/store.js';
import { mailedUrl } from '../own-urls.js';
import type { RouterParts } from '../parts.js';

/**
 * Tokens that are mailed, and work once when they come back. Issuing one leaves the earlier ones alone: a person may
 * open whichever mail arrives first.
 */
export interface MailedTokens<Row> {
  /** Returns a new token that stands for a row. */
  issue(row: Row): Promise<string>;
  /**
   * Uses a token up for `work`, which throws {@link deadToken} for a row that is out of date. After any other failure the
   * token is good again: it must not be lost to a refused password or an outage. Rejects with INVALID_REQUEST (400) for a
   * token that is unknown, used or expired.
   */
  redeem<Result>(token: string, work: (row: Row) => Promise<Result>): Promise<Result>;
}

export interface Expiring {
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Prepares tokens of one kind. `kind` keeps those of other kinds out. */
export function createMailedTokens<Row extends Expiring>(
  { store: { once }, now }: Pick<RouterParts, 'store' | 'now'>,
  { kind, schema }: { readonly kind: string; readonly schema: z.ZodType<Row> },
): MailedTokens<Row> {
  // Only a digest is stored: a leaked store proves no address.
  const keyOf = (token: string): string => `${kind}:${digestOf(token)}`;
  return Object.freeze({
    async issue(row: Row): Promise<string> {
      const token = randomBytes(32).toString('base64url');
      await once.add(keyOf(token), JSON.stringify(row), { now: now(), expiresAt: row.expiresAt });
      return token;
    },
    async redeem<Result>(token: string, work: (row: Row) => Promise<Result>): Promise<Result> {
      const key = keyOf(token);
      const taken = await once.take(key, now());
      const row = taken === undefined ? undefined : schema.safeParse(JSON.parse(taken)).data;
      if (taken === undefined || !row) throw unknownToken;
      try {
        return await work(row);
      } catch (error) {
        if (error !== deadToken)
          await once.add(key, taken, { now: now(), expiresAt: row.expiresAt });
        throw error;
      }
    },
  });
}

/** For keys of the store, which must not hold what they stand for. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

const invalidToken = {
  reason: 'mailed_token',
  errors: [{ pointer: '#/token', detail: 'is not valid, or not any more', code: 'invalid_token' }],
};
/** The same answer for both: what differs is for the event. */
const unknownToken = reusableError('INVALID_REQUEST', invalidToken);
export const deadToken: AuthError = reusableError('INVALID_REQUEST', invalidToken);

/** Tells why a mailed token was refused, and passes the refusal on; with every other error it only does that. */
export function reportRefusedToken(
  { events }: Pick<RouterParts, 'events'>,
  req: Request,
  { error, ...told }: RefusedToken,
): never {
  const reason = reasonOf(error);
  if (reason) events.emit('mailed_token.refused', { ...told, reason, ...requestFacts(req) });
  throw error;
}

interface RefusedToken extends Pick<AuthEvents['mailed_token.refused'], 'kind' | 'userId'> {
  readonly error: unknown;
}

type Reason = AuthEvents['mailed_token.refused']['reason'];

function reasonOf(error: unknown): Reason | undefined {
  if (error === unknownToken) return 'unknown';
  if (error === deadToken) return 'out_of_date';
  return error instanceof AuthError ? reasons.get(error.reason) : undefined;
}

const reasons: ReadonlyMap<string | undefined, Reason> = new Map([
  ['sign_up_password', 'wrong_password'],
  ['invitation', 'unknown'],
  ['invitation_used', 'used'],
  ['invitation_expired', 'expired'],
  ['invitation_address', 'other_address'],
  ['invitation_unproven', 'unproven'],
]);

/** Of a user's address and password when a mail was sent. Once either changes, the tokens that were mailed before are dead. */
export function fingerprintOf({ passwordHash = '', email = '' }: StoredUser): string {
  return digestOf(`${email}\n${passwordHash}`);
}

/**
 * Returns the link to a page of the application, with the token as fragment, which browsers send to no server; or to a page of ours,
 * with the token in the query, because a page without scripts reads no fragment.
 */
export function mailedLink(
  parts: Pick<RouterParts, 'config' | 'place'>,
  { page, own, token, query }: MailedLink,
): string {
  const url = mailedUrl(parts, page ?? `${parts.place.routerPath()}${own}`);
  if (page !== undefined) url.hash = `token=${token}`;
  else
    for (const [name, value] of Object.entries({ token, ...query }))
      if (value !== undefined) url.searchParams.set(name, value);
  return url.href;
}

interface MailedLink {
  /** The application's page: a path on AUTH_PUBLIC_URL, or an absolute URL. Undefined: ours. */
  readonly page: string | undefined;
  /** Our page, below the router. */
  readonly own: '/reset-password' | '/verify-email' | '/accept-invitation';
  readonly token: string;
  /** What our page gets besides. */
  readonly query: Readonly<Record<string, string | undefined>>;
}
