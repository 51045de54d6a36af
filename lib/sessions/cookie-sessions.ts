import { createHash } from 'node:crypto';
import type { SessionReader } from '../authenticate/authenticator.js';
import type { RequestHead } from '../authenticate/credentials.js';
import { createBoundedMap } from '../bounded-map.js';
import type { Cookies } from '../http/cookies.js';
import { type Origins, refuseCrossSite } from '../http/cross-site.js';
import type { GrantOf } from '../issuing/grants.js';
import type { AccessTokenSigner } from '../issuing/access-token-signer.js';
import { type Principal, withMethod } from '../principal.js';
import type { Sessions } from './sessions.js';
import type { Verifier } from '../verifier/verifier.js';

interface CookieSessionContext {
  readonly cookies: Cookies;
  readonly sessions: Sessions;
  readonly signer: AccessTokenSigner;
  readonly verifier: Verifier;
  /** Makes the claims of the access token, the same as for tokens of the router. */
  readonly grantOf: GrantOf;
  /** Origins whose pages may send unsafe requests. */
  readonly allowedOrigins: Origins;
  /** How long a look at the store may be used. */
  readonly lagSeconds: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** A session as the store had it at the last look, and an access token of that state. */
interface Snapshot {
  readonly accessToken: string;
  readonly sessionId: string;
  /** When the store must be asked again. */
  readonly freshUntil: number;
  /** A digest of the token's claims. */
  readonly facts: string;
  readonly endsAt: number;
  /** When a new token is signed, although nothing has changed. */
  readonly renewAt: number;
  /** Which of the changes on this instance it has seen. */
  readonly seen: number;
}

export interface CookieSessions {
  readonly read: SessionReader;
  /** Has a session read anew: something in its tokens has changed. For this instance; others notice within the lag. */
  readonly forget: (sessionId: string) => void;
}

const MAX_SNAPSHOTS = 10_000;
/** Sessions whose snapshots are out of date. The oldest one that is forgotten is refreshed by its lag. */
const MAX_CHANGED = 10_000;

/**
 * Authenticates requests by the session cookie, so that a browser never holds a token. The principal is that of an
 * access token which is signed here and verified like any other; only the handler sees it, and may send it
 * upstream. The store is asked once per session and lag, not for every request.
 */
export function createCookieSessions(context: CookieSessionContext): CookieSessions {
  const { cookies, verifier } = context;
  const snapshots = createBoundedMap<string, Snapshot>(MAX_SNAPSHOTS);
  const looking = new Map<string, Promise<Snapshot | undefined>>();
  const changed = createBoundedMap<string, number>(MAX_CHANGED);
  let changes = 0;

  const isOutdated = ({ sessionId, seen }: Snapshot): boolean =>
    seen < (changed.get(sessionId) ?? 0);

  function look(token: string): Promise<Snapshot | undefined> {
    const known = snapshots.get(token);
    const pending =
      looking.get(token) ??
      takeSnapshot(context, token, { known, seen: changes }).finally(() => looking.delete(token));
    looking.set(token, pending);
    return pending;
  }

  async function read(token: string): Promise<Principal | undefined> {
    const known = snapshots.get(token);
    const isFresh = known !== undefined && context.now() < known.freshUntil && !isOutdated(known);
    const found = isFresh ? known : await look(token);
    // A look that another request had begun before the change.
    const snapshot = found && isOutdated(found) ? await look(token) : found;
    if (!isFresh) {
      if (snapshot) snapshots.set(token, snapshot);
      else snapshots.delete(token);
    }
    if (!snapshot) return undefined;
    // Revoked since the snapshot: the cookie counts as absent, as it does after a look at the store. A revocation by the
    // application's own hook is the verifier's to refuse.
    if (await context.sessions.isRevoked(snapshot.sessionId)) return undefined;
    return withMethod(await verifier.verify(snapshot.accessToken), 'session');
  }

  return Object.freeze({
    read: function readSession(request: RequestHead) {
      const token = cookies.read(request, 'session');
      if (token === undefined) return undefined;
      const rule = { allowed: context.allowedOrigins, json: 'unproven', sockets: true } as const;
      refuseCrossSite(request, rule);
      return read(token);
    },
    forget(sessionId: string): void {
      changes += 1;
      changed.set(sessionId, changes);
    },
  });
}

async function takeSnapshot(
  { sessions, signer, grantOf, lagSeconds, now }: CookieSessionContext,
  token: string,
  { known, seen }: { readonly known: Snapshot | undefined; readonly seen: number },
): Promise<Snapshot | undefined> {
  const lagEnds = now() + lagSeconds * 1000;
  const live = await sessions.recognise(token, 'cookie');
  if (!live) return undefined;
  const session = await sessions.touch(live.session);
  const grant = grantOf({ ...live, session });
  const facts = createHash('sha256').update(JSON.stringify(grant)).digest('base64url');
  if (known?.facts === facts && now() < known.renewAt)
    return { ...known, seen, freshUntil: Math.min(lagEnds, known.endsAt) };
  const { token: accessToken, expiresIn } = await signer.sign(grant);
  const endsAt = now() + expiresIn * 1000;
  const renewAt = now() + expiresIn * 800;
  return {
    accessToken,
    sessionId: session.id,
    facts,
    seen,
    renewAt,
    endsAt,
    freshUntil: Math.min(lagEnds, endsAt),
  };
}
