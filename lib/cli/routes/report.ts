import type { AuditedRoute, RouteFinding } from '../../audit/route.js';
import { type Allowance, isAllowed } from './allowances.js';
import { routeCures } from '../../audit/route-cures.js';

/** The routes of an application. Printed as it is by `--json`: members are added, and none changes its meaning. */
export interface RouteReport {
  readonly version: 1;
  readonly routes: readonly ReportedRoute[];
  /** What is to be changed: none of a route that is allowed to have no guard. */
  readonly findings: readonly ReportedFinding[];
  /** What `--allow` names without need: there is no such route, or it has a guard. */
  readonly staleAllows: readonly string[];
}

export interface ReportedRoute extends AuditedRoute {
  /** Which application of the module it is in: 1, 2 … */
  readonly application: number;
  /** Whether it has no guard, and `--allow` says that it needs none. */
  readonly allowed: boolean;
}

interface ReportedFinding {
  readonly finding: RouteFinding;
  readonly says: string;
  readonly fix: string;
  /** As `GET /path`. */
  readonly routes: readonly string[];
}

/** `applications` are the lists of `auth.routes()`. */
export function reportRoutes(
  applications: readonly (readonly AuditedRoute[])[],
  allowances: readonly Allowance[],
): RouteReport {
  const all = applications.flatMap((found, index) =>
    found.map((route): ReportedRoute => {
      const isMeant = allowances.some((allowance) => isAllowed(allowance, route));
      const allowed = route.protection === 'none' && isMeant;
      return { application: index + 1, ...route, allowed };
    }),
  );
  const stale = allowances.filter(
    (allowance) => !all.some((route) => route.protection === 'none' && isAllowed(allowance, route)),
  );
  return {
    version: 1,
    routes: all,
    findings: findingsIn(all),
    staleAllows: stale.map(({ given }) => given),
  };
}

const EXCUSED: ReadonlySet<RouteFinding> = new Set([
  'unguarded',
  'guard_after_route',
  'refusal_dropped',
]);

/** What is to be changed in a route. */
export function faultsOf({ findings, allowed }: ReportedRoute): readonly RouteFinding[] {
  return allowed ? findings.filter((finding) => !EXCUSED.has(finding)) : findings;
}

function findingsIn(all: readonly ReportedRoute[]): readonly ReportedFinding[] {
  const found = new Map<RouteFinding, string[]>();
  for (const route of all)
    for (const finding of faultsOf(route)) {
      const names = found.get(finding) ?? [];
      found.set(finding, [...names, `${route.method} ${route.path}`]);
    }
  return [...found].map(([finding, names]) => ({ finding, ...routeCures[finding], routes: names }));
}
