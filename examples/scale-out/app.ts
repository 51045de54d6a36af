import express, { type Express } from 'express';
import { type Auth, principalOf } from 'latchkey';

/** An application of which several instances run, behind one proxy. `name` is shown in answers, so that one sees who has answered. */
export function createApp(auth: Auth, name: string): Express {
  const app = express();
  // The last address in X-Forwarded-For is what our one proxy has seen; those before it anybody can write.
  app.set('trust proxy', 1);

  app.get('/live', (_req, res) => void res.json({ alive: true }));
  // 503 from SIGTERM on, and before keys and store were there. Not for the loss of the store, for which no other instance is better off.
  app.get('/ready', async (_req, res) => {
    const { status, reasons } = await auth.status();
    res.status(status === 'unavailable' ? 503 : 200).json({ status, reasons });
  });

  app.use(auth.securityHeaders());
  app.use('/api/auth', auth.router());
  app.get('/api/whoami', auth.requireAuth(), (req, res) => {
    const { user, sessionId } = principalOf(req);
    res.json({
      user: user.username,
      session: sessionId,
      instance: name,
      address: req.ip,
    });
  });
  app.use(auth.errorHandler());
  return app;
}
