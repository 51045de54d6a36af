import type { ApiKeys } from '../accounts/api-keys.js';
import type { Organisations } from '../accounts/organisations.js';
import type { Passwords } from '../accounts/passwords/passwords.js';
import type { ServiceAccounts } from '../accounts/service-accounts.js';
import type { UserIdentities } from '../accounts/user-identities.js';
import type { Users } from '../accounts/users.js';
import type { Config } from '../config/config.js';
import type { Sessions } from '../sessions/sessions.js';
import type { SignIn } from '../sign-in.js';
import type { Store } from '../stores/store.js';

/** What only an application has that signs users in. Asking for a part that is not there is a TypeError. */
export interface SignInParts {
  /** Users, sessions, passwords and their store, for applications that sign in by themselves. A TypeError for others. */
  readonly users: Users;
  readonly sessions: Sessions;
  readonly passwords: Passwords;
  readonly store: Store;
  /** Users' accounts at providers. A TypeError for applications that only verify. */
  readonly identities: UserIdentities;
  /** API keys of users. A TypeError without AUTH_API_KEYS. */
  readonly apiKeys: ApiKeys;
  /** Machines that call for an organisation, and their secrets. A TypeError with AUTH_SERVICE_ACCOUNTS=off. */
  readonly serviceAccounts: ServiceAccounts;
  /** Organisations and their members. A TypeError without AUTH_ORGANISATIONS. */
  readonly organisations: Organisations;
}

/** Adds the parts as getters. A spread or a listing of the result doesn't ask for those that are not there. */
export function withSignInParts<Others extends object>(
  others: Others,
  { acceptApiKeys }: Config,
  signIn: SignIn | undefined,
): Others & SignInParts {
  const apiKeys = (): ApiKeys => {
    const { apiKeys: keys } = needed(signIn);
    if (acceptApiKeys) return keys;
    throw new TypeError('API keys are off: set AUTH_API_KEYS=on, so that guards take them');
  };
  const serviceAccounts = (): ServiceAccounts => {
    const { serviceAccounts: accounts } = needed(signIn);
    if (accounts) return accounts;
    throw new TypeError('service accounts are off: set AUTH_SERVICE_ACCOUNTS=on');
  };
  const organisations = (): Organisations => {
    const { orgs } = needed(signIn);
    if (orgs) return orgs.organisations;
    throw new TypeError('organisations are off: set AUTH_ORGANISATIONS=on');
  };
  const isThere = { enumerable: signIn !== undefined };
  const properties: Readonly<Record<keyof SignInParts, PropertyDescriptor>> = {
    users: { get: () => needed(signIn).users, ...isThere },
    sessions: { get: () => needed(signIn).sessions, ...isThere },
    passwords: { get: () => needed(signIn).passwords, ...isThere },
    store: { get: () => needed(signIn).store, ...isThere },
    identities: { get: () => needed(signIn).userIdentities, ...isThere },
    organisations: { get: organisations, enumerable: signIn?.orgs !== undefined },
    apiKeys: { get: apiKeys, enumerable: acceptApiKeys },
    serviceAccounts: { get: serviceAccounts, enumerable: signIn?.serviceAccounts !== undefined },
  };
  // What the getters return is what the type says.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Object.defineProperties(others, properties) as Others & SignInParts;
}

/** The parts of an application that signs users in. */
export function needed(signIn: SignIn | undefined): SignIn {
  if (signIn) return signIn;
  throw new TypeError(
    'this application only verifies tokens; to sign users in, set AUTH_JWT_SECRET (make one with `openssl rand -base64 48`) or AUTH_JWT_PRIVATE_KEY',
  );
}
