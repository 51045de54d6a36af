import { isScopeToken } from '../errors.js';
import {
  type AttributeValue,
  type OrgMembership,
  type PrincipalFacts,
  type User,
} from '../principal.js';
import { createReadonlySet, deepFreeze } from './frozen.js';
import { createSharing, type Sharing } from './sharing.js';
import { isRecord } from '../is-record.js';

/**
 * Where a fact stands in the claims: a claim's name, a dotted path into it (`realm_access.roles`), or
 * several of either, tried in order. A claim whose own name has dots is found first.
 */
export type ClaimPath = string | readonly string[];

/** Which claims become which part of a principal. What is left out keeps the preset's or the generic path. */
export interface ClaimsMapping {
  readonly userId?: ClaimPath;
  readonly email?: ClaimPath;
  readonly username?: ClaimPath;
  readonly roles?: ClaimPath;
  readonly groups?: ClaimPath;
  /** One path to an object, or a list of claims that are each copied under their own name. */
  readonly attributes?: ClaimPath;
  /** The claim `scope` is read as a space-separated string only (RFC 9068 §2.2.3); others may be lists. */
  readonly scopes?: ClaimPath;
  /** An id, a list of ids, a list of `{ id, roles, default }`, or an object keyed by id. */
  readonly orgs?: ClaimPath;
  readonly clientId?: ClaimPath;
  readonly sessionId?: ClaimPath;
}

/** Claims that many tokens of an issuer have in common. */
const commonClaims = [
  'iss',
  'aud',
  'client_id',
  'azp',
  'cid',
  'scope',
  'scp',
  'tid',
  'roles',
  'groups',
  'orgs',
  'realm_access',
] as const;

/** Freezes verified claims to their depths, and lets tokens share the values that many have in common. */
export function sealClaims(
  claims: Record<string, unknown>,
  shareValue: Sharing<unknown>,
): Readonly<Record<string, unknown>> {
  for (const name of commonClaims)
    if (claims[name] !== undefined) claims[name] = shareValue(JSON.stringify(claims[name]));
  return deepFreeze(claims);
}

/** Values by their JSON text, frozen to their depths. */
export function createValueSharing(): Sharing<unknown> {
  return createSharing((json) => deepFreeze(JSON.parse(json)));
}

/** Reads a principal's facts out of verified claims. Copies by allow-list. */
export type ClaimsReader = (claims: Readonly<Record<string, unknown>>) => MappedClaims;

type MappedClaims = Pick<PrincipalFacts, 'user' | 'scopes' | 'clientId' | 'sessionId' | 'orgs'>;

/**
 * Prepares a mapping. Single facts take the first path that holds one; lists (roles, groups, scopes)
 * collect from all of theirs.
 */
export function createClaimsReader(mapping: Required<ClaimsMapping>): ClaimsReader {
  const paths = {
    userId: parsePaths(mapping.userId),
    email: parsePaths(mapping.email),
    username: parsePaths(mapping.username),
    roles: parsePaths(mapping.roles),
    groups: parsePaths(mapping.groups),
    attributes: parsePaths(mapping.attributes),
    scopes: parsePaths(mapping.scopes),
    orgs: parsePaths(mapping.orgs),
    clientId: parsePaths(mapping.clientId),
    sessionId: parsePaths(mapping.sessionId),
  };
  const shareScopes = createSharing((scopes) => createReadonlySet(parseList(scopes)));
  const shareList = createSharing((list) => Object.freeze(parseList(list)));
  const shareOrgs = createSharing((orgs) => deepFreeze(parseOrgs(orgs)));
  return (claims) => ({
    user: Object.freeze({
      id: readText(claims, paths.userId) ?? String(claims['sub']),
      email: readText(claims, paths.email),
      username: readText(claims, paths.username),
      roles: shareList(JSON.stringify(readList(claims, paths.roles))),
      groups: shareList(JSON.stringify(readList(claims, paths.groups))),
      attributes: readAttributes(claims, paths.attributes),
    }),
    scopes: shareScopes(JSON.stringify(readScopes(claims, paths.scopes))),
    clientId: readText(claims, paths.clientId),
    sessionId: readText(claims, paths.sessionId),
    orgs: shareOrgs(JSON.stringify(readOrgs(claims, paths.orgs))),
  });
}

