import { request as send } from 'node:http';
import express5 from 'express';
import {
  type AuthEvents,
  type AuthOptions,
  createAuth,
  memoryStore,
  type OnceStore,
  type RequireAuthOptions,
  type Store,
} from 'latchkey';
import { createDpopKey, createTestIssuer, type ProofRequest } from 'latchkey/testing';
import { createClock } from './clock.js';
import { serve } from './serve.js';

/** Where clients call the application of a test. The socket is elsewhere, as behind a proxy. */
export const PUBLIC_ORIGIN = 'https://api.example';

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

interface DpopAppOptions extends AuthOptions {
  readonly guard?: RequireAuthOptions;
  readonly express?: typeof express5;
}

/** An application that verifies tokens of a test issuer, with a guarded route, and a client with its key. */
export async function createDpopApp({
  guard,
  express = express5,
  ...options
}: DpopAppOptions = {}) {
  const clock = createClock();
  const issuer = await createTestIssuer({ algorithm: 'ES256', profile: 'jwt', now: clock.now });
  const auth = createAuth({
    ...{ env: {}, trustedIssuers: [issuer.policy], now: clock.now, onWarning: () => undefined },
    ...{ publicUrl: PUBLIC_ORIGIN, dpop: { mode: 'accepted' }, store: memoryStore() },
    ...options,
  });
  const refusals: AuthEvents['token.refused'][] = [];
  auth.on('token.refused', (event) => void refusals.push(event));
  const app = express();
  const router = express.Router();
  router.get('/invoices', auth.requireAuth(guard), (req, res) => void res.json(req.auth));
  router.post('/invoices', auth.requireAuth(guard), (req, res) => void res.json(req.auth));
  router.get('/open', auth.optionalAuth(guard), (req, res) => void res.json(req.auth ?? {}));
  router.get('/twice', auth.optionalAuth(guard), auth.requireAuth(guard), (_req, res) => {
    res.json({});
  });
  router.get('/files/:name', auth.requireAuth(guard), (req, res) => void res.json(req.auth));
  router.get('/admin', auth.requireAuth(guard), auth.requireScopes('admin'), (_req, res) => {
    res.json({});
  });
  app.use('/v1', router);
  app.use(auth.errorHandler());
  const { origin } = await serve(app);
  const key = await createDpopKey({ now: clock.now });
  const url = `${PUBLIC_ORIGIN}/v1/invoices`;
  const token = await issuer.mint({ cnf: key.cnf });
  const proof = (request: Partial<ProofRequest> = {}) => key.proof({ url, token, ...request });

  async function get(
    headers: Record<string, string>,
    path = '/v1/invoices',
    method = 'GET',
  ): Promise<Reply> {
    const response = await fetch(`${origin}${path}`, { method, headers });
    const body = (await response.json()) as Reply['body'];
    return { status: response.status, headers: response.headers, body };
  }

  /** Sends a bound token with a proof, by default good ones. */
  const call = (request: Partial<ProofRequest> = {}, path?: string) =>
    get(
      { authorization: `DPoP ${request.token ?? token}`, dpop: proof(request) },
      path,
      request.method,
    );

  /** Code and reason of a refusal, or the status of another answer. */
  async function outcomeOf(answer: Promise<Reply>): Promise<string> {
    const before = refusals.length;
    const { status, body } = await answer;
    if (status === 200) return '200';
    const { reason = '' } = refusals[before] ?? {};
    return `${status} ${String(body['code'])} ${reason}`.trim();
  }

  return { auth, clock, issuer, key, token, url, origin, proof, get, call, outcomeOf, refusals };
}

/** Sends a request with these lines, in this order: also what `fetch` would correct. Returns the status. */
export function sendLines(
  origin: string,
  path: string,
  headers: readonly (readonly [name: string, value: string])[],
): Promise<number> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const request = send({ hostname, port, path, headers: headers.flat(), setHost: false });
    request.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on('error', reject);
    request.end();
  });
}

/** A store whose answers come late, and that counts what it was asked. */
export function slowStore(store: Store): { readonly store: Store; readonly added: () => number } {
  let added = 0;
  const once: OnceStore = {
    ...store.once,
    async add(key, value, life) {
      added += 1;
      await new Promise((resolve) => {
        setTimeout(resolve, 20);
      });
      return store.once.add(key, value, life);
    },
  };
  return { store: { ...store, once }, added: () => added };
}
