import { isRecord } from '../is-record.js';

/** How a session's refresh token is delivered. A token works by the way it came, and by no other. */
export type Delivery = 'body' | 'cookie';

/** Who acts in a session that is another user's: a support person. */
export interface SessionActor {
  /** Id of the user who acts. */
  readonly id: string;
  /** The session that they asked from. When it ends, this one does. */
  readonly sessionId: string;
  /** Why, in their own words. */
  readonly reason: string;
}

/** Facts of a session that no store operation depends on. Stored as JSON text in `Session.data`. */
export interface SessionNotes {
  /** Authentication methods (RFC 8176), such as `pwd`. */
  readonly amr: readonly string[];
  /** When the user last authenticated. Seconds since 1970; undefined when the identity provider doesn't say. */
  readonly authTime: number | undefined;
  /** Authentication context class (OpenID Connect Core §2). */
  readonly acr: string | undefined;
  /** Label of the device in the list of sessions, such as `Firefox on Linux`. */
  readonly device: string | undefined;
  readonly delivery: Delivery;
  /** Thumbprint of the client's key (RFC 7638) that the session is bound to (RFC 9449 §5). */
  readonly keyThumbprint?: string | undefined;
  /** Name of the identity provider that the user signed in with. */
  readonly provider?: string | undefined;
  /** The provider's tokens, sealed. */
  readonly upstream?: string | undefined;
  /** Who acts for the user; undefined in the user's own sessions. */
  readonly actor?: SessionActor | undefined;
  /** Id of the organisation that requests are for which name none. Proves no membership. */
  readonly defaultOrg?: string | undefined;
}

export function writeNotes(notes: SessionNotes): string {
  return JSON.stringify(notes);
}

/** Parses what {@link writeNotes} returned. Throws a TypeError for anything else, which only a faulty store can return. */
export function readNotes(data: string): SessionNotes {
  const notes: unknown = JSON.parse(data);
  if (!isRecord(notes)) throw new TypeError("a session's data is not what was stored");
  const { amr, authTime, acr, device, delivery, keyThumbprint } = notes;
  const { provider, upstream, actor, defaultOrg } = notes;
  return {
    amr: Array.isArray(amr) ? amr.filter((method) => typeof method === 'string') : [],
    authTime: typeof authTime === 'number' ? authTime : undefined,
    acr: typeof acr === 'string' ? acr : undefined,
    device: typeof device === 'string' ? device : undefined,
    delivery: delivery === 'cookie' ? 'cookie' : 'body',
    keyThumbprint: readKey(keyThumbprint),
    provider: typeof provider === 'string' ? provider : undefined,
    upstream: typeof upstream === 'string' ? upstream : undefined,
    actor: readActor(actor),
    defaultOrg: typeof defaultOrg === 'string' ? defaultOrg : undefined,
  };
}

/** Throws rather than leave it out: the session would be anyone's who has its refresh token. */
function readKey(thumbprint: unknown): string | undefined {
  if (thumbprint === undefined || typeof thumbprint === 'string') return thumbprint;
  throw new TypeError("a session's data is not what was stored");
}

/** Throws rather than leave out who acts: the session would pass for the user's own. */
function readActor(actor: unknown): SessionActor | undefined {
  if (actor === undefined) return undefined;
  const { id, sessionId, reason } = isRecord(actor) ? actor : {};
  if (typeof id !== 'string' || typeof sessionId !== 'string' || typeof reason !== 'string')
    throw new TypeError("a session's data is not what was stored");
  return { id, sessionId, reason };
}