function parseOrgs(orgs: string): readonly OrgMembership[] {
  return JSON.parse(orgs);
}

function parseList(list: string): readonly string[] {
  return JSON.parse(list);
}

interface ParsedPath {
  readonly name: string;
  readonly steps: readonly string[];
}

function parsePaths(path: ClaimPath): readonly ParsedPath[] {
  const names = typeof path === 'string' ? [path] : path;
  return names.map((name) => ({ name, steps: name.split('.') }));
}

function valueAt(claims: Readonly<Record<string, unknown>>, path: ParsedPath): unknown {
  if (Object.hasOwn(claims, path.name)) return claims[path.name];
  let value: unknown = claims;
  for (const step of path.steps) {
    if (!isRecord(value) || !Object.hasOwn(value, step)) return undefined;
    value = value[step];
  }
  return value;
}

/** The first non-empty text; a whole number counts as its digits, since many user tables have such ids. */
function readText(
  claims: Readonly<Record<string, unknown>>,
  paths: readonly ParsedPath[],
): string | undefined {
  for (const path of paths) {
    const value = valueAt(claims, path);
    if (typeof value === 'string' && value !== '') return value;
    if (Number.isSafeInteger(value)) return String(value);
  }
  return undefined;
}

function readList(
  claims: Readonly<Record<string, unknown>>,
  paths: readonly ParsedPath[],
): readonly string[] {
  return [...new Set(paths.flatMap((path) => textsIn(valueAt(claims, path))))];
}

/** One text, a list of texts, or a SCIM multi-valued attribute `[{ value }]` (RFC 7643 §4.1.2, RFC 9068 §2.2.3.1). */
function textsIn(value: unknown): readonly string[] {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  const texts = items.map((item) => (isRecord(item) ? item['value'] : item));
  return texts.filter((text): text is string => typeof text === 'string' && text !== '');
}

function readScopes(
  claims: Readonly<Record<string, unknown>>,
  paths: readonly ParsedPath[],
): readonly string[] {
  const scopes = paths.flatMap((path) => {
    const value = valueAt(claims, path);
    if (typeof value === 'string') return value.split(' ');
    return path.name === 'scope' || !Array.isArray(value) ? [] : textsIn(value);
  });
  return [...new Set(scopes)].filter(isScopeToken);
}

const noAttributes: User['attributes'] = Object.freeze({});

function readAttributes(
  claims: Readonly<Record<string, unknown>>,
  paths: readonly ParsedPath[],
): User['attributes'] {
  const entries = paths.flatMap((path): [string, unknown][] => {
    const value = valueAt(claims, path);
    if (isRecord(value)) return Object.entries(value);
    return value === undefined ? [] : [[path.name, value]];
  });
  const kept = entries.filter((entry): entry is [string, AttributeValue] =>
    isAttributeValue(entry[1]),
  );
  return kept.length === 0 ? noAttributes : Object.freeze(Object.fromEntries(kept));
}

function isAttributeValue(value: unknown): value is AttributeValue {
  return value === null || isScalar(value) || (Array.isArray(value) && value.every(isScalar));
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function readOrgs(
  claims: Readonly<Record<string, unknown>>,
  paths: readonly ParsedPath[],
): readonly OrgMembership[] {
  const orgs = new Map<string, OrgMembership>();
  for (const path of paths)
    for (const org of orgsIn(valueAt(claims, path))) if (!orgs.has(org.id)) orgs.set(org.id, org);
  return [...orgs.values()];
}

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
