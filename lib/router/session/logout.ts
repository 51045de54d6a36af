import { z } from 'zod';
import { AuthError } from '../../errors.js';
import type { SessionSelector } from '../../stores/store.js';
import type { Callers } from '../caller.js';
import { readJsonBody } from '../request-body.js';
import type { Endpoint } from '../respond.js';
import type { RouterParts } from '../parts.js';

const schema = z.strictObject({ all: z.boolean().default(false) });

/**
 * Ends this session, by access token or cookie, or with `all` every session of the user. Clears the cookie, also one
 * whose session has ended. Errors: CREDENTIALS_MISSING (401), STORE_UNAVAILABLE (503), after which the cookie is still
 * there.
 */
export function logout({ sessions, cookies, config }: RouterParts, callers: Callers): Endpoint {
  return async function handleLogout(req, res) {
    const { all } = await readJsonBody({ req, res }, schema);
    const token = cookies.read(req, 'session');
    // The cookie is judged by itself, below: a user who is locked out can still sign out.
    const hasToken = req.headers.authorization !== undefined;
    const principal = hasToken ? await callers.findAny(req) : undefined;
    if (!principal && token === undefined) throw new AuthError('CREDENTIALS_MISSING');
    const byCookie = token === undefined ? undefined : await sessions.find(token);
    const isOurs = principal?.issuer === config.jwt.issuer;
    const owner = {
      userId: isOurs ? principal?.subject : byCookie?.userId,
      ids: [isOurs ? principal?.sessionId : undefined, byCookie?.id],
    };
    for (const selector of selectorsOf(owner, all)) await sessions.revoke(selector, 'logout');
    if (token !== undefined) cookies.clear(res, 'session');
    res.status(204).end();
  };
}

interface Owner {
  readonly userId: string | undefined;
  readonly ids: readonly (string | undefined)[];
}

function selectorsOf({ userId, ids }: Owner, all: boolean): readonly SessionSelector[] {
  const these = [...new Set(ids)].flatMap((id) => (id === undefined ? [] : [{ id }]));
  return all && userId !== undefined ? [{ userId }, ...these] : these;
}
