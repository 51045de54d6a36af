import express, {
  type ErrorRequestHandler,
  type Express,
  type RequestHandler,
  type Response,
} from 'express';
import { expressjwt, type Params, type Request, UnauthorizedError } from 'express-jwt';
import { createAuth, optionalPrincipalOf, principalOf } from 'latchkey';

export interface Settings {
  readonly secret: string;
  readonly issuer: string;
  readonly audience: string;
  /** Told of every request that a guard let pass. */
  readonly onRequest: (caller: { readonly guard: string; readonly id: unknown }) => void;
}

/** Both guards in one application, while its routes move one after the other. */
export function createApp({ secret, issuer, audience, onRequest }: Settings): Express {
  const former: Params = {
    ...{ secret, issuer, audience, algorithms: ['HS256'] },
    // Both packages set `req.auth`, to different things: the one that leaves gives the name up.
    requestProperty: 'jwt',
  };
  const auth = createAuth({ trustedIssuers: [{ issuer, audience, keys: { secret } }] });
  const log: RequestHandler = (req: FormerRequest, _res, next) => {
    const caller = optionalPrincipalOf(req);
    if (caller) onRequest({ guard: 'latchkey', id: caller.user.id });
    else onRequest({ guard: 'express-jwt', id: req.jwt?.sub });
    next();
  };
  const app = express();

  // Moved: above the former guard, which never sees these requests.
  app.get('/me', auth.requireAuth(), log, (req, res) => {
    const { id, email } = principalOf(req).user;
    res.json({ id, email });
  });

  // Still to move.
  app.use(expressjwt(former));
  app.delete('/articles/:id', log, (req: FormerRequest, res: Response) => {
    res.status(req.jwt?.roles?.includes('admin') ? 204 : 403).end();
  });

  app.use(auth.errorHandler());
  app.use(answerUnauthorized);
  return app;
}

type FormerRequest = express.Request & { readonly jwt?: Request['auth'] };

// Express tells error handlers by their four parameters.
// eslint-disable-next-line max-params
const answerUnauthorized: ErrorRequestHandler = (error, _req, res, next) => {
  if (error instanceof UnauthorizedError) res.status(error.status).json({ code: error.code });
  else next(error);
};
