import type { Request } from 'express';
import { AuthError } from '../../errors.js';
import { requestFacts } from '../../http/request-facts.js';
import { readNotes } from '../../sessions/session-notes.js';
import type { Session, SessionPage } from '../../stores/store.js';
import { endOneSession } from './end-session.js';
import type { Callers } from '../caller.js';
import type { Endpoint } from '../respond.js';
import type { RouterParts } from '../parts.js';

const PAGE = 100;

/** Sessions as they stand in answers. Times are ISO 8601. */
interface SessionList {
  readonly sessions: readonly {
    readonly id: string;
    readonly device: string | null;
    readonly created_at: string;
    readonly last_used_at: string;
    readonly expires_at: string;
    /** Who acts in it: a support person. Absent in the user's own. */
    readonly actor?: { readonly id: string };
    /** Whether it is the one that asks. */
    readonly current: boolean;
  }[];
  /** Undefined on the last page. */
  readonly next?: string;
}

/** Whose sessions, and which page of them. */
interface Asked {
  readonly userId: string;
  readonly query: Request['query'];
  /** The session that asks. @defaultValue none of them */
  readonly currentId?: string | undefined;
}

/**
 * Returns a user's live sessions as they stand in answers, the one that began last first, `limit` (1 to 100) at a time; `next` is
 * the `after` of the next page. Rejects with INVALID_REQUEST (400).
 */
export async function sessionPageOf(
  { sessions }: Pick<RouterParts, 'sessions'>,
  { userId, query, currentId }: Asked,
): Promise<SessionList> {
  const page = readPage(query);
  const rows = await sessions.list(userId, page);
  const last = rows.length === page.limit ? rows.at(-1) : undefined;
  return {
    sessions: rows.map((row) => describe(row, currentId)),
    ...(last && { next: nextOf(last) }),
  };
}

/** Lists the caller's own sessions: a {@link sessionPageOf}. */
export function listSessions(parts: RouterParts, callers: Callers): Endpoint {
  return async function handleListSessions(req, res) {
    const { principal, user } = await callers.requireUser(req);
    const { sessionId: currentId } = principal;
    res.json(await sessionPageOf(parts, { userId: user.id, query: req.query, currentId }));
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
  const { device, actor } = readNotes(session.data);
  return {
    id: session.id,
    device: device ?? null,
    // Neither why nor by whom: that is for the administration to tell.
    ...(actor && { actor: { id: actor.id } }),
    created_at: new Date(session.createdAt).toISOString(),
    last_used_at: new Date(session.lastUsedAt).toISOString(),
    expires_at: new Date(session.idleExpiresAt).toISOString(),
    current: session.id === currentId,
  };
}

/** Ends one of a user's own live sessions. Rejects with NOT_FOUND (404), for any other session. */
async function endOwnSession(
  parts: Pick<RouterParts, 'sessions' | 'events'>,
  req: Request,
  { userId, sessionId }: { readonly userId: string; readonly sessionId: unknown },
): Promise<void> {
  const { sessions } = parts;
  const session = typeof sessionId === 'string' ? await sessions.findById(sessionId) : undefined;
  if (session?.userId !== userId) throw new AuthError('NOT_FOUND');
  await endOneSession(parts, session, {
    reason: 'ended_by_user',
    by: userId,
    ...requestFacts(req),
  });
}

/** {@link endOwnSession} of the caller: 204. */
export function endSession(parts: RouterParts, callers: Callers): Endpoint {
  return async function handleEndSession(req, res) {
    const { user } = await callers.requireUser(req);
    await endOwnSession(parts, req, { userId: user.id, sessionId: req.params['id'] });
    res.status(204).end();
  };
}
