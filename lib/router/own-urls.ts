import type { Request, RequestHandler } from 'express';
import type { Place } from '../http/place.js';
import { safeReturnTo, withinPublicPath } from '../http/redirects.js';
import type { RouterParts } from './parts.js';

/**
 * Where users reach the application: AUTH_PUBLIC_URL, never what a request says of itself. In development, without
 * one, this machine at the port that the request came in by.
 */
function publicUrl({ config }: Pick<RouterParts, 'config'>, req: Request): string {
  return config.publicUrl ?? `http://localhost:${req.socket.localPort ?? 80}`;
}

/** Returns the URL of a page for a mail: of a path, on the application's part of the public origin. */
export function mailedUrl(
  { config, place }: Pick<RouterParts, 'config' | 'place'>,
  page: string,
): URL {
  if (URL.canParse(page)) return new URL(page);
  return new URL(withinPublicPath(page, place.publicPath), config.publicUrl ?? 'http://localhost');
}

/** The origin of that. */
export function publicOrigin(parts: Pick<RouterParts, 'config'>, req: Request): string {
  return new URL(publicUrl(parts, req)).origin;
}

/** Marks a request that was sent to the public address before: behind a proxy that rewrites `Host` it looks the same again. */
const MOVED = 'moved';

/**
 * Returns where the page of a request is at AUTH_PUBLIC_URL, when the browser has come by another name of this server, such as
 * 127.0.0.1 for localhost: its cookies stay with that name. Undefined at the right address, and where nobody knows it.
 */
export function rightAddress(
  { config }: Pick<RouterParts, 'config'>,
  req: Request,
): URL | undefined {
  if (config.publicUrl === undefined) return undefined;
  const url = new URL(config.publicUrl);
  const query = queryOf(req);
  // `X-Forwarded-Host` can be forged, and then leaves the browser where it is.
  const [forwarded] = [req.headers['x-forwarded-host'] ?? ''].flat();
  const names = [req.headers.host ?? '', ...(forwarded ?? '').split(',')];
  const isThere = names.some((name) => hostOf(url.protocol, name.trim()) === url.host);
  if (isThere || query.has(MOVED)) return undefined;
  query.set(MOVED, '1');
  url.pathname = ownPath(req, req.path);
  url.search = query.toString();
  return url;
}

/** Without the port that goes without saying. */
function hostOf(protocol: string, name: string): string | undefined {
  const address = `${protocol}//${name}`;
  return URL.canParse(address) ? new URL(address).host : undefined;
}

interface OwnPaths extends Pick<Place, 'publicPath' | 'home'> {
  readonly router: string;
}

const ownPaths = new WeakMap<Request, OwnPaths>();

/**
 * Notes where the router is, for {@link ownPath}: where the application has said that it is, else where Express has
 * mounted it, else the path that the request came by, in lower case where routing ignores case. What a parameter of the
 * mount has matched stays as it is. A path that a browser could take for another host, such as `//evil.example/auth` under
 * a wildcard, is not ours: those requests go on to the application.
 */
export function onPlainMounts(
  { basePath, place }: Pick<RouterParts, 'basePath' | 'place'>,
  routes: RequestHandler,
): RequestHandler {
  return function authRouter(req, res, next) {
    const { baseUrl } = req;
    if (basePath === undefined && baseUrl !== '' && safeReturnTo(baseUrl) !== baseUrl)
      return next();
    const isExact = req.app.enabled('case sensitive routing');
    const plain = isExact ? baseUrl : inLowerCase(baseUrl, req.params);
    const { publicPath, home } = place;
    ownPaths.set(req, { publicPath, home, router: place.pathOf({ asked: baseUrl, plain }) });
    return routes(req, res, next);
  };
}

function inLowerCase(path: string, parameters: object): string {
  // Express 4 has undefined for a parameter that is optional and absent.
  const matched: readonly unknown[] = Object.values(parameters).flat();
  const kept = matched
    .flatMap((value) => (typeof value === 'string' ? value.split('/') : []))
    .flatMap((part) => [part, encodeURIComponent(part)]);
  return path.replace(/[^/]+/g, (segment) =>
    kept.includes(segment) ? segment : segment.toLowerCase(),
  );
}

/** Returns the address of one of our routes, as a path on this origin. */
export function ownPath(req: Request, route: string): string {
  return `${ownPaths.get(req)?.router ?? ''}${route}`;
}

/** Returns where a browser goes that has nowhere else to go, as a path on this origin. */
export function homePath(req: Request): string {
  return ownPaths.get(req)?.home ?? '/';
}

/** Returns the place of the application that a request names in `returnTo`; without one {@link homePath}. */
export function placeOf(req: Request, returnTo: unknown): string {
  if (returnTo === undefined || returnTo === null) return homePath(req);
  return safeReturnTo(returnTo, ownPaths.get(req)?.publicPath);
}

/** Returns the callback to register with a provider: `{AUTH_PUBLIC_URL}/api/auth/callback`, and for a named one `…/callback/{name}`. */
export function callbackUrl(
  parts: Pick<RouterParts, 'config'>,
  req: Request,
  provider: string,
): string {
  const path = provider === 'default' ? '' : `/${provider}`;
  return `${publicOrigin(parts, req)}${ownPath(req, `/callback${path}`)}`;
}

/** Returns where clients get tokens: `{AUTH_PUBLIC_URL}/api/auth/token`. */
export function tokenEndpointUrl(parts: Pick<RouterParts, 'config'>, req: Request): string {
  return `${publicOrigin(parts, req)}${ownPath(req, '/token')}`;
}

/** Query parameters of a log-in that the sign-in page passes on to the provider that is chosen there. */
const WISHES = [
  'mode',
  'code_challenge',
  'code_challenge_method',
  'acr_values',
  'max_age',
  'prompt',
  'login_hint',
] as const;

/** Returns those parameters of a request, `returnTo` included. */
export function wishesOf(req: Request): Readonly<Record<string, string>> {
  // Parameters of a callback have the same names and other meanings.
  const query = /^\/(?:login|signin)(?:\/|$)/.test(req.path) ? queryOf(req) : new URLSearchParams();
  const given = WISHES.flatMap((name): [string, string][] => {
    const value = query.get(name);
    return value === null ? [] : [[name, value]];
  });
  return { ...Object.fromEntries(given), ...keptWishes.get(req), returnTo: returnToOf(req) };
}

const keptWishes = new WeakMap<Request, Readonly<Record<string, string>>>();

/**
 * Lets the sign-in page that shows a failure ask for a sign-in of at most this age: a provider that signs the user in without
 * asking would not say how old it is, and the page would be shown again.
 */
export function keepMaxAge(req: Request, seconds: number): void {
  keptWishes.set(req, { max_age: String(seconds) });
}

const returnTos = new WeakMap<Request, string>();

/** Keeps the `returnTo` of the log-in that a callback belongs to, for pages that show its failure. */
export function keepReturnTo(req: Request, returnTo: string): void {
  returnTos.set(req, returnTo);
}

/** Returns where the user goes after signing in: from the log-in on its way, else from the query. */
export function returnToOf(req: Request): string {
  return returnTos.get(req) ?? placeOf(req, queryOf(req).get('returnTo'));
}

/** The query of a request. Express' own parser makes lists and objects of it. */
export function queryOf(req: Request): URLSearchParams {
  const at = req.url.indexOf('?');
  return new URLSearchParams(at < 0 ? '' : req.url.slice(at));
}
