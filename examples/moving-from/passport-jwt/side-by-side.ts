import express, { type Express, type Request } from 'express';
import { createAuth, principalOf } from 'latchkey';
import { Passport } from 'passport';
import { ExtractJwt, Strategy } from 'passport-jwt';

export interface Settings {
  /** PEM. */
  readonly publicKey: string;
  readonly issuer: string;
  readonly audience: string;
}

/** Both guards in one application, while its routes move one after the other. */
export function createApp({ publicKey, issuer, audience }: Settings): Express {
  const passport = new Passport();
  const jwtFromRequest = ExtractJwt.fromAuthHeaderAsBearerToken();
  passport.use(
    new Strategy(
      { jwtFromRequest, secretOrKey: publicKey, algorithms: ['RS256'], issuer, audience },
      (claims: { readonly sub: string }, done) => done(null, { id: claims.sub }),
    ),
  );
  const auth = createAuth({
    trustedIssuers: [{ issuer, audience, keys: { publicKey }, algorithms: ['RS256'] }],
  });
  const app = express();

  // Moved. Passport sets `req.user` and Latchkey `req.auth`, so nothing collides.
  app.get('/me', auth.requireAuth(), (req, res) => {
    res.json({ id: principalOf(req).user.id });
  });

  // Still to move.
  app.post(
    '/orders',
    passport.authenticate('jwt', { session: false }),
    (req: Request & { readonly user?: { readonly id?: string } | undefined }, res) => {
      res.status(201).json({ by: req.user?.id });
    },
  );

  app.use(auth.errorHandler());
  return app;
}
