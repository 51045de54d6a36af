import { availableParallelism } from 'node:os';
import type { Config } from './config/config.js';
import { type Cookies, createCookies } from './http/cookies.js';
import { createRootKeys, type RootKeys } from './secrets/derived-keys.js';
import type { Events } from './events.js';
import { createApiKeyFormat } from './accounts/api-key-format.js';
import type { ApiKeyOptions } from './accounts/api-key-rules.js';
import { createKeyVerdicts, type KeyVerdicts } from './accounts/api-key-verdicts.js';
import { type ApiKeys, createApiKeys } from './accounts/api-keys.js';
import { createIdentities, type Identities, type IdentityOptions } from './accounts/identities.js';
import { createUserIdentities, type UserIdentities } from './accounts/user-identities.js';
import { createUserOwners } from './accounts/key-owners.js';
import type { GrantOf } from './issuing/grants.js';
import { createAccessTokenSigner, type AccessTokenSigner } from './issuing/access-token-signer.js';
import type { OrganisationOptions } from './accounts/organisations.js';
import { createOwnOrganisations, type OwnOrganisations } from './accounts/own-organisations.js';
import { createProviders, type ProviderOptions, type Providers } from './providers/providers.js';
import {
  createPasswords,
  type PasswordOptions,
  type Passwords,
} from './accounts/passwords/passwords.js';
import { createSessions, type SessionOptions, type Sessions } from './sessions/sessions.js';
import { openStore } from './stores/open-store.js';
import { steadyStore } from './stores/steady/steady-store.js';
import type { Store, UserStore } from './stores/store.js';
import { createStoreSilence, type StoreSilence } from './sessions/store-silence.js';
import { createRevocationCounts } from './accounts/revocation-counts.js';
import { createUpstream, type Upstream } from './sessions/upstream.js';
import { isAccountLive, withAccountOwners } from './accounts/service-account-owners.js';
import { createServiceAccounts, type ServiceAccounts } from './accounts/service-accounts.js';
import { createUsers, type Users } from './accounts/users.js';
import { usersWithoutOrgs } from './accounts/users-without-orgs.js';

/** Options for signing in that can't come from the environment. */
export interface SignInOptions extends ProviderOptions, IdentityOptions {
  /** Where sessions and users are kept. Stays open on `close()`. @defaultValue the store of AUTH_STORE_URL */
  readonly store?: Store | undefined;
  /** Your own user table instead of the store's. Implements `UserStore`. @defaultValue the users of `store` */
  readonly userStore?: UserStore;
  /** The rules for new passwords, and how many are hashed at once. */
  readonly passwords?: PasswordOptions;
  /** Grace, revocation lag and sweeping of sessions. */
  readonly sessions?: SessionOptions;
  /** Who may make which API keys, and how many. */
  readonly apiKeys?: ApiKeyOptions;
  /** What the roles in an organisation allow, and who may make one. */
  readonly organisations?: OrganisationOptions;
}

/** Everything an application has that signs its users in by itself. */
export interface SignIn {
  readonly store: Store;
  readonly users: Users;
  readonly passwords: Passwords;
  readonly signer: AccessTokenSigner;
  readonly sessions: Sessions;
  readonly cookies: Cookies;
  readonly rootKeys: RootKeys;
  readonly providers: Providers;
  readonly identities: Identities;
  readonly userIdentities: UserIdentities;
  readonly upstream: Upstream;
  readonly apiKeys: ApiKeys;
  readonly apiKeyOptions: ApiKeyOptions;
  readonly readApiKey: KeyVerdicts['read'];
  /** Undefined with AUTH_SERVICE_ACCOUNTS=off. */
  readonly serviceAccounts: ServiceAccounts | undefined;
  /** Whether the service account with this id could get a token now. */
  readonly isAccountLive: (id: string) => Promise<boolean>;
  /** Undefined without AUTH_ORGANISATIONS. */
  readonly orgs: OwnOrganisations | undefined;
  /** Keeps work that goes on after its reply, so that `settled()` and `close()` can wait for it. */
  inBackground(work: Promise<unknown>): void;
  /** Resolves when the work behind all replies so far is done. */
  settled(): Promise<void>;
  /** Resolves when the store answers; rejects with the reason. */
  ready(): Promise<void>;
  /** Waits for work behind replies, stops timers, and closes a store that we opened. */
  close(): Promise<void>;
}

