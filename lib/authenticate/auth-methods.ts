import type { Principal } from '../principal.js';

/** A way to prove who calls. A development token counts as `jwt`. */
export type AuthMethod = Exclude<Principal['method'], 'dev'>;

const authMethods: readonly AuthMethod[] = ['jwt', 'opaque', 'session', 'api_key'];

/** Tells which ways a guard takes. Throws a TypeError for ways that no request could take. */
export function createMethodFilter(
  methods: readonly AuthMethod[] | undefined,
  { hasApiKeys }: { readonly hasApiKeys: boolean },
): (method: Principal['method']) => boolean {
  if (methods === undefined) return () => true;
  if (!Array.isArray(methods) || methods.length === 0)
    throw new TypeError(`\`methods\` is a list with at least one of ${authMethods.join(', ')}`);
  if (!methods.every((method) => authMethods.includes(method)))
    throw new TypeError(
      `\`methods\` has ${JSON.stringify(methods)}; it takes ${authMethods.join(', ')}`,
    );
  if (methods.includes('api_key') && !hasApiKeys)
    throw new TypeError(
      "`methods: ['api_key']` needs API keys: set AUTH_API_KEYS=on, and use auth.requireAuth() of a createAuth() that signs tokens",
    );
  const allowed: ReadonlySet<string> = new Set(methods);
  return (method) => allowed.has(method === 'dev' ? 'jwt' : method);
}
