import express, {
  type ErrorRequestHandler,
  type Express,
  type RequestHandler,
  type Response,
} from 'express';
import { expressjwt, type Params, type Request, UnauthorizedError } from 'express-jwt';

export interface Settings {
  /** What tokens are signed with, HS256. */
  readonly secret: string;
  readonly issuer: string;
  readonly audience: string;
  readonly isRevoked: (tokenId: unknown) => boolean;
}

/** A small API, guarded by express-jwt. */
export function createApp({ secret, issuer, audience, isRevoked }: Settings): Express {
  const options: Params = {
    ...{ secret, issuer, audience, algorithms: ['HS256'] },
    isRevoked: (_req, token) => typeof token?.payload === 'object' && isRevoked(token.payload.jti),
  };
  const app = express();
  app.use(
    expressjwt(options).unless({ path: ['/health', { url: '/articles', methods: ['GET'] }] }),
  );

  app.get('/health', (_req, res) => void res.json({ ok: true }));
  app.get(
    '/articles',
    expressjwt({ ...options, credentialsRequired: false }),
    (req: Request, res: Response) =>
      void res.json({ articles: req.auth ? ['published', 'draft'] : ['published'] }),
  );
  app.get('/me', (req: Request, res: Response) => {
    res.json({ id: req.auth?.sub, email: req.auth?.email });
  });
  app.delete('/articles/:id', requireAdmin, (_req, res) => void res.status(204).end());

  app.use(answerUnauthorized);
  return app;
}

const requireAdmin: RequestHandler = (req: Request, res, next) => {
  if (req.auth?.roles?.includes('admin')) next();
  else res.status(403).json({ code: 'forbidden', message: 'Administrators only' });
};

// Express tells error handlers by their four parameters.
// eslint-disable-next-line max-params
const answerUnauthorized: ErrorRequestHandler = (error, _req, res, next) => {
  if (error instanceof UnauthorizedError)
    res.status(error.status).json({ code: error.code, message: error.message });
  else next(error);
};
