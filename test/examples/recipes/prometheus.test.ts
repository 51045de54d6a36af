import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { createAuth, eventNames } from 'latchkey';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createMetrics, serveMetrics } from '../../../examples/recipes/prometheus/metrics.js';
import { addUser, BASE, bearer, createClient } from '../../world/auth-server.js';
import { sendPipelined } from '../../world/pipelined-requests.js';
import { serve } from '../../world/serve.js';

async function start() {
  const auth = createAuth({ ...BASE, publicUrl: 'http://localhost:3000' });
  const metrics = serveMetrics(createMetrics(auth), { port: 0 });
  onTestFinished(() => void metrics.close());
  await once(metrics, 'listening');
  const { port } = metrics.address() as AddressInfo;
  const app = express();
  app.set('trust proxy', 1);
  app.use('/api/auth', auth.router());
  app.get('/api/me', auth.requireAuth(), (_req, res) => res.json({}));
  app.use(auth.errorHandler());
  const { origin } = await serve(app);
  const address = `http://127.0.0.1:${port}/metrics`;
  return {
    ...createClient({ auth, origin }),
    address,
    series: async (): Promise<readonly string[]> => {
      const text = await (await fetch(address)).text();
      return text.split('\n').filter((line) => line.startsWith('latchkey_'));
    },
  };
}

describe('the Prometheus recipe', () => {
  it('counts events by their fixed words', async () => {
    const { address, series, ...server } = await start();
    const { auth, post, get } = server;
    await addUser({ auth });
    const tokens = await server.signIn('alice');
    await post('/api/auth/login', { username: 'alice', password: 'not her password' });
    await get('/api/me', bearer(tokens));
    await get('/api/me', bearer({ access_token: 'junk' }));
    const lines = await series();
    expect(lines).toEqual(
      expect.arrayContaining([
        'latchkey_events_total{event="login.succeeded"} 1',
        'latchkey_events_total{event="login.failed",reason="wrong_password"} 1',
        'latchkey_events_total{event="refresh.reused"} 0',
        'latchkey_cached_tokens 1',
      ]),
    );
    expect(lines.filter((line) => line.includes('event="token.refused"'))).toHaveLength(1);
    expect((await fetch(address)).headers.get('content-type')).toContain('text/plain');
  });

  it('is nowhere in the application, and has nothing else at its port', async () => {
    const { get, address } = await start();
    expect((await get('/metrics')).status).toBe(404);
    expect((await fetch(address.replace('metrics', ''))).status).toBe(404);
    expect((await fetch(address, { method: 'POST' })).status).toBe(404);
  });

  it('has as many series after a thousand users, addresses and tokens as after one', async () => {
    const { auth, origin, series } = await start();
    const visit = async (n: number) => {
      const headers = { 'x-forwarded-for': `10.0.${n >> 8}.${n & 255}` };
      const body = { refresh_token: `junk-${n}` };
      const requests = [
        { path: '/api/me', headers: { ...headers, ...bearer({ access_token: `junk-${n}` }) } },
        { path: '/api/auth/refresh', headers, body },
      ];
      const { id } = await auth.users.create({ username: `user-${n}` });
      // Of the real source of events: their ids are all different.
      auth.verifier.events.emit('login.succeeded', { userId: id, sessionId: `session-${n}` });
      auth.verifier.events.emit('session.revoked', { sessionId: 's', reason: `user-${n}` });
      auth.verifier.events.emit('access.denied', { code: 'INSUFFICIENT_SCOPE', subject: id });
      return requests;
    };
    await sendPipelined(origin, await visit(0));
    const before = await series();
    for (let n = 1; n < 1000; n += 111) {
      const visits = await Promise.all(Array.from({ length: 111 }, (_, i) => visit(n + i)));
      const statuses = await sendPipelined(origin, visits.flat());
      expect(statuses).toEqual(visits.flat().map(() => 401));
    }
    const after = await series();
    expect(after).toHaveLength(before.length);
    expect(after).toContain('latchkey_events_total{event="login.succeeded"} 1000');
    expect(after.join('\n')).not.toMatch(/user-|junk|session-\d|10\.0\./);
    expect(after.length).toBeLessThan(2 * eventNames.length);
  }, 60_000);
});
