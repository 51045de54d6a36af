import express, { type RequestHandler } from 'express';
import { createAuth } from 'latchkey';
import { type ApiClientOptions, createApiClient } from 'latchkey/client';
import { createTestIssuer } from 'latchkey/testing';
import { expect, it } from 'vitest';
import { serve } from '../world/serve.js';

/** An API that says what it was sent, and a server that calls it for its own callers. */
async function world(change: Partial<ApiClientOptions> = {}, method?: string) {
  const issuer = await createTestIssuer({ algorithm: 'ES256' });
  const upstream = await serve((req, res) => {
    const { authorization, 'x-request-id': id, 'x-org-id': org } = req.headers;
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify({ path: req.url, authorization, id, org }));
  });
  const allowedOrigins = [upstream.origin];
  const auth = createAuth({ env: {}, trustedIssuers: [issuer.policy], onWarning: () => undefined });
  const call: RequestHandler = async (req, res) => {
    const caller = method === undefined ? req : { auth: { method, token: 'lk_live_a_b' } };
    const baseUrl = `${upstream.origin}/v1`;
    const api = createApiClient(caller, { baseUrl, allowedOrigins, ...change });
    res.json(
      await (
        await api.fetch(new URL(req.url, upstream.origin).searchParams.get('path') ?? '')
      ).json(),
    );
  };
  const app = express();
  app.use(auth.securityHeaders({ preset: 'api' }));
  app.get('/', auth.optionalAuth(), call);
  app.use(auth.errorHandler());
  const { origin } = await serve(app);
  const token = await issuer.mint();
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${origin}/?path=${encodeURIComponent(path)}`, { headers });
    const text = await answer.text();
    return { status: answer.status, text };
  };
  return { token, get };
}

it('calls the API with the token and the request id of the caller', async () => {
  const { token, get } = await world();
  const { text } = await get('/reports?year=2026', {
    Authorization: `Bearer ${token}`,
    'X-Request-Id': 'request-0001',
  });
  expect(JSON.parse(text)).toEqual({
    path: '/v1/reports?year=2026',
    authorization: `Bearer ${token}`,
    id: 'request-0001',
  });
});

it('calls it as nobody for a caller who is nobody', async () => {
  const { get } = await world();
  const { text } = await get('/reports');
  expect(JSON.parse(text)).toEqual({ path: '/v1/reports', id: expect.any(String) });
});

it('passes no API key on as a token', async () => {
  const { get } = await world({}, 'api_key');
  const { text } = await get('/reports');
  expect(JSON.parse(text)).toEqual({ path: '/v1/reports' });
});

it.each(['//evil.example/', 'https://evil.example/', '\\evil.example', '../admin'])(
  'refuses the path %j',
  async (path) => {
    const { token, get } = await world();
    expect((await get(path, { Authorization: `Bearer ${token}` })).status).toBe(500);
  },
);

it.each([
  {
    title: 'passes the organisation on',
    headers: {},
    sent: ['Bearer a.b.c', 'acme', 'request-0001'],
  },
  {
    title: 'sets nothing that is set already',
    headers: { Authorization: 'Basic eA==', 'X-Org-Id': 'other', 'X-Request-Id': 'mine-0001' },
    sent: ['Basic eA==', 'other', 'mine-0001'],
  },
])('$title', async ({ headers, sent }) => {
  const seen: Headers[] = [];
  const api = createApiClient(
    { auth: { method: 'jwt', token: 'a.b.c' }, id: 'request-0001', org: { id: 'acme' } },
    {
      baseUrl: 'https://api.example.com',
      allowedOrigins: ['https://api.example.com'],
      fetch: async (_url, init) => {
        seen.push(new Headers(init?.headers));
        return new Response();
      },
    },
  );
  await api.fetch('/', { headers });
  const names = ['authorization', 'x-org-id', 'x-request-id'];
  expect(names.map((name) => seen[0]?.get(name))).toEqual(sent);
});

it.each([
  { baseUrl: 'https://api.example.com/v1', allowed: 'https://api.example.com' },
  { baseUrl: 'https://eu.example.com/', allowed: 'https://*.example.com' },
  { baseUrl: 'http://127.0.0.1:8080', allowed: 'http://127.0.0.1:8080' },
])('may call $baseUrl where $allowed is allowed', ({ baseUrl, allowed }) => {
  expect(() => createApiClient({}, { baseUrl, allowedOrigins: [allowed] })).not.toThrow();
});

it.each([
  { baseUrl: 'https://api.example.com.evil.example', allowed: 'https://api.example.com' },
  { baseUrl: 'http://api.example.com', allowed: 'https://api.example.com' },
  { baseUrl: 'https://api.example.com:8443', allowed: 'https://api.example.com' },
  { baseUrl: 'https://a.b.example.com', allowed: 'https://*.example.com' },
  { baseUrl: 'https://example.com', allowed: 'https://*.example.com' },
  { baseUrl: 'https://evil.example/*.example.com', allowed: 'https://*.example.com' },
  { baseUrl: 'https://api.example.com@evil.example', allowed: 'https://api.example.com' },
  { baseUrl: 'file:///etc/passwd', allowed: 'null.example' },
  { baseUrl: '/api', allowed: 'https://api.example.com' },
  { baseUrl: 'https://api.example.com', allowed: '*' },
])('may not call $baseUrl where $allowed is allowed', ({ baseUrl, allowed }) => {
  expect(() => createApiClient({}, { baseUrl, allowedOrigins: [allowed] })).toThrow(TypeError);
});
