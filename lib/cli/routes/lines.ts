import type { GuardFacts } from '../../audit/guard-facts.js';
import { createPaint, type Paint } from '../output/paint.js';
import { faultsOf, type ReportedRoute, type RouteReport } from './report.js';
import { tableOf } from '../output/table.js';
import type { Terminal } from '../terminal.js';
import { columnsOf } from '../output/text-width.js';
import { visible } from '../output/visible-text.js';
import { hang, widthOf } from '../output/wrap.js';

/** The routes as a table for each application, what is to be changed, and how many there are. */
export function routeLines(report: RouteReport, terminal: Terminal): readonly string[] {
  const { routes } = report;
  if (routes.length === 0) return ['There are no routes.'];
  const paint = createPaint(terminal, 'stdout');
  const width = widthOf(terminal);
  const applications = [...new Set(routes.map(({ application }) => application))];
  return [
    ...applications.flatMap((application) => [
      ...(applications.length > 1 ? [paint('bold', `Application ${application}`), ''] : []),
      ...tableLines(
        routes.filter((route) => route.application === application),
        paint,
        terminal.columns ?? Infinity,
      ),
      '',
    ]),
    ...findingLines(report, { paint, width }),
    countOf(routes),
    ...hang(
      'Not seen: ',
      'guards of other packages, checks inside handlers, and middlewares that answer by themselves, such as static files.',
      width,
    ),
  ];
}

const HEAD = ['', 'METHOD', 'PATH', 'CSRF', 'GUARDS'];

function tableLines(
  routes: readonly ReportedRoute[],
  paint: Paint,
  columns: number,
): readonly string[] {
  const [head = '', ...lines] = tableOf(HEAD, routes.map(cellsOf));
  return [
    paint('bold', head),
    ...routes.flatMap((route, index) => {
      const line = lines[index] ?? '';
      const guards = visible(guardsOf(route));
      const parts = foldLine(line.slice(0, line.length - guards.length), guards, columns);
      const colour = colourOf(route);
      return colour === undefined ? parts : parts.map((part) => paint(colour, part));
    }),
  ];
}

function cellsOf(route: ReportedRoute): readonly string[] {
  const { method, path, csrf } = route;
  const mark = faultsOf(route).length > 0 ? '!' : '';
  return [mark, method, path, csrf === 'not_needed' ? '-' : csrf, guardsOf(route)];
}

function colourOf(route: ReportedRoute): 'red' | 'yellow' | 'dim' | undefined {
  if (faultsOf(route).length > 0) return route.protection === 'none' ? 'red' : 'yellow';
  return route.allowed ? 'dim' : undefined;
}

const ARROW = ' → ';

function guardsOf({ protection, guards, allowed }: ReportedRoute): string {
  const names = guards.map(guardInShort);
  if (protection === 'auth_router') names.push('auth.router()');
  if (protection === 'none') names.push(allowed ? 'no guard, allowed' : 'NO GUARD');
  return names.join(ARROW);
}

/** `requireScopes(invoices:read)`, `requireRoles(org: owner | admin)`. */
function guardInShort({ kind, scopes = [], roles = [], match, of, methods }: GuardFacts): string {
  const isAny = match === 'any' || kind === 'requireAnyScope';
  const demands = [...scopes, ...roles, ...(methods ?? [])].join(isAny ? ' | ' : ', ');
  return demands === '' ? kind : `${kind}(${of === 'org' ? 'org: ' : ''}${demands})`;
}

/** Folds a line of the table between guards, so that they stay below each other. */
function foldLine(start: string, guards: string, columns: number): readonly string[] {
  const offset = columnsOf(start);
  if (offset + columnsOf(guards) <= columns) return [start + guards];
  if (offset > columns / 2) {
    const indent = ' '.repeat(Math.min(offset, columns / 4));
    return [start.trimEnd(), ...foldLine(indent, guards, columns)];
  }
  const cut = guards.lastIndexOf(ARROW, columns - offset - ARROW.length);
  if (cut < 1) return [start + guards];
  const rest = guards.slice(cut + ARROW.length);
  return [
    start + guards.slice(0, cut + ARROW.length - 1),
    ...foldLine(' '.repeat(offset), rest, columns),
  ];
}

function findingLines(
  { findings }: RouteReport,
  { paint, width }: { readonly paint: Paint; readonly width: number },
): readonly string[] {
  return findings.flatMap(({ finding, says, fix, routes }) => [
    ...hang(`${finding}: `, says, width).map((line) => paint('bold', line)),
    ...routes.map((route) => `  ${visible(route)}`),
    ...hang('  To change it: ', `${fix}.`, width),
    '',
  ]);
}

function countOf(routes: readonly ReportedRoute[]): string {
  const count = (test: (route: ReportedRoute) => boolean) => routes.filter(test).length;
  const unguarded = count(({ protection, allowed }) => protection === 'none' && !allowed);
  const allowed = count((route) => route.allowed);
  return `Routes: ${routes.length}, without a guard: ${unguarded}${allowed > 0 ? `, and ${allowed} allowed` : ''}`;
}
