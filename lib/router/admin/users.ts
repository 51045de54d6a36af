import type { Request } from 'express';
import { z } from 'zod';
import { AuthError } from '../../errors.js';
import type { UserField } from '../../events/auth-events.js';
import { requestFacts } from '../../http/request-facts.js';
import { definedOnly } from '../../known-options.js';
import { publicUser } from '../../accounts/users.js';
import { type SendMail, sendQuietly } from '../password/mail.js';
import { readJsonBody } from '../request-body.js';
import type { Endpoint } from '../respond.js';
import { unlinkIdentities } from '../session/identities.js';
import { type ManageContext, reportChange, requireAdmin, userIdOf } from './require-admin.js';

const PAGE = 100;

/** Lists users in the order of their ids, `?limit=` (1 to 100) at a time; `next` is the `?after=` of the next page. */
export function listUsers(context: ManageContext): Endpoint {
  const { users } = context.parts;
  return async function handleListUsers(req, res) {
    await requireAdmin(context, req);
    const { limit, after } = readPage(req.query);
    const page = await users.list({ limit, ...(after !== undefined && { after }) });
    const last = page.length === limit ? page.at(-1) : undefined;
    res.json({ users: page.map(publicUser), ...(last && { next: last.id }) });
  };
}

/** A page of a list as the address asks for it. INVALID_REQUEST (400). */
export function readPage(query: Request['query']): { limit: number; after: string | undefined } {
  const { limit = String(PAGE), after } = query;
  const count = typeof limit === 'string' && /^\d{1,3}$/.test(limit) ? Number(limit) : 0;
  if (count < 1 || count > PAGE || (after !== undefined && typeof after !== 'string'))
    throw new AuthError('INVALID_REQUEST', {
      detail: '`limit` is a number from 1 to 100, `after` the `next` of an earlier answer.',
    });
  return { limit: count, after };
}

const texts = z.array(z.string());
const attribute = z.union([
  z.string(),
  z.number(),
  z.boolean(),
  z.null(),
  z.array(z.union([z.string(), z.number(), z.boolean()])),
]);

const userFields = {
  username: z.string().nullable(),
  email: z.string().nullable(),
  email_verified: z.boolean(),
  roles: texts,
  groups: texts,
  attributes: z.record(z.string(), attribute),
  orgs: z.array(
    z.strictObject({
      id: z.string(),
      roles: texts.default([]),
      default: z.boolean().default(false),
    }),
  ),
  disabled: z.boolean(),
};

const createSchema = z
  .strictObject({ ...userFields, password: z.string(), must_reset_password: z.boolean() })
  .partial();
const patchSchema = z.strictObject(userFields).partial();

/** For the document. */
export const userBodies: Readonly<Record<'create' | 'update', z.ZodType>> = {
  create: createSchema,
  update: patchSchema,
};

/** Converts a body to a user of ours. null removes a login: JSON has no undefined. */
function toUser(body: z.output<typeof patchSchema>) {
  const { username, email, email_verified: emailVerified, orgs, ...rest } = body;
  return {
    ...definedOnly(rest),
    ...(username !== undefined && { username: username ?? undefined }),
    ...(email !== undefined && { email: email ?? undefined }),
    ...(emailVerified !== undefined && { emailVerified }),
    ...(orgs && {
      orgs: orgs.map(({ id, roles, default: isDefault }) => ({ id, roles, isDefault })),
    }),
  };
}

/** Adds a user: 201 with the user. Errors: INVALID_REQUEST, PASSWORD_POLICY (400), CONFLICT (409). */
export function createUser(context: ManageContext): Endpoint {
  const { users, passwords } = context.parts;
  return async function handleCreateUser(req, res) {
    const by = await requireAdmin(context, req);
    const {
      password,
      must_reset_password: mustResetPassword,
      ...body
    } = await readJsonBody({ req, res }, createSchema);
    const given = toUser(body);
    if (password !== undefined)
      await passwords.checkPolicy(password, { user: given, member: 'password' });
    const passwordHash = password === undefined ? undefined : await passwords.hash(password);
    const user = await users.create({
      ...given,
      ...definedOnly({ passwordHash, mustResetPassword }),
    });
    reportChange(context, req, { userId: user.id, change: 'created', by });
    res.status(201).json(publicUser(user));
  };
}

