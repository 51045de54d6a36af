import type { Config } from '../config/config.js';
import type { AppleSettings } from '../config/settings.js';
import { type AppleClient, createAppleProvider } from './apple.js';
import { createGithubProvider } from './github.js';
import { createGoogleIdTokenReader, GOOGLE, type GoogleIdTokenReader } from './google-id-token.js';
import type { LoginProvider } from './login-provider.js';
import { createOpenidProvider } from './openid.js';
import { createResolvedProviders, type ProviderResolver } from './resolved-providers.js';
import type { ProviderContext } from './tokens.js';

export interface ProviderOptions {
  /** Finds providers that are known only at run time, such as those of your tenants. See {@link ProviderResolver}. @defaultValue none */
  readonly resolveProvider?: ProviderResolver;
  /**
   * Replaces `fetch` for requests to login providers, e.g. to go through a proxy. It must honour `signal` and `redirect`.
   * @defaultValue the global `fetch` at the time of each request
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
    // Looked up at each call, so that an application may replace it when it has started.
    fetch: options.providerFetch ?? ((input, init) => fetch(input, init)),
    allowLoopbackHttp: !config.production,
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

function configured(
  { oidc, google, apple, github }: Config,
  context: ProviderContext,
): readonly LoginProvider[] {
  const own = Object.entries(oidc).map(([name, settings]) =>
    createOpenidProvider(name, { ...settings, clientSecret: settings.clientSecret }, context),
  );
  if (google.clientId !== undefined && google.clientSecret !== undefined) {
    const { clientId, clientSecret, allowedDomains } = google;
    const settings = { issuer: GOOGLE, clientId, clientSecret, allowedDomains };
    own.push(createOpenidProvider('google', settings, context));
  }
  if (isComplete(apple)) own.push(createAppleProvider(apple, context));
  const { clientId, clientSecret, allowedOrgs, trustEmail } = github;
  if (clientId !== undefined && clientSecret !== undefined)
    own.push(createGithubProvider({ clientId, clientSecret, allowedOrgs, trustEmail }, context));
  return Object.freeze(own);
}

/** `loadConfig()` takes all of them or none. */
function isComplete(apple: AppleSettings): apple is AppleSettings & AppleClient {
  const { clientId, teamId, keyId, privateKey } = apple;
  return [clientId, teamId, keyId, privateKey].every((value) => value !== undefined);
}
