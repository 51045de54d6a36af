import { type AuthClient, createAuthClient, type Token } from 'latchkey/client';

export interface ServiceClientOptions {
  /** The API, such as `https://reports.example.com/api`. Every call is to a path below it. */
  readonly baseUrl: string;
  /** Where tokens are given: our `…/api/auth/token`, or the token endpoint of any OAuth server. */
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Scopes to ask for, separated by spaces. @defaultValue what the server gives */
  readonly scope?: string;
  /** What else the server wants to know: `resource` (RFC 8707), or `audience` at Auth0. */
  readonly parameters?: Readonly<Record<string, string>>;
}

/** One for the life of the process. It asks for a token at the first call, for all calls together, and for the next one before that ends. */
export function createServiceClient({ baseUrl, ...options }: ServiceClientOptions): AuthClient {
  return createAuthClient({ baseUrl, tokenSource: () => askForToken(options) });
}

/** The grant `client_credentials` (RFC 6749 §4.4). What it throws becomes the `cause` of an AuthClientError. */
async function askForToken(options: Omit<ServiceClientOptions, 'baseUrl'>): Promise<Token> {
  const { tokenUrl, clientId, clientSecret, scope, parameters } = options;
  // Both are encoded like a form before they are joined (RFC 6749 §2.3.1).
  const pair = [clientId, clientSecret].map(encodeURIComponent).join(':');
  const response = await fetch(tokenUrl, {
    method: 'POST',
    headers: { Authorization: `Basic ${btoa(pair)}`, Accept: 'application/json' },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      ...(scope !== undefined && { scope }),
      ...parameters,
    }),
    // The secret goes nowhere else.
    redirect: 'error',
    signal: AbortSignal.timeout(10_000),
  });
  const answer = (await response.json().catch(() => ({}))) as TokenAnswer;
  const { access_token, expires_in, error = 'no token' } = answer;
  if (!response.ok || access_token === undefined)
    throw new Error(`the token endpoint answered ${response.status}: ${error}`);
  return { access_token, ...(expires_in !== undefined && { expires_in }) };
}

/** RFC 6749 §5.1 and §5.2. */
interface TokenAnswer {
  readonly access_token?: string;
  readonly expires_in?: number;
  readonly error?: string;
}
