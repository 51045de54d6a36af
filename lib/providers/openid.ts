import type * as OpenidClient from 'openid-client';
import type { Configuration, IDToken, TokenEndpointResponse } from 'openid-client';
import { assertRemoteUrl, type HttpPermission } from '../http/bounded-fetch.js';
import { AuthError } from '../errors.js';
import { habitsOf, presetOf } from './habits/habits.js';
import type { LoginHabits } from './login-habits.js';
import { createLogoutUrl } from './logout-url.js';
import type { PresetName } from '../claims/presets/presets.js';
import { decodeJsonObject, hasTokenShape } from '../verifier/tokens/shape.js';
import { judgeIdToken, textOf } from './id-token-rules.js';
import { createIdentityReader, type IdentityReader } from './identity-reader.js';
import {
  type LoginProvider,
  type LoginRequest,
  type LoginSecrets,
  type ProviderClient,
  type ProviderSignIn,
  renewalTime,
  type UpstreamTokens,
} from './login-provider.js';
import { createLogoutTokenReader } from './logout-token.js';
import { providerError, unverifiable } from './errors.js';
import { readTenantRule, type TenantRule } from './entra-tenants.js';
import { createProviderFetch, type ProviderFetch } from './fetch.js';
import type { ProviderContext } from './tokens.js';

/** An OpenID provider that we are a client of. */
export interface OpenidProviderSettings {
  /** Exactly as it names itself. */
  readonly issuer: string;
  readonly clientId: string;
  /** Undefined: a public client, which proves itself by PKCE alone. A function makes one for each request, for secrets that end. */
  readonly clientSecret?: string | (() => Promise<string>) | undefined;
  /** Space-separated, with `openid`. @defaultValue `'openid profile email'` */
  readonly scope?: string | undefined;
  readonly label?: string | undefined;
  readonly preset?: PresetName | undefined;
  readonly trustEmail?: boolean | undefined;
  /**
   * Ids of the tenants (`tid`) whose users may sign in; those of Entra compare without case. `['any']`, for Entra's `/common`, `/organizations` and
   * `/consumers`: of every tenant there is. Required there. @defaultValue whomever the provider lets in
   */
  readonly tenants?: readonly string[] | undefined;
  /** Google Workspace domains (`hd`) whose accounts may sign in. @defaultValue all accounts */
  readonly allowedDomains?: readonly string[] | undefined;
  /** How the answer comes (OAuth 2.0 Form Post Response Mode). @defaultValue what the provider does by itself: `query` */
  readonly responseMode?: 'query' | 'form_post' | undefined;
}

/** Everything that stays the same from log-in to log-in. */
interface Party {
  readonly name: string;
  readonly settings: OpenidProviderSettings;
  readonly habits: LoginHabits | undefined;
  readonly tenants: TenantRule;
  readonly readIdentity: IdentityReader;
  readonly fetch: ProviderFetch;
  readonly permission: HttpPermission;
  readonly toleranceSeconds: number;
  readonly now: () => number;
}

/**
 * Prepares signing in with an OpenID provider (OpenID Connect Core §3.1). Fetches nothing before the first sign-in, so
 * that the application starts while a provider is down. Throws a TypeError for settings that cannot be safe.
 */
export function createOpenidProvider(
  name: string,
  given: OpenidProviderSettings,
  context: ProviderContext,
): LoginProvider {
  assertRemoteUrl(given.issuer, context);
  const tenants = tenantsOf(name, given);
  const { issuer } = tenants;
  const settings = { ...given, issuer };
  const { preset = presetOf(issuer) } = settings;
  const habits = habitsOf(preset);
  const party: Party = {
    name,
    settings,
    habits,
    tenants,
    readIdentity: createIdentityReader({
      name,
      issuer,
      preset,
      trustEmail: settings.trustEmail,
      isOpen: tenants.isOpen,
    }),
    fetch: createProviderFetch({
      ...context,
      issuer: tenants.isShared ? undefined : issuer,
    }),
    permission: context,
    toleranceSeconds: context.toleranceSeconds,
    now: context.now,
  };
  return Object.freeze({
    name,
    label:
      settings.label ?? habits?.label ?? (name === 'default' ? new URL(issuer).hostname : name),
    client: clientOf(party),
    begin: (request: LoginRequest) => begin(party, request),
    finish: (answer: URLSearchParams, secrets: LoginSecrets) => finish(party, answer, secrets),
    renew: (tokens: UpstreamTokens, owner: Owner) => renew(party, tokens, owner),
    logoutUrl: (going: Parameters<LoginProvider['logoutUrl']>[0]) => logoutUrl(party, going),
    readLogoutToken: createLogoutTokenReader(settings, context),
  });
}

