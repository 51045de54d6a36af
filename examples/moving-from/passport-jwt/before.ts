import express, { type Express, type Request, type RequestHandler } from 'express';
import { Passport } from 'passport';
import { ExtractJwt, Strategy } from 'passport-jwt';

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

/** A small API, guarded by passport-jwt. */
export function createApp({ publicKey, issuer, audience, findUser }: Settings): Express {
  const passport = new Passport();
  passport.use(
    new Strategy(
      {
        jwtFromRequest: ExtractJwt.fromExtractors([
          ExtractJwt.fromAuthHeaderAsBearerToken(),
          tokenInCookie,
        ]),
        ...{ secretOrKey: publicKey, algorithms: ['RS256'], issuer, audience },
        passReqToCallback: true,
      },
      (req: Request, claims: { readonly sub: string }, done) => {
        findUser(claims.sub, req.get('x-site')).then((user) => done(null, user ?? false), done);
      },
    ),
  );
  const app = express();
  const guard: RequestHandler = passport.authenticate('jwt', { session: false });

  app.get('/me', guard, (req: RequestWithUser, res) => {
    res.json({ id: req.user?.id, name: req.user?.name });
  });
  app.get('/news', greet, (req: RequestWithUser, res) => {
    res.json({ for: req.user?.name ?? 'everybody' });
  });
  app.post('/orders', guard, (req: RequestWithUser, res) => {
    if (req.user?.role === 'buyer') res.status(201).json({ by: req.user.id });
    else res.status(403).end('Forbidden');
  });
  return app;

  /** Who is known is greeted, and nobody is turned away. */
  function greet(...[req, res, next]: Parameters<RequestHandler>): void {
    const done: (error: unknown, user?: UserRow | false) => void = (error, user) => {
      Object.assign(req, { user: user || undefined });
      next(error);
    };
    passport.authenticate('jwt', { session: false }, done)(req, res, next);
  }
}

type RequestWithUser = Request & { readonly user?: Partial<UserRow> | undefined };

function tokenInCookie(req: Request): string | null {
  return /(?:^|; )token=([^;]+)/.exec(req.get('cookie') ?? '')?.[1] ?? null;
}
