import path from 'node:path';
import { fileURLToPath } from 'node:url';
import express, { type Express, type Request } from 'express';
import { type Auth, optionalPrincipalOf } from 'latchkey';
import { type ApiClient, createApiClient } from 'latchkey/client';
import { list, page, problem } from './pages.js';

/** Pages and API on one origin. `base` is where this server reaches itself. */
export function createApp(auth: Auth, base: string): Express {
  const app = express();
  app.use(auth.securityHeaders({ preset: 'web' }));
  app.use('/api/auth', auth.router());
  app.use('/assets', express.static(path.join(import.meta.dirname, 'public')));
  app.use('/assets', express.static(path.join(import.meta.dirname, '../look')));
  // The browser's part of Latchkey: modules that need no bundler.
  const client = fileURLToPath(import.meta.resolve('latchkey/client'));
  app.use('/client', express.static(path.dirname(client)));

  // The API.
  app.get('/api/products', (_req, res) => {
    res.json({ products: ['bolts', 'nuts'] });
  });
  app.get('/api/orders', auth.requireAuth(), (_req, res) => {
    res.json({ orders: ['4711', '4712'] });
  });
  app.get('/api/data', auth.requireAuth(), auth.requireScopes('data.read'), (_req, res) => {
    res.json({ rows: ['revenue 120', 'costs 80'] });
  });

  // Who is there, for the labels of the pages.
  app.get('/me', auth.optionalAuth(), (req, res) => {
    res.json({ username: optionalPrincipalOf(req)?.user.username ?? null });
  });

  // The pages. What they show comes from the API.
  app.get('/', async (req, res) => {
    const answer = await apiFor(req).fetch('/products');
    const { products } = (await answer.json()) as { products: string[] };
    res.send(page('Products', list(products)));
  });
  app.get('/reports', auth.requireAuth({ redirect: true }), async (req, res) => {
    const answer = await apiFor(req).fetch('/data');
    // A caller without the scope has a problem in place of rows.
    const { rows, detail = '' } = (await answer.json()) as { rows?: string[]; detail?: string };
    res.status(answer.status).send(page('Reports', rows ? list(rows) : problem(detail)));
  });
  app.get('/explorer', (_req, res) => {
    res.send(page('API explorer', EXPLORER, '/assets/explorer.js'));
  });
  app.use(auth.errorHandler({ html: true }));
  return app;

  /** Calls the API as whoever asks for the page, and under the id of their request. */
  function apiFor(req: Request): ApiClient {
    return createApiClient(req, { baseUrl: `${base}/api`, allowedOrigins: [base] });
  }
}

const EXPLORER = `<p><a class="button" href="/api/auth/login?mode=code&amp;returnTo=/explorer">Get an access token</a></p>
<div id="explorer"></div>`;
