import type { LayerPath } from './layers.js';
import type { Passage, Step, Surroundings } from './route.js';

/** A path below another. A slash at its end is told from none where routing is strict. */
export function joinPaths(prefix: string, path: LayerPath, isStrict: boolean): string {
  const spelt = spelling(path);
  const inner = isStrict && spelt !== '/' ? spelt : spelt.replace(/\/+$/, '');
  return inner === '' || /^[/{]/.test(inner) ? `${prefix}${inner}` : `${prefix}/${inner}`;
}

function spelling(path: LayerPath): string {
  if (path === undefined) return UNKNOWN;
  return typeof path === 'string' ? path : `/(${path.source})${path.flags}`;
}

const UNKNOWN = '/?';

type Place = Pick<Passage, 'method' | 'path' | 'within'>;

/** Whether every request of a route meets the middleware, if it is mounted in time. */
export function isOnTheWay(step: Step, { method, path, within }: Place): boolean {
  const between = routersBetween(step.within, within);
  if (!between || !isForMethod(step, method)) return false;
  if (step.exact && step.within.isStrict && !between.every(({ isStrict }) => isStrict))
    return false;
  const { prefix, isSensitive } = step.within;
  const isLoose = isSensitive && !between.every((router) => router.isSensitive);
  if (isLoose && step.exact) return false;
  // What a router within takes in any case is no path for a middleware that tells `/a` from `/A`. The path of that router is.
  const sure = isLoose ? (between.at(-1)?.prefix ?? path) : path;
  // Below the router that both are in, wherever that is.
  return covers(step, sure.slice(prefix.length), step.path.slice(prefix.length));
}

/** A route for GET answers HEAD as well: what stands before it must take both. */
function isForMethod({ method, onHead }: Step, asked: string): boolean {
  if (method === 'GET' && asked === 'HEAD') return onHead === undefined;
  return method === undefined || (method === asked && onHead !== 'missing');
}

/** Whether a request of a route may meet the middleware, as far as both paths are plain text. */
export function mayMeet(step: Step, { path, within }: Omit<Place, 'method'>): boolean {
  const taken = readPattern(step.path, step.within.hasPlainWildcards);
  const given = readPattern(path, within.hasPlainWildcards);
  return taken.parts.every((part, at) => {
    const other = given.parts[at] ?? part;
    return `${part}${other}`.includes(':') || part.toLowerCase() === other.toLowerCase();
  });
}

/** Whether a router is another one, or somewhere in it. */
export function isWithin(inner: Surroundings, outer: Surroundings): boolean {
  return routersBetween(outer, inner) !== undefined;
}

/** The routers that a request goes through from one to another in it, the innermost first; undefined if it isn't in it. */
function routersBetween(outer: Surroundings, inner: Surroundings): Surroundings[] | undefined {
  const between: Surroundings[] = [];
  for (let at: Surroundings | undefined = inner; at; at = at.outer) {
    if (at === outer) return between;
    between.push(at);
  }
  return undefined;
}

/**
 * Whether everything that a route answers to is below a middleware's path. Where the spelling doesn't tell, as with a regular
 * expression, the answer is no: a guard that is missed is looked for, and one that is assumed is not.
 */
function covers({ exact, within }: Step, route: string, mount: string): boolean {
  const { isSensitive, isStrict, hasPlainWildcards } = within;
  const isSame = (one: string, other: string | undefined): boolean =>
    one === other || (!isSensitive && one.toLowerCase() === other?.toLowerCase());
  // The same pattern, but for regular expressions, which take other requests where they are mounted with `use()`. In `:id(\D+)` of
  // Express 4 the case of a letter counts.
  const isSamePattern = mount.includes('\\') ? mount === route : isSame(mount, route);
  if (isSamePattern && !mount.includes('/(') && !mount.includes(UNKNOWN)) return true;
  const taken = readPattern(mount, hasPlainWildcards);
  const given = readPattern(route, hasPlainWildcards);
  const isBelow = taken.parts.every((part, at) => {
    const other = given.parts[at];
    return /^:\w+$/.test(part) ? other !== undefined : isSame(part, other);
  });
  if (!isBelow) return false;
  const deeper = given.parts.length - taken.parts.length;
  if (taken.rest === '') return !exact || (deeper === 0 && given.rest === '');
  // Express 4: `/a/*`, Express 5: `/a/{*rest}`. Both take `/a/` and not `/a`.
  const takesSlash = hasPlainWildcards ? taken.rest === '/*' : /^\/\{\*\w+\}$/.test(taken.rest);
  if (takesSlash) return deeper > 0 || taken.parts.length === 0;
  if (hasPlainWildcards) return false;
  if (/^\{\/\*\w+\}$/.test(taken.rest))
    return deeper > 0 || given.rest === '' || !(exact && isStrict);
  return /^\/\*\w+$/.test(taken.rest) && deeper > 0;
}

/** The first parts of everything that a path matches, and the rest of it, which is no plain text. */
interface Pattern {
  readonly parts: readonly string[];
  readonly rest: string;
}

const PLAIN = /^(?:\/[:\w.~@%-]+)*/;
// What may follow a whole part. After `/ab?c` and `/a{b}` the last part isn't whole.
const FOLLOWS_PLAIN = /^(?:\/?$|\/(?:\*|:\w+(?:\([^()]*\))?\??(?=\/|$))[^|]*$)/;
const FOLLOWS_NAMED = /^(?:\{\/[^{}]+\})*(?:\/.*)?$/s;

function readPattern(path: string, hasPlainWildcards: boolean): Pattern {
  const [plain = ''] = PLAIN.exec(path) ?? [];
  const follows = hasPlainWildcards ? FOLLOWS_PLAIN : FOLLOWS_NAMED;
  for (let head = plain; ; head = head.slice(0, head.lastIndexOf('/'))) {
    const rest = path.slice(head.length);
    if (follows.test(rest)) return { parts: head.split('/').slice(1), rest };
    if (head === '') return { parts: [], rest };
  }
}
