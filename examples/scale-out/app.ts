import express, { type Express } from 'express';
import { type Auth, principalOf } from 'latchkey';

export interface InstanceState {
  /** Shown in answers, so that one sees who has answered. */
  readonly name: string;
  /** True from the moment that the instance was told to end. */
  isEnding: boolean;
}

/** An application of which several instances run, behind one proxy. */
export function createApp(auth: Auth, state: InstanceState): Express {
  const app = express();
  // The last address in X-Forwarded-For is what our one proxy has seen; those before it anybody can write.
  app.set('trust proxy', 1);

  app.get('/live', (_req, res) => void res.json({ alive: true }));
  // Says nothing of the store: while that is down, access tokens are verified all the same, and no other instance is better off.
  app.get('/ready', (_req, res) => {
    res.status(state.isEnding ? 503 : 200).json({ ready: !state.isEnding });
  });

  app.use(auth.securityHeaders());
  app.use('/api/auth', auth.router());
  app.get('/api/whoami', auth.requireAuth(), (req, res) => {
    const { user, sessionId } = principalOf(req);
    res.json({
      user: user.username,
      session: sessionId,
      instance: state.name,
      address: req.ip,
    });
  });
  app.use(auth.errorHandler());
  return app;
}
