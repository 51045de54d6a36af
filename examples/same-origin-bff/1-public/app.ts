import path from 'node:path';
import express, { type Express } from 'express';
import { list, page } from './pages.js';

/** Pages and API on one origin. `base` is where this server reaches itself. */
export function createApp(base: string): Express {
  const app = express();
  app.use('/assets', express.static(path.join(import.meta.dirname, 'public')));
  app.use('/assets', express.static(path.join(import.meta.dirname, '../look')));

  // The API.
  app.get('/api/products', (_req, res) => {
    res.json({ products: ['bolts', 'nuts'] });
  });
  app.get('/api/orders', (_req, res) => {
    res.json({ orders: ['4711', '4712'] });
  });
  app.get('/api/data', (_req, res) => {
    res.json({ rows: ['revenue 120', 'costs 80'] });
  });

  // The pages. What they show comes from the API.
  app.get('/', async (_req, res) => {
    const answer = await fetch(new URL('/api/products', base));
    const { products } = (await answer.json()) as { products: string[] };
    res.send(page('Products', list(products)));
  });
  app.get('/reports', async (_req, res) => {
    const answer = await fetch(new URL('/api/data', base));
    const { rows } = (await answer.json()) as { rows: string[] };
    res.send(page('Reports', list(rows)));
  });
  app.get('/explorer', (_req, res) => {
    res.send(page('API explorer', '<div id="explorer"></div>', '/assets/explorer.js'));
  });
  return app;
}
