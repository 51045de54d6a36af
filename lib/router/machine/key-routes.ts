import type { Callers } from '../caller.js';
import type { ManageContext } from '../admin/require-admin.js';
import { endUserKey, listUserKeys } from '../admin/user-keys.js';
import { byBody } from '../pages/form-page.js';
import { submitCreateKey, submitEndKey } from '../pages/account-keys.js';
import type { RouterParts } from '../parts.js';
import type { Routes } from '../route-table.js';
import { createKey, endKey, listKeys } from './keys.js';

/** Routes of API keys: users' own, and administrators'. None with AUTH_API_KEYS=off. */
export function keyRoutes(parts: RouterParts, callers: Callers): Routes {
  if (!parts.config.acceptApiKeys) return {};
  const managing: ManageContext = { parts, callers };
  return {
    '/keys': {
      GET: listKeys(parts, callers),
      POST: byBody(submitCreateKey(parts, callers), createKey(parts, callers)),
    },
    '/keys/:id': { DELETE: endKey(parts, callers), POST: submitEndKey(parts, callers) },
    '/users/:id/keys': { GET: listUserKeys(managing) },
    '/users/:id/keys/:key': { DELETE: endUserKey(managing) },
  };
}
