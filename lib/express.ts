import type { Org, Principal } from './principal.js';

/**
 * `import 'latchkey/express'` types `req.auth`, `req.org` and `req.id` for a whole project. It is an entry of its own,
 * because other packages declare members of the same names (express-oauth2-jwt-bearer `auth`, pino-http `id`) and
 * TypeScript takes one declaration only. All three are optional: no type can tell which routes have a guard. Beside such
 * packages, or to need no `?.`, call `principalOf(req)`, `orgOf(req)` and `requestIdOf(req)` instead.
 */
declare global {
  // Express' own way to add request properties is its global namespace.
  namespace Express {
    interface Request {
      /** Set by `requireAuth()`; by `optionalAuth()` only when the request carried a credential. */
      auth?: Principal;
      /** Set by `orgContext()`. */
      org?: Org;
      /** Request id, set by `securityHeaders()`. */
      id?: string;
    }
  }
}
