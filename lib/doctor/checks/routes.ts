import type { AuditedRoute, RouteFinding } from '../../audit/route.js';
import { routeCures } from '../../audit/route-cures.js';
import type { Check } from '../check.js';
import { failed, passed, type Verdict, warned } from '../finding.js';
import { expressApps, routesOf } from '../express-apps.js';

/** What guards stand before the routes, in short: `npx latchkey routes` has all of them. */
export const routes: Check = {
  name: 'routes',
  judge({ application }) {
    if (!application || expressApps(application).length === 0) return undefined;
    const all = routesOf(application);
    const found = flaws.flatMap(({ finding, outcome, why }): Verdict[] => {
      const concerned = all.filter(({ findings }) => findings.includes(finding));
      if (concerned.length === 0) return [];
      const { says, fix } = routeCures[finding];
      return [outcome(`${listOf(concerned)}: ${says}`, { why, fix })];
    });
    return found.length > 0 ? found : passed(summaryOf(all));
  },
};

type RouteFlaw = Exclude<RouteFinding, 'unguarded'>;

const flaws: readonly {
  readonly finding: RouteFlaw;
  readonly outcome: typeof failed;
  readonly why: string;
}[] = [
  { finding: 'guard_after_route', outcome: failed, why: 'everybody can call it' },
  { finding: 'refusal_dropped', outcome: failed, why: 'everybody can call it' },
  { finding: 'guard_after_handler', outcome: failed, why: 'everybody can call it' },
  {
    finding: 'guard_before_auth',
    outcome: failed,
    why: 'no caller gets through, whatever the token allows',
  },
  {
    finding: 'guard_before_org',
    outcome: failed,
    why: 'no caller gets through, whatever the role in the organisation',
  },
  {
    finding: 'csrf_uncovered',
    outcome: failed,
    why: 'a page of an attacker can act as a user who is signed in',
  },
  {
    finding: 'error_handler_before_route',
    outcome: warned,
    why: 'clients get a page in HTML instead of a problem document',
  },
];

function summaryOf(all: readonly AuditedRoute[]): string {
  const guarded = all.filter(({ protection }) => protection === 'guarded').length;
  const open = all.filter(({ protection }) => protection === 'open').length;
  const none = all.filter(({ protection }) => protection === 'none').length;
  return `${guarded} behind a guard, ${open} open to anonymous callers, ${none} without a guard: npx latchkey routes lists them`;
}

const UNSAFE: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

/** Routes that change something, for everybody. */
export const unguardedChanges: Check = {
  name: 'unguarded_changes',
  judge({ application }) {
    if (!application) return undefined;
    const concerned = routesOf(application).filter(
      ({ method, findings }) => UNSAFE.has(method) && findings.includes('unguarded'),
    );
    if (concerned.length === 0) return undefined;
    return warned(`${listOf(concerned)}: ${routeCures.unguarded.says}`, {
      why: 'everybody can change what these routes change, unless their handlers ask who calls',
      fix: 'mount auth.requireAuth() before them; where that is meant, as for webhooks that are signed, accept it, and have npx latchkey routes --fail-unguarded --allow <path> look after all others',
    });
  },
};

const SHOWN = 5;

function listOf(concerned: readonly AuditedRoute[]): string {
  const names = concerned.slice(0, SHOWN).map(({ method, path }) => `${method} ${path}`);
  const more = concerned.length - names.length;
  return more > 0 ? `${names.join(', ')} and ${more} more` : names.join(', ');
}
