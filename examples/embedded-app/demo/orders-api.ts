import express, { type Express } from 'express';
import { type Auth, requestIdOf } from 'latchkey';

/** Stands for the platform's API, which the embedded app calls as its users. */
export function createOrdersApi(auth: Auth): Express {
  const orders = new Map([
    ['1001', { id: '1001', customer: 'Lovelace & Co', shipped: true }],
    ['1002', { id: '1002', customer: 'Hopper Ltd', shipped: false }],
    ['1003', { id: '1003', customer: 'Noether GmbH', shipped: false }],
  ]);
  const api = express();
  api.use(auth.securityHeaders());
  api.use(auth.requireAuth());
  api.get('/v1/orders', auth.requireScopes('orders:read'), (_req, res) => {
    res.json({ orders: [...orders.values()] });
  });
  api.post('/v1/orders/:id/ship', auth.requireScopes('orders:ship'), (req, res) => {
    const order = orders.get(String(req.params['id']));
    if (order) {
      order.shipped = true;
      res.json(order);
    } else
      res
        .status(404)
        .type('application/problem+json')
        .json({
          title: 'Not Found',
          status: 404,
          detail: 'There is no such order.',
          request_id: requestIdOf(req),
        });
  });
  api.use(auth.errorHandler());
  return api;
}
