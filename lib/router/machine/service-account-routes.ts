import type { Request } from 'express';
import { z } from 'zod';
import type { ClientSecret } from '../../accounts/client-secrets.js';
import type { ServiceAccounts } from '../../accounts/service-accounts.js';
import { publicServiceAccount } from '../../accounts/stored-accounts.js';
import { AuthError } from '../../errors.js';
import type { AuthEvents, ServiceAccountField } from '../../events/auth-events.js';
import { requestFacts } from '../../http/request-facts.js';
import { definedOnly } from '../../known-options.js';
import { type ManageContext, requireAdmin } from '../admin/require-admin.js';
import { changeOf } from '../admin/users.js';
import { readJsonBody } from '../request-body.js';
import type { Endpoint } from '../respond.js';
import type { Routes } from '../route-table.js';

interface AccountsContext extends ManageContext {
  readonly accounts: ServiceAccounts;
}

/** Routes of administrators, for service accounts and their secrets. */
export function serviceAccountRoutes(managing: ManageContext, accounts: ServiceAccounts): Routes {
  const context = { ...managing, accounts };
  return {
    '/service-accounts': { GET: list(context), POST: create(context) },
    '/service-accounts/:id': {
      GET: show(context),
      PATCH: update(context),
      DELETE: remove(context),
    },
    '/service-accounts/:id/secrets': { POST: addSecret(context) },
    '/service-accounts/:id/secrets/:secret': { DELETE: endSecret(context) },
  };
}

const texts = z.array(z.string());
const accountFields = {
  name: z.string(),
  scopes: texts,
  roles: texts,
  disabled: z.boolean(),
  // Judged with everything else about an account, key by key.
  jwks: z.looseObject({ keys: z.array(z.looseObject({})) }).nullable(),
  token_seconds: z.number().nullable(),
};
const patchSchema = z.strictObject(accountFields).partial();
const createSchema = patchSchema.required({ name: true }).extend({ org: z.string() });

/** null removes: JSON has no undefined. */
function toChange({ jwks, token_seconds: tokenSeconds, ...rest }: z.output<typeof patchSchema>) {
  return {
    ...definedOnly(rest),
    ...(jwks !== undefined && { jwks: jwks ?? undefined }),
    ...(tokenSeconds !== undefined && { tokenSeconds: tokenSeconds ?? undefined }),
  };
}

/** Lists service accounts, the newest first; `?org=` those of one organisation. */
function list(context: AccountsContext): Endpoint {
  return async function handleListServiceAccounts(req, res) {
    await requireAdmin(context, req);
    const { org } = req.query;
    if (org !== undefined && typeof org !== 'string')
      throw new AuthError('INVALID_REQUEST', { detail: '`org` is the id of one organisation.' });
    const found = await context.accounts.list(definedOnly({ org }));
    res.json({ service_accounts: found.map(publicServiceAccount) });
  };
}

/** Adds an account, without a secret: 201. Errors: INVALID_REQUEST (400). */
function create(context: AccountsContext): Endpoint {
  return async function handleCreateServiceAccount(req, res) {
    const by = await requireAdmin(context, req);
    const { org, name, ...body } = await readJsonBody({ req, res }, createSchema);
    const account = await context.accounts.create({ ...toChange(body), org, name });
    report(context, req, { accountId: account.id, change: 'created', by });
    res.status(201).json(publicServiceAccount(account));
  };
}

/** One account, with its live secrets. Errors: NOT_FOUND (404). */
function show(context: AccountsContext): Endpoint {
  const { accounts } = context;
  return async function handleShowServiceAccount(req, res) {
    await requireAdmin(context, req);
    const account = await accounts.findById(parameterOf(req, 'id'));
    if (!account) throw new AuthError('NOT_FOUND');
    const secrets = await accounts.listSecrets(account.id);
    res.json({ ...publicServiceAccount(account), secrets: secrets.map(publicSecret) });
  };
}

