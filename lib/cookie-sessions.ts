import type { OutgoingHttpHeader } from 'node:http';
import type { SessionReader } from './authenticator.js';
import type { Cookies } from './cookies.js';
import type { RequestHead } from './credentials.js';
import { comesFromUs, hasBody, isJson, isSafeMethod } from './cross-site.js';
import { AuthError, reusableError } from './errors.js';
import type { GrantOf } from './grants.js';
import { isRecord } from './is-record.js';
import type { Issuer } from './issuer.js';
import { type Principal, withMethod } from './principal.js';
import type { LiveSession, Sessions } from './sessions.js';
import type { Verifier } from './verifier.js';

interface CookieSessionContext {
  readonly cookies: Cookies;
  readonly sessions: Sessions;
  readonly issuer: Issuer;
  readonly verifier: Verifier;
  /** What the router's tokens would say: a request by cookie may do the same as one by token. */
  readonly grantOf: GrantOf;
  /** Whose pages may send unsafe requests. */
  readonly allowedOrigins: ReadonlySet<string>;
  /** How long an answer of the store counts. */
  readonly lagSeconds: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** A session as it was when we last looked, and the access token that says so. */
interface Snapshot {
  readonly accessToken: string;
  /** Until when it serves without another look. */
  readonly freshUntil: number;
  /** What the token was made of. */
  readonly facts: string;
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

  function look(token: string, request: RequestHead): Promise<Snapshot | undefined> {
    const known = snapshots.get(token);
    const pending =
      looking.get(token) ??
      takeSnapshot(context, { token, known, request }).finally(() => looking.delete(token));
    looking.set(token, pending);
    return pending;
  }

  async function read(token: string, request: RequestHead): Promise<Principal | undefined> {
    const known = snapshots.get(token);
    const isFresh = known !== undefined && context.now() < known.freshUntil;
    const snapshot = isFresh ? known : await look(token, request);
    if (!isFresh) {
      // The one used last stands last.
      snapshots.delete(token);
      if (snapshot) snapshots.set(token, snapshot);
      if (snapshots.size > MOST_SNAPSHOTS) snapshots.delete(snapshots.keys().next().value ?? '');
    }
    if (!snapshot) return undefined;
    const principal = await verifier.verify(snapshot.accessToken).catch(noneIfRevoked);
    return principal && withMethod(principal, 'session');
  }

  return function readSession(request) {
    const token = cookies.read(request, 'session');
    if (token === undefined) return undefined;
    refuseCrossSite(request, context.allowedOrigins);
    return read(token, request);
  };
}

const crossSite = reusableError('CROSS_SITE_REQUEST');
const notJson = reusableError('UNSUPPORTED_MEDIA_TYPE');

/**
 * A browser sends the cookie along whoever asked for the request. One that says the page is ours is believed; from
 * others a body must be JSON as well, which no form can send.
 */
function refuseCrossSite(
  request: RequestHead & { readonly method?: string },
  allowed: ReadonlySet<string>,
): void {
  // A WebSocket opens with a GET and can then do anything (RFC 6455 §10.2).
  const opensSocket = request.headers.upgrade !== undefined;
  if (isSafeMethod(request.method ?? 'GET') && !opensSocket) return;
  if (!comesFromUs(request, allowed)) throw crossSite;
  const isProven = request.headers['sec-fetch-site'] === 'same-origin';
  if (!isProven && hasBody(request) && !isJson(request)) throw notJson;
}

interface Look {
  readonly token: string;
  readonly known: Snapshot | undefined;
  readonly request: RequestHead;
}

async function takeSnapshot(
  context: CookieSessionContext,
  { token, known, request }: Look,
): Promise<Snapshot | undefined> {
  const { sessions, issuer, grantOf, lagSeconds, now } = context;
  const live = await sessions.recognise(token);
  if (!live) return undefined;
  const touched = await touch(context, live, request);
  const grant = grantOf({ ...live, session: touched });
  const facts = JSON.stringify(grant);
  const freshUntil = now() + lagSeconds * 1000;
  if (known?.facts === facts && now() < known.renewAt) return { ...known, freshUntil };
  const { token: accessToken, expiresIn } = await issuer.sign(grant);
  return { accessToken, freshUntil, facts, renewAt: now() + expiresIn * 800 };
}

/** The browser is told, too, that its cookie lives on. */
async function touch(
  { sessions, cookies, now }: CookieSessionContext,
  { session, refreshToken }: LiveSession,
  request: RequestHead,
) {
  const touched = await sessions.touch(session);
  const response = responseOf(request);
  if (touched !== session && response)
    cookies.set(response, 'session', {
      value: refreshToken,
      maxAgeSeconds: Math.ceil((touched.idleExpiresAt - now()) / 1000),
    });
  return touched;
}

interface Responding {
  readonly headersSent: boolean;
  getHeader(name: string): OutgoingHttpHeader | undefined;
  setHeader(name: string, value: string | readonly string[]): unknown;
}

/** Express keeps the response with its request. */
function responseOf(request: RequestHead & { readonly res?: unknown }): Responding | undefined {
  const { res } = request;
  return isResponding(res) && !res.headersSent ? res : undefined;
}

function isResponding(value: unknown): value is Responding {
  return isRecord(value) && typeof value['setHeader'] === 'function';
}

/** A session that has ended is no credential; an outage stays one. */
function noneIfRevoked(error: unknown): undefined {
  if (error instanceof AuthError && error.status === 401) return undefined;
  throw error;
}
