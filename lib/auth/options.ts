import {
  type Config,
  type ConfigOrigins,
  type ConfigOverrides,
  isConfig,
  loadConfig,
  type LoadConfigOptions,
  originsOf,
} from '../config/config.js';
import type { ClientCertificateOptions } from '../authenticate/certificates/client-certificates.js';
import type { RequestHead } from '../authenticate/credentials.js';
import type { LoadPrincipalOption } from '../authenticate/principal-loader.js';
import type { GrantOptions } from '../issuing/grants.js';
import { isRecord } from '../is-record.js';
import { definedOnly, partOptions, renamedOption } from '../known-options.js';
import type { PagesOptions } from '../pages/options.js';
import type { SignInOptions } from '../sign-in.js';
import type { Store, UserStore } from '../stores/store.js';
import type { IssuerOptions } from '../verifier/trusted-issuers/options.js';
import type { VerifierOptions } from '../verifier/options.js';

/** Options of `createAuth()` that can't come from the environment or a file. */
export interface OwnAuthOptions
  extends
    Omit<SignInOptions, 'store'>,
    GrantOptions,
    Pick<
      VerifierOptions,
      'resolveIssuer' | 'isRevoked' | 'tokenCache' | 'maxTokenLength' | 'realm' | 'now'
    > {
  /**
   * Looks up what a token cannot say, for `authenticate()` and every guard that doesn't bring its own. Gets no
   * more of the request than its headers, since not every request is Express'. @defaultValue nothing is looked up
   */
  readonly loadPrincipal?: LoadPrincipalOption<RequestHead>;
  /**
   * Where clients' certificates are, for tokens that are bound to one (`cnf['x5t#S256']`, RFC 8705 §3): in the TLS connection, or in a
   * header of a proxy. @defaultValue such tokens are refused with 401
   */
  readonly clientCertificates?: ClientCertificateOptions;
  /**
   * Where `auth.router()` is mounted, as browsers see it: a path that begins with `/`, below the path of AUTH_PUBLIC_URL where
   * that has one. `redirect: true` of the guards leads to pages below it, and so do all links of the router. Needed where
   * the router is mounted inside an `express.Router()`, or by a pattern. @defaultValue the path of `app.use(path, auth.router())`
   */
  readonly basePath?: string;
  /** How the pages of the router look and what they say, and those of `auth.errorHandler({ html: true })`. @defaultValue our look, in English and German */
  readonly pages?: PagesOptions;
}

/** Former names of options. They work, with a warning, until release 1.0. */
interface FormerAuthOptions {
  /** @deprecated Now `trustedIssuers`, which replaces AUTH_TRUSTED_ISSUERS, where this one adds to it. */
  readonly issuers?: VerifierOptions['issuers'];
  /** @deprecated Now `userStore`. */
  readonly users?: UserStore;
  /** @deprecated Now `tokenCache`. */
  readonly cache?: VerifierOptions['tokenCache'];
  /** @deprecated Now `providerFetch`. */
  readonly fetch?: typeof fetch;
}

/**
 * What `createAuth()` takes: settings in the shape of the config tree, which win over the environment and the
 * config file, and options that can't come from either.
 */
export interface AuthOptions
  extends
    Omit<ConfigOverrides, 'store'>,
    OwnAuthOptions,
    FormerAuthOptions,
    Pick<LoadConfigOptions, 'env' | 'file' | 'prefix' | 'onWarning'> {
  /**
   * The result of `loadConfig()`, instead of `env`, `file`, `prefix`, `onWarning` and settings. A copy won't do: secrets are
   * not copied. @defaultValue loaded from the environment
   */
  readonly config?: Config;
  /**
   * Where sessions and users are kept: a store, or the setting of AUTH_STORE_URL. A store that was passed in stays
   * open on `close()`. @defaultValue the store of AUTH_STORE_URL
   */
  readonly store?: Store | ConfigOverrides['store'];
}