/** Changes what is given, from the next token on. Errors: INVALID_REQUEST (400), NOT_FOUND (404), CONFLICT (409). */
function update(context: AccountsContext): Endpoint {
  return async function handleUpdateServiceAccount(req, res) {
    const by = await requireAdmin(context, req);
    const body = await readJsonBody({ req, res }, patchSchema);
    const id = parameterOf(req, 'id');
    const wasDisabled = (await context.accounts.findById(id))?.disabled ?? false;
    const given = toChange(body);
    const account = await context.accounts.update(id, given);
    const change = changeOf(wasDisabled, body.disabled);
    const fields = FIELDS.filter((field) => field in given);
    report(context, req, { accountId: account.id, change, fields, by });
    res.json(publicServiceAccount(account));
  };
}

const FIELDS: readonly ServiceAccountField[] = [
  ...(['name', 'scopes', 'roles', 'disabled', 'jwks', 'tokenSeconds'] as const),
];

/** Deletes an account with its secrets: 204. Errors: NOT_FOUND (404). */
function remove(context: AccountsContext): Endpoint {
  return async function handleDeleteServiceAccount(req, res) {
    const by = await requireAdmin(context, req);
    const id = parameterOf(req, 'id');
    if (!(await context.accounts.delete(id))) throw new AuthError('NOT_FOUND');
    report(context, req, { accountId: id, change: 'deleted', by });
    res.status(204).end();
  };
}

const TEN_YEARS = 315_360_000;
const secretSchema = z.strictObject({
  /** Seconds. */
  expires_in: z.int().min(60).max(TEN_YEARS).optional(),
});

/** For the document. */
export const accountBodies: Readonly<Record<'create' | 'update' | 'secret', z.ZodType>> = {
  create: createSchema,
  update: patchSchema,
  secret: secretSchema,
};

/** Adds a secret and shows it, this once: 201. Errors: NOT_FOUND (404), CONFLICT (409) for a third one. */
function addSecret(context: AccountsContext): Endpoint {
  const { accounts, parts } = context;
  return async function handleAddSecret(req, res) {
    const by = await requireAdmin(context, req);
    const { expires_in: seconds } = await readJsonBody({ req, res }, secretSchema);
    const accountId = parameterOf(req, 'id');
    const expiresAt = seconds === undefined ? undefined : parts.now() + seconds * 1000;
    const added = await accounts.createSecret(accountId, definedOnly({ expiresAt }));
    report(context, req, { accountId, change: 'secret_added', by });
    res.status(201).json({ ...publicSecret(added), client_secret: added.secret });
  };
}

/** Ends a secret at once: 204. Errors: NOT_FOUND (404). */
function endSecret(context: AccountsContext): Endpoint {
  return async function handleEndSecret(req, res) {
    const by = await requireAdmin(context, req);
    const accountId = parameterOf(req, 'id');
    if (!(await context.accounts.endSecret(accountId, parameterOf(req, 'secret'))))
      throw new AuthError('NOT_FOUND');
    report(context, req, { accountId, change: 'secret_ended', by });
    res.status(204).end();
  };
}

/** Empty when the path has none, which is nothing's id. */
function parameterOf({ params }: Request, name: string): string {
  const text = params[name];
  return typeof text === 'string' ? text : '';
}

function report(
  { parts }: AccountsContext,
  req: Request,
  change: Pick<AuthEvents['service_account.changed'], 'accountId' | 'change' | 'fields' | 'by'>,
): void {
  parts.events.emit('service_account.changed', { ...change, ...requestFacts(req) });
}

function publicSecret({ id, createdAt, expiresAt, lastUsedAt }: ClientSecret) {
  return {
    id,
    created_at: isoTime(createdAt),
    expires_at: expiresAt === undefined ? null : isoTime(expiresAt),
    last_used_at: lastUsedAt === undefined ? null : isoTime(lastUsedAt),
  };
}

function isoTime(time: number): string {
  return new Date(time).toISOString();
}
