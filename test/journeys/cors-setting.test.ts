import { createAuth } from 'latchkey';
import { describe, expect, it, onTestFinished } from 'vitest';
import express from 'express';
import { serve } from '../world/serve.js';

async function createWorld() {
  const auth = createAuth({
    env: {
      AUTH_JWT_SECRET: 'vT3kq9Zr1LwXb7NfYc5JhGm2PdSa8EuQ',
      AUTH_PUBLIC_URL: 'https://api.test',
      AUTH_STORE_URL: 'memory:',
      AUTH_CORS_ORIGINS: 'https://app.test,https://*.preview.test',
    },
  });
  onTestFinished(() => auth.close());
  const app = express();
  app.use(auth.securityHeaders());
  app.use('/api/auth', auth.router());
  app.use(auth.errorHandler());
  const { origin } = await serve(app);
  return async (Origin: string) => {
    const headers = { Origin, 'Sec-Fetch-Site': 'cross-site', 'Content-Type': 'application/json' };
    const body = JSON.stringify({ username: 'a', password: 'b' });
    const init = { method: 'POST', headers, body };
    const response = await fetch(`${origin}/api/auth/login`, init);
    return { response, problem: (await response.json()) as { code: string; detail: string } };
  };
}

describe('AUTH_CORS_ORIGINS alone', () => {
  it('lets a listed page read answers, send cookies and sign in', async () => {
    const { response, problem } = await (await createWorld())('https://app.test');
    expect(problem.code).toBe('INVALID_CREDENTIALS');
    expect(response.headers.get('access-control-allow-origin')).toBe('https://app.test');
    expect(response.headers.get('access-control-allow-credentials')).toBe('true');
  });

  it.each(['https://pr-1.preview.test', 'https://evil.test'])(
    'lets %s not sign in, and the refusal names the setting',
    async (origin) => {
      const { response, problem } = await (await createWorld())(origin);
      expect(problem.code).toBe('CROSS_SITE_REQUEST');
      expect(problem.detail).toContain('AUTH_CORS_ORIGINS');
      expect(response.headers.get('access-control-allow-credentials')).toBeNull();
    },
  );
});
