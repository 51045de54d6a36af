import { randomBytes } from 'node:crypto';
import { AuthError, type FieldError } from '../errors.js';
import { refuseUnknownOptions } from '../known-options.js';
import { isEmail, normaliseLogin, storedSpellings } from './logins.js';
import type { StoredUser, UserChange, UserStore } from '../stores/store.js';

/**
 * A user to be added: `username`, `email` or both; every other member has a default (random `id`, no roles, enabled, no
 * password).
 */
export interface NewUser extends Partial<Omit<StoredUser, 'createdAt' | 'updatedAt' | 'version'>> {}

/** The change, or a function that computes it from the latest state of the user. */
export type UserEdit = UserChange | ((latest: StoredUser) => UserChange);

/**
 * Users who can sign in. Logins are normalised (NFC, trimmed, lower case, domains in Unicode) before they are stored or compared. Every method may
 * reject with STORE_UNAVAILABLE (503). No method ends sessions: see `auth.sessions.revoke()`.
 */
export interface Users {
  /** Returns the user with this user name or e-mail address, in any spelling. */
  findByLogin(login: unknown): Promise<StoredUser | undefined>;
  /** Returns the user with this id (`sub` of access tokens). */
  findById(id: string): Promise<StoredUser | undefined>;
  /**
   * Adds a user. Rejects with INVALID_REQUEST (400), whose `errors` name each invalid member, with CONFLICT (409) when the
   * user name, the e-mail address or the id is taken, and with a TypeError for a member that users do not have, such as
   * `password`.
   *
   * @example
   * const user = await auth.users.create({
   *   username: 'alice',
   *   passwordHash: await auth.passwords.hash(password),
   *   roles: ['analyst'],
   * });
   */
  create(user: NewUser): Promise<StoredUser>;
  /**
   * Changes the given members; the others stay. A function gets the latest state, and is called again after a concurrent
   * change. A new `email` is unverified unless `emailVerified` is given as well. Access tokens that were issued before
   * keep the former facts until they expire. Rejects with NOT_FOUND (404), INVALID_REQUEST (400), and CONFLICT (409) for a
   * login that is taken or after ten concurrent changes; with a TypeError for a member that users do not have.
   *
   * @example
   * await auth.users.update(user.id, ({ roles }) => ({ roles: [...roles, 'auditor'] }));
   */
  update(id: string, edit: UserEdit): Promise<StoredUser>;
  /**
   * Returns up to `limit` users in the order of their ids, beginning after the id `after`.
   *
   * @example
   * const first = await auth.users.list({ limit: 100 });
   * const second = await auth.users.list({ limit: 100, after: first.at(-1)?.id ?? '' });
   */
  list(page: { readonly after?: string; readonly limit: number }): Promise<readonly StoredUser[]>;
  /** Deletes a user, whose logins are free afterwards. Returns whether there was one. Does not end sessions. */
  delete(id: string): Promise<boolean>;
}

const MOST_TRIES = 10;

export function createUsers({
  store,
  now,
}: {
  readonly store: UserStore;
  readonly now: () => number;
}): Users {
  async function change(id: string, edit: UserEdit, triesLeft: number): Promise<StoredUser> {
    const latest = await store.findById(id);
    if (!latest) throw new AuthError('NOT_FOUND');
    const given = typeof edit === 'function' ? edit(latest) : edit;
    refuseUnknownMembers('auth.users.update()', given);
    const set = withProof(latest, normaliseFacts(given));
    if (Object.keys(set).length === 0) return latest;
    refuseFlaws({ ...latest, ...set }, latest);
    await refuseOtherSpelling(store, set.email, id);
    const outcome = await store.update(id, { version: latest.version, now: now(), set });
    if (typeof outcome === 'object') return outcome;
    if (outcome === 'taken' || triesLeft <= 1) throw new AuthError('CONFLICT');
    return change(id, edit, triesLeft - 1);
  }

  return Object.freeze({
    async findByLogin(login: unknown): Promise<StoredUser | undefined> {
      return findStored(store, login);
    },
    findById: (id: string) => store.findById(id),
    async create(given: NewUser): Promise<StoredUser> {
      refuseUnknownMembers('auth.users.create()', given);
      const user = { ...blankUser(now()), ...normaliseFacts(given) };
      refuseFlaws(user);
      await refuseOtherSpelling(store, user.email, user.id);
      if ((await store.create(user)) === 'taken') throw new AuthError('CONFLICT');
      return { ...user, version: 0 };
    },
    update: (id: string, edit: UserEdit) => change(id, edit, MOST_TRIES),
    list: (page: Parameters<UserStore['list']>[0]) => store.list(page),
    delete: (id: string) => store.delete(id),
  });
}

async function findStored(store: UserStore, login: unknown): Promise<StoredUser | undefined> {
  for (const spelling of storedSpellings(login)) {
    const user = await store.findByLogin(spelling);
    if (user) return user;
  }
  return undefined;
}

/** An account of an earlier release may have the address in the other spelling of its domain. The store doesn't know that they are one. */
async function refuseOtherSpelling(
  store: UserStore,
  email: string | undefined,
  id: string,
): Promise<void> {
  for (const spelling of storedSpellings(email)) {
    const owner = spelling === email ? undefined : await store.findByLogin(spelling);
    if (owner && owner.id !== id) throw new AuthError('CONFLICT');
  }
}

function blankUser(now: number): Omit<StoredUser, 'version'> {
  return {
    id: randomBytes(16).toString('base64url'),
    username: undefined,
    email: undefined,
    emailVerified: false,
    passwordHash: undefined,
    mustResetPassword: false,
    disabled: false,
    roles: [],
    groups: [],
    attributes: {},
    orgs: [],
    createdAt: now,
    updatedAt: now,
  };
}

