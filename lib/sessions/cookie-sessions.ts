import { createHash } from 'node:crypto';
import type { SessionReader } from '../authenticate/authenticator.js';
import type { Cookies } from '../http/cookies.js';
import { type Origins, refuseCrossSite } from '../http/cross-site.js';
import type { GrantOf } from '../issuing/grants.js';
import type { Issuer } from '../issuing/access-token-signer.js';
import { type Principal, withMethod } from '../principal.js';
import type { Sessions } from './sessions.js';
import type { Verifier } from '../verifier/verifier.js';

interface CookieSessionContext {
  readonly cookies: Cookies;
  readonly sessions: Sessions;
  readonly issuer: Issuer;
  readonly verifier: Verifier;
  /** What the router's tokens would say: a request by cookie may do the same as one by token. */
  readonly grantOf: GrantOf;
  /** Origins whose pages may send unsafe requests. */
  readonly allowedOrigins: Origins;
  /** How long an answer of the store counts. */
  readonly lagSeconds: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** A session as it was when we last looked, and the access token that says so. */
interface Snapshot {
  readonly accessToken: string;
  readonly sessionId: string;
  /** Until when it serves without another look. */
  readonly freshUntil: number;
  /** A digest of what the token was made of. */
  readonly facts: string;
  readonly endsAt: number;
  /** Until when the token is good enough to be taken again. */
  readonly renewAt: number;
}

const MOST_SNAPSHOTS = 10_000;

/**
 * Makes the session's cookie a credential of its own, so that a browser never holds a token. The principal is that
 * of an access token which is signed here, verified like any other, and goes to nobody but the handler, which
 * may send it upstream. The session and its user are looked at once in a while, not for every request.
 */
export function createSessionReader(context: CookieSessionContext): SessionReader {
  const { cookies, verifier } = context;
  const snapshots = new Map<string, Snapshot>();
  const looking = new Map<string, Promise<Snapshot | undefined>>();

  function look(token: string): Promise<Snapshot | undefined> {
    const known = snapshots.get(token);
    const pending =
      looking.get(token) ??
      takeSnapshot(context, token, known).finally(() => looking.delete(token));
    looking.set(token, pending);
    return pending;
  }

  async function read(token: string): Promise<Principal | undefined> {
    const known = snapshots.get(token);
    const isFresh = known !== undefined && context.now() < known.freshUntil;
    const snapshot = isFresh ? known : await look(token);
    if (!isFresh) {
      // The one used last stands last.
      snapshots.delete(token);
      if (snapshot) snapshots.set(token, snapshot);
      if (snapshots.size > MOST_SNAPSHOTS) snapshots.delete(snapshots.keys().next().value ?? '');
    }
    if (!snapshot) return undefined;
    // Ended a moment ago, here or elsewhere: no credential. What the application's own hook revokes is refused instead.
    if (await context.sessions.isRevoked(snapshot.sessionId)) return undefined;
    return withMethod(await verifier.verify(snapshot.accessToken), 'session');
  }

  return function readSession(request) {
    const token = cookies.read(request, 'session');
    if (token === undefined) return undefined;
    refuseCrossSite(request, { allowed: context.allowedOrigins, json: 'unproven', sockets: true });
    return read(token);
  };
}

async function takeSnapshot(
  { sessions, issuer, grantOf, lagSeconds, now }: CookieSessionContext,
  token: string,
  known: Snapshot | undefined,
): Promise<Snapshot | undefined> {
  const live = await sessions.recognise(token);
  if (!live) return undefined;
  const session = await sessions.touch(live.session);
  const grant = grantOf({ ...live, session });
  const facts = createHash('sha256').update(JSON.stringify(grant)).digest('base64url');
  const lagEnds = now() + lagSeconds * 1000;
  if (known?.facts === facts && now() < known.renewAt)
    return { ...known, freshUntil: Math.min(lagEnds, known.endsAt) };
  const { token: accessToken, expiresIn } = await issuer.sign(grant);
  const endsAt = now() + expiresIn * 1000;
  const renewAt = now() + expiresIn * 800;
  return {
    accessToken,
    sessionId: session.id,
    facts,
    renewAt,
    endsAt,
    freshUntil: Math.min(lagEnds, endsAt),
  };
}
