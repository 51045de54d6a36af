import { randomUUID } from 'node:crypto';
import type { AuthOptions, NewServiceAccount, ServiceAccount } from 'latchkey';
import { type AuthServer, serveAuth } from './auth-server.js';
import { createTokenSigner, type TokenSigner } from './token-signer.js';

/** `iss` of the applications of `serveAuth()`. */
export const ISSUER = 'http://localhost:3000';

export const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

type Form = Readonly<Record<string, string>> | readonly (readonly [string, string])[];

export interface MachineWorld extends AuthServer {
  readonly account: ServiceAccount;
  readonly secret: string;
  /** Sends a form to the token endpoint: the members, or pairs where one stands twice. */
  readonly ask: (form: Form, headers?: Readonly<Record<string, string>>) => Promise<Response>;
  /** An access token of the account. */
  readonly accessToken: (scope?: string) => Promise<string>;
}

/** An application with a service account that has a secret. */
export async function machineWorld(
  options: AuthOptions = {},
  wanted: Partial<NewServiceAccount> = {},
): Promise<MachineWorld> {
  const server = await serveAuth({ serviceAccounts: true, ...options });
  const { serviceAccounts } = server.auth;
  const account = await serviceAccounts.create({
    org: 'acme',
    name: 'Nightly export',
    scopes: ['invoices:read', 'invoices:write'],
    roles: ['exporter'],
    ...wanted,
  });
  const { secret } = await serviceAccounts.createSecret(account.id);
  const ask: MachineWorld['ask'] = (form, headers = {}) =>
    fetch(`${server.origin}/api/auth/token`, {
      method: 'POST',
      headers,
      body: formOf(form),
    });
  return {
    ...server,
    account,
    secret,
    ask,
    async accessToken(scope) {
      const response = await ask({
        grant_type: 'client_credentials',
        client_id: account.id,
        client_secret: secret,
        ...(scope !== undefined && { scope }),
      });
      const { access_token: token } = (await response.json()) as { access_token: string };
      return token;
    },
  };
}

function formOf(form: Form): URLSearchParams {
  const body = new URLSearchParams();
  const pairs = Symbol.iterator in form ? form : Object.entries(form);
  for (const [name, value] of pairs) body.append(name, value);
  return body;
}

/** `Authorization: Basic`, both parts encoded like a form (RFC 6749 §2.3.1). */
export function basic(id: string, secret: string): Readonly<Record<string, string>> {
  const text = `${encodeURIComponent(id)}:${encodeURIComponent(secret)}`;
  return { authorization: `Basic ${Buffer.from(text).toString('base64')}` };
}

/** A client's key, and the account that is registered with it. */
export async function keyedWorld(options: AuthOptions = {}) {
  const signer = await createTokenSigner('client-key', { use: 'sig', alg: 'RS256' });
  const world = await machineWorld(options, { jwks: { keys: [signer.jwk] } });
  return { ...world, signer };
}

interface AssertionParts {
  readonly header?: Readonly<Record<string, unknown>>;
  /** In place of those of a good assertion. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** An assertion that is good but for what is given. */
export function assertionOf(
  { account, signer }: { readonly account: ServiceAccount; readonly signer: TokenSigner },
  { header = { typ: 'JWT' }, claims = {} }: AssertionParts = {},
  now = Date.now(),
): Promise<string> {
  const seconds = Math.floor(now / 1000);
  const parties = { iss: account.id, sub: account.id, aud: ISSUER, jti: randomUUID() };
  return signer.sign({
    header,
    claims: { ...parties, iat: seconds, exp: seconds + 60, ...claims },
  });
}

/** The form of a request by assertion. */
export function byAssertion(assertion: string): Readonly<Record<string, string>> {
  return {
    grant_type: 'client_credentials',
    client_assertion_type: JWT_BEARER,
    client_assertion: assertion,
  };
}
