import express, { type Express } from 'express';
import { type Auth, principalOf } from 'latchkey';
import { visibleSales } from './sales.js';

/** An API whose answers depend on who asks: each sees the rows of their region, and masked columns. */
export function createApi(auth: Auth): Express {
  const api = express();
  api.use(auth.securityHeaders());
  api.use('/api/v1/auth', auth.router());
  api.get('/api/v1/sales', auth.requireAuth(), (req, res) => {
    res.json({ rows: visibleSales(principalOf(req).user) });
  });
  // The body that clients know: { "error": { "code", "message", "expired_at"? } }.
  api.use(auth.errorHandler({ format: 'nested' }));
  return api;
}
