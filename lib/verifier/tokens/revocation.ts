import { AuthError } from '../../errors.js';
import type { EventSink } from '../../events.js';
import type { Principal } from '../../principal.js';

/**
 * Returns whether a verified principal's session or token has been revoked. Called for every request, also
 * when the token was verified before, so it should look into memory. Only `false` lets the request pass;
 * a throw or a rejection becomes 503 STORE_UNAVAILABLE.
 */
export type RevocationHook = (principal: Principal) => boolean | Promise<boolean>;

/** Returns the principal. Throws or rejects when it is revoked, or when the hook has failed. */
export type RevocationCheck = (principal: Principal) => Principal | Promise<Principal>;

/** Wraps the application's hook: only a plain `false` lets a principal pass. */
export function createRevocationCheck(
  hook: RevocationHook | undefined,
  context: { readonly events: EventSink; readonly revoked: AuthError },
): RevocationCheck {
  if (!hook) return (principal) => principal;

  function judge(verdict: unknown, principal: Principal): Principal {
    if (verdict !== false) throw context.revoked;
    return principal;
  }

  function fail(cause: unknown): never {
    // Our own store, which has reported it.
    if (cause instanceof AuthError && cause.code === 'STORE_UNAVAILABLE') throw cause;
    context.events.emit('hook.failed', { hook: 'isRevoked' });
    throw new AuthError('STORE_UNAVAILABLE', { reason: 'revocation', cause });
  }

  return (principal) => {
    const verdict = ask(hook, principal, fail);
    if (typeof verdict === 'boolean') return judge(verdict, principal);
    return Promise.resolve(verdict)
      .catch(fail)
      .then((settled) => judge(settled, principal));
  };
}

function ask(
  hook: RevocationHook,
  principal: Principal,
  fail: (cause: unknown) => never,
): boolean | Promise<boolean> {
  try {
    return hook(principal);
  } catch (cause) {
    return fail(cause);
  }
}
