import { type GrantContext, Provider } from 'oidc-provider';
import { onTestFinished, vi } from 'vitest';
import type { HttpBrowser, Page } from './http-browser.js';
import { keyPair } from './key-pairs.js';
import { listen } from './serve.js';

export interface LoginProviderOptions {
  /** Where users come back to, exactly. */
  readonly redirectUris: readonly string[];
  readonly postLogoutRedirectUris?: readonly string[];
  readonly backchannelLogoutUri?: string;
  /** Seconds. @defaultValue `3600` */
  readonly accessTokenSeconds?: number;
  /** @defaultValue `true` */
  readonly pushes?: boolean;
  /** Whether users are asked if the application may know them. @defaultValue `true` */
  readonly asksConsent?: boolean;
  /** By `sub`, which is the name that the user signs in with. */
  readonly claims?: (sub: string) => Readonly<Record<string, unknown>>;
}

/** A certified OpenID provider where people sign in: with consent, PAR, `iss`, rotating refresh tokens and log-out. */
export interface LoginProvider {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Requests by path so far. */
  requests(path: string): number;
  kill(): Promise<void>;
}

/** Starts a provider that runs until the test that asked for it has finished. */
export async function startLoginProvider(options: LoginProviderOptions): Promise<LoginProvider> {
  const { redirectUris, postLogoutRedirectUris = [], backchannelLogoutUri } = options;
  const counts = new Map<string, number>();
  let handle: ReturnType<Provider['callback']> | undefined;
  const served = await listen((request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    counts.set(path, (counts.get(path) ?? 0) + 1);
    handle?.(request, response);
  });
  onTestFinished(() => served.close());
  const jwk = keyPair('RSA-2048').privateKey.export({ format: 'jwk' });
  const key = { ...jwk, kid: 'login-key', use: 'sig', alg: 'RS256' };
  const clientId = 'the-application';
  const clientSecret = 'only-ever-known-on-this-loopback';
  const provider = new Provider(served.origin, {
    jwks: { keys: [key] },
    cookies: { keys: ['only-for-tests'] },
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: redirectUris,
        post_logout_redirect_uris: postLogoutRedirectUris,
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        ...(backchannelLogoutUri !== undefined && {
          backchannel_logout_uri: backchannelLogoutUri,
          backchannel_logout_session_required: true,
        }),
      },
    ],
    claims: {
      openid: ['sub', 'sid'],
      email: ['email', 'email_verified'],
      profile: ['name', 'preferred_username', 'groups'],
    },
    acrValues: ['urn:example:pwd', 'urn:example:mfa'],
    findAccount: (_context: unknown, sub: string) => ({
      accountId: sub,
      claims: () => ({
        sub,
        email: `${sub}@idp.example`,
        email_verified: true,
        preferred_username: sub,
        ...options.claims?.(sub),
      }),
    }),
    features: {
      devInteractions: { enabled: true },
      pushedAuthorizationRequests: { enabled: options.pushes ?? true },
      rpInitiatedLogout: { enabled: true },
      backchannelLogout: { enabled: true },
    },
    ...(options.asksConsent === false && { loadExistingGrant: grantAll }),
    rotateRefreshToken: true,
    issueRefreshToken: () => true,
    ttl: {
      AccessToken: options.accessTokenSeconds ?? 3600,
      Grant: 86_400,
      Session: 86_400,
      Interaction: 3600,
      IdToken: 3600,
      RefreshToken: 86_400,
    },
  });
  handle = provider.callback();
  return {
    issuer: served.origin,
    clientId,
    clientSecret,
    requests: (path) => counts.get(path) ?? 0,
    kill: () => served.close(),
  };
}

/** Gives what the application asks for, as a provider does for applications of its own house. */
async function grantAll({ oidc: { client, provider, session, requestParamScopes } }: GrantContext) {
  const { clientId } = client;
  const { Grant } = provider;
  const { accountId } = session;
  const known = session.grantIdFor(clientId);
  const former = known === undefined ? undefined : await Grant.find(known);
  const grant = former ?? new Grant({ clientId, accountId });
  grant.addOIDCScope([...requestParamScopes].join(' '));
  await grant.save();
  return grant;
}

/**
 * Goes from the application to the provider, signs in there and consents as far as it asks, and comes back. The way back can be stopped
 * short of the callback.
 */
export async function signInAt(
  browser: HttpBrowser,
  start: string,
  { login, until }: { readonly login: string; readonly until?: (url: URL) => boolean },
): Promise<Page> {
  let page = await browser.open(start, until && { until });
  for (
    let step = 0;
    step < 4 && /name="prompt" value="(?:login|consent)"/.test(page.body);
    step += 1
  )
    page = await submitStep(browser, page, { login, until });
  return page;
}

async function submitStep(
  browser: HttpBrowser,
  page: Page,
  {
    login,
    until,
  }: { readonly login: string; readonly until?: ((url: URL) => boolean) | undefined },
): Promise<Page> {
  const prompt = /name="prompt" value="(login|consent)"/.exec(page.body)?.[1] ?? '';
  const action = /<form[^>]*action="([^"]*)"/.exec(page.body)?.[1] ?? '';
  return browser.open(new URL(action, page.url).href, {
    form: { prompt, ...(prompt === 'login' && { login, password: 'any' }) },
    from: new URL(page.url).origin,
    ...(until && { until }),
  });
}

/**
 * The provider sends nothing to loopback addresses, by a `dispatcher` that it gives to `fetch`: here the
 * application that it has to tell is at one.
 */
export function letProviderReachLoopback(): void {
  const { fetch: original } = globalThis;
  vi.stubGlobal('fetch', (input: string | URL | Request, init?: RequestInit) => {
    const plain = { ...init };
    Reflect.deleteProperty(plain, 'dispatcher');
    return original(input, plain);
  });
  onTestFinished(() => void vi.unstubAllGlobals());
}
