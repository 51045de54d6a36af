import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { AuthError, createAuth, principalOf } from 'latchkey';
import { hasClientRole, hasPermission, hasRealmRole, type KeycloakRule } from './keycloak-rules.js';

export interface Settings {
  /** Where Keycloak is, as in `auth-server-url`. */
  readonly serverUrl: string;
  readonly realm: string;
  /** The client of this API in Keycloak: what the `aud` of its tokens names. */
  readonly clientId: string;
}

/** The same API, guarded by Latchkey. */
export function createApp({ serverUrl, realm, clientId }: Settings): Express {
  const issuer = `${serverUrl}/realms/${realm}`;
  const auth = createAuth({
    trustedIssuers: [{ issuer, audience: clientId, keys: { discovery: true }, claims: 'keycloak' }],
  });
  const guard = auth.requireAuth();
  const [isEditor, isAdmin] = [hasClientRole(clientId, 'editor'), hasRealmRole('admin')];
  const isAuthor: KeycloakRule = (claims) => isEditor(claims) || isAdmin(claims);
  const app = express();

  app.get('/health', (_req, res) => void res.json({ ok: true }));
  app.get('/me', guard, (req, res) => {
    const { id, username } = principalOf(req).user;
    res.json({ id, username });
  });
  app.get('/users', guard, auth.requireRoles('admin'), answerEmptyList);
  app.get('/reports', guard, protect(hasClientRole(clientId, 'viewer')), answerEmptyList);
  app.get('/invoices', guard, protect(hasClientRole('billing', 'clerk')), answerEmptyList);
  app.get('/drafts', guard, protect(isAuthor), answerEmptyList);
  app.get('/archive', guard, protect(hasPermission('archive', 'read')), answerEmptyList);

  app.use(answerAsBefore);
  app.use(auth.errorHandler());
  return app;
}

const answerEmptyList: RequestHandler = (_req, res) => void res.json([]);

/** `keycloak.protect()` for rules that aren't roles of the realm. */
function protect(allows: KeycloakRule): RequestHandler {
  return (req, _res, next) => {
    if (!allows(principalOf(req).claims)) throw new AuthError('INSUFFICIENT_ROLE');
    next();
  };
}

// keycloak-connect answers so to everybody. Without this handler, requests without a good token are 401 with a challenge.
// eslint-disable-next-line max-params
const answerAsBefore: ErrorRequestHandler = (error, _req, res, next) => {
  const isRefusal = error instanceof AuthError && [401, 403].includes(error.status);
  if (isRefusal) res.status(403).end('Access denied');
  else next(error);
};
