import type { RequestHandler } from 'express';
import { reusableError } from '../errors.js';
import { refuseUnknownOptions } from '../known-options.js';
import { orgOf, principalOf } from '../principal.js';
import { assertMatch, type Match, partArguments } from './guard-arguments.js';
import { createGuard } from './guard.js';

export interface RequireRolesOptions {
  /** Whose roles count: the user's own, or those in the organisation that `orgContext()` found. @defaultValue `'user'` */
  readonly of?: 'user' | 'org';
  /** Whether every role is needed or one is enough. @defaultValue `'all'` */
  readonly match?: Match;
}

/**
 * Lets only callers with these roles pass. Needs `requireAuth()` before it, and `orgContext()` with `of: 'org'`.
 * Errors: INSUFFICIENT_ROLE (403), CREDENTIALS_MISSING (401), ORG_REQUIRED (400, no organisation was chosen).
 * Throws a TypeError when there is no role.
 *
 * @example
 * ```ts
 * app.use('/admin', auth.requireAuth(), requireRoles('admin'), handler);
 * app.use('/desk', auth.requireAuth(), auth.orgContext(), requireRoles('owner', { of: 'org' }), handler);
 * ```
 */
export function requireRoles(
  ...roles: readonly [string, ...(string | RequireRolesOptions)[]]
): RequestHandler {
  const { needed, of, match } = readArguments(roles);
  return createGuard({ kind: 'requireRoles', roles: needed, match, of }, (req) => {
    const { user } = principalOf(req);
    const held = of === 'org' ? orgOf(req).roles : user.roles;
    const isEnough =
      match === 'all'
        ? needed.every((role) => held.includes(role))
        : needed.some((role) => held.includes(role));
    if (!isEnough) throw insufficient;
  });
}

const insufficient = reusableError('INSUFFICIENT_ROLE', { reason: 'roles' });

function readArguments(values: readonly (string | RequireRolesOptions)[]) {
  const { names, options } = partArguments(values);
  refuseUnknownOptions('requireRoles()', options, ['of', 'match']);
  if (names.length === 0)
    throw new TypeError("requireRoles() got no role; write requireRoles('admin')");
  const needed = names.filter((role): role is string => typeof role === 'string' && role !== '');
  if (needed.length < names.length)
    throw new TypeError('requireRoles() takes roles as texts, and options only at the end');
  const { of = 'user', match = 'all' } = options;
  if (of !== 'user' && of !== 'org') throw new TypeError("requireRoles(): `of` is 'user' or 'org'");
  assertMatch('requireRoles', match);
  return { needed, of, match };
}
