import type { RouteFinding } from './route.js';

/** What is wrong with a route, and what to change. */
export const routeCures: Readonly<Record<RouteFinding, { says: string; fix: string }>> = {
  unguarded: {
    says: 'no guard stands before the handler',
    fix: 'mount auth.requireAuth() before it; if it is meant for everybody, say so with --allow <path>',
  },
  guard_after_route: {
    says: 'no guard stands before the handler, and the one mounted after the route comes too late',
    fix: 'move the guard above the route, or take it out where the route is meant for everybody: it guards nothing',
  },
  refusal_dropped: {
    says: 'an error handler between the guard and the handler calls next() without the error, and lets through what the guard refuses',
    fix: 'pass the error on, next(error), or answer it there',
  },
  guard_after_handler: {
    says: 'a guard stands behind a handler that takes no next, where no request gets to',
    fix: 'move the guard before the handler',
  },
  guard_before_auth: {
    says: 'a guard that asks about the caller stands before the one that finds out, and refuses everybody',
    fix: 'move auth.requireAuth() before requireScopes(), requireRoles(), requireAuthContext() and orgContext()',
  },
  guard_before_org: {
    says: "a guard with of: 'org' stands before auth.orgContext(), and refuses everybody",
    fix: 'move auth.orgContext() before it',
  },
  csrf_uncovered: {
    says: "another site's page could send it with the user's cookie of express-session or cookie-session",
    fix: 'mount auth.sameOrigin() before it',
  },
  error_handler_before_route: {
    says: 'auth.errorHandler() is mounted before the route, and Express answers its refusals',
    fix: 'mount auth.errorHandler() behind all routes',
  },
};
