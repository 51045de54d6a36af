import type { PrincipalFacts } from '../principal.js';
import { type ClaimPath, type ParsedPaths, parsePaths, valuesAt } from './claim-paths.js';
import {
  createAttributeReader,
  createListReader,
  createOrgReader,
  createScopeReader,
  isVerified,
  readText,
} from './facts.js';
import type { MemoryMeter } from './memory-cost.js';
import { createSharedMemory, type SharedMemory } from './sharing.js';

/** Which claims become which part of a principal. What is left out keeps the preset's or the generic path. */
export interface ClaimsMapping {
  readonly userId?: ClaimPath;
  readonly email?: ClaimPath;
  /** `true`, also as text; but for `email_verified` also 1, or a list that holds the address. Of several claims one is enough. */
  readonly emailVerified?: ClaimPath;
  readonly username?: ClaimPath;
  readonly roles?: ClaimPath;
  readonly groups?: ClaimPath;
  /** One path to an object, or a list of claims that are each copied under their own name. */
  readonly attributes?: ClaimPath;
  /** A space-separated text (RFC 9068 §2.2.3) or a list of texts, one scope each. */
  readonly scopes?: ClaimPath;
  /** An id, a list of ids, a list of `{ id, roles, default }`, or an object keyed by id. See `allowedOrgs`, too. */
  readonly orgs?: ClaimPath;
  readonly clientId?: ClaimPath;
  readonly sessionId?: ClaimPath;
}

type Claims = Readonly<Record<string, unknown>>;

/**
 * Reads a principal's facts out of verified claims. Copies by allow-list. Adds to the meter what they take beside
 * the claims and beside what other tokens share with them.
 */
export type ClaimsReader = (claims: Claims, meter?: MemoryMeter) => MappedClaims;

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
  memory: SharedMemory = createSharedMemory(0),
): ClaimsReader {
  const paths = {
    userId: parsePaths(mapping.userId),
    email: parsePaths(mapping.email),
    emailVerified: parsePaths(mapping.emailVerified),
    username: parsePaths(mapping.username),
    roles: parsePaths(mapping.roles),
    groups: parsePaths(mapping.groups),
    attributes: parsePaths(mapping.attributes),
    scopes: parsePaths(mapping.scopes),
    orgs: parsePaths(mapping.orgs),
    clientId: parsePaths(mapping.clientId),
    sessionId: parsePaths(mapping.sessionId),
  };
  const readList = createListReader(memory);
  const readScopes = createScopeReader(memory);
  const readOrgs = createOrgReader(memory);
  const readAttributes = createAttributeReader(memory);
  return function readClaims(claims, meter = { bytes: 0 }) {
    const textAt = (at: ParsedPaths): string | undefined => readText(valuesAt(claims, at));
    const ownClient = claims['sub'] === undefined ? clientOf(claims, paths.clientId) : undefined;
    const subject = ownClient ?? String(claims['sub']);
    const mayName = (orgId: string): boolean => mayNameOrg(orgId, claims);
    const email = textAt(paths.email);
    return {
      subject,
      user: Object.freeze({
        id: textAt(paths.userId) ?? subject,
        email,
        emailVerified: isVerified(claims, paths.emailVerified, email),
        username: textAt(paths.username),
        roles: readList(valuesAt(claims, paths.roles), meter),
        groups: readList(valuesAt(claims, paths.groups), meter),
        attributes: readAttributes(claims, paths.attributes, meter),
      }),
      scopes: readScopes(valuesAt(claims, paths.scopes), meter),
      clientId: ownClient ?? textAt(paths.clientId),
      sessionId: textAt(paths.sessionId),
      orgs: readOrgs(valuesAt(claims, paths.orgs), mayName, meter),
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
    mapped: (claims) => readText(valuesAt(claims, paths)),
    named: (claims) => clientOf(claims, paths),
  };
}

/** RFC 9068 §2.2, OpenID Connect Core §2, Entra version 1, Okta. */
const clientNames = parsePaths([['client_id'], ['azp'], ['appid'], ['cid']]);

function clientOf(claims: Claims, mapped: ParsedPaths): string | undefined {
  return readText(valuesAt(claims, mapped)) ?? readText(valuesAt(claims, clientNames));
}