const ownOptionNames = [
  'resolveIssuer',
  'isRevoked',
  'tokenCache',
  'maxTokenLength',
  'realm',
  'now',
  'loadPrincipal',
  'clientCertificates',
  'basePath',
  'pages',
  'tokenScopes',
  'tokenClaims',
  'userStore',
  'passwords',
  'sessions',
  'apiKeys',
  'organisations',
  'resolveProvider',
  'provision',
  'providerFetch',
] as const satisfies readonly (keyof OwnAuthOptions)[];

const formerOptionNames = [
  'issuers',
  'users',
  'cache',
  'fetch',
] as const satisfies readonly (keyof FormerAuthOptions)[];

/** The options of `createAuth()` by where they go. */
interface ReadOptions {
  readonly config: Config;
  readonly origins: ConfigOrigins;
  readonly own: OwnAuthOptions;
  readonly store: Store | undefined;
  readonly furtherIssuers: readonly IssuerOptions[];
}

/**
 * Parts the options that only code can give from settings, and loads the latter. Throws a `ConfigError` for settings, and a
 * TypeError for options that contradict each other.
 */
export function readAuthOptions(options: AuthOptions): ReadOptions {
  const [former, current] = partOptions(options, formerOptionNames);
  const [given, { store, config, ...settings }] = partOptions(current, ownOptionNames);
  const both = { ...former, ...given };
  const own = definedOnly({
    ...given,
    basePath: given.basePath === undefined ? undefined : readBasePath(given.basePath),
    userStore: renamedOption('createAuth()', both, ['users', 'userStore']),
    tokenCache: renamedOption('createAuth()', both, ['cache', 'tokenCache']),
    providerFetch: renamedOption('createAuth()', both, ['fetch', 'providerFetch']),
  });
  if (former.issuers !== undefined) warnOfIssuers();
  const read =
    config === undefined
      ? loadSettings(settings, store)
      : readConfig(config, { ...settings, store });
  return {
    config: read,
    origins: originsOf(read),
    own,
    store: isStore(store) ? store : undefined,
    furtherIssuers: [former.issuers ?? []].flat(),
  };
}

function warnOfIssuers(): void {
  process.emitWarning(
    'createAuth(): the option `issuers` is called `trustedIssuers` now, and replaces AUTH_TRUSTED_ISSUERS; the former name works until release 1.0',
    'LatchkeyWarning',
  );
}

type SettingsInCode = Omit<
  AuthOptions,
  keyof OwnAuthOptions | keyof FormerAuthOptions | 'store' | 'config'
>;

function loadSettings(
  { env, file, prefix, onWarning, ...overrides }: SettingsInCode,
  store: AuthOptions['store'],
): Config {
  return loadConfig({
    ...definedOnly({ env, file, prefix, onWarning }),
    // A store of the application's own is what the URL would have named: nothing is missing.
    overrides: { ...overrides, store: isStore(store) ? { url: 'memory:' } : store },
  });
}

function readConfig(
  config: unknown,
  { store, ...others }: SettingsInCode & Pick<AuthOptions, 'store'>,
): Config {
  if (typeof config !== 'object' || config === null || !isConfig(config))
    throw new TypeError(
      'createAuth(): `config` is the object that loadConfig() returned, not a copy: secrets are not copied',
    );
  const names = Object.keys(definedOnly(others));
  if (store !== undefined && !isStore(store)) names.push('store');
  if (names.length > 0)
    throw new TypeError(
      `createAuth() takes \`config\` or settings, not both: give ${names.join(', ')} to loadConfig()`,
    );
  return config;
}

function readBasePath(basePath: string): string {
  if (/^\/(?!\/)[\w./~-]*$/.test(basePath)) return basePath.replace(/\/$/, '');
  throw new TypeError("createAuth(): `basePath` is a path such as '/api/auth'");
}

/** Throws a TypeError for what is neither a store nor the setting of one: null would silently mean the default, `memory:`. */
function isStore(store: AuthOptions['store']): store is Store {
  if (store === undefined) return false;
  if (isRecord(store)) return 'sessions' in store;
  throw new TypeError(
    "createAuth(): `store` is a store, such as postgresStore(pool), or a setting: { url: 'postgres://…' }",
  );
}
