import { isScopeToken } from '../errors.js';

/** Reads the scopes a guard asks for. Throws a TypeError for none, which would let everybody pass, and for text that is no scope. */
export function neededScopes(guard: string, scopes: readonly string[]): readonly string[] {
  if (scopes.length === 0)
    throw new TypeError(`${guard}() got no scope; write ${guard}('invoices:read')`);
  const wrong = scopes.find((scope) => typeof scope !== 'string' || !isScopeToken(scope));
  if (wrong !== undefined)
    throw new TypeError(
      `${guard}() got ${JSON.stringify(wrong)}, which is no scope; give each scope as an argument of its own`,
    );
  return Object.freeze([...new Set(scopes)]);
}
