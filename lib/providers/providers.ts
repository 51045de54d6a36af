import type { Config } from '../config/config.js';
import { AuthError } from '../errors.js';
import { createGithubProvider } from './github.js';
import { createGoogleIdTokenReader, GOOGLE, type GoogleIdTokenReader } from './google-id-token.js';
import type { LoginProvider } from './login-provider.js';
import { createOpenidProvider, type OpenidProviderSettings } from './openid.js';
import type { ProviderContext } from './tokens.js';

export interface ProviderOptions {
  /**
   * Finds providers known only at run time, such as those of your tenants, by the name in the URL: lower-case letters,
   * digits and hyphens. Undefined: there is none. Answers are kept for five minutes, a thousand of them at most.
   */
  readonly resolveProvider?: (
    name: string,
  ) => OpenidProviderSettings | undefined | Promise<OpenidProviderSettings | undefined>;
  /** How providers are reached, e.g. through a proxy. @defaultValue `fetch` */
  readonly fetch?: typeof fetch;
}

/** Everybody with whom users can sign in. */
export interface Providers {
  /**
   * By name. Without one: the one named `default`, or the only one. Undefined for nobody. Rejects with
   * STORE_UNAVAILABLE (503) when the application cannot say who it is.
   */
  find(name: string | undefined): Promise<LoginProvider | undefined>;
  /** Those that are configured, in the order of the configuration. */
  readonly all: readonly LoginProvider[];
  /** For ID tokens from Google's own client library; undefined without a client id there. */
  readonly readGoogleIdToken: GoogleIdTokenReader | undefined;
}

/** Prepares the providers of the configuration. Throws a TypeError for one that cannot be safe. Fetches nothing. */
export function createProviders(
  config: Config,
  options: ProviderOptions,
  { events, now }: Pick<ProviderContext, 'events' | 'now'>,
): Providers {
  const context: ProviderContext = {
    // Looked up at each call, so that an application may replace it when it has started.
    fetch: options.fetch ?? ((input, init) => fetch(input, init)),
    allowLoopbackHttp: !config.production,
    events,
    now,
  };
  const all = configured(config, context);
  const byName = new Map(all.map((provider) => [provider.name, provider]));
  const resolve = createResolver(options, context);
  const { google } = config;
  return Object.freeze({
    all,
    async find(name: string | undefined) {
      if (name === undefined)
        return byName.get('default') ?? (all.length === 1 ? all[0] : undefined);
      return byName.get(name) ?? resolve(name);
    },
    readGoogleIdToken:
      google.clientId === undefined
        ? undefined
        : createGoogleIdTokenReader({ ...google, clientId: google.clientId }, context),
  });
}

function configured(
  { oidc, google, github }: Config,
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
  const { clientId, clientSecret } = github;
  if (clientId !== undefined && clientSecret !== undefined)
    own.push(createGithubProvider({ clientId, clientSecret }, context));
  return Object.freeze(own);
}

const RESOLVED_MS = 300_000;
/** After a failure, so that an outage of the application's own is not made worse. */
const FAILED_MS = 5000;
const MOST_RESOLVED = 1000;

interface Resolved {
  readonly provider: Promise<LoginProvider | undefined>;
  until: number;
}

function createResolver(
  { resolveProvider }: ProviderOptions,
  context: ProviderContext,
): (name: string) => Promise<LoginProvider | undefined> {
  if (!resolveProvider) return () => Promise.resolve(undefined);
  const known = new Map<string, Resolved>();

  async function resolve(name: string): Promise<LoginProvider | undefined> {
    const settings = await resolveProvider?.(name);
    return settings && createOpenidProvider(name, settings, context);
  }

  return async function resolveByName(name) {
    if (!/^[a-z\d]+(?:-[a-z\d]+)*$/.test(name) || name.length > 64) return undefined;
    const found = known.get(name);
    if (found && context.now() < found.until) return found.provider;
    const resolved: Resolved = {
      provider: resolve(name).catch((cause: unknown) => {
        resolved.until = context.now() + FAILED_MS;
        context.events.emit('hook.failed', { hook: 'resolveProvider' });
        throw new AuthError('STORE_UNAVAILABLE', { reason: 'resolve_provider', cause });
      }),
      until: context.now() + RESOLVED_MS,
    };
    if (known.size >= MOST_RESOLVED) known.delete(known.keys().next().value ?? '');
    known.set(name, resolved);
    return resolved.provider;
  };
}
