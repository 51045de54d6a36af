import type { Request } from 'express';
import { z } from 'zod';
import type { ApiKey } from '../../accounts/api-key-row.js';
import type { NewApiKey } from '../../accounts/api-key-rules.js';
import type { CreatedApiKey } from '../../accounts/api-keys.js';
import { AuthError } from '../../errors.js';
import { requestFacts } from '../../http/request-facts.js';
import type { Principal } from '../../principal.js';
import type { StoredUser } from '../../stores/store.js';
import type { Callers } from '../caller.js';
import { requireFreshCaller } from '../fresh-sign-in.js';
import { sendQuietly } from '../password/mail.js';
import { readJsonBody } from '../request-body.js';
import type { Endpoint } from '../respond.js';
import type { RouterParts } from '../parts.js';

/** An API key as it stands in answers. Times are ISO 8601. */
interface PublicKey {
  readonly id: string;
  readonly prefix: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly resource: string | null;
  readonly org: string | null;
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly last_used_at: string | null;
}

function publicKey(key: ApiKey): PublicKey {
  const { id, prefix, name, scopes, resource = null, org = null } = key;
  return {
    ...{ id, prefix, name, scopes, resource, org },
    created_at: new Date(key.createdAt).toISOString(),
    expires_at: timeOf(key.expiresAt),
    last_used_at: timeOf(key.lastUsedAt),
  };
}

function timeOf(time: number | undefined): string | null {
  return time === undefined ? null : new Date(time).toISOString();
}

/** A user's keys as they stand in answers, with `?resource=` those for that one only. INVALID_REQUEST (400) for two of it. */
export async function keyListOf(
  { apiKeys }: Pick<RouterParts, 'apiKeys'>,
  owner: string,
  { resource }: Request['query'],
): Promise<{ readonly keys: readonly PublicKey[] }> {
  if (resource !== undefined && typeof resource !== 'string')
    throw new AuthError('INVALID_REQUEST', { reason: 'query', detail: 'Name one `resource`.' });
  const keys = await apiKeys.list({ owner });
  const wanted = keys.filter((key) => resource === undefined || key.resource === resource);
  return { keys: wanted.map(publicKey) };
}

/** Lists the caller's own keys: a {@link keyListOf}. */
export function listKeys(parts: RouterParts, callers: Callers): Endpoint {
  return async function handleListKeys(req, res) {
    const { user } = await callers.requireUser(req);
    res.json(await keyListOf(parts, user.id, req.query));
  };
}

interface NewKeyBody {
  readonly name: string;
  readonly scopes?: readonly string[] | undefined;
  readonly resource?: string | undefined;
  readonly org?: string | undefined;
  readonly expires_in?: number | undefined;
}

export const createKeySchema: z.ZodType<NewKeyBody> = z.strictObject({
  name: z.string(),
  scopes: z.array(z.string()).optional(),
  resource: z.string().optional(),
  org: z.string().optional(),
  expires_in: z.number().optional(),
});

/** What the caller wants of a key of their own. */
type WantedKey = Omit<NewApiKey, 'owner' | 'createdBy'>;

/**
 * Makes a key for the caller, whom a mail tells of it. Errors: AUTH_CONTEXT_REQUIRED (401) when the sign-in is not fresh,
 * RESOURCE_FORBIDDEN and INSUFFICIENT_ROLE (403), INVALID_REQUEST (400), CONFLICT (409).
 */
export async function createOwnKey(
  parts: RouterParts,
  req: Request,
  { caller, wanted }: { readonly caller: Caller; readonly wanted: WantedKey },
): Promise<CreatedApiKey> {
  const { apiKeys, sendMail, events, inBackground } = parts;
  const { user, principal } = caller;
  await requireFreshCaller(parts, principal);
  await requirePermission(parts, user, wanted);
  const created = await apiKeys.create(
    { ...wanted, owner: user.id, createdBy: user.id },
    requestFacts(req),
  );
  try {
    // A reset of the password ends sessions before it ends keys: one that did not see this key has ended the session by now.
    await requireFreshCaller(parts, principal);
  } catch (error) {
    await apiKeys.revoke(created.id, { by: 'password', ...requestFacts(req) });
    throw error;
  }
  const { name, id: keyId } = created;
  if (sendMail && user.email !== undefined) {
    const data = { userId: user.id, keyId, name };
    inBackground(sendQuietly(sendMail, { kind: 'api_key_created', to: user.email, data }, events));
  }
  return created;
}

interface Caller {
  readonly user: StoredUser;
  readonly principal: Principal;
}

/** Asks the application. Where it has no say, no user makes a key for a resource: whose that is, we can't know. */
async function requirePermission(
  { apiKeyOptions: { mayCreate }, events }: RouterParts,
  user: StoredUser,
  { resource, org, scopes = [] }: WantedKey,
): Promise<void> {
  const ask = async (): Promise<unknown> => {
    try {
      return mayCreate ? await mayCreate(user, { resource, org, scopes }) : resource === undefined;
    } catch (cause) {
      if (cause instanceof AuthError) throw cause;
      events.emit('hook.failed', { hook: 'mayCreate' });
      throw new AuthError('STORE_UNAVAILABLE', { reason: 'may_create', cause });
    }
  };
  // Anything but true, such as a row of a database, is no permission.
  if ((await ask()) === true) return;
  throw resource === undefined
    ? new AuthError('INSUFFICIENT_ROLE', { detail: 'You may not make this API key.' })
    : new AuthError('RESOURCE_FORBIDDEN', {
        detail: 'You may not make an API key for this resource.',
      });
}

/** {@link createOwnKey}: 201 with the key, which no other answer holds. */
export function createKey(parts: RouterParts, callers: Callers): Endpoint {
  return async function handleCreateKey(req, res) {
    const caller = await callers.requireUser(req);
    const { expires_in: expiresInSeconds, ...body } = await readJsonBody(
      { req, res },
      createKeySchema,
    );
    const wanted = { ...body, expiresInSeconds };
    const { key, ...created } = await createOwnKey(parts, req, { caller, wanted });
    res.status(201).json({ key, ...publicKey(created) });
  };
}

/** Ends a key of an owner. Rejects with NOT_FOUND (404) for any other key. */
export async function endKeyOf(
  { apiKeys }: Pick<RouterParts, 'apiKeys'>,
  req: Request,
  {
    owner,
    id,
    by,
  }: { readonly owner: string; readonly id: unknown; readonly by: 'request' | 'admin' },
): Promise<void> {
  const key = typeof id === 'string' ? await apiKeys.find(id) : undefined;
  if (key?.owner !== owner) throw new AuthError('NOT_FOUND');
  await apiKeys.revoke(key.id, { by, ...requestFacts(req) });
}

/** Ends one of the caller's own keys: 204. Errors: NOT_FOUND (404). */
export function endKey(parts: RouterParts, callers: Callers): Endpoint {
  return async function handleEndKey(req, res) {
    const { user } = await callers.requireUser(req);
    await endKeyOf(parts, req, { owner: user.id, id: req.params['id'], by: 'request' });
    res.status(204).end();
  };
}
