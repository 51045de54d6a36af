import { factsOfClass, type GuardFacts } from './guard-facts.js';
import type { Handler, LayerPath } from './layers.js';
import { call, member } from './member.js';
import { expressOf } from './nest-app.js';

/** What an application of NestJS knows of what it has registered with Express. */
export interface NestRoutes {
  /** Guards and interceptors of ours in front of a controller's handler; undefined for any other handler. */
  guardsOf(handle: Handler, path: LayerPath): readonly GuardFacts[] | undefined;
  /**
   * Whether it is a middleware of a module, which Express may have as a route, and what is said of it. `method` as Express has
   * it; undefined for one that is mounted with `use()` or `all()`.
   */
  middlewareAt(
    handle: Handler,
    place: { readonly path: LayerPath; readonly method: string | undefined },
  ): { readonly facts: GuardFacts | undefined } | undefined;
}

/**
 * Reads the controllers, guards, interceptors and middlewares of a NestJS application (8 to 11, `@nestjs/platform-express`) from its container
 * and from the metadata of their classes. Throws a TypeError for one that has no routes yet.
 */
export function readNestRoutes(app: unknown): NestRoutes {
  if (member(app, 'isInitialized') === false)
    throw new TypeError(
      'auth.routes() needs `await app.init()` before: NestJS adds its routes there',
    );
  if (typeof expressOf(app) !== 'function')
    throw new TypeError('auth.routes() takes an application of NestJS on @nestjs/platform-express');
  const handlers = registeredHandlers(app);
  const middlewares = registeredMiddlewares(app);
  return {
    guardsOf(handle, path) {
      // Nest copies the metadata of a handler to the function that it gives to Express.
      const method = metadata('method', handle);
      return method === undefined ? undefined : handlers.take(keyOf(method, path));
    },
    middlewareAt(handle, { path, method }) {
      if (handle.name !== 'handler' || metadata('method', handle) !== undefined) return undefined;
      return middlewares.take(keyOf(method, path));
    },
  };
}

/** By a number, a name or none, and a path. */
function keyOf(method: unknown, path: unknown): string {
  return JSON.stringify([method, String(path)]);
}

/** Values by key, to be taken in the order in which they were added: two handlers may have one path. */
interface Queues<Value> {
  add(key: string, value: Value): void;
  take(key: string): Value | undefined;
}

function createQueues<Value>(): Queues<Value> {
  const queues = new Map<string, Value[]>();
  return {
    add: (key, value) => void queues.set(key, [...(queues.get(key) ?? []), value]),
    take: (key) => queues.get(key)?.shift(),
  };
}

function registeredHandlers(app: unknown): Queues<readonly GuardFacts[]> {
  const queues = createQueues<readonly GuardFacts[]>();
  const config = member(app, 'config');
  const modules = call(member(app, 'container'), 'getModules');
  const versioning = call(config, 'getVersioning');
  const globalPrefix = withSlash(call(config, 'getGlobalPrefix'));
  for (const module of valuesOf(modules)) {
    const modulePath = modulePathOf(modules, member(module, 'metatype'));
    for (const wrapper of valuesOf(member(module, 'controllers'))) {
      const controller = member(wrapper, 'metatype');
      const version = metadata('__version__', controller) ?? member(versioning, 'defaultVersion');
      const controllerVersion = versioning === undefined ? undefined : version;
      const fixed = { modulePath, globalPrefix, controllerVersion, versioningOptions: versioning };
      for (const ctrlPath of listOf(metadata('path', controller)).map(withSlash))
        for (const handler of handlersOf(controller))
          for (const path of pathsOf(app, handler, { ...fixed, ctrlPath }))
            queues.add(
              keyOf(metadata('method', handler), path),
              guardsOf(config, controller, handler),
            );
    }
  }
  return queues;
}

function modulePathOf(modules: unknown, module: unknown): unknown {
  const id = String(member(modules, 'applicationId'));
  return metadata(`__module_path__${id}`, module) ?? metadata('__module_path__', module);
}

/** In the order in which Nest looks at them: those of the class before those of its parents. */
function handlersOf(controller: unknown): readonly object[] {
  const found = new Map<string, object>();
  let prototype: unknown = member(controller, 'prototype');
  while (typeof prototype === 'object' && prototype !== null && prototype !== Object.prototype) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      const handler: unknown = value;
      if (typeof handler === 'function' && !found.has(name)) found.set(name, handler);
    }
    prototype = Object.getPrototypeOf(prototype);
  }
  return [...found.values()].filter((handler) => metadata('path', handler) !== undefined);
}

