import express from 'express';
import { createAuth } from 'latchkey';
import { expect, it } from 'vitest';
import { BASE } from '../world/auth-server.js';
import { serve } from '../world/serve.js';

/** The router at the root, before an application's own routes. */
async function world() {
  const auth = createAuth({
    ...BASE,
    publicUrl: 'http://localhost:3000',
    rateLimit: { max: 2, windowSeconds: 60 },
  });
  const app = express();
  app.use(auth.router());
  app.get('/orders', (_req, res) => void res.send('orders'));
  app.post('/orders', (_req, res) => void res.send('ordered'));
  app.use(auth.errorHandler());
  return serve(app);
}

it('neither counts nor refuses the requests of the application, and leaves their headers alone', async () => {
  const { origin } = await world();
  const foreign = { Origin: 'https://shop.example', Cookie: 'basket=1' };
  for (let at = 0; at < 5; at += 1) {
    const answer = await fetch(`${origin}/orders`, { method: 'POST', headers: foreign });
    expect([answer.status, await answer.text()]).toEqual([200, 'ordered']);
  }
  const page = await fetch(`${origin}/orders`);
  expect(page.headers.get('cache-control')).toBeNull();
  expect(page.headers.get('x-ratelimit-limit')).toBeNull();
});

it('answers its own paths as ever', async () => {
  const { origin } = await world();
  const session = await fetch(`${origin}/session`);
  expect(session.headers.get('cache-control')).toContain('no-store');
  const foreign = { Origin: 'https://shop.example', 'Content-Type': 'application/json' };
  const login = { method: 'POST', headers: foreign, body: '{"username":"a","password":"b"}' };
  expect((await fetch(`${origin}/login`, login)).status).toBe(403);
  await fetch(`${origin}/login`, login);
  expect((await fetch(`${origin}/login`, login)).status).toBe(429);
});
