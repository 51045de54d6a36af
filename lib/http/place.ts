import { safeReturnTo, withinPublicPath } from './redirects.js';

/** Where the application and its router are, as browsers see it. */
export interface Place {
  /** Path of AUTH_PUBLIC_URL, such as `/app`; empty where the application has its host for itself. */
  readonly publicPath: string;
  /** Where a browser goes that has nowhere else to go: AUTH_HOME, such as `/app/`. */
  readonly home: string;
  /** Path of the router, such as `/app/api/auth`. */
  readonly routerPath: () => string;
  /** Path of a page of the router; undefined where there is no router, which is warned of once. */
  readonly routerPage: (page: RouterPage) => string | undefined;
}

/** What guards redirect to. */
type RouterPage = '/signin' | '/login' | '/change-password';

/** Where a router is unless it is said or seen to be elsewhere. */
const USUAL = '/api/auth';

/** What guards without `createAuth()` go by. */
export const usualPlace: Place = Object.freeze({
  publicPath: '',
  home: '/',
  routerPath: () => USUAL,
  routerPage: (page: RouterPage) => `${USUAL}${page}`,
});

/** A {@link Place} that learns where the router is mounted. */
export interface LearningPlace extends Place {
  /** Notes that Express has mounted the router, at these paths from the first request on. */
  mountedAt(paths: () => readonly string[]): void;
  /** The path that a request has found the router by, as it was written where the router was mounted. */
  pathOf(request: FoundRequest): string;
}

interface FoundRequest {
  /** Path that the request came by, in the case it was asked in. */
  readonly asked: string;
  /** The same in the case that links have where nobody has said how it is written. */
  readonly plain: string;
}

/** Prepares the place of an application. `basePath` is where the application itself says that its router is. */
export function createPlace({
  publicUrl,
  home,
  basePath,
  hasRouter = () => true,
}: {
  readonly publicUrl: string | undefined;
  readonly home: string;
  readonly basePath: string | undefined;
  /** Whether the application has made a router. @defaultValue it has */
  readonly hasRouter?: () => boolean;
}): LearningPlace {
  const publicPath = publicUrl === undefined ? '' : new URL(publicUrl).pathname.replace(/\/+$/, '');
  const mounts: (() => readonly string[])[] = [];
  let seen: string | undefined;
  let isTold = false;

  /** Without patterns and paths with parameters, which are another path for each request. */
  const written = (): readonly string[] =>
    mounts
      .flatMap((paths) => paths())
      .map((path) => path.replace(/\/+$/, ''))
      .filter(isWritten);

  const routerPath = (): string =>
    withinPublicPath(basePath ?? written()[0] ?? seen ?? USUAL, publicPath);

  return Object.freeze({
    publicPath,
    home: safeReturnTo(home, publicPath),
    routerPath,
    routerPage(page: RouterPage): string | undefined {
      if (basePath !== undefined || hasRouter()) return `${routerPath()}${page}`;
      if (!isTold) process.emitWarning(NO_ROUTER, 'LatchkeyWarning');
      isTold = true;
      return undefined;
    },
    mountedAt: (paths: () => readonly string[]) => void mounts.push(paths),
    pathOf({ asked, plain }: FoundRequest): string {
      const lower = asked.toLowerCase();
      const path = basePath ?? written().find((mount) => mount.toLowerCase() === lower) ?? plain;
      // Where Express has told of a pattern, one request's path is not another's.
      if (mounts.length === 0) seen ??= path;
      return withinPublicPath(path, publicPath);
    },
  });
}

const NO_ROUTER =
  "a guard with `redirect` leads to a page of auth.router(), which this application has not called, so it answers 401: mount it with app.use('/api/auth', auth.router()), say where another process has it with createAuth({ basePath }), or name a page of your own, such as requireAuth({ redirect: '/login' })";

function isWritten(path: string): boolean {
  return path === '' || (/^[\w./~-]+$/.test(path) && safeReturnTo(path) === path);
}

/**
 * Reads an option of guards that names a page of ours, or switches the usual one on, which is below the router. Undefined:
 * none. The page is undefined where the application has no router. Throws a TypeError for a page elsewhere.
 */
export function pageOption(
  option: boolean | string,
  usual: '/signin' | '/login',
  { publicPath, routerPage }: Place,
): (() => string | undefined) | undefined {
  if (option === false) return undefined;
  if (option === true) return () => routerPage(usual);
  if (option !== '/' && safeReturnTo(option) === '/')
    throw new TypeError('`redirect` is a path on this origin, such as /api/auth/signin');
  const page = safeReturnTo(option, publicPath);
  return () => page;
}
