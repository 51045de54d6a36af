/** Where a redirect goes whose `returnTo` is not a place on our own origin. */
const HOME = '/';
const MAX_LENGTH = 2048;
/** Of our own redirects, which may carry a provider's long code along. */
const MAX_OWN_LENGTH = 8192;
/** Stands for our origin, whatever it is, while a path is resolved the way a browser does it. */
const ORIGIN = 'https://here.invalid';

/**
 * The place on our own origin that `returnTo` names, as a path with query and fragment, normalised and in ASCII; `/` for
 * everything that a browser, or a proxy that decodes once more, could take for a place elsewhere. Where the application
 * lives below a path, such as `/app`, the result does, too: `/inside` is `/app/inside`.
 */
export function safeReturnTo(returnTo: unknown, publicPath = ''): string {
  return withinPublicPath(placeHere(returnTo, MAX_LENGTH), publicPath);
}

/** The same place below the path that the application lives under, unless it is there already. */
export function withinPublicPath(place: string, publicPath: string): string {
  const [path = ''] = place.split(/[?#]/, 1);
  const isBelow = path === publicPath || path.startsWith(`${publicPath}/`);
  return isBelow ? place : `${publicPath}${place}`;
}

function placeHere(returnTo: unknown, maxLength: number): string {
  if (typeof returnTo !== 'string' || returnTo.length > maxLength) return HOME;
  if (!isPlainPath(returnTo) || !URL.canParse(returnTo, ORIGIN)) return HOME;
  const { origin, pathname, search, hash } = new URL(returnTo, ORIGIN);
  const normalised = `${pathname}${search}${hash}`;
  // Removing dot segments makes `//evil.example` of `/.//evil.example`, so what came out is judged, too.
  const isFine = origin === ORIGIN && normalised.length <= maxLength && isPlainPath(normalised);
  return isFine ? normalised : HOME;
}

/** One slash at the beginning, no backslash, white space or control character, and none of these encoded in the path. */
function isPlainPath(text: string): boolean {
  if (!/^\/(?!\/)/.test(text) || /[\\\s\p{Cc}\p{Cf}\p{Cs}\p{Z}]/u.test(text)) return false;
  const [path = ''] = text.split(/[?#]/, 1);
  // %00 to %1F, %7F, slash, backslash.
  return !/%(?:[01][\dA-F]|7F|2F|5C)/i.test(path);
}

/** The same place with further query parameters. */
export function withParameters(
  returnTo: string,
  parameters: Readonly<Record<string, string>>,
): string {
  const url = new URL(safeReturnTo(returnTo), ORIGIN);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return placeHere(`${url.pathname}${url.search}${url.hash}`, MAX_OWN_LENGTH);
}

/** Sends a browser to a page of ours that will send it back to where it is now. */
export function redirectToPage(
  request: { readonly originalUrl: string },
  response: Redirecting,
  { page, publicPath }: { readonly page: string; readonly publicPath: string },
): void {
  // What is behind depends on who asks, and how; the redirect is for this moment only.
  response.setHeader('Cache-Control', 'no-store');
  const returnTo = safeReturnTo(request.originalUrl, publicPath);
  redirectWithin(response, withParameters(page, { returnTo }));
}

/** As much of a response as a redirect needs. */
interface Redirecting {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  end(): unknown;
}

/**
 * Sends a browser to a place on our own origin. 303: whatever the method was, the next request is a GET
 * (RFC 9110 §15.4.4). Together with {@link redirectAway} the only code that redirects.
 */
export function redirectWithin(response: Redirecting, returnTo: string): void {
  redirect(response, placeHere(returnTo, MAX_OWN_LENGTH));
}

/** Sends a browser to an identity provider, or to AUTH_PUBLIC_URL. The origin comes from configuration or discovery, never from a request. */
export function redirectAway(response: Redirecting, url: URL): void {
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw new TypeError('a provider is reached over https');
  redirect(response, url.href);
}

function redirect(response: Redirecting, location: string): void {
  response.statusCode = 303;
  response.setHeader('Location', location);
  // The referring URL may hold a one-time code.
  response.setHeader('Referrer-Policy', 'no-referrer');
  response.end();
}
