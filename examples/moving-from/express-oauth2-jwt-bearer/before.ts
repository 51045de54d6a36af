import express, { type ErrorRequestHandler, type Express } from 'express';
import {
  auth,
  claimCheck,
  claimEquals,
  claimIncludes,
  InsufficientScopeError,
  InvalidTokenError,
  requiredScopes,
  scopeIncludesAny,
  UnauthorizedError,
} from 'express-oauth2-jwt-bearer';

export interface Settings {
  /** Where the issuer is. Its metadata says where the keys are. */
  readonly issuer: string;
  readonly audience: string;
}

/** A small API, guarded by express-oauth2-jwt-bearer. */
export function createApp({ issuer, audience }: Settings): Express {
  const options = { issuerBaseURL: issuer, audience };
  const app = express();

  app.get('/feed', auth({ ...options, authRequired: false }), (req, res) => {
    res.json({ for: req.auth?.payload.sub ?? 'everybody' });
  });
  app.use(auth(options));
  app.get('/me', (req, res) => void res.json({ id: req.auth?.payload.sub }));
  app.get('/messages', requiredScopes('read:messages'), (_req, res) => void res.json(['hello']));
  app.get('/search', scopeIncludesAny('read:messages read:all'), (_req, res) => void res.json([]));
  app.delete('/messages/:id', claimIncludes('permissions', 'delete:messages'), (_req, res) => {
    res.status(204).end();
  });
  app.get('/plan', claimEquals('plan', 'pro'), (_req, res) => void res.json({ plan: 'pro' }));
  app.get('/beta', claimCheck(isTester), (_req, res) => void res.json({ beta: true }));

  app.use(answerError);
  return app;
}

function isTester({ email }: Readonly<Record<string, unknown>>): boolean {
  return typeof email === 'string' && email.endsWith('@example.com');
}

// The bodies of Auth0's samples. Express tells error handlers by their four parameters.
// eslint-disable-next-line max-params
const answerError: ErrorRequestHandler = (error, _req, res, next) => {
  if (!(error instanceof UnauthorizedError)) return next(error);
  res.status(error.status).set(error.headers);
  if (error instanceof InsufficientScopeError) res.json({ message: 'Permission denied' });
  else if (error instanceof InvalidTokenError) res.json({ message: 'Bad credentials' });
  else res.json({ message: 'Requires authentication' });
};
