import path from 'node:path';
import { fileURLToPath } from 'node:url';
import express, { type Express, type Request, type Response } from 'express';
import { type Auth, principalOf, requestIdOf } from 'latchkey';
import { createApiClient } from 'latchkey/client';
import { page } from './page.js';

export interface EmbeddedAppOptions {
  /** The site around the frame: the only one that may show the page, and the one whose messages it reads. */
  readonly platformOrigin: string;
  /** The platform's API, which is called as the user. */
  readonly apiUrl: string;
  /** Origins that get the users' tokens. */
  readonly allowedOrigins: readonly string[];
}

/** A page for another site's frame, and the API behind it. It has no cookies and no log-in: the platform's tokens say who calls. */
export function createApp(
  auth: Auth,
  { platformOrigin, apiUrl, allowedOrigins }: EmbeddedAppOptions,
): Express {
  const app = express();
  app.use(auth.securityHeaders({ preset: 'web', frameAncestors: [platformOrigin] }));
  app.get('/', (_req, res) => void res.type('html').send(page(platformOrigin)));
  app.use('/assets', express.static(path.join(import.meta.dirname, 'public')));
  // The browser's part of Latchkey: modules that need no bundler.
  const client = fileURLToPath(import.meta.resolve('latchkey/client'));
  app.use('/client', express.static(path.dirname(client)));

  app.use('/api', auth.requireAuth());
  app.get('/api/me', (req, res) => void res.json(principalOf(req).user));
  app.get('/api/orders', (req, res) => forward(req, res, '/orders'));
  app.post('/api/orders/:id/ship', auth.requireScopes('orders:ship'), (req, res) =>
    forward(req, res, `/orders/${encodeURIComponent(String(req.params['id']))}/ship`),
  );
  app.use(auth.errorHandler());
  return app;

  /** Asks the platform's API with the caller's own token, and hands its answer on. */
  async function forward(req: Request, res: Response, to: string): Promise<void> {
    const api = createApiClient(req, { baseUrl: apiUrl, allowedOrigins });
    try {
      const signal = AbortSignal.timeout(ANSWER_MS);
      const answer = await api.fetch(to, { method: req.method, signal });
      const body = await answer.text();
      for (const name of PASSED_ON) {
        const value = answer.headers.get(name);
        if (value !== null) res.set(name, value);
      }
      res.status(answer.status).send(body);
    } catch (error) {
      const requestId = requestIdOf(req);
      console.error(`${requestId}: ${apiUrl}${to} does not answer:`, error);
      const detail = 'The platform’s API does not answer. Try again in a minute.';
      res
        .status(502)
        .type('application/problem+json')
        .json({ title: 'Bad Gateway', status: 502, detail, request_id: requestId });
    }
  }
}

/** How long the platform's API may take. */
const ANSWER_MS = 10_000;
/** Of an answer's headers, what clients go by: cookies and policies of the API are for its own origin. */
const PASSED_ON = ['Content-Type', 'Retry-After', 'WWW-Authenticate'];
