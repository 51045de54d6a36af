import { isScopeToken } from '../errors/challenges.js';
import { createReadonlySet } from '../claims/frozen.js';
import { isClientPrincipal, type Principal } from '../principal.js';

type ScopesOf = (roles: readonly string[]) => readonly string[];

const none = createReadonlySet([]);

/**
 * Returns the scopes that a caller has in an organisation. A user's follow from the roles there; of an API key's owner only those that
 * the key has as well, since it was given less on purpose. A client acting for itself has its own in each organisation that it is
 * bound to.
 */
export function createRoleScopes(
  scopesOf: ScopesOf | undefined,
): (principal: Principal, roles: readonly string[]) => ReadonlySet<string> {
  // Lists of roles are frozen and shared between requests.
  const known = new WeakMap<readonly string[], ReadonlySet<string>>();

  function ofRoles(roles: readonly string[]): ReadonlySet<string> {
    const found = known.get(roles);
    if (found) return found;
    const scopes = scopesOf ? createReadonlySet(checked(scopesOf(roles))) : none;
    known.set(roles, scopes);
    return scopes;
  }

  return (principal, roles) => {
    if (isClientPrincipal(principal)) return principal.scopes;
    const scopes = ofRoles(roles);
    if (principal.method !== 'api_key' || scopes.size === 0) return scopes;
    return createReadonlySet([...scopes].filter((scope) => principal.scopes.has(scope)));
  };
}

/** Throws for anything else: a text would be taken for its letters. */
function checked(scopes: unknown): readonly string[] {
  if (
    Array.isArray(scopes) &&
    scopes.every((scope) => typeof scope === 'string' && isScopeToken(scope))
  )
    return scopes;
  throw new TypeError('organisations.scopesOf() returns a list of scopes');
}