/** Changes what is given: 200 with the user. Disabling ends all sessions. Errors: 400, NOT_FOUND (404), CONFLICT (409). */
export function updateUser(context: ManageContext): Endpoint {
  const { users, sessions } = context.parts;
  return async function handleUpdateUser(req, res) {
    const by = await requireAdmin(context, req);
    const change = toUser(await readJsonBody({ req, res }, patchSchema));
    let wasDisabled = false;
    const user = await users.update(userIdOf(req), ({ disabled }) => {
      wasDisabled = disabled;
      return change;
    });
    if (change.disabled)
      await sessions.revoke({ userId: user.id }, 'user_disabled', { by, ...requestFacts(req) });
    reportChange(context, req, {
      userId: user.id,
      change: changeOf(wasDisabled, change.disabled),
      fields: userFieldsOf(change),
      by,
    });
    res.json(publicUser(user));
  };
}

/** What a change does to a user or an account that was disabled, or was not. */
export function changeOf(
  was: boolean,
  is: boolean | undefined,
): 'updated' | 'disabled' | 'enabled' {
  if (is === undefined || (!is && !was)) return 'updated';
  return is ? 'disabled' : 'enabled';
}

function userFieldsOf(change: ReturnType<typeof toUser>): readonly UserField[] {
  return USER_FIELDS.filter((field) => field in change);
}

const USER_FIELDS: readonly UserField[] = [
  ...(['username', 'email', 'emailVerified', 'roles'] as const),
  ...(['groups', 'attributes', 'orgs', 'disabled'] as const),
];

/** Removes a user and ends all their sessions: 204. Errors: NOT_FOUND (404). */
export function deleteUser(context: ManageContext): Endpoint {
  const { parts } = context;
  const { users, sessions, apiKeys } = parts;
  return async function handleDeleteUser(req, res) {
    const by = await requireAdmin(context, req);
    const id = userIdOf(req);
    const unlinking = { user: { id, email: undefined }, which: 'all', by: 'deletion' } as const;
    // Before the user, whom a sign-in under way would take for one yet to be made.
    await unlinkIdentities(parts, req, unlinking);
    const wasThere = await users.delete(id);
    // Also for a user who is gone: an earlier attempt may have been interrupted here.
    await sessions.revoke({ userId: id }, 'user_deleted', { by, ...requestFacts(req) });
    await apiKeys.revokeAll(id, { by: 'deletion', ...requestFacts(req) });
    await parts.orgs?.organisations.removeUser(id, { by, ...requestFacts(req) });
    // Also an identity that was being linked meanwhile, and a user whom a sign-in with it has made again.
    if ((await unlinkIdentities(parts, req, unlinking)) > 0) await users.delete(id);
    if (!wasThere) throw new AuthError('NOT_FOUND');
    reportChange(context, req, { userId: id, change: 'deleted', by });
    res.status(204).end();
  };
}

/**
 * Gives a user a temporary password by mail, to be changed at the first sign-in, removes all other ways to sign in, and ends all
 * sessions: 202. Errors: NOT_FOUND (404), CONFLICT (409) for a user without an e-mail address.
 */
export function resetUserPassword(context: ManageContext, sendMail: SendMail): Endpoint {
  const { parts } = context;
  const { users, passwords, sessions, apiKeys, events, inBackground } = parts;
  return async function handleResetUserPassword(req, res) {
    const by = await requireAdmin(context, req);
    const password = passwords.generatePassword();
    const passwordHash = await passwords.hash(password);
    const user = await users.update(userIdOf(req), ({ email }) => {
      if (email === undefined)
        throw new AuthError('CONFLICT', { detail: 'This user has no e-mail address.' });
      return { passwordHash, mustResetPassword: true };
    });
    // Before the sessions end, and again afterwards: an intruder may have linked an identity or made an API key, or be about to.
    const unlinking = { user, which: 'all', by: 'password' } as const;
    const revocation = { by: 'password', ...requestFacts(req) } as const;
    await unlinkIdentities(parts, req, unlinking);
    await apiKeys.revokeAll(user.id, revocation);
    const told = { by, ...requestFacts(req) };
    await sessions.revoke({ userId: user.id }, 'password_admin_reset', told);
    await unlinkIdentities(parts, req, unlinking);
    await apiKeys.revokeAll(user.id, revocation);
    reportChange(context, req, { userId: user.id, change: 'password_reset', by });
    events.emit('password.changed', {
      ...{ userId: user.id, reason: 'admin_reset' },
      ...requestFacts(req),
    });
    const { id: userId, email: to = '' } = user;
    inBackground(
      sendQuietly(sendMail, { kind: 'temporary_password', to, data: { userId, password } }, events),
    );
    res.status(202).json({});
  };
}
