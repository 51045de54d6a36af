import express, { type Express, type RequestHandler } from 'express';
import {
  AuthError,
  createAuth,
  type ErrorFormatter,
  optionalPrincipalOf,
  type Principal,
  principalOf,
} from 'latchkey';

export interface Settings {
  /** Exactly the `iss` of the tokens. Its metadata says where the keys are. */
  readonly issuer: string;
  readonly audience: string;
}

/** The same API, guarded by Latchkey. */
export function createApp({ issuer, audience }: Settings): Express {
  const auth = createAuth({ trustedIssuers: [{ issuer, audience, keys: { discovery: true } }] });
  const app = express();

  app.get('/feed', auth.optionalAuth({ lenient: true }), (req, res) => {
    res.json({ for: optionalPrincipalOf(req)?.subject ?? 'everybody' });
  });
  app.use(auth.requireAuth());
  app.get('/me', (req, res) => void res.json({ id: principalOf(req).subject }));
  app.get('/messages', auth.requireScopes('read:messages'), (_req, res) => {
    res.json(['hello']);
  });
  app.get('/search', auth.requireAnyScope('read:messages', 'read:all'), (_req, res) => {
    res.json([]);
  });
  app.delete('/messages/:id', claimCheck(mayDelete), (_req, res) => void res.status(204).end());
  app.get(
    '/plan',
    claimCheck(({ plan }) => plan === 'pro'),
    (_req, res) => {
      res.json({ plan: 'pro' });
    },
  );
  app.get('/beta', claimCheck(isTester), (_req, res) => void res.json({ beta: true }));

  app.use(auth.errorHandler({ format: asBefore }));
  return app;
}

/** Stands for `claimEquals`, `claimIncludes` and `claimCheck`, with their 401. */
function claimCheck(isGood: (claims: Principal['claims']) => boolean): RequestHandler {
  return (req, _res, next) => {
    if (!isGood(principalOf(req).claims)) throw new AuthError('INVALID_TOKEN');
    next();
  };
}

function mayDelete({ permissions }: Principal['claims']): boolean {
  return Array.isArray(permissions) && permissions.includes('delete:messages');
}

function isTester({ email }: Principal['claims']): boolean {
  return typeof email === 'string' && email.endsWith('@example.com');
}

/** The bodies that the clients of this API know. */
const asBefore: ErrorFormatter = ({ status, code }) => {
  if (status === 403) return { message: 'Permission denied' };
  if (status >= 500) return { message: 'Try again later' };
  return {
    message: code === 'CREDENTIALS_MISSING' ? 'Requires authentication' : 'Bad credentials',
  };
};
