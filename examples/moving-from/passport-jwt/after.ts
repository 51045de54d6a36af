import { STATUS_CODES } from 'node:http';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { AuthError, createAuth, optionalPrincipalOf, principalOf } from 'latchkey';

/** A row of the application's own table. */
export interface UserRow {
  readonly id: string;
  readonly name: string;
  readonly role: string;
}

export interface Settings {
  /** PEM. */
  readonly publicKey: string;
  readonly issuer: string;
  readonly audience: string;
  readonly findUser: (id: string, site: string | undefined) => Promise<UserRow | undefined>;
}

/** The same API, guarded by Latchkey. */
export function createApp({ publicKey, issuer, audience, findUser }: Settings): Express {
  const auth = createAuth({
    trustedIssuers: [{ issuer, audience, keys: { publicKey }, algorithms: ['RS256'] }],
    loadPrincipal: async ({ subject }, { headers }) => {
      const user = await findUser(subject, headers['x-site']?.toString());
      return user && { roles: [user.role], attributes: { name: user.name } };
    },
  });
  const app = express();
  app.use(tokenInCookie);

  app.get('/me', auth.requireAuth(), (req, res) => {
    const { id, attributes } = principalOf(req).user;
    res.json({ id, name: attributes['name'] });
  });
  app.get('/news', auth.optionalAuth({ lenient: true }), (req, res) => {
    res.json({ for: optionalPrincipalOf(req)?.user.attributes['name'] ?? 'everybody' });
  });
  app.post('/orders', auth.requireAuth(), auth.requireRoles('buyer'), (req, res) => {
    res.status(201).json({ by: principalOf(req).user.id });
  });

  app.use(answerAsBefore);
  return app;
}

/** Latchkey reads `Authorization` only, so the cookie of before goes there. */
const tokenInCookie: RequestHandler = ({ headers }, _res, next) => {
  const token = /(?:^|; )token=([^;]+)/.exec(headers.cookie ?? '')?.[1];
  if (token !== undefined) headers.authorization ??= `Bearer ${token}`;
  next();
};

// `auth.errorHandler()` answers with JSON, passport with plain words. Express tells error handlers by their four parameters.
// eslint-disable-next-line max-params
const answerAsBefore: ErrorRequestHandler = (error, _req, res, next) => {
  if (!(error instanceof AuthError)) return next(error);
  res.status(error.status).set(error.headers).end(STATUS_CODES[error.status]);
};
