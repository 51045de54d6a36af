import type { Request } from 'express';
import { AuthError } from '../../errors.js';
import { readNotes } from '../../sessions/session-notes.js';
import type { Session, SessionPage } from '../../stores/store.js';
import type { Callers } from '../caller.js';
import type { Endpoint } from '../respond.js';
import type { RouterParts } from '../parts.js';

const PAGE = 100;

/**
 * Lists the caller's own live sessions, the one that began last first, `?limit=` (1 to 100) at a time; `next` is the `?after=` of the
 * next page. Errors: INVALID_REQUEST (400).
 */
export function listSessions({ sessions }: RouterParts, callers: Callers): Endpoint {
  return async function handleListSessions(req, res) {
    const { principal, user } = await callers.requireUser(req);
    const page = readPage(req.query);
    const rows = await sessions.list(user.id, page);
    const last = rows.length === page.limit ? rows.at(-1) : undefined;
    res.json({
      sessions: rows.map((row) => describe(row, principal.sessionId)),
      ...(last && { next: nextOf(last) }),
    });
  };
}

/** A page as it is asked for in the address. */
interface Page {
  readonly limit: number;
  readonly after: NonNullable<SessionPage['after']> | undefined;
}

function readPage({ limit = String(PAGE), after }: Request['query']): Page {
  const count = typeof limit === 'string' && /^\d{1,3}$/.test(limit) ? Number(limit) : 0;
  const from = readNext(after);
  if (count < 1 || count > PAGE || (after !== undefined && !from))
    throw new AuthError('INVALID_REQUEST', {
      reason: 'query',
      detail: '`limit` is a number from 1 to 100, `after` the `next` of an earlier answer.',
    });
  return { limit: count, after: from };
}

/** Tells where the next page begins, for {@link readNext}. */
function nextOf({ expiresAt, id }: Session): string {
  return `${expiresAt.toString(36)}.${id}`;
}

function readNext(after: unknown): Page['after'] {
  const [, end = '', id = ''] =
    (typeof after === 'string' && /^([\da-z]{1,10})\.([\w-]{1,128})$/.exec(after)) || [];
  return id === '' ? undefined : { expiresAt: Number.parseInt(end, 36), id };
}

function describe(session: Session, currentId: string | undefined) {
  return {
    id: session.id,
    device: readNotes(session.data).device ?? null,
    created_at: new Date(session.createdAt).toISOString(),
    last_used_at: new Date(session.lastUsedAt).toISOString(),
    expires_at: new Date(session.idleExpiresAt).toISOString(),
    current: session.id === currentId,
  };
}

/** Ends one of the caller's own live sessions: 204. Errors: NOT_FOUND (404), for any other session. */
export function endSession({ sessions }: RouterParts, callers: Callers): Endpoint {
  return async function handleEndSession(req, res) {
    const { user } = await callers.requireUser(req);
    const { id } = req.params;
    const session = typeof id === 'string' ? await sessions.findById(id) : undefined;
    if (session?.userId !== user.id) throw new AuthError('NOT_FOUND');
    await sessions.revoke({ id: session.id }, 'ended_by_user');
    res.status(204).end();
  };
}
