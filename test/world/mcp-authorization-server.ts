import { Provider, type ResourceServer } from 'oidc-provider';
import { onTestFinished } from 'vitest';
import { keyPair } from './key-pairs.js';
import { listen } from './serve.js';

interface McpAuthorizationServerOptions {
  /** Where clients come back to, exactly. */
  readonly redirectUri: string;
  /** Space-separated: what a client may ask for at any resource. */
  readonly scope: string;
}

/** An authorization server as MCP wants it: public clients with PKCE, resource indicators (RFC 8707), metadata. */
export interface McpAuthorizationServer {
  readonly issuer: string;
  readonly jwksUri: string;
  readonly clientId: string;
}

/** Starts one where people sign in and consent; it runs until the test that asked for it has finished. */
export async function startMcpAuthorizationServer({
  redirectUri,
  scope,
}: McpAuthorizationServerOptions): Promise<McpAuthorizationServer> {
  let handle: ReturnType<Provider['callback']> | undefined;
  const served = await listen((request, response) => handle?.(request, response));
  onTestFinished(() => served.close());
  const jwk = keyPair('P-256').privateKey.export({ format: 'jwk' });
  const clientId = 'mcp-client';
  const provider = new Provider(served.origin, {
    jwks: { keys: [{ ...jwk, kid: 'mcp-key', use: 'sig', alg: 'ES256' }] },
    cookies: { keys: ['only-for-tests'] },
    clients: [
      {
        client_id: clientId,
        token_endpoint_auth_method: 'none',
        application_type: 'native',
        redirect_uris: [redirectUri],
        grant_types: ['authorization_code'],
        response_types: ['code'],
        id_token_signed_response_alg: 'ES256',
      },
    ],
    findAccount: (_context: unknown, sub: string) => ({ accountId: sub, claims: () => ({ sub }) }),
    features: {
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context: unknown, resource: string): ResourceServer => ({
          scope,
          audience: resource,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 3600,
          jwt: { sign: { alg: 'ES256', kid: 'mcp-key' } },
        }),
      },
    },
    ttl: { AccessToken: 3600, Grant: 3600, Session: 3600, Interaction: 3600, IdToken: 3600 },
  });
  handle = provider.callback();
  return { issuer: served.origin, jwksUri: `${served.origin}/jwks`, clientId };
}
