import { createAuth } from 'latchkey';
import type { Handler, RequestHandler, Router } from 'express';
import { afterAll, describe, expect, it } from 'vitest';
import { BASE } from '../world/auth-server.js';
import { expressVersions } from '../world/express-versions.js';

const auth = createAuth({ ...BASE, publicUrl: 'http://localhost:3000' });
afterAll(() => auth.close());

type Path = string | RegExp;

/** Paths of guards and of routes. Each means what its version of Express makes of it; what it refuses is left out. */
const mounts: readonly Path[] = [
  '/',
  '/a',
  '/a/',
  '/A',
  '/:p',
  '/a/:p',
  '*',
  '/*',
  '/a/*',
  '/a*',
  '/(.*)',
  '/*rest',
  '/a/*rest',
  '/{*rest}',
  '/a/{*rest}',
  '/a{/*rest}',
  '/a{/:p}',
  '/a/:p?',
  String.raw`/a/:p(\d+)`,
  String.raw`/a/:p(\D+)`,
  '/a/?',
  '/ab?c',
  '/x|/a',
  '/:p-:q',
  /^\/a/,
  /^\/a/i,
  /a/g,
  /.*/,
  /.*/g,
  // As Express 4 writes the pattern of a path itself, but for one thing.
  /^\/a\/?(?=\/|$)/,
  /^\/:p\/?(?=\/|$)/i,
];
const routes: readonly Path[] = [...mounts, '/b', '/aa', '/a/b/c', '/a/:x/d', '/a/1', '/:x/:y'];

const parts = ['', 'a', 'A', 'b', '1', 'aa', 'ab', 'x-y'];
const urls = parts.flatMap((first) => [
  `/${first}`,
  ...['', 'a', 'b', '1'].map((second) => `/${first}/${second}`),
  `/${first}/b/d`,
]);
// Twice, for regular expressions that remember.
const requested = [...urls, ...urls];

const required = auth.requireAuth();
const open: RequestHandler = (_req, res) => void res.end('open');
const stop: RequestHandler = () => undefined;

interface Build {
  readonly guard: Handler;
  readonly mount: Path;
  readonly route: Path;
}

describe.each(expressVersions)('$name', ({ express }) => {
  const exact = { caseSensitive: true, strict: true };
  /** What doesn't take a path throws, of whichever version. */
  const accepts = (path: Path): boolean => {
    try {
      return Boolean(express.Router().use(path, open).get(path, open));
    } catch {
      return false;
    }
  };

  it.each([
    {
      title: 'with use()',
      build: ({ guard, mount, route }: Build) =>
        express.Router().use(mount, guard).get(route, open),
    },
    {
      title: 'with all()',
      build: ({ guard, mount, route }: Build) =>
        express.Router().all(mount, guard).get(route, open),
    },
    {
      title: 'with a route of its own',
      build: ({ guard, mount, route }: Build) =>
        express
          .Router()
          .get(mount, guard, (_req, _res, next) => next())
          .get(route, open),
    },
    {
      title: 'with a route of its own, which has a handler for HEAD as well',
      build: ({ guard, mount, route }: Build) => {
        const router = express.Router();
        router
          .route(mount as string)
          .get(guard)
          .head((_req, _res, next) => next());
        return router.get(route, open);
      },
      isNever: true,
    },
    {
      title: 'with a route of its own, and for HEAD the same guard',
      build: ({ guard, mount, route }: Build) => {
        const router = express.Router();
        router
          .route(mount as string)
          .get(guard)
          .head(guard);
        return router.get(route, open);
      },
    },
    {
      title: 'with get(), before a route for HEAD',
      build: ({ guard, mount, route }: Build) =>
        express.Router().get(mount, guard).head(route, open),
    },
    {
      title: 'with use(), where routing is strict and tells cases apart',
      build: ({ guard, mount, route }: Build) =>
        express.Router(exact).use(mount, guard).get(route, open),
    },
    {
      title: 'with all(), where routing is strict and tells cases apart',
      build: ({ guard, mount, route }: Build) =>
        express.Router(exact).all(mount, guard).get(route, open),
    },
    {
      title: 'with use(), before a router that is less strict',
      build: ({ guard, mount, route }: Build) =>
        express.Router(exact).use(mount, guard).use('/', express.Router().get(route, open)),
    },
    {
      title: 'with all(), before a router at the path',
      build: ({ guard, mount, route }: Build) =>
        express.Router().all(mount, guard).use(route, express.Router().get('/:y', open)),
    },
  ])(
    'no route that a guard leaves open is called guarded: $title',
    ({ build, isNever = false }) => {
      const called: string[] = [];
      let found = 0;
      const paths = routes.filter(accepts);
      for (const mount of mounts.filter(accepts))
        for (const route of paths) {
          const [audited] = auth.routes(build({ guard: required, mount, route })).slice(-1);
          if (audited?.protection !== 'guarded') continue;
          found += 1;
          const router = build({ guard: stop, mount, route });
          const url = requested.find((each) =>
            ['GET', 'HEAD'].some((method) => isOpen(router, each, method)),
          );
          if (url) called.push(`${mount} before ${route}: ${url}`);
        }
      expect(called).toEqual([]);
      expect(found > 25).toBe(!isNever);
    },
  );
});

function isOpen(router: Router, url: string, method: string): boolean {
  let isReached = false;
  const response = { end: () => (isReached = true) };
  Reflect.apply(router, undefined, [{ url, method }, response, () => undefined]);
  return isReached;
}