function tenantsOf(name: string, settings: OpenidProviderSettings): TenantRule {
  try {
    return readTenantRule(settings);
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw new TypeError(`the provider ${name}: ${cause.message}`, { cause });
  }
}

type Owner = Parameters<LoginProvider['renew']>[1];

interface Connected {
  readonly client: typeof OpenidClient;
  readonly configuration: Configuration;
}

const TIMEOUT_SECONDS = 10;

/**
 * A configuration for one operation. Metadata and keys come through `fetch`, which knows better how long they
 * count than the library's own cache does: a minute's wait for a new key would fail log-ins.
 */
async function connect(party: Party): Promise<Connected> {
  const { issuer, clientId, clientSecret } = party.settings;
  const client = await import('openid-client');
  const metadata = { [client.clockTolerance]: party.toleranceSeconds };
  const discover = (authentication: OpenidClient.ClientAuth) =>
    client.discovery(new URL(issuer), clientId, metadata, authentication, {
      timeout: TIMEOUT_SECONDS,
      [client.customFetch]: party.fetch,
      // Which URLs may be http is for `fetch` to judge, and for whoever sends a browser away.
      execute: [client.enableNonRepudiationChecks, client.allowInsecureRequests],
    });
  try {
    // How it wants us to prove ourselves stands in the metadata; the second time they are in memory.
    const found = (await discover(client.None())).serverMetadata();
    // A difference that the library forgives, such as a slash at the end, makes another issuer (RFC 8414 §3.3).
    if (!party.tenants.isNamed(found.issuer))
      throw new AuthError('PROVIDER_ERROR', { reason: 'issuer_mismatch' });
    const methods = found.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
    if (clientSecret === undefined) return { client, configuration: await discover(client.None()) };
    const secret = typeof clientSecret === 'string' ? clientSecret : await clientSecret();
    const authentication = methods.includes('client_secret_basic')
      ? client.ClientSecretBasic(secret)
      : client.ClientSecretPost(secret);
    return { client, configuration: await discover(authentication) };
  } catch (error) {
    const { code, reason } = providerError(error);
    throw new AuthError('PROVIDER_ERROR', {
      reason: code === 'PROVIDER_ERROR' ? reason : 'discovery',
    });
  }
}

async function begin(
  party: Party,
  { redirectUri, prompt, loginHint, acrValues, maxAgeSeconds }: LoginRequest,
): ReturnType<LoginProvider['begin']> {
  const { client, configuration } = await connect(party);
  const secrets = {
    state: client.randomState(),
    nonce: client.randomNonce(),
    codeVerifier: client.randomPKCECodeVerifier(),
    redirectUri,
    acrValues,
    maxAgeSeconds,
  };
  const { responseMode } = party.settings;
  const parameters = {
    redirect_uri: redirectUri,
    ...scopeParameters(party),
    state: secrets.state,
    nonce: secrets.nonce,
    code_challenge: await client.calculatePKCECodeChallenge(secrets.codeVerifier),
    code_challenge_method: 'S256',
    ...(responseMode && { response_mode: responseMode }),
    ...(prompt !== undefined && { prompt }),
    ...(loginHint !== undefined && { login_hint: loginHint }),
    ...(acrValues && { acr_values: acrValues.join(' ') }),
    ...(maxAgeSeconds !== undefined && { max_age: String(maxAgeSeconds) }),
  };
  try {
    const isPushed =
      configuration.serverMetadata().pushed_authorization_request_endpoint !== undefined;
    const url = isPushed
      ? await client.buildAuthorizationUrlWithPAR(configuration, parameters)
      : client.buildAuthorizationUrl(configuration, parameters);
    return { url: assertRemoteUrl(url.href, party.permission), secrets };
  } catch (error) {
    throw providerError(error);
  }
}

function scopeParameters({ settings, habits }: Party): Readonly<Record<string, string>> {
  const { scope = 'openid profile email' } = settings;
  const scopes = scope.split(' ');
  if (!scopes.includes('offline_access')) return { scope };
  // OpenID Connect Core §11: without a consent the scope may be ignored. Those whose habits we know give it anyway.
  if (!habits) return { scope, prompt: 'consent' };
  if (!habits.offlineParameters) return { scope };
  const others = scopes.filter((each) => each !== 'offline_access');
  return { scope: others.join(' '), ...habits.offlineParameters };
}

