import { isScopeToken } from '../errors/challenges.js';
import { isRecord } from '../is-record.js';
import type { AttributeValue, OrgMembership, User } from '../principal.js';
import { type ParsedPaths, valueAt } from './claim-paths.js';
import { createReadonlySet, deepFreeze } from './frozen.js';
import {
  costOfCharacters,
  costOfList,
  costOfObject,
  costOfSet,
  type MemoryMeter,
} from './memory-cost.js';
import type { SharedMemory } from './sharing.js';

type Claims = Readonly<Record<string, unknown>>;

/** Makes one fact of the values that its paths lead to. Frozen, and shared where another token had the same. */
export type FactReader<Fact> = (values: readonly unknown[], meter: MemoryMeter) => Fact;

/** The first non-empty text; a whole number counts as its digits, since many user tables have such ids. */
export function readText(values: readonly unknown[]): string | undefined {
  for (const value of values) {
    if (typeof value === 'string' && value !== '') return value;
    if (Number.isSafeInteger(value)) return String(value);
  }
  return undefined;
}

/**
 * Whether one of the places says that the address is verified. `email_verified` is a boolean (OpenID Connect Core §5.1), which Cognito
 * writes as text; elsewhere 1 counts as well, and a list of verified addresses that it is in.
 */
export function isVerified(claims: Claims, paths: ParsedPaths, email: string | undefined): boolean {
  if (email === undefined) return false;
  const address = email.toLowerCase();
  const isIt = (item: unknown): boolean =>
    typeof item === 'string' && item.toLowerCase() === address;
  return [paths.joined, ...paths.each].some((path) => {
    if (!path) return false;
    const value = valueAt(claims, path);
    if (value === true || value === 'true') return true;
    if (path.name === 'email_verified') return false;
    return value === 1 || value === '1' || (Array.isArray(value) && value.some(isIt));
  });
}

const noTexts: readonly string[] = Object.freeze([]);

export function createListReader({
  createTable,
  charge,
}: SharedMemory): FactReader<readonly string[]> {
  const shareList = createTable<readonly string[]>();
  return function readList(values, meter) {
    if (values.every((value) => value === undefined)) return noTexts;
    return shareList(JSON.stringify(values), () => {
      const list = Object.freeze([...new Set(values.flatMap(textsIn))]);
      meter.bytes += charge(costOfList(list.length));
      return list;
    });
  };
}

/** One text, a list of texts, or a SCIM multi-valued attribute `[{ value }]` (RFC 7643 §4.1.2, RFC 9068 §2.2.3.1). */
function textsIn(value: unknown): readonly string[] {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  const texts = items.map((item) => (isRecord(item) ? item['value'] : item));
  return texts.filter((text): text is string => typeof text === 'string' && text !== '');
}

const noScopes: ReadonlySet<string> = createReadonlySet([]);

/** Space-separated texts (RFC 9068 §2.2.3) and lists of texts. */
export function createScopeReader({
  createTable,
  charge,
}: SharedMemory): FactReader<ReadonlySet<string>> {
  const shareScopes = createTable<ReadonlySet<string>>();
  return function readScopes(values, meter) {
    if (values.every((value) => value === undefined)) return noScopes;
    return shareScopes(JSON.stringify(values), () => {
      const scopes = createReadonlySet(
        values
          .flatMap((value): readonly unknown[] => {
            if (typeof value === 'string') return value.split(' ');
            return Array.isArray(value) ? value : [];
          })
          .filter((scope): scope is string => typeof scope === 'string' && isScopeToken(scope)),
      );
      let cost = costOfSet(scopes.size);
      for (const scope of scopes) cost += costOfCharacters(scope);
      meter.bytes += charge(cost);
      return scopes;
    });
  };
}

const noOrgs: readonly OrgMembership[] = Object.freeze([]);

/** Memberships in organisations that the token may name. */
export function createOrgReader({
  createTable,
  charge,
}: SharedMemory): (
  values: readonly unknown[],
  mayName: (orgId: string) => boolean,
  meter: MemoryMeter,
) => readonly OrgMembership[] {
  const shareOrgs = createTable<readonly OrgMembership[]>();
  return function readOrgs(values, mayName, meter) {
    const orgs = new Map<string, OrgMembership>();
    for (const org of values.flatMap(orgsIn))
      if (mayName(org.id) && !orgs.has(org.id)) orgs.set(org.id, org);
    if (orgs.size === 0) return noOrgs;
    const list = [...orgs.values()];
    return shareOrgs(JSON.stringify(list), () => {
      let cost = costOfList(list.length);
      for (const { roles } of list) cost += MEMBERSHIP_BYTES + costOfList(roles.length);
      meter.bytes += charge(cost);
      return deepFreeze(list);
    });
  };
}

const MEMBERSHIP_BYTES = 48;

function orgsIn(value: unknown): readonly OrgMembership[] {
  if (typeof value === 'string') return value === '' ? [] : [membership(value, undefined)];
  if (Array.isArray(value)) return value.flatMap(orgOf);
  if (isRecord(value)) return Object.entries(value).map(([id, of]) => membership(id, of));
  return [];
}

function orgOf(item: unknown): readonly OrgMembership[] {
  if (!isRecord(item)) return typeof item === 'string' ? orgsIn(item) : [];
  return typeof item['id'] === 'string' && item['id'] !== '' ? [membership(item['id'], item)] : [];
}

/** `of` holds the roles: as its member `roles`, or as the list itself. */
function membership(id: string, of: unknown): OrgMembership {
  const roles = isRecord(of) ? (of['roles'] ?? of['role']) : of;
  return { id, roles: textsIn(roles), isDefault: isRecord(of) && of['default'] === true };
}

const noAttributes: User['attributes'] = Object.freeze({});

/** A list of paths names several claims, each copied under its own name: it is never one path. */
export function createAttributeReader(
  memory: SharedMemory,
): (claims: Claims, paths: ParsedPaths, meter: MemoryMeter) => User['attributes'] {
  return function readAttributes(claims, paths, meter) {
    const entries = paths.each.flatMap((path): [string, unknown][] => {
      const value = valueAt(claims, path);
      if (isRecord(value)) return Object.entries(value);
      return value === undefined ? [] : [[path.name, value]];
    });
    const kept = entries.filter((entry): entry is [string, AttributeValue] =>
      isAttributeValue(entry[1]),
    );
    if (kept.length === 0) return noAttributes;
    const attributes = Object.freeze(Object.fromEntries(kept));
    meter.bytes += costOfObject(Object.keys(attributes), memory);
    return attributes;
  };
}

function isAttributeValue(value: unknown): value is AttributeValue {
  return value === null || isScalar(value) || (Array.isArray(value) && value.every(isScalar));
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
