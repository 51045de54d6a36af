import type { Config } from '../config/config.js';
import type { AppleSettings } from '../config/settings.js';
import { APPLE, type AppleClient, createAppleProvider } from './apple.js';
import { createGithubProvider } from './github.js';
import { createGoogleIdTokenReader, GOOGLE, type GoogleIdTokenReader } from './google-id-token.js';
import type { LoginProvider } from './login-provider.js';
import { createOpenidProvider } from './openid.js';
import { type HttpPermission, readHttpHosts, trusting } from '../http/bounded-fetch.js';
import { createResolvedProviders, type ProviderResolver } from './resolved-providers.js';
import type { ProviderContext } from './tokens.js';

export interface ProviderOptions {
  /** Finds providers that are known only at run time, such as those of your tenants. See {@link ProviderResolver}. @defaultValue none */
  readonly resolveProvider?: ProviderResolver;
  /**
   * Replaces `fetch` for requests to login providers, e.g. to go through a proxy. It must honour `signal` and `redirect`, and in
   * production it is for you to see that a host which a tenant or metadata names has no address in your own network.
   * @defaultValue the global `fetch` at the time of each request; in production, for hosts that you have not configured, a connection
   * that is made to public addresses only
   */
  readonly providerFetch?: typeof fetch;
}

/** The identity providers that users can sign in with. */
export interface Providers {
  /**
   * By name. Without one: the one named `default`, or the only one. Undefined when there is none. Rejects with
   * STORE_UNAVAILABLE (503) when `resolveProvider` fails.
   */
  find(name: string | undefined): Promise<LoginProvider | undefined>;
  /** Those that are configured, in the order of the configuration. */
  readonly all: readonly LoginProvider[];
  /** For ID tokens from Google's own client library; undefined without a client id there. */
  readonly readGoogleIdToken: GoogleIdTokenReader | undefined;
}

const LEAST_TOLERANCE_SECONDS = 60;

/** Prepares the providers of the configuration. Throws a TypeError for one that cannot be safe. Fetches nothing. */
export function createProviders(
  config: Config,
  options: ProviderOptions,
  { events, now }: Pick<ProviderContext, 'events' | 'now'>,
): Providers {
  const context: ProviderContext = {
    ...permissionOf(config),
    fetch: options.providerFetch,
    toleranceSeconds: Math.max(LEAST_TOLERANCE_SECONDS, config.clockToleranceSeconds),
    events,
    now,
  };
  const all = configured(config, context);
  const byName = new Map(all.map((provider) => [provider.name, provider]));
  const { resolveProvider } = options;
  const resolve = resolveProvider && createResolvedProviders(resolveProvider, context);
  const { google } = config;
  return Object.freeze({
    all,
    async find(name: string | undefined) {
      if (name === undefined)
        return byName.get('default') ?? (all.length === 1 ? all[0] : undefined);
      return byName.get(name) ?? resolve?.(name);
    },
    readGoogleIdToken:
      google.clientId === undefined
        ? undefined
        : createGoogleIdTokenReader({ ...google, clientId: google.clientId }, context),
  });
}

/** What may be fetched for what the configuration names, before its own hosts are trusted. */
export function permissionOf(config: Config): HttpPermission {
  return {
    allowLoopbackHttp: !config.production,
    allowHttpHosts: readHttpHosts(config.jwksAllowHttp, 'jwksAllowHttp'),
    internalHosts: config.production ? readHttpHosts(config.internalHosts, 'internalHosts') : 'any',
  };
}

function configured(
  { oidc, google, apple, github }: Config,
  context: ProviderContext,
): readonly LoginProvider[] {
  const own = Object.entries(oidc).map(([name, settings]) =>
    createOpenidProvider(
      name,
      { ...settings, clientSecret: settings.clientSecret },
      trusting(context, [settings.issuer]),
    ),
  );
  if (google.clientId !== undefined && google.clientSecret !== undefined) {
    const { clientId, clientSecret, allowedDomains } = google;
    const settings = { issuer: GOOGLE, clientId, clientSecret, allowedDomains };
    own.push(createOpenidProvider('google', settings, trusting(context, [GOOGLE])));
  }
  if (isComplete(apple)) own.push(createAppleProvider(apple, trusting(context, [APPLE])));
  const { clientId, clientSecret, allowedOrgs, trustEmail } = github;
  if (clientId !== undefined && clientSecret !== undefined)
    // Its addresses are our own constants.
    own.push(
      createGithubProvider(
        { clientId, clientSecret, allowedOrgs, trustEmail },
        { ...context, internalHosts: 'any' },
      ),
    );
  return Object.freeze(own);
}

/** `loadConfig()` takes all of them or none. */
function isComplete(apple: AppleSettings): apple is AppleSettings & AppleClient {
  const { clientId, teamId, keyId, privateKey } = apple;
  return [clientId, teamId, keyId, privateKey].every((value) => value !== undefined);
}
