import type { Configuration } from 'openid-client';
import type * as OpenidClient from 'openid-client';
import { AuthError } from '../errors.js';
import { isRecord } from '../is-record.js';
import { isEmail, normaliseLogin } from '../accounts/logins.js';
import {
  type LoginProvider,
  type LoginRequest,
  type LoginSecrets,
  type ProviderSignIn,
  renewalTime,
} from './login-provider.js';
import { type Identity } from '../accounts/identity.js';
import { providerError, unverifiable } from './errors.js';
import { createProviderFetch, type ProviderFetch } from './fetch.js';
import type { ProviderContext } from './tokens.js';

/** GitHub: OAuth 2.0 with PKCE, without discovery and ID tokens. GitHub Enterprise Server has other addresses. */
const github = {
  label: 'GitHub',
  /** Our key for GitHub's accounts, kept in every store. It doesn't follow what GitHub calls itself. */
  accountIssuer: 'https://github.com',
  /** GitHub's own name, sent as `iss` with its callbacks (RFC 9207 §2) since 2026, though not with all of them. */
  issuer: 'https://github.com/login/oauth',
  authorizationEndpoint: 'https://github.com/login/oauth/authorize',
  tokenEndpoint: 'https://github.com/login/oauth/access_token',
  userEndpoint: 'https://api.github.com/user',
  emailsEndpoint: 'https://api.github.com/user/emails',
  scope: 'read:user user:email',
} as const;

interface GithubClient {
  readonly clientId: string;
  readonly clientSecret: string;
}

/**
 * Prepares signing in with GitHub, which speaks OAuth 2.0 without OpenID Connect: the user is read from its API. Accounts
 * are keyed by the numeric id, since a user name can be given up and taken by another user.
 */
export function createGithubProvider(
  { clientId, clientSecret }: GithubClient,
  context: ProviderContext,
): LoginProvider {
  const fetch = createProviderFetch(context);
  const ownClient = Object.freeze({ issuer: github.accountIssuer, clientId });

  async function connect() {
    const client = await import('openid-client');
    const metadata = {
      issuer: github.issuer,
      authorization_endpoint: github.authorizationEndpoint,
      token_endpoint: github.tokenEndpoint,
    };
    const authentication = client.ClientSecretPost(clientSecret);
    const configuration = new client.Configuration(metadata, clientId, {}, authentication);
    configuration.timeout = TIMEOUT_SECONDS;
    configuration[client.customFetch] = fetch;
    return { client, configuration };
  }

  async function finish(answer: URLSearchParams, secrets: LoginSecrets): Promise<ProviderSignIn> {
    const { client, configuration } = await connect();
    try {
      const tokens = await redeem(client, configuration, { answer, secrets });
      const { access_token: accessToken, expires_in: life, refresh_token: refreshToken } = tokens;
      return {
        identity: await fetchIdentity(accessToken, fetch),
        sessionId: undefined,
        authTime: undefined,
        acr: undefined,
        amr: [],
        tokens: {
          accessToken,
          renewAt: renewalTime(life, context.now()),
          refreshToken,
          idToken: undefined,
          client: ownClient,
        },
      };
    } catch (error) {
      throw providerError(error);
    }
  }

  return Object.freeze({
    name: 'github',
    label: github.label,
    client: ownClient,
    begin: (request: LoginRequest) => begin(clientId, request),
    finish,
    renew: () =>
      Promise.reject(
        new AuthError('AUTH_CONTEXT_REQUIRED', { reason: 'no_upstream_refresh_token' }),
      ),
    logoutUrl: () => Promise.resolve(undefined),
    readLogoutToken: undefined,
  });
}

async function begin(
  clientId: string,
  { redirectUri, loginHint, prompt, acrValues, maxAgeSeconds }: LoginRequest,
): ReturnType<LoginProvider['begin']> {
  // GitHub has no such parameters; a log-in without them would be refused on its way back, again and again.
  if (acrValues !== undefined || maxAgeSeconds !== undefined) throw unverifiable('acr');
  if (prompt === 'none') throw unverifiable('interaction_required');
  const client = await import('openid-client');
  const secrets = {
    state: client.randomState(),
    codeVerifier: client.randomPKCECodeVerifier(),
    redirectUri,
  };
  const url = new URL(github.authorizationEndpoint);
  url.search = new URLSearchParams({
    client_id: clientId,
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: github.scope,
    state: secrets.state,
    code_challenge: await client.calculatePKCECodeChallenge(secrets.codeVerifier),
    code_challenge_method: 'S256',
    ...(loginHint !== undefined && { login: loginHint }),
    ...(prompt === 'select_account' && { prompt }),
  }).toString();
  return { url, secrets };
}

const TIMEOUT_SECONDS = 10;

function redeem(
  client: typeof OpenidClient,
  configuration: Configuration,
  { answer, secrets }: { readonly answer: URLSearchParams; readonly secrets: LoginSecrets },
) {
  const callback = new URL(secrets.redirectUri);
  callback.search = answer.toString();
  return client.authorizationCodeGrant(configuration, callback, {
    expectedState: secrets.state,
    pkceCodeVerifier: secrets.codeVerifier,
  });
}

async function fetchIdentity(accessToken: string, fetch: ProviderFetch): Promise<Identity> {
  const ask = async (url: string): Promise<unknown> => {
    const response = await fetch(url, {
      headers: {
        authorization: `Bearer ${accessToken}`,
        accept: 'application/vnd.github+json',
        // GitHub refuses requests without one with 403.
        'user-agent': 'latchkey',
      },
      signal: AbortSignal.timeout(TIMEOUT_SECONDS * 1000),
    });
    if (response.status !== 200) throw new AuthError('PROVIDER_ERROR', { reason: 'userinfo' });
    return response.json();
  };
  const [user, emails] = await Promise.all([ask(github.userEndpoint), ask(github.emailsEndpoint)]);
  if (!isRecord(user) || !Number.isSafeInteger(user['id'])) throw unverifiable('subject');
  const email = primaryEmail(emails);
  return Object.freeze({
    provider: 'github',
    issuer: github.accountIssuer,
    subject: String(user['id']),
    email,
    emailVerified: email !== undefined,
    emailVouched: false,
    username: typeof user['login'] === 'string' ? user['login'] : undefined,
    roles: [],
    groups: [],
    attributes: {},
    orgs: [],
    claims: user,
  });
}

/** Only the primary address, and only if GitHub has verified it. */
function primaryEmail(emails: unknown): string | undefined {
  const all: readonly unknown[] = Array.isArray(emails) ? emails : [];
  const primary = all.find(
    (entry) => isRecord(entry) && entry['primary'] === true && entry['verified'] === true,
  );
  const login = normaliseLogin(isRecord(primary) ? primary['email'] : undefined);
  return login !== undefined && isEmail(login) ? login : undefined;
}