/** Throws a TypeError for a member that users do not have: a misspelt `disabled` would leave the user enabled. */
export function refuseUnknownMembers(callee: string, given: UserChange): void {
  refuseUnknownOptions(callee, given, memberNames);
}

const memberNames = [...Object.keys(blankUser(0)), 'version'];

/** Normalises logins. An invalid one stays as it is, for {@link refuseFlaws} to report. */
function normaliseFacts<Facts extends NewUser>(facts: Facts): Facts {
  const spelt = (login: string): string => normaliseLogin(login) ?? login;
  return {
    ...facts,
    ...(facts.username !== undefined && { username: spelt(facts.username) }),
    ...(facts.email !== undefined && { email: spelt(facts.email) }),
  };
}

/** A new e-mail address is unverified unless the change says otherwise. */
function withProof(latest: StoredUser, set: UserChange): UserChange {
  const isNew = 'email' in set && set.email !== (normaliseLogin(latest.email) ?? latest.email);
  return isNew && set.emailVerified === undefined ? { ...set, emailVerified: false } : set;
}

const MOST_ENTRIES = 100;
const MAX_TEXT = 256;

/** Logins that a user has already are left alone: earlier releases had other rules. */
function refuseFlaws(user: Omit<StoredUser, 'version'>, latest?: StoredUser): void {
  const errors = [...flawsOf(user, latest)];
  if (errors.length > 0) throw new AuthError('INVALID_REQUEST', { reason: 'user', errors });
}

function* flawsOf(
  user: Omit<StoredUser, 'version'>,
  latest: Pick<StoredUser, 'username' | 'email'> | undefined,
): Generator<FieldError> {
  const { id, username, email, roles, groups, attributes, orgs } = user;
  if (!/^[\w-]{1,128}$/.test(id))
    yield flaw('id', 'is 1 to 128 letters, digits, hyphens and underscores');
  if (username === undefined && email === undefined)
    yield flaw('username', 'is missing, and so is email; a user needs one of them');
  if (username !== latest?.username && !isUsername(username))
    yield flaw('username', 'is no user name; it has letters, digits and . _ + - only');
  if (email !== latest?.email && !isAddress(email)) yield flaw('email', 'is no e-mail address');
  for (const [name, list] of Object.entries({ roles, groups }))
    if (!isShortList(list)) yield flaw(name, LIST_RULE);
  if (!areAttributes(attributes))
    yield flaw(
      'attributes',
      'is up to 100 short names with text, numbers, booleans, or lists of them',
    );
  if (!areOrgs(orgs))
    yield flaw(
      'orgs',
      'is up to 100 organisations with id and roles, one of them the default at most',
    );
}

function isUsername(username: string | undefined): boolean {
  return username === undefined || (normaliseLogin(username) === username && !isEmail(username));
}

function isAddress(email: string | undefined): boolean {
  return email === undefined || (normaliseLogin(email) === email && isEmail(email));
}

export const LIST_RULE: string = `is a list of up to ${MOST_ENTRIES} texts of 1 to ${MAX_TEXT} characters, none of them a control character`;

function flaw(name: string, detail: string): FieldError {
  return { pointer: `#/${name}`, detail };
}

function isShortText(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    value !== '' &&
    value.length <= MAX_TEXT &&
    !/[\0\p{Cs}]/u.test(value)
  );
}

/** Names are printed, compared and put into tokens: no control character has a place there. */
export function isName(value: unknown): boolean {
  return isShortText(value) && !/\p{Cc}/u.test(String(value));
}

export function isShortList(list: readonly unknown[]): boolean {
  return list.length <= MOST_ENTRIES && list.every(isName);
}

function areAttributes(attributes: StoredUser['attributes']): boolean {
  const entries = Object.entries(attributes);
  return (
    entries.length <= MOST_ENTRIES &&
    entries.every(
      ([name, value]) =>
        isName(name) &&
        !['__proto__', 'constructor', 'prototype'].includes(name) &&
        [value].flat().length <= MOST_ENTRIES &&
        [value].flat().every(isAttributeValue),
    )
  );
}

function isAttributeValue(value: unknown): boolean {
  if (typeof value === 'string') return value === '' || isShortText(value);
  return value === null || typeof value === 'boolean' || Number.isFinite(value);
}

function areOrgs(orgs: StoredUser['orgs']): boolean {
  return (
    orgs.length <= MOST_ENTRIES &&
    new Set(orgs.map(({ id }) => id)).size === orgs.length &&
    orgs.filter(({ isDefault }) => isDefault).length <= 1 &&
    orgs.every(({ id, roles }) => isName(id) && isShortList(roles))
  );
}

/** A user in response bodies. Times are ISO 8601. */
export interface PublicUser {
  readonly id: string;
  readonly username: string | null;
  readonly email: string | null;
  readonly email_verified: boolean;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  readonly attributes: StoredUser['attributes'];
  readonly orgs: readonly {
    readonly id: string;
    readonly roles: readonly string[];
    readonly default: boolean;
  }[];
  readonly disabled: boolean;
  readonly must_reset_password: boolean;
  readonly created_at: string;
  readonly updated_at: string;
}

/** Everything but the password hash. */
export function publicUser(user: StoredUser): PublicUser {
  return {
    id: user.id,
    username: user.username ?? null,
    email: user.email ?? null,
    email_verified: user.emailVerified,
    roles: user.roles,
    groups: user.groups,
    attributes: user.attributes,
    orgs: user.orgs.map(({ id, roles, isDefault }) => ({ id, roles, default: isDefault })),
    disabled: user.disabled,
    must_reset_password: user.mustResetPassword,
    created_at: new Date(user.createdAt).toISOString(),
    updated_at: new Date(user.updatedAt).toISOString(),
  };
}
