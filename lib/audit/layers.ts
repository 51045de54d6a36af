import { METHODS } from 'node:http';
import { member } from './member.js';

/** A path as far as it is known: text, a regular expression, or nothing. */
export type LayerPath = string | RegExp | undefined;

/** An entry in the stack of an Express router, of whichever version. */
export interface Layer {
  readonly handle: Handler;
  /** The paths that it was mounted at; `['/']` for all. */
  readonly paths: readonly LayerPath[];
  /** The handlers of a route, each for a method, or for all. */
  readonly route: readonly RouteHandler[] | undefined;
}

export type Handler = (...values: never) => unknown;

export interface RouteHandler {
  readonly handle: Handler;
  /** In capitals; undefined for all methods. */
  readonly method: string | undefined;
}

/** How a router reads paths. */
export interface Dialect {
  /** Whether it tells `/a` from `/A`. */
  readonly isSensitive: boolean;
  /** Whether it tells `/a` from `/a/` in routes. */
  readonly isStrict: boolean;
  /** Express 4: `*` stands for anything. In Express 5 that is `*name`. */
  readonly hasPlainWildcards: boolean;
}

/** A router, or that of an application. */
export interface Router extends Dialect {
  readonly layers: readonly Layer[];
}

/** Reads an application or a router; undefined for anything else. */
export function readRouter(app: unknown): Router | undefined {
  const stack = stackOf(app);
  const router = routerOf(app);
  return (
    stack && {
      layers: stack.flatMap((layer) => readLayer(layer, { app, stack }) ?? []),
      isSensitive: member(router, 'caseSensitive') === true,
      isStrict: member(router, 'strict') === true,
      hasPlainWildcards: stack.some((layer) => member(layer, 'regexp') instanceof RegExp),
    }
  );
}

/** What an application or a router has mounted, to which Express adds. An application without routes has nothing yet. */
export function stackOf(app: unknown): readonly unknown[] | undefined {
  if (typeof app !== 'function') return undefined;
  const stack = member(routerOf(app), 'stack');
  if (Array.isArray(stack)) return stack;
  return isFour(app) ? [] : undefined;
}

function routerOf(app: unknown): unknown {
  if (Array.isArray(member(app, 'stack'))) return app;
  // Express 4 makes the router with the first route, and its `router` is a getter that throws.
  return member(app, isFour(app) ? '_router' : 'router');
}

const isFour = (app: unknown): boolean => typeof member(app, 'lazyrouter') === 'function';

/** A function without `next` lets no request pass. Of one without named parameters nothing is known. */
export function endsRequest({ length }: Handler): boolean {
  return length === 1 || length === 2;
}

/**
 * Whether a function is an error handler that may go on as if nothing had happened: with `next()`, or by giving `next` away. Read from
 * its text, since nothing else tells. One whose parameters can't be read may.
 */
export function dropsErrors(handler: Handler): boolean {
  if (handler.length !== 4) return false;
  const text = Function.prototype.toString.call(handler);
  const [parameters = '', next] = FOUR_PARAMETERS.exec(text) ?? [];
  if (next === undefined) return true;
  const name = next.replaceAll('$', () => String.raw`\$`);
  const body = text.slice(parameters.length).replaceAll(COMMENT_LINE, '');
  return new RegExp(String.raw`(?<![\w$.])${name}\s*${GOES_ON}`).test(body);
}

