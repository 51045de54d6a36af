import { isDropped } from './dropped-refusals.js';
import type { GuardFacts, GuardKind } from './guard-facts.js';
import { endsRequest } from './layers.js';
import { isOnTheWay, isWithin } from './paths.js';
import type { AuditedRoute, Passage, RouteFinding, Step } from './route.js';

/** What an application has beside a route. */
export interface Neighbours {
  /** Of the whole application, in their order. */
  readonly middlewares: readonly Step[];
  readonly passages: readonly Passage[];
}

/** Says how each route is protected, and what is wrong with it. */
export function judgeRoutes(all: Neighbours): readonly AuditedRoute[] {
  const idle = idleGuards(all);
  return all.passages.map((passage) => judgeRoute(passage, { ...all, idle }));
}

interface Judging extends Neighbours {
  readonly idle: ReadonlySet<Step>;
}

function judgeRoute(passage: Passage, { middlewares, idle }: Judging): AuditedRoute {
  const { method, path, steps } = passage;
  const last = handlerOf(steps);
  const reached = steps.slice(0, last);
  const dropped = reached.filter((step) => isDropped(step, passage, middlewares));
  const before = reached.flatMap((step) => (dropped.includes(step) ? [] : (step.facts ?? [])));
  const guards = before.filter(({ kind }) => kind !== 'securityHeaders');
  const protection =
    steps[last]?.facts?.kind === 'authRouter' ? 'auth_router' : protectionOf(guards);
  const csrf = protection === 'auth_router' ? 'covered' : crossSiteCover(method, steps, guards);
  const isGuarded = protection === 'guarded' || protection === 'open';
  const findings: (RouteFinding | false)[] = [
    // A browser asks with OPTIONS whether it may ask, and never says who it is.
    protection === 'none' &&
      method !== 'OPTIONS' &&
      dropped.length === 0 &&
      missingGuard(passage, middlewares.slice(passage.position), idle),
    dropped.length > 0 && 'refusal_dropped',
    steps.slice(last + 1).some(({ facts }) => facts && isGuard(facts)) && 'guard_after_handler',
    isBefore(guards, readsCaller, findsCaller) && 'guard_before_auth',
    isBefore(
      guards,
      ({ of }) => of === 'org',
      ({ kind }) => kind === 'orgContext',
    ) && 'guard_before_org',
    csrf === 'missing' && 'csrf_uncovered',
    isGuarded && isAnsweredTooEarly(passage, middlewares) && 'error_handler_before_route',
  ];
  return {
    method,
    path,
    protection,
    guards,
    scopes: [...new Set(guards.flatMap(({ scopes = [] }) => scopes))],
    roles: [...new Set(guards.flatMap(({ roles = [] }) => roles))],
    org: guards.some(({ kind }) => kind === 'orgContext'),
    csrf,
    securityHeaders: guards.length < before.length,
    findings: findings.filter((finding) => finding !== false),
  };
}

/** Where a request ends: at the first handler that can't pass it on, or the last that isn't ours. */
function handlerOf(steps: readonly Step[]): number {
  const end = steps.findIndex(({ facts, handle, exact }) => !facts && exact && endsRequest(handle));
  if (end >= 0) return end;
  const last = steps.findLastIndex(({ facts }) => !facts || facts.kind === 'authRouter');
  return Math.max(last, 0);
}

const CALLER_FINDERS: ReadonlySet<GuardKind> = new Set(['requireAuth', 'optionalAuth']);
const CALLER_READERS: ReadonlySet<GuardKind> = new Set([
  'requireScopes',
  'requireAnyScope',
  'requireRoles',
  'requireAuthContext',
  'orgContext',
]);

const findsCaller = ({ kind }: GuardFacts): boolean => CALLER_FINDERS.has(kind);
const readsCaller = ({ kind }: GuardFacts): boolean => CALLER_READERS.has(kind);
const isGuard = (facts: GuardFacts): boolean => findsCaller(facts) || readsCaller(facts);

/** A guard that asks about the caller refuses anonymous requests, also behind `optionalAuth()`. */
function protectionOf(guards: readonly GuardFacts[]): AuditedRoute['protection'] {
  if (guards.some((facts) => facts.kind === 'requireAuth' || readsCaller(facts))) return 'guarded';
  return guards.some(findsCaller) ? 'open' : 'none';
}

function missingGuard(
  { within, method, steps }: Passage,
  later: readonly Step[],
  idle: ReadonlySet<Step>,
): RouteFinding {
  const path = steps.at(-1)?.path ?? '';
  const isLate = later.some((step) => idle.has(step) && isOnTheWay(step, { within, method, path }));
  return isLate ? 'guard_after_route' : 'unguarded';
}

/**
 * Guards with nothing behind them that could answer, so that they were meant for what stands before them. Others divide public routes
 * from those that follow.
 */
function idleGuards({ middlewares, passages }: Neighbours): ReadonlySet<Step> {
  const used = new Set(passages.flatMap(({ steps }) => steps));
  const lastAnswering = middlewares.findLastIndex(
    ({ facts, handle }) => !facts && !endsRequest(handle) && handle.length !== ERROR_HANDLER,
  );
  return new Set(
    middlewares
      .slice(lastAnswering + 1)
      .filter((step) => step.facts && isGuard(step.facts) && !used.has(step)),
  );
}

/** Express tells error handlers by their four parameters. */
const ERROR_HANDLER = 4;

type Test = (facts: GuardFacts) => boolean;

/** Whether a guard that needs another one comes before the first of those, or without any. */
function isBefore(guards: readonly GuardFacts[], needs: Test, needed: Test): boolean {
  const first = guards.findIndex(needed);
  return guards.slice(0, first < 0 ? undefined : first).some(needs);
}

const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** What express-session and cookie-session call their middlewares. */
const FOREIGN_SESSIONS: ReadonlySet<string> = new Set([
  'session',
  '_session',
  '_cookieSession',
  'cookieSession',
]);

function crossSiteCover(
  method: string,
  steps: readonly Step[],
  guards: readonly GuardFacts[],
): AuditedRoute['csrf'] {
  if (SAFE.has(method)) return 'not_needed';
  if (guards.some(({ kind }) => kind === 'sameOrigin')) return 'covered';
  const isForeign = steps.some(({ facts, handle }) => !facts && FOREIGN_SESSIONS.has(handle.name));
  // Behind a guard that insists on a caller, the other session alone opens nothing.
  if (isForeign && protectionOf(guards) !== 'guarded') return 'missing';
  return guards.some(({ cookie }) => cookie) ? 'covered' : 'not_needed';
}

/** Whether `errorHandler()` stands before the route and none behind it. */
function isAnsweredTooEarly(passage: Passage, middlewares: readonly Step[]): boolean {
  const { position, within } = passage;
  const isAround = (step: Step): boolean =>
    step.facts?.kind === 'errorHandler' && isWithin(within, step.within);
  return (
    middlewares.slice(0, position).some(isAround) && !middlewares.slice(position).some(isAround)
  );
}
