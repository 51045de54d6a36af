import { deepFreeze } from '../claims/frozen.js';
import {
  createPrincipal,
  type OrgMembership,
  type Principal,
  type PrincipalFacts,
  type User,
} from '../principal.js';

/** What a `loadPrincipal` hook may add or replace. */
export interface PrincipalPatch extends Partial<Omit<User, 'id'>> {
  readonly orgs?: readonly OrgMembership[];
}

/** A principal with some of its user's facts replaced; everything the token vouches for stays. */
export function patchPrincipal(principal: Principal, patch: PrincipalPatch): Principal {
  const { orgs = principal.orgs, ...user } = patch;
  const facts: PrincipalFacts = {
    ...principal,
    user: deepFreeze(structuredClone({ ...principal.user, ...user })),
    orgs: deepFreeze(structuredClone(orgs)),
  };
  return createPrincipal(facts, principal.token);
}