/** As Nest spells them for Express: with prefixes and versions. */
function pathsOf(app: unknown, handler: object, fixed: object): readonly string[] {
  const factory = member(member(app, 'routesResolver'), 'routePathFactory');
  const version = metadata('__version__', handler);
  return listOf(metadata('path', handler)).flatMap((path) => {
    const route = { ...fixed, methodPath: withSlash(path), methodVersion: version };
    return listOf(call(factory, 'create', route, metadata('method', handler))).map((each) =>
      normalize(app, each),
    );
  });
}

function normalize(app: unknown, path: unknown): string {
  return String(call(call(app, 'getHttpAdapter'), 'normalizePath', path) ?? path);
}

/** Guards run before interceptors, and both from the outside to the inside. */
function guardsOf(config: unknown, controller: unknown, handler: object): readonly GuardFacts[] {
  const [guards, interceptors] = [
    ['Guards', '__guards__'],
    ['Interceptors', '__interceptors__'],
  ].map(([name = '', key = '']) => [
    ...listOf(call(config, `getGlobal${name}`)),
    ...listOf(call(config, `getGlobalRequest${name}`)),
    ...listOf(metadata(key, controller)),
    ...listOf(metadata(key, handler)),
  ]);
  return [...(guards ?? []), ...(interceptors ?? [])].flatMap(
    (each) => describedGuard(each, [controller, handler]) ?? [],
  );
}

/** Of a class, an instance, or the wrapper around a class that Nest makes anew for each request. */
function describedGuard(guard: unknown, places: readonly unknown[]): GuardFacts | undefined {
  const wrapped = member(guard, 'metatype') ?? member(guard, 'constructor');
  const described = factsOfClass(typeof guard === 'function' ? guard : wrapped);
  if (!described) return undefined;
  const { metadata: keys = {}, ...facts } = described;
  const named = (key: string | undefined): readonly string[] =>
    places.flatMap((place) => listOf(metadata(key, place)).map(String));
  const isSkipped = places.map((place) => metadata(keys.skip, place)).findLast(isGiven);
  if (isSkipped !== undefined && isSkipped !== false) return undefined;
  const scopes = [...(facts.scopes ?? []), ...named(keys.scopes)];
  const roles = [...(facts.roles ?? []), ...named(keys.roles)];
  return { ...facts, ...(scopes.length > 0 && { scopes }), ...(roles.length > 0 && { roles }) };
}

const isGiven = (value: unknown): boolean => value !== undefined;

/** By number, as `RequestMethod` of `@nestjs/common` has them. */
const METHODS = 'GET POST PUT DELETE PATCH ALL OPTIONS HEAD SEARCH'.split(' ');

function registeredMiddlewares(app: unknown): Queues<{ readonly facts: GuardFacts | undefined }> {
  const queues = createQueues<{ readonly facts: GuardFacts | undefined }>();
  const extractor = member(member(app, 'middlewareModule'), 'routeInfoPathExtractor');
  const configurations = call(member(app, 'middlewareContainer'), 'getConfigurations');
  for (const { middleware, forRoutes } of valuesOf(configurations).flatMap(valuesOf).map(namesOf))
    for (const route of forRoutes)
      for (const type of middleware) {
        const name = METHODS[Number(member(route, 'method'))];
        const method = name === 'ALL' ? undefined : name;
        for (const path of listOf(call(extractor, 'extractPathsFrom', route)).map(String))
          // `$` at the end: the path alone.
          queues.add(keyOf(method, normalize(app, path.replace(/\$$/, '') || '/')), {
            facts: factsOfClass(type),
          });
      }
  return queues;
}

function namesOf(configuration: unknown) {
  return {
    middleware: listOf(member(configuration, 'middleware')),
    forRoutes: listOf(member(configuration, 'forRoutes')),
  };
}

/** What a decorator has written on a class or a handler. */
function metadata(key: string | undefined, target: unknown): unknown {
  return typeof target === 'function' && key !== undefined
    ? call(Reflect, 'getMetadata', key, target)
    : undefined;
}

function withSlash(path: unknown): string {
  const text = typeof path === 'string' ? path : '';
  return text === '' || text.startsWith('/') || text.startsWith('{/') ? text : `/${text}`;
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return value === undefined ? [] : [value];
}

function valuesOf(collection: unknown): readonly unknown[] {
  return collection instanceof Map || collection instanceof Set ? [...collection.values()] : [];
}
