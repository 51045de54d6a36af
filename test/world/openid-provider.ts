import type { IncomingMessage } from 'node:http';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { Provider, type ResourceServer } from 'oidc-provider';
import { onTestFinished } from 'vitest';
import { keyPair } from './key-pairs.js';
import { listen } from './serve.js';

export type ProviderAlgorithm = 'RS256' | 'PS256' | 'ES256' | 'EdDSA';

export interface OpenIdProviderOptions {
  /** What it signs with. @defaultValue `'ES256'` */
  readonly algorithm?: ProviderAlgorithm;
  /** What follows the origin in `issuer`. @defaultValue `''` */
  readonly issuerEnding?: '' | '/';
  /** Whether published keys name their algorithm. Without, only RSA keys have a choice. @defaultValue `true` */
  readonly keysNameAlgorithm?: boolean;
}

interface TokenRequest {
  /** Space-separated. @defaultValue `'invoices:read'` */
  readonly scope?: string;
  /** Resource indicator (RFC 8707), which becomes `aud`. @defaultValue {@link AUDIENCE} */
  readonly resource?: string;
  /** Sent along, e.g. a DPoP proof. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A certified OpenID provider over loopback HTTP, with keys that a test can rotate and a plug it can pull. */
export interface OpenIdProvider {
  readonly issuer: string;
  readonly tokenEndpoint: string;
  /** `kid` of the key that signs now. */
  readonly kid: string;
  /** Requests that have reached it so far. */
  readonly requests: { readonly discovery: number; readonly jwks: number };
  /** An access token for {@link CLIENT_ID} from the token endpoint, by client credentials. Lives for 48 h. */
  mint(request?: TokenRequest): Promise<string>;
  /** An ID token for {@link CLIENT_ID}, with the given claims added. */
  mintIdToken(claims?: Readonly<Record<string, unknown>>): Promise<string>;
  /** Signs with a new key from now on; returns its `kid`. */
  rotate(options: { readonly keepOld: boolean }): Promise<string>;
  /** Takes a key out of the published set. */
  publishWithout(kid: string): void;
  /** Puts a key back that was taken out. */
  publishAgain(kid: string): void;
  /** Goes by another issuer identifier from now on. */
  rename(issuer: string): void;
  /** Closes the port and every connection. */
  kill(): Promise<void>;
  /** Listens again, on the same port. */
  restart(): Promise<void>;
}

export const AUDIENCE = 'https://invoices.example/api';
export const CLIENT_ID = 'billing-robot';

export const CLIENT_SECRET = 'only-ever-known-on-this-loopback';
const TOKEN_LIFETIME_SECONDS = 172_800;

interface Signing {
  readonly algorithm: ProviderAlgorithm;
  readonly kid: string;
}

/** Starts a provider that runs until the test that asked for it has finished. */
export async function startOpenIdProvider(
  options: OpenIdProviderOptions = {},
): Promise<OpenIdProvider> {
  const { algorithm = 'ES256', issuerEnding = '', keysNameAlgorithm = true } = options;
  const requests = { discovery: 0, jwks: 0 };
  let served = await listen((request, response) => {
    count(request);
    handle(request, response);
  });
  const { origin } = served;
  onTestFinished(() => served.close());

  let issuer = `${origin}${issuerEnding}`;
  let key = await createKey(algorithm, keysNameAlgorithm);
  let made: readonly PrivateJwk[] = [key];
  let published = made;
  let provider = createProvider();
  let handle = provider.callback();

  function count({ url = '' }: IncomingMessage): void {
    if (url === '/.well-known/openid-configuration') requests.discovery += 1;
    if (url === '/jwks') requests.jwks += 1;
  }

  // An instance has its keys and issuer for life, so a change of either is a new one behind the same port.
  function replaceProvider(): void {
    provider = createProvider();
    handle = provider.callback();
  }

  function createProvider(): Provider {
    return new Provider(issuer, configurationOf(published, { algorithm, kid: key.kid }));
  }

  return {
    tokenEndpoint: `${origin}/token`,
    get issuer() {
      return issuer;
    },
    get kid() {
      return key.kid;
    },
    get requests() {
      return { ...requests };
    },
    mint: (request) => fetchToken(`${origin}/token`, request),
    async mintIdToken(claims = {}) {
      const client = await provider.Client.find(CLIENT_ID);
      const token = new provider.IdToken({ sub: 'user-1' }, { client });
      token.scope = 'openid';
      for (const [name, value] of Object.entries(claims)) token.set(name, value);
      return token.issue({ use: 'idtoken' });
    },
    async rotate({ keepOld }) {
      key = await createKey(algorithm, keysNameAlgorithm);
      made = [...made, key];
      published = keepOld ? [...published, key] : [key];
      replaceProvider();
      return key.kid;
    },
    publishWithout(kid) {
      published = published.filter((jwk) => jwk.kid !== kid);
      replaceProvider();
    },
    publishAgain(kid) {
      published = [...published, ...made.filter((jwk) => jwk.kid === kid)];
      replaceProvider();
    },
    rename(newIssuer) {
      issuer = newIssuer;
      replaceProvider();
    },
    kill: () => served.close(),
    async restart() {
      const port = Number(new URL(origin).port);
      served = await listen((request, response) => {
        count(request);
        handle(request, response);
      }, port);
    },
  };
}

type PrivateJwk = JWK & { readonly kid: string };

let keysMade = 0;
let rsaKeysMade = 0;

async function createKey(algorithm: ProviderAlgorithm, named: boolean): Promise<PrivateJwk> {
  keysMade += 1;
  const jwk = await exportJWK(await privateKeyFor(algorithm));
  return { ...jwk, kid: `key-${keysMade}`, use: 'sig', ...(named && { alg: algorithm }) };
}

async function privateKeyFor(algorithm: ProviderAlgorithm) {
  if (algorithm === 'RS256' || algorithm === 'PS256') {
    rsaKeysMade += 1;
    return keyPair('RSA-2048', `openid ${rsaKeysMade}`).privateKey;
  }
  return (await generateKeyPair(algorithm, { extractable: true })).privateKey;
}

function configurationOf(keys: readonly PrivateJwk[], { algorithm, kid }: Signing): object {
  return {
    jwks: { keys },
    clients: [
      {
        client_id: CLIENT_ID,
        client_secret: CLIENT_SECRET,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        id_token_signed_response_alg: algorithm,
      },
    ],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context: unknown, resource: string): ResourceServer => ({
          scope: 'invoices:read invoices:write',
          audience: resource,
          accessTokenFormat: 'jwt',
          accessTokenTTL: TOKEN_LIFETIME_SECONDS,
          jwt: { sign: { alg: algorithm, kid } },
        }),
      },
    },
    ttl: { ClientCredentials: TOKEN_LIFETIME_SECONDS, IdToken: TOKEN_LIFETIME_SECONDS },
    adapter: createForgetfulAdapter,
  };
}

/** Tokens that carry everything themselves leave nothing to store. */
function createForgetfulAdapter() {
  const forget = () => Promise.resolve(undefined);
  return { upsert: forget, find: forget, consume: forget, destroy: forget };
}

async function fetchToken(tokenEndpoint: string, request: TokenRequest = {}): Promise<string> {
  const { scope = 'invoices:read', resource = AUDIENCE, headers = {} } = request;
  const response = await fetch(tokenEndpoint, {
    method: 'POST',
    headers,
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
      scope,
      resource,
    }),
  });
  const { access_token: token } = (await response.json()) as { access_token?: string };
  if (token === undefined) throw new Error(`the token endpoint answered ${response.status}`);
  return token;
}
