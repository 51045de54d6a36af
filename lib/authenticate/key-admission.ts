import { reusableError } from '../errors.js';
import { createPrincipal, orgLimitOf, type Principal } from '../principal.js';

/**
 * Prepares the check that a key for one resource is used for that one. Keys without a resource pass. The function is asked
 * only for a key that has one; an answer that is no text fits none.
 */
export function createKeyAdmission<Request>(
  realm: string,
  resource: string | ((request: Request) => string | undefined) | undefined,
): (principal: Principal, request: Request) => Principal {
  if (!['undefined', 'function'].includes(typeof resource) && !isName(resource))
    throw new TypeError(
      '`resource` is a text such as `project:42`, or a function that returns one',
    );
  const forbidden = reusableError('RESOURCE_FORBIDDEN', { realm, reason: 'resource' });
  return (principal, request) => {
    const only = principal.claims['resource'];
    if (only === undefined) return principal;
    const asked = typeof resource === 'function' ? resource(request) : resource;
    if (!isName(asked) || asked !== only) throw forbidden;
    return principal;
  };
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** Takes away what a `loadPrincipal` hook has added beyond the one organisation that a key is good for. */
export function withinOrg(principal: Principal): Principal {
  const only = orgLimitOf(principal);
  if (only === undefined || principal.orgs.every(({ id }) => id === only)) return principal;
  const orgs = Object.freeze(principal.orgs.filter(({ id }) => id === only));
  return createPrincipal({ ...principal, orgs }, principal.token);
}
