import express5 from 'express';
import { principalOf, requireAuth, requireScopes, type Verifier } from 'latchkey';
import { serve } from './serve.js';

export interface InvoicesApi {
  get(path: '/me' | '/invoices', token?: string): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The JSON body of a success; undefined for a refusal. */
  readonly body: unknown;
}

/**
 * A resource server over HTTP: `/me` takes every valid token, `/invoices` those with the scope
 * `invoices:read`. Refusals are left to Express' own error handling.
 */
export async function serveInvoicesApi(
  verifier: Verifier,
  express: typeof express5 = express5,
): Promise<InvoicesApi> {
  const app = express();
  app.get('/me', requireAuth(verifier), (req, res) => {
    const { method, subject, clientId, issuer, scopes } = principalOf(req);
    res.json({ method, subject, clientId, issuer, scopes });
  });
  app.get(
    '/invoices',
    requireAuth(verifier),
    requireScopes('invoices:read'),
    (_req, res) => void res.json([]),
  );
  const { origin } = await serve(app);
  return {
    async get(path, token) {
      const response = await fetch(`${origin}${path}`, {
        headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
      });
      const text = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        body: response.ok ? JSON.parse(text) : undefined,
      };
    },
  };
}