async function finish(
  party: Party,
  answer: URLSearchParams,
  secrets: LoginSecrets,
): Promise<ProviderSignIn> {
  const { client, configuration } = await connect(party);
  const callback = new URL(secrets.redirectUri);
  callback.search = answer.toString();
  const named = party.tenants.isShared ? answer.get('iss') : null;
  // Of many tenants' metadata the library knows the template only. The ID token says below whether it was this tenant.
  if (named !== null && party.tenants.isOneTenant(named))
    callback.searchParams.set('iss', configuration.serverMetadata().issuer);
  try {
    const tokens = await client.authorizationCodeGrant(configuration, callback, {
      expectedState: secrets.state,
      pkceCodeVerifier: secrets.codeVerifier,
      idTokenExpected: true,
      ...(secrets.nonce !== undefined && { expectedNonce: secrets.nonce }),
      ...(secrets.maxAgeSeconds !== undefined && { maxAge: secrets.maxAgeSeconds }),
    });
    const idToken = tokens.claims();
    if (!idToken || !isReadable(tokens)) throw unverifiable('id_token');
    if (named !== null && named !== idToken.iss) throw unverifiable('issuer');
    judgeIdToken(party, idToken, secrets);
    const { habits } = party;
    const asking = { client, configuration, habits };
    const claims = await addUserinfo(asking, idToken, tokens.access_token);
    return {
      identity: party.readIdentity(claims),
      sessionId: textOf(idToken['sid']),
      authTime: typeof idToken.auth_time === 'number' ? idToken.auth_time : undefined,
      acr: textOf(idToken['acr']),
      amr: Array.isArray(idToken['amr'])
        ? idToken['amr'].filter((method) => typeof method === 'string')
        : [],
      tokens: upstreamTokens(party, tokens),
    };
  } catch (error) {
    throw providerError(error);
  }
}

/** An ID token has the one shape that every other token must have here; the library is more lenient. */
function isReadable({ id_token: idToken }: TokenEndpointResponse): boolean {
  return idToken === undefined || hasTokenShape(idToken);
}

/** Many providers keep the ID token small and say the rest at the userinfo endpoint, of the same `sub`. */
async function addUserinfo(
  { client, configuration, habits }: Connected & Pick<Party, 'habits'>,
  idToken: IDToken,
  accessToken: string,
): Promise<Readonly<Record<string, unknown>>> {
  const hasEndpoint = configuration.serverMetadata().userinfo_endpoint !== undefined;
  if (!hasEndpoint || idToken['email'] !== undefined || habits?.hasFullIdTokens) return idToken;
  const userinfo = await client.fetchUserInfo(configuration, accessToken, idToken.sub);
  return { ...userinfo, ...idToken };
}

function clientOf({ settings: { issuer, clientId } }: Party): ProviderClient {
  return { issuer, clientId };
}

function upstreamTokens(party: Party, tokens: TokenEndpointResponse): UpstreamTokens {
  return {
    accessToken: tokens.access_token,
    renewAt: renewalTime(tokens.expires_in, party.now()),
    refreshToken: tokens.refresh_token,
    idToken: tokens.id_token,
    client: clientOf(party),
  };
}

async function renew(party: Party, former: UpstreamTokens, owner: Owner): Promise<UpstreamTokens> {
  const gone = (reason: string): AuthError => new AuthError('AUTH_CONTEXT_REQUIRED', { reason });
  if (former.refreshToken === undefined) throw gone('no_upstream_refresh_token');
  const { client, configuration } = await connect(party);
  try {
    const tokens = await client.refreshTokenGrant(configuration, former.refreshToken);
    if (!isReadable(tokens)) throw unverifiable('id_token');
    const claims = tokens.claims();
    // OpenID Connect Core §12.2
    if (claims && (claims.sub !== owner.subject || claims.iss !== owner.issuer))
      throw unverifiable('other_user');
    const renewed = upstreamTokens(party, tokens);
    return {
      ...renewed,
      refreshToken: renewed.refreshToken ?? former.refreshToken,
      idToken: renewed.idToken ?? former.idToken,
    };
  } catch (error) {
    const known = providerError(error);
    throw known.reason === 'invalid_grant' ? gone('upstream_grant_ended') : known;
  }
}

async function logoutUrl(
  party: Party,
  { idToken, sessionId, returnTo }: Parameters<LoginProvider['logoutUrl']>[0],
): Promise<URL | undefined> {
  const { settings, habits } = party;
  const { configuration } = await connect(party);
  const [, payload = ''] = idToken?.split('.') ?? [];
  const url = createLogoutUrl(
    {
      ...settings,
      endpoint: configuration.serverMetadata().end_session_endpoint,
      idToken,
      // Verified when it came.
      hints: { sid: sessionId, ...decodeJsonObject(payload) },
      returnTo,
    },
    habits?.logout,
  );
  return url && assertRemoteUrl(url.href, party.permission);
}
