import type { CredentialWay, GuardFacts } from './guard-facts.js';
import { pathHierarchy, pathTemplates } from './openapi-paths.js';
import type { AuditedRoute } from './route.js';
import { type SecuritySchemes, securitySchemes } from './security-schemes.js';

/** A Security Requirement Object (OpenAPI 3.1.1 §4.8.30): schemes that are needed together, each with the scopes. */
export type SecurityRequirement = Readonly<Record<string, readonly string[]>>;

/** What guards demand of an operation. */
export interface SecuredOperation {
  /** One of them is enough. `{}` is a request without credential, and the empty list an operation without guard. */
  readonly security: readonly SecurityRequirement[];
  /** Roles that the caller needs: all of one of the lists. */
  readonly 'x-roles'?: Alternatives;
  /** The same of the caller's roles in the organisation of the request. */
  readonly 'x-org-roles'?: Alternatives;
  /** The same of the caller's scopes there. */
  readonly 'x-org-scopes'?: Alternatives;
}

type Alternatives = readonly (readonly string[])[];

/** The methods that a Path Item Object knows (OpenAPI 3.1.1 §4.8.9). */
const methods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'] as const;

type OpenapiMethod = (typeof methods)[number];

export type SecuredPath = Readonly<Partial<Record<OpenapiMethod, SecuredOperation>>>;

/** The security of an application's routes, in the terms of OpenAPI 3.1. `components` and `paths` are parts of a document. */
export interface OpenapiSecurity {
  readonly components: { readonly securitySchemes: SecuritySchemes };
  /** By path, with parameters in braces: `/orders/{id}`. */
  readonly paths: Readonly<Record<string, SecuredPath>>;
  /**
   * Routes that are not among `paths`. `auth_router`: those of `auth.router()` have a document of their own. `pattern`: OpenAPI has no
   * spelling for the path. `method`: nor a name for the method.
   */
  readonly leftOut: readonly LeftOutRoute[];
}

/** A route that a document doesn't have. */
export interface LeftOutRoute extends Pick<AuditedRoute, 'method' | 'path'> {
  readonly reason: 'auth_router' | 'pattern' | 'method';
}

/**
 * Says in the terms of OpenAPI what the guards before each route demand. Of two routes with one method and path the first counts, and one
 * for all methods for those that no other route of the path names.
 */
export function openapiSecurity(
  routes: readonly AuditedRoute[],
  facts: Parameters<typeof securitySchemes>[1],
): OpenapiSecurity {
  const leftOut: LeftOutRoute[] = [];
  const found = createPaths();
  const byMethod = routes.filter(({ method }) => method !== ALL);
  for (const route of [...byMethod, ...routes.filter(({ method }) => method === ALL)]) {
    const { method, path, protection } = route;
    const reason = reasonToLeaveOut(route);
    if (reason) leftOut.push({ method, path, reason });
    else {
      const operation = operationOf(route, protection);
      for (const template of pathTemplates(path) ?? [])
        found.add(template, operationsNamed(method), operation);
    }
  }
  const paths = found.all();
  const used = Object.values(paths)
    .flatMap((operations) => Object.values(operations))
    .flatMap(({ security }) => security.flatMap(Object.keys));
  const ways = ALL_WAYS.filter((way) => used.includes(way));
  return { components: { securitySchemes: securitySchemes(ways, facts) }, paths, leftOut };
}

const ALL = 'ALL';

const ALL_WAYS: readonly CredentialWay[] = ['bearer', 'dpop', 'cookie', 'apiKey'];

function reasonToLeaveOut({
  method,
  path,
  protection,
}: AuditedRoute): LeftOutRoute['reason'] | undefined {
  if (protection === 'auth_router') return 'auth_router';
  if (!pathTemplates(path)) return 'pattern';
  return operationsNamed(method).length === 0 ? 'method' : undefined;
}

function operationsNamed(method: string): readonly OpenapiMethod[] {
  return methods.filter((name) => method === ALL || name === method.toLowerCase());
}

/** Collects operations. A path that was spelt with other names of parameters before keeps those. */
function createPaths() {
  const spellings = new Map<string, string>();
  const paths = new Map<string, Partial<Record<OpenapiMethod, SecuredOperation>>>();
  return {
    add(template: string, names: readonly OpenapiMethod[], operation: SecuredOperation): void {
      const hierarchy = pathHierarchy(template);
      const spelling = spellings.get(hierarchy) ?? template;
      spellings.set(hierarchy, spelling);
      const operations = paths.get(spelling) ?? {};
      paths.set(spelling, operations);
      for (const name of names) operations[name] ??= operation;
    },
    all: () => Object.fromEntries(paths),
  };
}

function operationOf(
  { guards }: AuditedRoute,
  protection: AuditedRoute['protection'],
): SecuredOperation {
  if (protection === 'none') return { security: [] };
  const ways = waysThrough(guards);
  const scopes = alternativesOf(guards, 'scopes', 'user');
  const requirements = ways.flatMap((way) => scopes.map((list) => ({ [way]: list })));
  const further = {
    'x-roles': alternativesOf(guards, 'roles', 'user'),
    'x-org-roles': alternativesOf(guards, 'roles', 'org'),
    'x-org-scopes': alternativesOf(guards, 'scopes', 'org'),
  };
  return {
    security: [...(protection === 'open' ? [{}] : []), ...requirements],
    ...Object.fromEntries(Object.entries(further).filter(([, [first = []]]) => first.length > 0)),
  };
}

/**
 * What every guard takes that finds out who calls. Where that is nothing, or no guard does, every request is refused; the empty list would say
 * the opposite.
 */
function waysThrough(guards: readonly GuardFacts[]): readonly CredentialWay[] {
  const taken = guards.flatMap(({ credentials }) => (credentials ? [credentials] : []));
  const ways = ALL_WAYS.filter((way) => taken.every((each) => each.includes(way)));
  return taken.length === 0 || ways.length === 0 ? ['bearer'] : ways;
}

/** Joins what guards name one behind the other: all of one of the lists is enough. `[[]]` when they name nothing. */
function alternativesOf(
  guards: readonly GuardFacts[],
  member: 'scopes' | 'roles',
  whose: 'user' | 'org',
): Alternatives {
  let lists: Alternatives = [[]];
  for (const { [member]: names, match = 'all', of = 'user' } of guards) {
    if (!names || of !== whose) continue;
    const choices = match === 'all' ? [names] : names.map((name) => [name]);
    lists = lists.flatMap((list) => choices.map((more) => [...new Set([...list, ...more])]));
  }
  // A list that holds all of another one asks for more than is needed.
  return lists.filter((list, at) =>
    lists.every((other, place) => {
      const isPart = other.every((name) => list.includes(name));
      return place === at || !isPart || (other.length === list.length && at < place);
    }),
  );
}
