import type { RequestHandler } from 'express';
import { reusableError } from '../errors.js';
import { isScopeToken } from '../errors/challenges.js';
import { refuseUnknownOptions } from '../known-options.js';
import { type Org, orgOf, principalOf } from '../principal.js';
import { assertMatch, type Match, partArguments } from './guard-arguments.js';
import { createGuard } from './guard.js';

export interface RequireScopesOptions {
  /** Whose scopes count: the token's own, or those in the organisation that `orgContext()` found. @defaultValue `'user'` */
  readonly of?: 'user' | 'org';
  /** Whether every scope is needed or one is enough. @defaultValue `'all'` */
  readonly match?: Match;
}

/** Scopes, at least one, and options at the end. */
export type ScopesAndOptions = readonly (string | RequireScopesOptions)[];

/** The guard behind `requireScopes()` and `requireAnyScope()`. Throws a TypeError when it would let everyone pass, or no one. */
export function createScopeGuard(
  callee: 'requireScopes' | 'requireAnyScope',
  values: ScopesAndOptions,
  byDefault: Match,
): RequestHandler {
  const { names, options } = partArguments(values);
  refuseUnknownOptions(`${callee}()`, options, ['match', 'of']);
  const { match = byDefault, of = 'user' } = options;
  if (of !== 'user' && of !== 'org') throw new TypeError(`${callee}(): \`of\` is 'user' or 'org'`);
  assertMatch(callee, match);
  const scopes = neededScopes(callee, names);
  const refusal = reusableError('INSUFFICIENT_SCOPE', { scopes });
  return createGuard({ kind: callee, scopes, match, of }, (req) => {
    const { scopes: granted } = of === 'org' ? orgBehind(req) : principalOf(req);
    const isEnough =
      match === 'all'
        ? scopes.every((scope) => granted.has(scope))
        : scopes.some((scope) => granted.has(scope));
    if (!isEnough) throw refusal;
  });
}

/** A request without a caller is refused as such, not for want of an organisation. */
function orgBehind(req: object): Org {
  principalOf(req);
  return orgOf(req);
}

function neededScopes(callee: string, scopes: readonly unknown[]): readonly string[] {
  if (scopes.length === 0)
    throw new TypeError(`${callee}() got no scope; write ${callee}('invoices:read')`);
  const needed = scopes.filter(
    (scope): scope is string => typeof scope === 'string' && isScopeToken(scope),
  );
  const wrong = scopes.find((scope) => typeof scope !== 'string' || !isScopeToken(scope));
  if (wrong !== undefined)
    throw new TypeError(
      `${callee}() got ${JSON.stringify(wrong)}, which is no scope; give each scope as an argument of its own`,
    );
  return Object.freeze([...new Set(needed)]);
}
