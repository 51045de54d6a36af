import express from 'express';
import { type AuthOptions, createAuth, memoryStore } from 'latchkey';
import { describe, expect, it, vi } from 'vitest';
import { BASE, createClient, serveAuth } from '../world/auth-server.js';
import { serve } from '../world/serve.js';

/** An application with a setting of Express, and what it warns of. */
async function serveWith(trustProxy: unknown) {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  const auth = createAuth({ ...BASE, publicUrl: 'https://app.example.com' });
  const app = express();
  app.set('trust proxy', trustProxy);
  app.use('/api/auth', auth.router());
  app.use(auth.errorHandler());
  const { origin } = await serve(app);
  const warnings = () =>
    warn.mock.calls
      .map(([...given]: unknown[]) => given)
      .filter(([, type]) => type === 'LatchkeyWarning');
  return { server: createClient({ auth, origin }), warnings, warn };
}

describe('settings of Express that make the limits per address worthless', () => {
  it.each([
    {
      title: 'X-Forwarded-For with `trust proxy` off',
      trustProxy: false,
      headers: { 'x-forwarded-for': '203.0.113.7' },
      code: 'ERR_ERL_UNEXPECTED_X_FORWARDED_FOR',
    },
    {
      title: '`trust proxy` true',
      trustProxy: true,
      headers: { 'x-forwarded-for': '203.0.113.7:51000' },
      code: 'ERR_ERL_PERMISSIVE_TRUST_PROXY',
    },
    {
      title: 'a Forwarded header',
      trustProxy: 1,
      headers: { forwarded: 'for="[2001:db8::7]:443"' },
      code: 'ERR_ERL_FORWARDED_HEADER',
    },
  ])('$title is told once, as LatchkeyWarning', async ({ trustProxy, headers, code }) => {
    const { server, warnings, warn } = await serveWith(trustProxy);
    for (let round = 0; round < 3; round += 1) {
      await server.get('/api/auth/session', headers);
      await server.post('/api/auth/refresh', {}, headers);
    }
    expect(warnings()).toEqual([[expect.stringContaining('trust proxy'), 'LatchkeyWarning', code]]);
    warn.mockRestore();
  });

  it('the number of proxies with X-Forwarded-For, in whatever spelling, is worth no warning', async () => {
    const { server, warnings, warn } = await serveWith(1);
    for (const address of ['203.0.113.7:51000', '[2001:db8::7]:443', 'unknown'])
      await server.get('/api/auth/session', { 'x-forwarded-for': address });
    expect(warnings()).toEqual([]);
    warn.mockRestore();
  });
});

describe('while the counters are out of reach', () => {
  function failing(kind: string): AuthOptions['store'] {
    const store = memoryStore();
    const incr: typeof store.once.incr = (key, options) =>
      key.startsWith(`limit:${kind}`)
        ? Promise.reject(new Error('down'))
        : store.once.incr(key, options);
    return { ...store, once: { ...store.once, incr } };
  }

  it.each([
    { kind: 'address', path: '/login', body: { username: 'alice', password: 'x' } },
    { kind: 'address', path: '/refresh', body: {} },
    { kind: 'address', path: '/exchange', body: { code: 'x'.repeat(43) } },
    { kind: 'account', path: '/login', body: { username: 'alice', password: 'x' } },
    { kind: 'reset', path: '/forgot-password', body: { email: 'a@b.example' } },
  ])('POST $path is 503, not let past the limit by $kind', async ({ kind, path, body }) => {
    const server = await serveAuth({ store: failing(kind) });
    const answer = await server.post(`/api/auth${path}`, body);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(server.auth.passwords.counters().finished).toBe(0);
  });

  it('requests that only read are served', async () => {
    const server = await serveAuth({ store: failing('address') });
    expect((await server.get('/api/auth/session')).status).toBe(200);
    expect((await server.get('/api/auth/jwks.json')).status).toBe(200);
  });
});
