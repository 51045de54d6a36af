import express, { type Express } from 'express';
import { type Auth, principalOf, requestIdOf } from 'latchkey';
import { createOwnApi } from './own-api.js';
import { list, page, TOKEN_SCRIPT, WHO_SCRIPT } from './pages.js';

/** Pages and API on one origin. `base` is where this server reaches itself. */
export function createApp(auth: Auth, base: string): Express {
  const app = express();
  const ownApi = createOwnApi(base);
  app.use(auth.securityHeaders({ preset: 'web' }));
  app.use('/api/auth', auth.router());

  // The API: tokens for those who have one, the session cookie for pages.
  app.get('/api/public', (_req, res) => void res.json({ hello: 'everybody' }));
  app.get(
    '/api/data',
    auth.requireAuth({ sessionCookie: true }),
    auth.requireScopes('data.read'),
    (req, res) =>
      void res.json({
        for: principalOf(req).user.username,
        requestId: requestIdOf(req),
        rows: ['a', 'b'],
      }),
  );

  // The pages: public ones, and one that wants a user and calls the API as that user.
  app.get('/', (_req, res) => void res.send(page('Start', '<p>Anybody may read this.</p>')));
  app.get('/reports', auth.requireAuth({ redirect: true }), async (req, res) => {
    const answer = await ownApi(req, '/api/data');
    const { rows } = (await answer.json()) as { rows: string[] };
    res.send(page('Reports', list(rows)));
  });
  app.get('/token-page', (_req, res) => {
    res.send(page('Tokens in the page', '<pre id="data"></pre><script src="/token.js"></script>'));
  });
  app.get('/who.js', (_req, res) => void res.type('js').send(`(async () => {${WHO_SCRIPT}})();`));
  app.get(
    '/token.js',
    (_req, res) => void res.type('js').send(`(async () => {${TOKEN_SCRIPT}})();`),
  );

  app.use(auth.errorHandler());
  return app;
}
