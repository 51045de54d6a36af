import type { RequestHandler } from 'express';
import { reusableError } from '../errors.js';
import { refuseUnknownOptions } from '../known-options.js';
import { orgOf, principalOf } from '../principal.js';

export interface RequireRolesOptions {
  /** Whose roles count: the user's own, or those in the organisation that `orgContext()` found. @defaultValue `'user'` */
  readonly of?: 'user' | 'org';
  /** Whether every role is needed or one is enough. @defaultValue `'all'` */
  readonly match?: 'all' | 'any';
}

/**
 * Lets only callers with these roles pass: `requireRoles('admin')`, `requireRoles('admin', { of: 'org' })`.
 * Needs `requireAuth()` before it, and `orgContext()` with `of: 'org'`.
 * Errors: INSUFFICIENT_ROLE (403), CREDENTIALS_MISSING (401), ORG_REQUIRED (400, no organisation was chosen).
 */
export function requireRoles(
  ...rolesAndOptions: readonly [string, ...(string | RequireRolesOptions)[]]
): RequestHandler {
  const { needed, of, match } = readArguments(rolesAndOptions);
  return function requireRolesMiddleware(req, _res, next) {
    const { user } = principalOf(req);
    const held = of === 'org' ? orgOf(req).roles : user.roles;
    const isEnough =
      match === 'all'
        ? needed.every((role) => held.includes(role))
        : needed.some((role) => held.includes(role));
    if (!isEnough) throw insufficient;
    next();
  };
}

const insufficient = reusableError('INSUFFICIENT_ROLE', { reason: 'roles' });

function readArguments(values: readonly (string | RequireRolesOptions)[]) {
  const last = values.at(-1);
  const options = typeof last === 'object' ? last : {};
  refuseUnknownOptions('requireRoles()', options, ['of', 'match']);
  const given = typeof last === 'object' ? values.slice(0, -1) : values;
  if (given.length === 0)
    throw new TypeError("requireRoles() got no role; write requireRoles('admin')");
  const needed = given.filter((role): role is string => typeof role === 'string' && role !== '');
  if (needed.length < given.length)
    throw new TypeError('requireRoles() takes roles as texts, and options only at the end');
  const { of = 'user', match = 'all' } = options;
  if (of !== 'user' && of !== 'org') throw new TypeError("requireRoles(): `of` is 'user' or 'org'");
  if (match !== 'all' && match !== 'any')
    throw new TypeError("requireRoles(): `match` is 'all' or 'any'");
  return { needed, of, match };
}
