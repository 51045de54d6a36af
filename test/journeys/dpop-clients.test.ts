import express from 'express';
import { createAuth, memoryStore } from 'latchkey';
import {
  allowInsecureRequests,
  ClientSecretPost,
  clientCredentialsGrant,
  Configuration,
  customFetch,
  type CustomFetch,
  type DPoPHandle,
  fetchProtectedResource,
  genericGrantRequest,
  getDPoPHandle,
  None,
  randomDPoPKeyPair,
  refreshTokenGrant,
} from 'openid-client';
import { describe, expect, it } from 'vitest';
import { addUser, PASSWORD } from '../world/auth-server.js';
import { reservePort, serveLoginApp } from '../world/login-app.js';
import {
  AUDIENCE,
  CLIENT_ID,
  CLIENT_SECRET,
  startOpenIdProvider,
} from '../world/openid-provider.js';

const withNonces = {
  dpop: { mode: 'required', nonceTtlSeconds: 60 },
  secret: 'kQ3vT9mB8sXw2kL6tR1yN5uH9cE3gP7dFaVoIqTz',
} as const;

/** A client of a server that has only a token endpoint. `sent` counts its requests. */
async function createClient(server: { issuer: string; token_endpoint: string }, secret?: string) {
  const config = new Configuration(
    server,
    CLIENT_ID,
    undefined,
    secret === undefined ? None() : ClientSecretPost(secret),
  );
  allowInsecureRequests(config);
  return { config, sent: recordRequests(config) };
}

/** Notes the status of each answer, and sends forms as the JSON that our routes for people take. */
function recordRequests(config: Configuration): string[] {
  const sent: string[] = [];
  const send: CustomFetch = async (url, options) => {
    const { body, headers } = options;
    const isOurs = body instanceof URLSearchParams && new URL(url).pathname.startsWith('/api/');
    const {
      grant_type: _grant,
      client_id: _client,
      ...members
    } = isOurs ? Object.fromEntries(body) : {};
    const response = await fetch(url, {
      ...options,
      ...(isOurs && {
        body: JSON.stringify(members),
        headers: { ...headers, 'content-type': 'application/json' },
      }),
    } as RequestInit);
    sent.push(`${new URL(url).pathname} ${response.status}`);
    return response;
  };
  config[customFetch] = send;
  return sent;
}

/** Calls URLs as the holder of a key. */
const callerOf =
  (config: Configuration, DPoP: DPoPHandle) =>
  (token: string, url: string): Promise<Response> =>
    fetchProtectedResource(config, token, new URL(url), 'GET', null, new Headers(), { DPoP });

describe('openid-client with a DPoP key', () => {
  it('calls a guarded route with a token of a real provider, and learns its nonce', async () => {
    const provider = await startOpenIdProvider();
    const { issuer, tokenEndpoint } = provider;
    const port = await reservePort();
    const auth = createAuth({
      ...{ env: {}, publicUrl: port.origin, store: memoryStore(), ...withNonces },
      trustedIssuers: [
        { issuer, audience: AUDIENCE, keys: { discovery: true }, profile: 'at+jwt' },
      ],
    });
    const app = express();
    app.get('/invoices', auth.requireAuth(), (req, res) => void res.json(req.auth));
    app.use(auth.errorHandler());
    port.serve(app);

    const { config, sent } = await createClient(
      { issuer, token_endpoint: tokenEndpoint },
      CLIENT_SECRET,
    );
    const DPoP = getDPoPHandle(config, await randomDPoPKeyPair());
    const request = { scope: 'invoices:read', resource: AUDIENCE };
    const tokens = await clientCredentialsGrant(config, request, { DPoP });
    expect(tokens.token_type).toBe('dpop');

    const url = `${port.origin}/invoices?page=2`;
    const response = await callerOf(config, DPoP)(tokens.access_token, url);
    expect(await response.json()).toMatchObject({ issuer, clientId: CLIENT_ID });
    await callerOf(config, DPoP)(tokens.access_token, url);
    expect(sent).toEqual(['/token 200', '/invoices 401', '/invoices 200', '/invoices 200']);

    const otherKey = getDPoPHandle(config, await randomDPoPKeyPair());
    await expect(callerOf(config, otherKey)(tokens.access_token, url)).rejects.toThrow(
      'server responded with a challenge in the WWW-Authenticate HTTP Header',
    );
    expect(sent.at(-1)).toBe('/invoices 401');
  });

  it('signs in, calls and refreshes at our router, and learns its nonce', async () => {
    const port = await reservePort();
    const { auth, origin } = serveLoginApp(port, withNonces);
    await addUser({ auth });
    const issuer = origin;
    const signingIn = await createClient({ issuer, token_endpoint: `${origin}/api/auth/token` });
    const keyPair = await randomDPoPKeyPair();
    const DPoP = getDPoPHandle(signingIn.config, keyPair);
    const credentials = { username: 'alice', password: PASSWORD };
    const tokens = await genericGrantRequest(signingIn.config, 'password', credentials, { DPoP });
    expect(tokens.token_type).toBe('dpop');
    expect(signingIn.sent).toEqual(['/api/auth/token 401', '/api/auth/token 200']);

    const { config, sent } = await createClient({
      issuer,
      token_endpoint: `${origin}/api/auth/refresh`,
    });
    const handle = getDPoPHandle(config, keyPair);
    const me = await callerOf(config, handle)(tokens.access_token, `${origin}/api/me`);
    expect(await me.json()).toMatchObject({ user: { username: 'alice' } });
    const renewed = await refreshTokenGrant(config, tokens.refresh_token ?? '', undefined, {
      DPoP: handle,
    });
    const again = await callerOf(config, handle)(renewed.access_token, `${origin}/api/me`);
    expect(again.status).toBe(200);
    expect(sent).toEqual(['/api/me 401', '/api/me 200', '/api/auth/refresh 200', '/api/me 200']);
  });
});