export interface SignInContext {
  readonly events: Events;
  readonly grantOf: Pick<GrantOf, 'scopesOf'>;
  /** Protection space in challenges. @defaultValue `'api'` */
  readonly realm?: string | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * Joins what signing in needs. Throws a TypeError when the configuration holds nothing to sign tokens with.
 * Opens nothing yet: the store and the hash function are loaded at their first use.
 */
export function createSignIn(
  config: Config,
  options: SignInOptions,
  context: SignInContext,
): SignIn {
  const { events, now, grantOf } = context;
  const signer = createAccessTokenSigner(config, { now });
  const rootKeys = createRootKeys(rootsOf(config));
  const silence = createStoreSilence(now, { graceSeconds: options.sessions?.graceSeconds });
  const store = storeOf(config, options, { events, now, silence });
  const sessions = createSessions(
    { ...storeParts(store), silence, keys: rootKeys, events, now, ...rules(config, grantOf) },
    options.sessions,
  );
  const { ownOrganisations } = config;
  const users = createUsers({
    store: ownOrganisations ? usersWithoutOrgs(store.users) : store.users,
    now,
  });
  const providers = createProviders(config, options, { events, now });
  const { settled, inBackground } = createBackground();
  const orgs = ownOrganisations
    ? createOwnOrganisations({ store, users, events, now, issuer: config.jwt.issuer }, options)
    : refuseOrganisationOptions(options);
  return Object.freeze({
    store,
    users,
    passwords: createPasswords(options.passwords, { events, cores: availableParallelism() }),
    signer,
    sessions,
    cookies: cookiesOf(config),
    rootKeys,
    providers,
    identities: identitiesOf(config, options, { store, users, events, now }),
    userIdentities: createUserIdentities({ credentials: store.credentials, users, now }),
    upstream: createUpstream({
      sessions,
      once: store.once,
      providers,
      keys: rootKeys,
      events,
      lifeSeconds: config.refreshTtlSeconds,
      now,
    }),
    ...machinesOf(config, options, { ...context, store, users, orgs, inBackground }),
    orgs,
    inBackground,
    settled,
    async ready(): Promise<void> {
      await store.ping();
      await sessions.ready();
    },
    async close(): Promise<void> {
      await sessions.close();
      await settled();
      if (!options.store) await store.close();
    },
  });
}

interface MachinesContext
  extends SignInContext, Pick<SignIn, 'store' | 'users' | 'orgs' | 'inBackground'> {}

type MachineName = 'serviceAccounts' | 'isAccountLive' | 'apiKeys' | 'apiKeyOptions' | 'readApiKey';

/** Service accounts, API keys, and the judge of those that are sent. */
function machinesOf(
  config: Config,
  { apiKeys: apiKeyOptions = {}, sessions }: SignInOptions,
  { store: { credentials }, ...given }: MachinesContext,
): Pick<SignIn, MachineName> {
  const context = { ...given, credentials };
  const { accessTtlSeconds } = config;
  const orgExists = given.orgs?.exists;
  const serviceAccounts = config.serviceAccounts
    ? createServiceAccounts({ ...context, accessTtlSeconds, orgExists })
    : undefined;
  const format = createApiKeyFormat(config.apiKeyEnvironment);
  const users = createUserOwners({
    users: given.users,
    scopesOf: given.grantOf.scopesOf,
    passwordLogin: config.passwordLogin,
    orgsOf: given.orgs?.orgsOf,
  });
  const calling = serviceAccounts && { accounts: serviceAccounts, orgExists };
  const owners = calling ? withAccountOwners(calling, users) : users;
  const verdicts = createKeyVerdicts({
    ...{ ...context, format, owners, issuer: config.jwt.issuer ?? '', realm: given.realm },
    lagSeconds: sessions?.revocationLagSeconds ?? 5,
  });
  const made = { ...context, format, owners, onRevoked: verdicts.drop };
  const apiKeys = createApiKeys(made, apiKeyOptions);
  return {
    ...{ serviceAccounts, apiKeys, apiKeyOptions, readApiKey: verdicts.read },
    isAccountLive: async (id: string) => calling !== undefined && isAccountLive(calling, id),
  };
}

function identitiesOf(
  { signUp, linkAcrAfterSeconds }: Config,
  options: SignInOptions,
  {
    store,
    users,
    events,
    now,
  }: Pick<SignInContext, 'events' | 'now'> & Pick<SignIn, 'store' | 'users'>,
): Identities {
  const counts = createRevocationCounts(store.once, now);
  const { credentials } = store;
  return createIdentities(
    { credentials, users, events, counts, signUp, linkAcrAfterSeconds, now },
    options,
  );
}

/** Undefined. Throws a TypeError for an option that would have no effect. */
function refuseOrganisationOptions({ organisations }: SignInOptions): undefined {
  if (organisations?.mayCreate)
    throw new TypeError(
      'createAuth({ organisations: { mayCreate } }) has no effect without organisations of our own: set AUTH_ORGANISATIONS=on',
    );
}

function storeParts({ sessions, once, users, credentials, instances, together }: Store) {
  return { sessions, once, users, credentials, instances, ...(together && { together }) };
}

/** How long sessions live, and who may act in those of others. */
function rules(config: Config, { scopesOf }: SignInContext['grantOf']) {
  return {
    accessTtlSeconds: config.accessTtlSeconds,
    idleTtlSeconds: config.refreshIdleTtlSeconds,
    absoluteTtlSeconds: config.refreshTtlSeconds,
    scopesOf: config.impersonation ? scopesOf : undefined,
  };
}

/** The cookies of an application, by their names. */
export function cookiesOf({ publicUrl, cookieName }: Config): Cookies {
  return createCookies({ name: cookieName, secure: publicUrl?.startsWith('https:') ?? false });
}

function storeOf(
  config: Config,
  options: SignInOptions,
  {
    events,
    now,
    silence,
  }: Pick<SignInContext, 'events' | 'now'> & {
    readonly silence: StoreSilence;
  },
): Store {
  if (config.production && !options.store && config.store.url === 'memory:')
    process.emitWarning(
      'the store is memory: – every session ends with this process, and other instances know nothing of it',
      'LatchkeyWarning',
    );
  const given = options.store ?? openStore(config.store.url);
  return steadyStore(given, {
    events,
    userStore: options.userStore,
    now,
    onAnswer: silence.answered,
    onFailure: silence.failed,
  });
}

/** Work that goes on after its response. */
function createBackground() {
  const working = new Set<Promise<unknown>>();
  return {
    inBackground(this: void, work: Promise<unknown>): void {
      const tracked = work.finally(() => working.delete(tracked));
      working.add(tracked);
    },
    async settled(this: void): Promise<void> {
      await Promise.all(working);
    },
  };
}

/** A secret that signs tokens is also the root of the rest, unless another one is given. */
function rootsOf({ secret, secretPrevious }: Config): readonly [string, ...string[]] {
  if (secret !== undefined) return [secret, ...secretPrevious];
  throw new TypeError(
    'signing in needs AUTH_SECRET: the root of refresh tokens and cookies; make one with `openssl rand -base64 48`',
  );
}
