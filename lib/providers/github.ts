import type { Configuration } from 'openid-client';
import type * as OpenidClient from 'openid-client';
import { AuthError } from '../errors.js';
import { isRecord } from '../is-record.js';
import {
  type LoginProvider,
  type LoginRequest,
  type LoginSecrets,
  type ProviderSignIn,
  renewalTime,
  type UpstreamTokens,
} from './login-provider.js';
import { providerError, unverifiable } from './errors.js';
import { createProviderFetch, type ProviderFetch } from './fetch.js';
import { createGithubApi, GITHUB_ACCOUNTS } from './github-api.js';
import type { ProviderContext } from './tokens.js';

/**
 * GitHub: OAuth 2.0 with PKCE, without ID tokens, user info and log-out. What it sends:
 *
 * - callbacks: `code`, `state`, and since spring 2026 `iss` (https://docs.github.com/en/apps/github-authentication-discovery-endpoints);
 *   errors as in https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-authorization-request-errors
 * - tokens of an OAuth app: no end, no refresh token, `scope` with commas, errors with status 200
 *   (https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps)
 * - tokens of a GitHub App: `scope` is empty, permissions count; eight hours, with a refresh token for six months that works once
 *   (https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens)
 */
const github = {
  label: 'GitHub',
  /** GitHub's own name, sent as `iss` with its callbacks (RFC 9207 §2), though not with all of them. */
  issuer: 'https://github.com/login/oauth',
  authorizationEndpoint: 'https://github.com/login/oauth/authorize',
  tokenEndpoint: 'https://github.com/login/oauth/access_token',
  scope: 'read:user user:email',
  /** For memberships that are not public: https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps */
  scopeForOrganizations: 'read:user user:email read:org',
} as const;

interface GithubClient {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Organisations whose members may sign in, in lower case. Empty: every account. */
  readonly allowedOrgs: readonly string[];
  /** Whether the primary address that GitHub has verified may join accounts. */
  readonly trustEmail: boolean;
}

/**
 * Prepares signing in with GitHub, which speaks OAuth 2.0 without OpenID Connect: the user is read from its API. Accounts
 * are keyed by the numeric id, since a user name can be given up and taken by another user.
 */
export function createGithubProvider(
  settings: GithubClient,
  context: ProviderContext,
): LoginProvider {
  const fetch = createProviderFetch(context);
  const { clientId, allowedOrgs, trustEmail } = settings;
  const client = Object.freeze({ issuer: GITHUB_ACCOUNTS, clientId });
  const keep = (tokens: OpenidClient.TokenEndpointResponse): UpstreamTokens => ({
    accessToken: tokens.access_token,
    renewAt: renewalTime(tokens.expires_in, context.now()),
    refreshToken: tokens.refresh_token,
    idToken: undefined,
    client,
  });

  async function finish(answer: URLSearchParams, secrets: LoginSecrets): Promise<ProviderSignIn> {
    const connected = await connect(settings, fetch);
    try {
      const tokens = await redeem(connected, answer, secrets);
      const api = createGithubApi(tokens.access_token, fetch);
      const identity = await api.fetchIdentity({ trustEmail });
      if (allowedOrgs.length > 0) await api.requireMembership(allowedOrgs);
      return {
        identity,
        sessionId: undefined,
        authTime: undefined,
        acr: undefined,
        amr: [],
        tokens: keep(tokens),
      };
    } catch (error) {
      throw providerError(error);
    }
  }

  return Object.freeze({
    name: 'github',
    label: github.label,
    client,
    begin: (request: LoginRequest) => begin(settings, request),
    finish,
    async renew({ refreshToken }: UpstreamTokens) {
      if (refreshToken === undefined) throw gone('no_upstream_refresh_token');
      const connected = await connect(settings, fetch);
      try {
        const renewed = keep(
          await connected.client.refreshTokenGrant(connected.configuration, refreshToken),
        );
        return { ...renewed, refreshToken: renewed.refreshToken ?? refreshToken };
      } catch (error) {
        const known = providerError(error);
        throw known.reason === 'invalid_grant' ? gone('upstream_grant_ended') : known;
      }
    },
    logoutUrl: () => Promise.resolve(undefined),
    readLogoutToken: undefined,
  });
}

interface Connected {
  readonly client: typeof OpenidClient;
  readonly configuration: Configuration;
}

async function connect(
  { clientId, clientSecret }: GithubClient,
  fetch: ProviderFetch,
): Promise<Connected> {
  const client = await import('openid-client');
  const metadata = {
    issuer: github.issuer,
    authorization_endpoint: github.authorizationEndpoint,
    token_endpoint: github.tokenEndpoint,
  };
  const authentication = client.ClientSecretPost(clientSecret);
  const configuration = new client.Configuration(metadata, clientId, {}, authentication);
  configuration.timeout = TIMEOUT_SECONDS;
  configuration[client.customFetch] = withErrorStatus(fetch);
  return { client, configuration };
}

const TIMEOUT_SECONDS = 10;

/** Gives an error of the token endpoint, which GitHub sends with status 200, the status that the protocol library looks for. */
function withErrorStatus(fetch: ProviderFetch): ProviderFetch {
  return async (url, request) => {
    const response = await fetch(url, request);
    if (response.status !== 200) return response;
    const body: unknown = await response
      .clone()
      .json()
      .catch(() => undefined);
    if (!isRecord(body) || typeof body['error'] !== 'string') return response;
    return new Response(response.body, { status: 400, headers: response.headers });
  };
}

async function begin(
  { clientId, allowedOrgs }: GithubClient,
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
    scope: allowedOrgs.length > 0 ? github.scopeForOrganizations : github.scope,
    state: secrets.state,
    code_challenge: await client.calculatePKCECodeChallenge(secrets.codeVerifier),
    code_challenge_method: 'S256',
    ...(loginHint !== undefined && { login: loginHint }),
    ...(prompt === 'select_account' && { prompt }),
  }).toString();
  return { url, secrets };
}

function redeem(
  { client, configuration }: Connected,
  answer: URLSearchParams,
  secrets: LoginSecrets,
): Promise<OpenidClient.TokenEndpointResponse> {
  const callback = new URL(secrets.redirectUri);
  callback.search = answer.toString();
  return client.authorizationCodeGrant(configuration, callback, {
    expectedState: secrets.state,
    pkceCodeVerifier: secrets.codeVerifier,
  });
}

function gone(reason: string): AuthError {
  return new AuthError('AUTH_CONTEXT_REQUIRED', { reason });
}
