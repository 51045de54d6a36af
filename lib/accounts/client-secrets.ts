import { createHash, randomBytes } from 'node:crypto';
import { AuthError } from '../errors.js';
import { checksumOf, hasChecksum, randomDigits } from '../secrets/checksummed-secret.js';
import type { StoredCredential } from '../stores/store.js';
import {
  type AccountContext,
  changeAccount,
  findAccount,
  readAccount,
  type ServiceAccount,
} from './stored-accounts.js';

/** A secret of a service account, without the secret itself, of which only a hash is kept. */
export interface ClientSecret {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** When it ends by itself. Milliseconds since 1970. */
  readonly expiresAt: number | undefined;
  /** When it last got a token, to the minute. Milliseconds since 1970. */
  readonly lastUsedAt: number | undefined;
}

/** A new secret. `secret` is shown this once. */
export interface NewClientSecret extends ClientSecret {
  readonly secret: string;
}

const KIND = 'client_secret';
const PREFIX = 'lks_';
/** 256 bits. */
const SECRET_LENGTH = 43;

/** Whether a text has the form of such a secret, so that it must not leave this application. */
export function isLikeClientSecret(text: string): boolean {
  return /^lks_[\dA-Za-z]{49}$/.test(text);
}

/** So that one can be replaced while both work. A third would be one that was forgotten. */
const MOST_SECRETS = 2;

/**
 * Adds a secret. Rejects with NOT_FOUND (404), and with CONFLICT (409) when two live already: then one has to end first. Of
 * concurrent calls no more succeed than there is room for: a secret counts once the account names it.
 */
export async function addSecret(
  context: AccountContext,
  accountId: string,
  expiresAt?: number,
): Promise<NewClientSecret> {
  const { credentials, now } = context;
  if (expiresAt !== undefined && !(Number.isFinite(expiresAt) && expiresAt > now()))
    throw new AuthError('INVALID_REQUEST', {
      errors: [{ pointer: '#/expires_in', detail: 'is a time in the future' }],
    });
  const body = PREFIX + randomDigits(SECRET_LENGTH);
  const secret = body + checksumOf(body);
  const row = {
    ...{ id: randomBytes(12).toString('hex'), hash: hashOf(secret), kind: KIND },
    ...{ ownerId: accountId, data: '{}', createdAt: now(), expiresAt },
  };
  if (!(await findAccount(context, accountId))) throw new AuthError('NOT_FOUND');
  await credentials.create(row);
  try {
    await changeAccount(context, accountId, async ({ account, secretIds }) => {
      const live = await liveSecrets(context, accountId, secretIds);
      refuseThird(live);
      return { account, secretIds: [row.id, ...live.map(({ id }) => id)] };
    });
  } catch (error) {
    await credentials.revoke(row.id, now());
    throw error;
  }
  return { ...publicPart({ ...row, lastUsedAt: undefined }), secret };
}

function refuseThird(live: readonly ClientSecret[]): void {
  if (live.length < MOST_SECRETS) return;
  const oldest = live.at(-1)?.id ?? '';
  throw new AuthError('CONFLICT', {
    detail: `This service account has two secrets already. End one of them first; the older one is ${oldest}.`,
  });
}

/** The live secrets of an account, the newest first. Rejects with NOT_FOUND (404). */
export async function listSecrets(
  context: AccountContext,
  accountId: string,
): Promise<readonly ClientSecret[]> {
  const found = await findAccount(context, accountId);
  if (!found) throw new AuthError('NOT_FOUND');
  return liveSecrets(context, accountId, found.secretIds);
}

/** Ends a secret at once. Returns whether it lived. */
export async function endSecret(
  context: AccountContext,
  accountId: string,
  secretId: string,
): Promise<boolean> {
  const { credentials, now } = context;
  const found = await findAccount(context, accountId);
  if (!found?.secretIds.includes(secretId)) return false;
  return credentials.revoke(secretId, now());
}

async function liveSecrets(
  { credentials, now }: AccountContext,
  accountId: string,
  secretIds: readonly string[],
): Promise<readonly ClientSecret[]> {
  const rows = await credentials.listByOwner(accountId, { kind: KIND });
  return rows.filter((row) => secretIds.includes(row.id) && isLive(row, now())).map(publicPart);
}

function isLive({ revokedAt, expiresAt }: StoredCredential, now: number): boolean {
  return revokedAt === undefined && (expiresAt === undefined || now < expiresAt);
}

function publicPart(row: Omit<StoredCredential, 'resource' | 'revokedAt'>): ClientSecret {
  const { id, createdAt, expiresAt, lastUsedAt } = row;
  return { id, createdAt, expiresAt, lastUsedAt };
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

/** What became of a client's attempt to prove itself. The reason is one fixed word, for events. */
export type ClientVerdict =
  | { readonly account: ServiceAccount; readonly secret?: ClientSecret }
  | { readonly reason: string; readonly accountId: string | undefined };

/**
 * Judges a client by its id and secret. Asks the store the same two questions whatever they are, so that nothing but the verdict
 * tells which accounts there are.
 */
export async function judgeSecret(
  { credentials, now }: AccountContext,
  clientId: string,
  secret: string,
): Promise<ClientVerdict> {
  const [row, secretRow] = await Promise.all([
    credentials.findById(clientId),
    credentials.findByHash(hashOf(secret)),
  ]);
  const found = readAccount(row);
  if (!found) return { reason: 'unknown_client', accountId: undefined };
  const { account, secretIds } = found;
  const refuse = (reason: string): ClientVerdict => ({ reason, accountId: account.id });
  if (!hasChecksum(secret)) return refuse('malformed_secret');
  if (secretRow?.ownerId !== account.id || secretRow.kind !== KIND) return refuse('wrong_secret');
  if (!secretIds.includes(secretRow.id) || !isLive(secretRow, now())) return refuse('secret_ended');
  if (account.disabled) return refuse('disabled');
  return { account, secret: publicPart(secretRow) };
}
