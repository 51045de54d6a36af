import type { SecurityRule } from './security-rules.js';

const routes = ['test/audit/route-styles.test.ts', 'test/audit/reached-routes.test.ts'];
const publicStyles = ['test/audit/public-styles.test.ts'];
const doctor = ['test/doctor/settings.test.ts', 'test/doctor/strict.test.ts'];

/** Rules of what is said of an application: a fault that `routes` or `doctor` passes over goes to production. */
export const inspectionRules: readonly SecurityRule[] = [
  {
    rule: 'a guard behind the handler guards nothing',
    file: 'lib/audit/judge-route.ts',
    find: 'const reached = steps.slice(0, last);',
    replace: 'const reached = steps;',
    tests: routes,
  },
  {
    rule: 'a guard whose refusals are dropped guards nothing',
    file: 'lib/audit/judge-route.ts',
    find: 'const dropped = reached.filter((step) => isDropped(step, passage, middlewares));',
    replace:
      'const dropped = reached.filter((step) => isDropped(step, passage, middlewares) && false);',
    tests: ['test/audit/dropped-refusals.test.ts'],
  },
  {
    rule: 'optionalAuth() alone is no guard',
    file: 'lib/audit/judge-route.ts',
    find: "if (guards.some((facts) => facts.kind === 'requireAuth' || readsCaller(facts))) return 'guarded';",
    replace: "if (guards.some(isGuard)) return 'guarded';",
    tests: routes,
  },
  {
    rule: 'the session cookie of another package is not covered by optionalAuth()',
    file: 'lib/audit/judge-route.ts',
    find: "if (isForeign && protectionOf(guards) !== 'guarded') return 'missing';",
    replace: "if (isForeign && guards.length === 0) return 'missing';",
    tests: routes,
  },
  {
    rule: 'a guard covers what is below its path, and nothing beside it',
    file: 'lib/audit/paths.ts',
    find: 'return covers(step, sure.slice(prefix.length), step.path.slice(prefix.length));',
    replace: 'return covers(step, sure, sure);',
    tests: [...routes, ...publicStyles],
  },
  {
    rule: 'a warning counts until it is accepted by name',
    file: 'lib/doctor/examine.ts',
    find: "const isAccepted = finding.outcome === 'warn' && acceptedWarnings.includes(finding.check);",
    replace: "const isAccepted = finding.outcome === 'warn';",
    tests: doctor,
  },
  {
    rule: 'what fails cannot be accepted',
    file: 'lib/doctor/examine.ts',
    find: "const isAccepted = finding.outcome === 'warn' && acceptedWarnings",
    replace: 'const isAccepted = acceptedWarnings',
    tests: doctor,
  },
  {
    rule: 'AUTH_STRICT refuses to start with a flaw',
    file: 'lib/doctor/refuse-flaws.ts',
    find: 'if (flaws.length === 0) return;',
    replace: 'if (flaws.length >= 0) return;',
    tests: doctor,
  },
];
