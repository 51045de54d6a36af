import type { RequestListener } from 'node:http';
import express from 'express';
import { type AuthOptions, createAuth, memoryStore, principalOf } from 'latchkey';
import { AuthClientError } from 'latchkey/client';
import { Provider, type ResourceServer } from 'oidc-provider';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createServiceClient } from '../../../examples/recipes/server-to-server/service-client.js';
import { BASE } from '../../world/auth-server.js';
import { keyPair } from '../../world/key-pairs.js';
import { serve } from '../../world/serve.js';

const TOKEN = 'POST /api/auth/token';

afterEach(() => void vi.useRealTimers());

/** An API of ours under /api, with the clock of the process, which tests set. */
function createApi(options: AuthOptions) {
  const auth = createAuth({
    ...BASE,
    publicUrl: 'http://localhost:3000',
    serviceAccounts: true,
    now: () => Date.now(),
    ...options,
  });
  const app = express();
  app.use('/api/auth', auth.router());
  app.get('/api/me', auth.requireAuth(), (req, res) => {
    res.json({ subject: principalOf(req).subject });
  });
  app.use(auth.errorHandler());
  return { auth, app };
}

/** The API with a service account, whose tokens live for 100 seconds. */
async function start() {
  const store = memoryStore();
  const { auth, app } = createApi({ store });
  const account = await auth.serviceAccounts.create({
    ...{ org: 'acme', name: 'Nightly export', scopes: ['reports:read', 'reports:write'] },
    tokenSeconds: 100,
  });
  const { secret } = await auth.serviceAccounts.createSecret(account.id);
  const log: string[] = [];
  const served = { handle: app as RequestListener };
  const { origin } = await serve((req, res) => {
    log.push(`${req.method} ${req.url}`);
    served.handle(req, res);
  });
  const client = (clientSecret = secret, scope?: string) =>
    createServiceClient({
      baseUrl: `${origin}/api`,
      tokenUrl: `${origin}/api/auth/token`,
      clientId: account.id,
      clientSecret,
      ...(scope !== undefined && { scope }),
    });
  return {
    ...{ auth, store, account, secret, served, client },
    /** Answers requests to this path by itself. */
    answer: (path: string, status: number, headers: Record<string, string> = {}) => {
      served.handle = (req, res) =>
        req.url === path ? void res.writeHead(status, headers).end() : app(req, res);
    },
    recover: () => void (served.handle = app),
    count: (request: string) => log.filter((line) => line === request).length,
    calls: (from: ReturnType<typeof client>, count: number) =>
      Promise.all(Array.from({ length: count }, async () => (await from.fetch('/me')).status)),
  };
}

