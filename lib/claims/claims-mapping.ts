import { isScopeToken } from '../errors.js';
import {
  type AttributeValue,
  type OrgMembership,
  type PrincipalFacts,
  type User,
} from '../principal.js';
import { createReadonlySet, deepFreeze } from './frozen.js';
import { type ClaimPath, type ParsedPaths, parsePaths, valueAt, valuesAt } from './claim-paths.js';
import { createSharing, type Sharing } from './sharing.js';
import { isRecord } from '../is-record.js';

/** Which claims become which part of a principal. What is left out keeps the preset's or the generic path. */
export interface ClaimsMapping {
  readonly userId?: ClaimPath;
  readonly email?: ClaimPath;
  readonly username?: ClaimPath;
  readonly roles?: ClaimPath;
  readonly groups?: ClaimPath;
  /** One path to an object, or a list of claims that are each copied under their own name. */
  readonly attributes?: ClaimPath;
  /** A space-separated text (RFC 9068 §2.2.3) or a list of texts, one scope each. */
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
export type ClaimsReader = (claims: Claims) => MappedClaims;

type Claims = Readonly<Record<string, unknown>>;

type MappedClaims = Pick<
  PrincipalFacts,
  'subject' | 'user' | 'scopes' | 'clientId' | 'sessionId' | 'orgs'
>;

/** Returns whether claims count when they name this organisation. */
export type OrgFilter = (orgId: string, claims: Claims) => boolean;

/**
 * Prepares a mapping. Single facts take the first path that holds one; lists (roles, groups, scopes)
 * collect from all of theirs. Throws a TypeError for a path without names.
 */
export function createClaimsReader(
  mapping: Required<ClaimsMapping>,
  mayNameOrg: OrgFilter,
): ClaimsReader {
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
  return (claims) => {
    const ownClient = claims['sub'] === undefined ? clientOf(claims, paths.clientId) : undefined;
    const subject = ownClient ?? String(claims['sub']);
    return {
      subject,
      user: Object.freeze({
        id: readText(claims, paths.userId) ?? subject,
        email: readText(claims, paths.email),
        username: readText(claims, paths.username),
        roles: shareList(JSON.stringify(readList(claims, paths.roles))),
        groups: shareList(JSON.stringify(readList(claims, paths.groups))),
        attributes: readAttributes(claims, paths.attributes),
      }),
      scopes: shareScopes(JSON.stringify(readScopes(claims, paths.scopes))),
      clientId: ownClient ?? readText(claims, paths.clientId),
      sessionId: readText(claims, paths.sessionId),
      orgs: shareOrgs(
        JSON.stringify(readOrgs(claims, paths.orgs).filter(({ id }) => mayNameOrg(id, claims))),
      ),
    };
  };
}

/** Reads which OAuth client a token was issued to. */
export interface ClientReader {
  /** By the mapping alone. */
  mapped(claims: Claims): string | undefined;
  /** By the mapping, or by any of the names that providers use. */
  named(claims: Claims): string | undefined;
}

export function createClientReader({ clientId }: Required<ClaimsMapping>): ClientReader {
  const paths = parsePaths(clientId);
  return {
    mapped: (claims) => readText(claims, paths),
    named: (claims) => clientOf(claims, paths),
  };
}

/** RFC 9068 §2.2, OpenID Connect Core §2, Entra version 1, Okta. */
const clientNames = parsePaths([['client_id'], ['azp'], ['appid'], ['cid']]);

function clientOf(claims: Claims, mapped: ParsedPaths): string | undefined {
  return readText(claims, mapped) ?? readText(claims, clientNames);
}

function parseOrgs(orgs: string): readonly OrgMembership[] {
  return JSON.parse(orgs);
}

function parseList(list: string): readonly string[] {
  return JSON.parse(list);
}

/** The first non-empty text; a whole number counts as its digits, since many user tables have such ids. */
function readText(claims: Claims, paths: ParsedPaths): string | undefined {
  for (const value of valuesAt(claims, paths)) {
    if (typeof value === 'string' && value !== '') return value;
    if (Number.isSafeInteger(value)) return String(value);
  }
  return undefined;
}

function readList(claims: Claims, paths: ParsedPaths): readonly string[] {
  return [...new Set(valuesAt(claims, paths).flatMap(textsIn))];
}

/** One text, a list of texts, or a SCIM multi-valued attribute `[{ value }]` (RFC 7643 §4.1.2, RFC 9068 §2.2.3.1). */
function textsIn(value: unknown): readonly string[] {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  const texts = items.map((item) => (isRecord(item) ? item['value'] : item));
  return texts.filter((text): text is string => typeof text === 'string' && text !== '');
}

function readScopes(claims: Claims, paths: ParsedPaths): readonly string[] {
  const scopes = valuesAt(claims, paths).flatMap((value): readonly unknown[] => {
    if (typeof value === 'string') return value.split(' ');
    return Array.isArray(value) ? value : [];
  });
  return [...new Set(scopes)].filter(
    (scope): scope is string => typeof scope === 'string' && isScopeToken(scope),
  );
}

const noAttributes: User['attributes'] = Object.freeze({});

function readAttributes(claims: Claims, paths: ParsedPaths): User['attributes'] {
  // A list names several claims, each copied under its own name: it is never one path.
  const entries = paths.each.flatMap((path): [string, unknown][] => {
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

function readOrgs(claims: Claims, paths: ParsedPaths): readonly OrgMembership[] {
  const orgs = new Map<string, OrgMembership>();
  for (const org of valuesAt(claims, paths).flatMap(orgsIn))
    if (!orgs.has(org.id)) orgs.set(org.id, org);
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