const COMMENT_LINE = /^\s*(?:\/\/|\/?\*).*$/gm;
const FOUR_PARAMETERS = /^[^(]*\((?:\s*[\w$]+\s*,){3}\s*([\w$]+)\s*,?\s*\)/;
const GOES_ON = String.raw`(?:\(\s*(?:[)'"\x60]|null\b|undefined\b)|[,);]|(?:\?\.|\.)\s*[\w(])`;

/**
 * The application behind the function that `app.use(path, application)` mounts, which tells no one. The first thing that an
 * application does with a request is to give it its own prototype: this request takes nothing but that, and none of the
 * application's middlewares sees it.
 */
export function mountedApplication(mount: Handler): unknown {
  if (mount.name !== 'mounted_app') return undefined;
  let application: unknown;
  const catchPrototype = (prototype: unknown): never => {
    application ??= member(prototype, 'app');
    throw new Error('this request is none');
  };
  const request = new Proxy(
    { method: 'GET', query: {}, app: { request: {}, response: {} } },
    {
      get: (target, name) => {
        // Express 4 would go on to the application's error handlers. Without a URL it ends.
        if (name !== 'url') return Reflect.get(target, name);
        return application === undefined ? '/' : catchPrototype(undefined);
      },
      set: (target, name, value) =>
        name === '__proto__' ? catchPrototype(value) : Reflect.set(target, name, value),
      setPrototypeOf: (_target, prototype) => catchPrototype(prototype),
    },
  );
  try {
    Reflect.apply(mount, undefined, [request, { setHeader: () => undefined }, () => undefined]);
  } catch {
    // As intended.
  }
  return application;
}

/** What a layer is in. */
interface Around {
  readonly app: unknown;
  readonly stack: readonly unknown[];
}

function readLayer(layer: unknown, around: Around): Layer | undefined {
  const handle = handleOf(layer);
  if (!isHandler(handle)) return undefined;
  const route = member(layer, 'route');
  const handlers = member(route, 'stack');
  if (Array.isArray(handlers)) {
    const read = joinMethods(handlers.flatMap(readHandler));
    return { handle, paths: pathsIn(member(route, 'path')), route: read };
  }
  return { handle, paths: mountPaths(layer, handle, around), route: undefined };
}

/** OpenTelemetry puts a function around every handler, and keeps the handler where `shimmer` does. */
function handleOf(layer: unknown): unknown {
  let handle = member(layer, 'handle');
  for (let inner = handle; inner !== undefined; inner = member(inner, '__original')) handle = inner;
  return handle;
}

function readHandler(layer: unknown): readonly RouteHandler[] {
  const handle = handleOf(layer);
  const method = member(layer, 'method');
  if (!isHandler(handle)) return [];
  return [{ handle, method: typeof method === 'string' ? method.toUpperCase() : undefined }];
}

/** `app.all(path, handler)` of an application adds the handler once for every method there is; a router's adds it once. */
function joinMethods(handlers: readonly RouteHandler[]): readonly RouteHandler[] {
  const once = handlers.slice(0, Math.floor(handlers.length / METHODS.length));
  const isAll =
    once.length * METHODS.length === handlers.length &&
    new Set(handlers.map(({ method }) => method)).size === METHODS.length &&
    handlers.every(({ handle }, at) => handle === once[at % once.length]?.handle);
  return isAll ? once.map(({ handle }) => ({ handle, method: undefined })) : handlers;
}

/** Only since `router` 2.3 does a layer of Express 5 keep its path. Express 4 keeps what it has made of it. */
function mountPaths(layer: unknown, handle: Handler, around: Around): readonly LayerPath[] {
  const raw = member(layer, 'rawPath');
  if (raw !== undefined) return pathsIn(raw);
  if (member(layer, 'slash') === true) return ['/'];
  const regexp = member(layer, 'regexp');
  if (regexp instanceof RegExp) {
    if (member(regexp, 'fast_slash') === true) return ['/'];
    const isSensitive = member(routerOf(around.app), 'caseSensitive') === true;
    // Express ignores the case unless it is told to tell it: this one was written by the application.
    if (!regexp.ignoreCase && !isSensitive) return [regexp];
    return decodePattern(regexp, member(layer, 'keys'));
  }
  return pathsIn(ownMountPath(mountedApplication(handle), around));
}

/** An application knows the last place where it was mounted. Undefined where there are others. */
function ownMountPath(mounted: unknown, { app, stack }: Around): unknown {
  if (member(mounted, 'parent') !== app) return undefined;
  const isSame = (layer: unknown): boolean => {
    const handle = handleOf(layer);
    return isHandler(handle) && mountedApplication(handle) === mounted;
  };
  return stack.filter(isSame).length > 1 ? undefined : member(mounted, 'mountpath');
}

function pathsIn(given: unknown): readonly LayerPath[] {
  return [given].flat(5).map((path) => {
    if (typeof path === 'string') return path === '' ? '/' : path;
    return path instanceof RegExp ? path : undefined;
  });
}

const END = String.raw`\/?(?=\/|$)`;
const PARAMETER = /\(\?:\\\/\(\[\^\\?\/\]\+\?\)\)(\??)/g;

/** Reads paths back from the pattern that path-to-regexp 0.1 (Express 4) makes of them. One that can't be read is not known. */
function decodePattern(pattern: RegExp, keys: unknown): readonly LayerPath[] {
  const { source } = pattern;
  if (!source.startsWith('^') || !source.endsWith(END)) return [pattern];
  const names = Array.isArray(keys) ? keys.map((key: unknown) => String(member(key, 'name'))) : [];
  return source
    .slice(1, -END.length)
    .split(`${END}|^`)
    .map((part) => {
      // A colon that is no parameter: the application wrote this one.
      if (part.replaceAll(PARAMETER, '').includes(':')) return undefined;
      const path = part
        .replaceAll(PARAMETER, (_all, mark: string) => `/:${names.shift() ?? ''}${mark}`)
        .replaceAll('(.*)', '*')
        .replaceAll(/\\([/.])/g, '$1');
      return /^(?:\/:?[\w.~@!%-]+\??)*(?:\/?\*)?$/.test(path) ? path : undefined;
    });
}

function isHandler(value: unknown): value is Handler {
  return typeof value === 'function';
}
