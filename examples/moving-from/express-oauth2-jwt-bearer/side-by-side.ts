import express, { type Express, Router } from 'express';
import { auth as former, requiredScopes } from 'express-oauth2-jwt-bearer';
import { createAuth, principalOf } from 'latchkey';

export interface Settings {
  readonly issuer: string;
  readonly audience: string;
}

/** Both guards in one application, while its routes move one after the other. */
export function createApp({ issuer, audience }: Settings): Express {
  const auth = createAuth({ trustedIssuers: [{ issuer, audience, keys: { discovery: true } }] });
  const app = express();

  // Moved. Both packages set `req.auth`, and it has the type of the former: `principalOf(req)` has ours.
  const moved = Router();
  moved.get('/me', auth.requireAuth(), (req, res) => {
    res.json({ id: principalOf(req).subject });
  });

  // Still to move. `former()` judges no request that a moved route has answered.
  const remaining = Router();
  remaining.use(former({ issuerBaseURL: issuer, audience }));
  remaining.get('/messages', requiredScopes('read:messages'), (req, res) => {
    res.json({ for: req.auth?.payload.sub });
  });

  app.use(moved, remaining);
  app.use(auth.errorHandler());
  return app;
}
