import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';
import { onTestFinished } from 'vitest';
import { listen } from './serve.js';

export interface OpaqueProvider {
  readonly issuer: string;
  /** As whom an API asks about tokens; answers are signed where it wants that (RFC 9701). */
  readonly api: { readonly clientId: string; readonly clientSecret: string };
  /** Questions that have reached the endpoint so far. */
  readonly questions: number;
  /** An opaque access token by client credentials; lives for ten minutes. */
  mint(request?: { readonly scope?: string; readonly resource?: string }): Promise<string>;
  /** Ends a token (RFC 7009). */
  revoke(token: string): Promise<void>;
  /** Closes the port and every connection. */
  kill(): Promise<void>;
}

export const API = 'https://invoices.example/api';
export const ROBOT = {
  clientId: 'billing-robot',
  clientSecret: 'only-ever-known-on-this-loopback',
};

/** A certified OpenID provider whose access tokens are opaque. Runs until the test that asked for it has finished. */
export async function startOpaqueProvider(): Promise<OpaqueProvider> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const key = { ...(await exportJWK(privateKey)), kid: 'key-1', use: 'sig', alg: 'ES256' };
  const api = { clientId: 'invoices-api', clientSecret: 'of: the+API' };
  let questions = 0;
  const served = await listen((request, response) => {
    if (request.url === '/token/introspection') questions += 1;
    handle(request, response);
  });
  onTestFinished(() => served.close());
  const { origin } = served;
  const handle = new Provider(origin, {
    jwks: { keys: [key] },
    clients: [{ ...clientOf(ROBOT), grant_types: ['client_credentials'] }, clientOf(api)],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: () => true },
      jwtIntrospection: { enabled: true },
      revocation: { enabled: true, allowedPolicy: () => true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context: unknown, resource: string) => ({
          scope: 'invoices:read invoices:write',
          audience: resource,
          accessTokenFormat: 'opaque',
          accessTokenTTL: 600,
        }),
      },
    },
    ttl: { ClientCredentials: 600, IdToken: 600 },
    adapter: createMemory(),
  }).callback();

  async function post(path: string, form: Readonly<Record<string, string>>): Promise<Response> {
    const { clientId, clientSecret } = ROBOT;
    const body = new URLSearchParams({
      ...form,
      client_id: clientId,
      client_secret: clientSecret,
    });
    return fetch(`${origin}${path}`, { method: 'POST', body });
  }

  return {
    issuer: origin,
    api,
    get questions() {
      return questions;
    },
    async mint({ scope = 'invoices:read', resource = API } = {}) {
      const response = await post('/token', { grant_type: 'client_credentials', scope, resource });
      const { access_token: token } = (await response.json()) as { access_token?: string };
      if (token === undefined) throw new Error(`the token endpoint answered ${response.status}`);
      return token;
    },
    async revoke(token) {
      await post('/token/revocation', { token });
    },
    kill: () => served.close(),
  };
}

/** What the provider stores, for one provider. */
function createMemory(): (model: string) => object {
  const entries = new Map<string, object>();
  return (model) => ({
    upsert: async (id: string, entry: object) => void entries.set(`${model}:${id}`, entry),
    find: async (id: string) => entries.get(`${model}:${id}`),
    destroy: async (id: string) => void entries.delete(`${model}:${id}`),
    revokeByGrantId: async () => undefined,
  });
}

function clientOf({ clientId, clientSecret }: typeof ROBOT): object {
  return {
    client_id: clientId,
    client_secret: clientSecret,
    grant_types: [],
    redirect_uris: [],
    response_types: [],
    id_token_signed_response_alg: 'ES256',
    introspection_signed_response_alg: 'ES256',
  };
}
