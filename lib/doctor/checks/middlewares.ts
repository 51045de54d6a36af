import { factsOf } from '../../audit/guard-facts.js';
import { withinPublicPath } from '../../http/redirects.js';
import { type Check, type InspectedApplication, signsTokens } from '../check.js';
import type { CreatedAuth } from '../created.js';
import { handlersOf, routesOf } from '../express-apps.js';
import { failed, passed, warned } from '../finding.js';

/** Whether refusals of guards are answered as such. */
export const errorHandling: Check = {
  name: 'error_handler',
  judge({ application }) {
    if (!application) return undefined;
    const concerned = guardedRoutes(application);
    const isEarly = concerned.some(({ findings }) =>
      findings.includes('error_handler_before_route'),
    );
    // The check `routes` tells which routes it is mounted too early for.
    if (concerned.length === 0 || isEarly) return undefined;
    const handlers = handlersOf(application);
    if (handlers.some((handler) => factsOf(handler)?.kind === 'errorHandler'))
      return passed('auth.errorHandler() answers refusals');
    // Express tells error handlers by their four parameters.
    if (handlers.some(({ length }) => length === 4))
      return passed("refusals are answered by the application's own error handler");
    return warned('there is no error handler', {
      why: 'Express answers refusals: a page in HTML without code and reason, and outside of production with a stack trace',
      fix: 'mount app.use(auth.errorHandler()) behind the routes',
    });
  },
};

/** Whether answers have security headers. */
export const headers: Check = {
  name: 'security_headers',
  judge({ settings, application }) {
    // Off: a proxy sets them.
    if (!application || settings?.config.securityHeaders === false) return undefined;
    const concerned = guardedRoutes(application);
    if (concerned.length === 0) return undefined;
    if (handlersOf(application).some(({ name }) => name === 'helmetMiddleware'))
      return passed('helmet sets security headers');
    const bare = concerned.filter(({ securityHeaders }) => !securityHeaders);
    if (bare.length === 0)
      return passed('auth.securityHeaders() is before every route with a guard');
    const isMounted = bare.length < concerned.length;
    const fix = `mount app.use(auth.securityHeaders()) before ${isMounted ? 'all routes' : 'the routes'}, or set AUTH_SECURITY_HEADERS=off where a proxy sets the headers`;
    const why =
      'pages of other sites may frame the answers and guess their types, and preflights of AUTH_CORS_ORIGINS are not answered';
    const [first] = bare;
    return warned(
      isMounted
        ? `auth.securityHeaders() is not before ${first?.method} ${first?.path}`
        : 'auth.securityHeaders() is not mounted',
      { why, fix },
    );
  },
};

function guardedRoutes(application: InspectedApplication) {
  return routesOf(application).filter(({ protection }) => protection !== 'none');
}

/** Whether the router is where its links lead. */
export const authRouter: Check = {
  name: 'auth_router',
  judge({ settings, application }) {
    const made = application?.auths.filter(({ routers }) => routers.length > 0) ?? [];
    if (!application || !settings || !signsTokens(settings) || made.length === 0) return undefined;
    const mounts = routesOf(application)
      .filter(({ protection }) => protection === 'auth_router')
      .map(({ path }) => path.replace(/\/\*$/, ''));
    if (handlersOf(application).length === 0) return undefined;
    if (mounts.length === 0)
      return failed('auth.router() was called, and is mounted nowhere', {
        why: 'nobody can sign in or refresh a session',
        fix: "mount it: app.use('/api/auth', auth.router())",
      });
    const [basePath] = made.flatMap((auth) => auth.basePath ?? []);
    const unknown = mounts.find((mount) => /[:*?{(]/.test(mount));
    if (basePath === undefined && unknown !== undefined)
      return warned(`the router is mounted by a pattern, ${unknown}`, {
        why: 'before the first request to it, guards and mails cannot know where its pages are',
        fix: 'say where browsers find it: createAuth({ basePath })',
      });
    const where = mounts.map((mount) => mount || '/').join(', ');
    const misled = unknown === undefined && made.find((auth) => !leadsTo(mounts, auth));
    if (!misled) return passed(`auth.router() is mounted at ${where}`);
    const { basePath: said, routerPath = () => said } = misled;
    return said === undefined
      ? warned(
          `the router is mounted at ${where}, which is not known before the first request to it`,
          {
            why: `until then, redirects of guards and links in mails lead to ${routerPath()}`,
            fix: `say where browsers find it: createAuth({ basePath: '${mounts[0] || '/'}' })`,
          },
        )
      : warned(`the router is mounted at ${where}, and basePath is ${said}`, {
          why: 'redirects of guards, links in mails and the redirect URIs of providers lead to basePath',
          fix: 'mount it there, or change basePath; where a proxy changes the path, basePath is what browsers see',
        });
  },
};

/** Whether links lead to one of the places where a router is mounted. */
function leadsTo(
  mounts: readonly string[],
  { basePath, routerPath, config: { publicUrl } }: CreatedAuth,
): boolean {
  const leads = routerPath?.() ?? basePath;
  const publicPath = publicUrl === undefined ? '' : new URL(publicUrl).pathname.replace(/\/+$/, '');
  return mounts.some(
    (mount) =>
      leads === undefined ||
      leads === withinPublicPath(mount, publicPath) ||
      // What is said in code is what browsers see: a proxy may take something off its beginning.
      (basePath !== undefined && leads.endsWith(mount)),
  );
}

/** Errors of one copy of the package are no errors of ours to another. */
export const packageCopies: Check = {
  name: 'package_copies',
  judge({ application }) {
    const copies = new Set(application?.auths.map(({ copy }) => copy));
    if (copies.size < 2) return undefined;
    return warned(`the application loads ${copies.size} copies of latchkey`, {
      why: 'auth.errorHandler() of one does not answer refusals of the other, and principalOf() finds nothing',
      fix: 'npm ls latchkey shows who brings which; npm dedupe, or one version for all',
    });
  },
};
