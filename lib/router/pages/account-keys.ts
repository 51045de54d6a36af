import type { Request } from 'express';
import { z } from 'zod';
import { definedOnly } from '../../known-options.js';
import type { StoredUser } from '../../stores/store.js';
import type { Callers } from '../caller.js';
import { createOwnKey, endKeyOf } from '../machine/keys.js';
import { ownPath } from '../own-urls.js';
import type { Endpoint } from '../respond.js';
import type { RouterParts } from '../parts.js';
import { type KeysFacts, newKeyPage } from './account-keys-section.js';
import { backToAccount } from './back-to-account.js';
import { readPageForm } from './read-page-form.js';

const DAY_SECONDS = 86_400;
/** What the page offers. The first one is chosen unless the user changes it. */
const LIVES = [90, 30, 7, 365].map((days) => days * DAY_SECONDS);

/** What the account page says of API keys; undefined while they are off. */
export async function accountKeysOf(
  { config, apiKeys, apiKeyOptions, grantOf, now }: RouterParts,
  req: Request,
  user: StoredUser,
): Promise<KeysFacts | undefined> {
  if (!config.acceptApiKeys) return undefined;
  const { maxLifeSeconds } = apiKeyOptions;
  const lives = LIVES.filter((life) => life <= (maxLifeSeconds ?? life));
  const keys = await apiKeys.list({ owner: user.id });
  const from = (time: number | undefined): number | undefined =>
    time === undefined ? undefined : (time - now()) / 1000;
  const ago = (time: number | undefined): number | undefined =>
    time === undefined ? undefined : Math.max(0, (now() - time) / 1000);
  return {
    // A key for one resource or organisation belongs on the application's own page of that.
    keys: keys.map(({ id, name, prefix, scopes, createdAt, lastUsedAt, expiresAt }) => ({
      ...{ name, prefix, scopes, madeAgo: ago(createdAt) ?? 0, usedAgo: ago(lastUsedAt) },
      endsIn: from(expiresAt),
      remove: ownPath(req, `/keys/${id}`),
    })),
    create: ownPath(req, '/keys'),
    scopes: grantOf.scopesOf(user),
    lives: lives.length > 0 || maxLifeSeconds === undefined ? lives : [maxLifeSeconds],
    mayStay: maxLifeSeconds === undefined,
  };
}

const createSchema = z.object({
  name: z.string(),
  expires_in: z
    .string()
    .regex(/^\d{0,10}$/)
    .default(''),
  scopes: z.union([z.array(z.string()), z.string().transform((scope) => [scope])]).optional(),
});

/** Makes a key by the form of the account page, and shows it. Errors: those of {@link createOwnKey}. */
export function submitCreateKey(parts: RouterParts, callers: Callers): Endpoint {
  return async function handleSubmitCreateKey(req, res) {
    const { expires_in: life, ...body } = await readPageForm(parts, { req, res }, createSchema);
    const caller = await callers.requireUser(req);
    const expiresInSeconds = life === '' ? undefined : Number(life);
    const wanted = { name: body.name, ...definedOnly({ scopes: body.scopes, expiresInSeconds }) };
    const { name, key } = await createOwnKey(parts, req, { caller, wanted });
    parts.pages.send(res, 201, newKeyPage({ name, key, account: ownPath(req, '/account') }));
  };
}

const empty = z.object({});

/** Deletes one of the caller's own keys by its button. NOT_FOUND (404) for any other key. */
export function submitEndKey(parts: RouterParts, callers: Callers): Endpoint {
  return async function handleSubmitEndKey(req, res) {
    await readPageForm(parts, { req, res }, empty);
    const { user } = await callers.requireUser(req);
    await endKeyOf(parts, req, { owner: user.id, id: req.params['id'], by: 'request' });
    backToAccount(parts, { req, res }, 'notice.keyDeleted');
  };
}