describe('a program that calls an API with a service account', () => {
  it('gets one token for many calls at once', async () => {
    const { count, account, client, calls } = await start();
    const service = client();
    expect(new Set(await calls(service, 30))).toEqual(new Set([200]));
    expect(await calls(service, 1)).toEqual([200]);
    expect(count(TOKEN)).toBe(1);
    const me = await (await service.fetch('/me')).json();
    expect(me).toMatchObject({ subject: account.id });
  });

  it('asks for the scopes that it names', async () => {
    const { auth, secret, client } = await start();
    const token = await client(secret, 'reports:read').token();
    const principal = await auth.verifier.verify(token ?? '');
    expect([...principal.scopes]).toEqual(['reports:read']);
  });

  it('has the next token before the last one ends, and meets no 401', async () => {
    const { count, client, calls } = await start();
    const service = client();
    await calls(service, 1);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 85_000 });
    expect(new Set(await calls(service, 20))).toEqual(new Set([200]));
    await expect.poll(() => count(TOKEN)).toBe(2);
    vi.setSystemTime(Date.now() + 20_000);
    expect(await calls(service, 5)).toEqual([200, 200, 200, 200, 200]);
    expect(count(TOKEN)).toBe(2);
    expect(count('GET /api/me')).toBe(26);
  });

  it('goes on with its token while no other can be had', async () => {
    const { answer, recover, client, calls } = await start();
    const service = client();
    await calls(service, 1);
    answer('/api/auth/token', 503);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 85_000 });
    expect(await calls(service, 2)).toEqual([200, 200]);
    vi.setSystemTime(Date.now() + 20_000);
    await expect(service.fetch('/me')).rejects.toMatchObject({ code: 'TOKEN_SOURCE_FAILED' });
    recover();
    expect(await calls(service, 2)).toEqual([200, 200]);
  });

  it('gets another token when its own is refused, once for all calls', async () => {
    const { store, served, count, client, calls } = await start();
    const service = client();
    await calls(service, 1);
    // The API has a new secret, and forgets the old one.
    const jwt = { secret: 'another-secret-of-enough-characters-0123456789' };
    served.handle = createApi({ store, jwt }).app;
    expect(new Set(await calls(service, 10))).toEqual(new Set([200]));
    expect(count(TOKEN)).toBe(2);
  });

  it('gives back a 401 that another token does not help', async () => {
    const { answer, count, client } = await start();
    const service = client();
    answer('/api/me', 401, { 'WWW-Authenticate': 'Bearer error="invalid_token"' });
    expect((await service.fetch('/me')).status).toBe(401);
    expect(count('GET /api/me')).toBe(2);
    expect(count(TOKEN)).toBe(2);
  });

  it('says what is wrong with its credentials, and never the secret', async () => {
    const { secret, client } = await start();
    const wrong = `${secret.slice(0, -1)}${secret.endsWith('A') ? 'B' : 'A'}`;
    const failure: unknown = await client(wrong)
      .fetch('/me')
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(AuthClientError);
    expect(failure).toMatchObject({ code: 'TOKEN_SOURCE_FAILED' });
    const { cause } = failure as AuthClientError;
    expect(String(cause)).toContain('401: invalid_client');
    expect(String(cause) + String(failure)).not.toContain(wrong.slice(0, 20));
  });

  it('gets them from any other OAuth server as well', async () => {
    const audience = 'https://reports.example.com/api';
    const { issuer, jwksUri, tokenUrl } = await startOauthServer();
    const auth = createAuth({
      env: {},
      onWarning: () => undefined,
      trustedIssuers: [
        { issuer, audience, keys: { jwksUri }, algorithms: ['ES256'], profile: 'rfc9068' },
      ],
    });
    const api = express();
    api.get('/api/me', auth.requireAuth(), auth.requireScopes('reports:read'), (req, res) => {
      res.json({ client: principalOf(req).clientId });
    });
    api.use(auth.errorHandler());
    const { origin } = await serve(api);
    const service = createServiceClient({
      baseUrl: `${origin}/api`,
      tokenUrl,
      ...CLIENT,
      scope: 'reports:read',
      parameters: { resource: audience },
    });
    const answer = await service.fetch('/me');
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ client: CLIENT.clientId });
  });
});

/** Characters that have to be encoded in `Authorization: Basic`. */
const CLIENT = { clientId: 'nightly export', clientSecret: 'a:b%c+d/e of no use elsewhere' };

async function startOauthServer() {
  let handle: RequestListener | undefined;
  const { origin } = await serve((req, res) => handle?.(req, res));
  const jwk = keyPair('P-256').privateKey.export({ format: 'jwk' });
  const provider = new Provider(origin, {
    jwks: { keys: [{ ...jwk, kid: 'k1', use: 'sig', alg: 'ES256' }] },
    clients: [
      {
        client_id: CLIENT.clientId,
        client_secret: CLIENT.clientSecret,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        id_token_signed_response_alg: 'ES256',
      },
    ],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context: unknown, resource: string): ResourceServer => ({
          scope: 'reports:read',
          audience: resource,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 300,
          jwt: { sign: { alg: 'ES256', kid: 'k1' } },
        }),
      },
    },
    cookies: { keys: ['only-for-tests'] },
  });
  handle = provider.callback();
  return { issuer: origin, jwksUri: `${origin}/jwks`, tokenUrl: `${origin}/token` };
}
