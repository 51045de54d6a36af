import { AuthError } from '../../errors.js';
import { endKeyOf, keyListOf } from '../machine/keys.js';
import type { Endpoint } from '../respond.js';
import { type ManageContext, reportChange, requireAdmin, userIdOf } from './require-admin.js';

/** Lists a user's API keys, as `GET /keys` does for oneself. Errors: INVALID_REQUEST (400), NOT_FOUND (404). */
export function listUserKeys(context: ManageContext): Endpoint {
  const { parts } = context;
  return async function handleListUserKeys(req, res) {
    await requireAdmin(context, req);
    const userId = userIdOf(req);
    if (!(await parts.users.findById(userId))) throw new AuthError('NOT_FOUND');
    res.json(await keyListOf(parts, userId, req.query));
  };
}

/** Ends one of a user's API keys: 204. Errors: NOT_FOUND (404). */
export function endUserKey(context: ManageContext): Endpoint {
  return async function handleEndUserKey(req, res) {
    const by = await requireAdmin(context, req);
    const userId = userIdOf(req);
    const ending = { owner: userId, id: req.params['key'], by: 'admin' } as const;
    await endKeyOf(context.parts, req, ending);
    reportChange(context, req, { userId, change: 'key_revoked', by });
    res.status(204).end();
  };
}
