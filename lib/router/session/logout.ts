import { z } from 'zod';
import { AuthError } from '../../errors.js';
import { requestFacts } from '../../http/request-facts.js';
import type { Principal } from '../../principal.js';
import { readNotes } from '../../sessions/session-notes.js';
import type { Session, SessionSelector } from '../../stores/store.js';
import type { Callers } from '../caller.js';
import { refuseActor } from '../in-person.js';
import { endActing } from './end-session.js';
import { readJsonBody } from '../request-body.js';
import type { Endpoint } from '../respond.js';
import type { RouterParts } from '../parts.js';

interface LogoutBody {
  readonly all: boolean;
}

export const logoutSchema: z.ZodType<LogoutBody> = z.strictObject({
  all: z.boolean().default(false),
});

/**
 * Ends this session, by access token or cookie, or with `all` every session of the user. Clears the cookie, also one
 * whose session has ended. With `all` the session must be alive, and a cookie its current one: a copy of a former one must not be
 * enough to sign a user out everywhere. Errors: CREDENTIALS_MISSING and TOKEN_REVOKED (401), STORE_UNAVAILABLE (503), after which
 * the cookie is still there.
 */
export function logout(parts: RouterParts, callers: Callers): Endpoint {
  const { sessions, cookies, config } = parts;
  return async function handleLogout(req, res) {
    const { all } = await readJsonBody({ req, res }, logoutSchema);
    const token = cookies.read(req, 'session');
    // The cookie is judged by itself, below: a user who is locked out can still sign out.
    const hasToken = req.headers.authorization !== undefined;
    const principal = hasToken ? await callers.findForLogout(req) : undefined;
    if (!principal && token === undefined) throw new AuthError('CREDENTIALS_MISSING');
    const byCookie = token === undefined ? undefined : await sessions.find(token);
    // A token that is delivered in bodies is no credential as a cookie.
    if (byCookie && readNotes(byCookie.data).delivery !== 'cookie')
      throw new AuthError('CREDENTIALS_MISSING');
    const own = principal?.issuer === config.jwt.issuer ? principal : undefined;
    const acting = await actingSessions(parts, { own, byCookie });
    const [{ userId, actor } = {}] = acting;
    // That the user is signed in elsewhere is no business of an actor.
    if (all && actor && userId !== undefined)
      refuseActor(parts, req, { actorId: actor.id, userId });
    if (all) await (own ? requireLiveSession(parts, own) : requireCurrent(parts, token));
    const owner = {
      userId: own ? own.subject : byCookie?.userId,
      ids: [own?.sessionId, byCookie?.id],
    };
    const request = requestFacts(req);
    const told = { userId: owner.userId, by: actor?.id ?? owner.userId, ...request };
    for (const selector of selectorsOf(owner, all)) await sessions.revoke(selector, 'logout', told);
    for (const { session } of acting) await endActing(parts, session, request);
    if (token !== undefined) cookies.clear(res, 'session');
    res.status(204).end();
  };
}

/** The sessions of these that a support person acts in. Each once. */
async function actingSessions(
  { sessions }: RouterParts,
  {
    own,
    byCookie,
  }: { readonly own: Principal | undefined; readonly byCookie: Session | undefined },
) {
  const { sessionId } = own?.claims['act'] === undefined ? {} : own;
  const isOther = sessionId !== undefined && sessionId !== byCookie?.id;
  const byToken = isOther ? await sessions.findById(sessionId) : undefined;
  return [byToken, byCookie].flatMap((session) => {
    const { actor } = session ? readNotes(session.data) : {};
    return session && actor ? [{ session, userId: session.userId, actor }] : [];
  });
}

/** On another instance an access token may outlive its session by the revocation lag. */
async function requireLiveSession(
  { sessions, verifier: { realm } }: RouterParts,
  { sessionId }: Pick<Principal, 'sessionId'>,
): Promise<void> {
  if (sessionId === undefined || !(await sessions.isLive(sessionId)))
    throw new AuthError('TOKEN_REVOKED', { realm, reason: 'session' });
}

/** The cookie, where there is one, is the last that was given out, of a user who may use it. */
async function requireCurrent(
  { sessions, verifier: { realm } }: RouterParts,
  token: string | undefined,
): Promise<void> {
  if (token === undefined) return;
  const live = await sessions.recognise(token, 'cookie');
  if (live?.refreshToken !== token) throw new AuthError('CREDENTIALS_MISSING', { realm });
}

interface Owner {
  readonly userId: string | undefined;
  readonly ids: readonly (string | undefined)[];
}

function selectorsOf({ userId, ids }: Owner, all: boolean): readonly SessionSelector[] {
  const these = [...new Set(ids)].flatMap((id) => (id === undefined ? [] : [{ id }]));
  return all && userId !== undefined ? [{ userId }, ...these] : these;
}
