import { isRecord } from '../is-record.js';
import {
  type AttributeValue,
  createPrincipal,
  type OrgMembership,
  type Principal,
  type PrincipalFacts,
} from '../principal.js';

/** What a `loadPrincipal` hook may add or replace. Anything else that it returns is refused. */
export interface PrincipalPatch {
  /** Null and undefined: the user has none. */
  readonly email?: string | null | undefined;
  /** Whether the address is proven. @defaultValue the token's, and false for an address that it doesn't have */
  readonly emailVerified?: boolean;
  /** Null and undefined: the user has none. */
  readonly username?: string | null | undefined;
  readonly roles?: readonly string[];
  readonly groups?: readonly string[];
  /** Scalars and lists of scalars, in the place of the token's. */
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly orgs?: readonly (Pick<OrgMembership, 'id'> & Partial<OrgMembership>)[];
}

/**
 * Returns a principal with some of its user's facts replaced; everything the token vouches for stays. Copies by allow-list,
 * so that no column of a user table gets into a principal by accident. Throws a TypeError that names the member which is
 * unknown or of the wrong shape, and never its value.
 */
export function patchPrincipal(principal: Principal, patch: unknown): Principal {
  if (!isRecord(patch)) throw new TypeError('loadPrincipal() returned neither an object nor null');
  const { user } = principal;
  const changed = { ...user };
  const facts: Partial<PrincipalFacts> = {};
  let isVerified: boolean | undefined;
  for (const [name, value] of Object.entries(patch)) {
    if (name === 'email' || name === 'username') changed[name] = readText(name, value);
    else if (name === 'emailVerified') isVerified = readFlag(name, value);
    else if (name === 'roles' || name === 'groups') changed[name] = readTexts(name, value);
    else if (name === 'attributes') changed.attributes = readAttributes(value);
    else if (name === 'orgs') Object.assign(facts, { orgs: readOrgs(value) });
    else
      throw new TypeError(
        `loadPrincipal() returned \`${name}\`; it may return email, emailVerified, username, roles, groups, attributes and orgs`,
      );
  }
  // The token vouches for its own address only.
  const verified = isVerified ?? (changed.email === user.email && user.emailVerified);
  changed.emailVerified = changed.email !== undefined && verified;
  return createPrincipal({ ...principal, ...facts, user: Object.freeze(changed) }, principal.token);
}

function refuse(name: string, shape: string): never {
  throw new TypeError(`loadPrincipal(): \`${name}\` is not ${shape}`);
}

function readText(name: string, value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  return typeof value === 'string' ? value : refuse(name, 'a text, null or undefined');
}

function readFlag(name: string, value: unknown): boolean {
  return typeof value === 'boolean' ? value : refuse(name, 'true or false');
}

function readTexts(name: string, value: unknown): readonly string[] {
  if (!Array.isArray(value)) return refuse(name, 'a list of texts');
  const texts = value.filter((item): item is string => typeof item === 'string');
  return texts.length === value.length ? Object.freeze(texts) : refuse(name, 'a list of texts');
}

const ATTRIBUTES = 'an object of texts, numbers, booleans, null and lists of them';

function readAttributes(value: unknown): Readonly<Record<string, AttributeValue>> {
  if (!isRecord(value)) return refuse('attributes', ATTRIBUTES);
  const entries = Object.entries(value).map(([name, attribute]) => [
    name,
    readAttribute(attribute),
  ]);
  return Object.freeze(Object.fromEntries(entries));
}

function readAttribute(value: unknown): AttributeValue {
  if (value === null || isScalar(value)) return value;
  if (Array.isArray(value) && value.every(isScalar)) return Object.freeze([...value]);
  return refuse('attributes', ATTRIBUTES);
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

const ORGS = 'a list of { id, roles, isDefault }';

function readOrgs(value: unknown): readonly OrgMembership[] {
  if (!Array.isArray(value)) return refuse('orgs', ORGS);
  return Object.freeze(value.map(readOrg));
}

function readOrg(value: unknown): OrgMembership {
  if (!isRecord(value)) return refuse('orgs', ORGS);
  const { id, roles = [], isDefault = false, ...others } = value;
  const isOrg = typeof id === 'string' && id !== '' && typeof isDefault === 'boolean';
  if (!isOrg || Object.keys(others).length > 0) return refuse('orgs', ORGS);
  return Object.freeze({ id, roles: readTexts('orgs', roles), isDefault });
}
