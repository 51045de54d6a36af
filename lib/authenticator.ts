import { createCredentialFinder, type RequestHead } from './credentials.js';
import { AuthError, reusableError } from './errors.js';
import { type Principal, isClientPrincipal, withMethod } from './principal.js';
import { createPrincipalLoader, type LoadPrincipalOption } from './principal-loader.js';
import type { Verifier } from './verifier.js';

export interface AuthenticatorOptions<Request extends RequestHead = RequestHead> {
  /** Refuses tokens that a client got for itself (client credentials): 403 INSUFFICIENT_ROLE. @defaultValue `false` */
  readonly userOnly?: boolean;
  /**
   * Narrows the trusted issuers down for this guard, e.g. to the tenant that the host name stands for. Others
   * are refused with 401. @defaultValue every issuer the verifier trusts
   */
  readonly issuers?: readonly string[] | ((request: Request) => readonly string[]);
  /** Looks up what a token cannot say, such as roles in your database. */
  readonly loadPrincipal?: LoadPrincipalOption<Request>;
  /** A token for requests without a credential, in local development only. It is verified like any other. */
  readonly devToken?: string | undefined;
  /** Milliseconds since 1970. @defaultValue `Date.now` */
  readonly now?: () => number;
}

/** Names of the options above, for guards to tell their own from unknown ones. */
export const authenticatorOptionNames: readonly (keyof AuthenticatorOptions)[] = [
  'userOnly',
  'issuers',
  'loadPrincipal',
  'devToken',
  'now',
];

/**
 * Finds out who sends a request; undefined without a credential. At once for a token that was verified before
 * when no hook has to be waited for. Throws or rejects with an `AuthError`.
 */
export type Authenticator<Request extends RequestHead = RequestHead> = (
  request: Request,
) => Principal | undefined | Promise<Principal>;

/** Joins a verifier and what a guard asks beyond it. The one pipeline behind every way to authenticate. */
export function createAuthenticator<Request extends RequestHead>(
  verifier: Verifier,
  options: AuthenticatorOptions<Request> = {},
): Authenticator<Request> {
  const { events, realm } = verifier;
  const { issuers, userOnly = false, devToken, now = Date.now } = options;
  const findCredential = createCredentialFinder(realm);
  const wrongIssuer = reusableError('INVALID_TOKEN', { realm, reason: 'issuer' });
  const notAUser = reusableError('INSUFFICIENT_ROLE', { realm, reason: 'user_only' });
  const load =
    options.loadPrincipal &&
    createPrincipalLoader(options.loadPrincipal, {
      events,
      now,
      unknownUser: reusableError('INVALID_TOKEN', { realm, reason: 'user_unknown' }),
    });

  function narrow(principal: Principal, request: Request): Principal | Promise<Principal> {
    const allowed = typeof issuers === 'function' ? issuers(request) : issuers;
    if (allowed && !allowed.includes(principal.issuer)) throw wrongIssuer;
    if (userOnly && isClientPrincipal(principal)) throw notAUser;
    return load ? load(principal, request) : principal;
  }
  // Most guards ask for nothing beyond the verifier; they skip the step.
  const isNarrowing = issuers !== undefined || userOnly || load !== undefined;

  function identify(request: Request): Principal | undefined | Promise<Principal> {
    const found = findCredential(request);
    const token = found ?? devToken;
    if (token === undefined) return undefined;
    const verified = verifier.verifyNow(token);
    if (!isNarrowing && found !== undefined) return verified;
    const finish = (principal: Principal): Principal | Promise<Principal> =>
      narrow(found === undefined ? withMethod(principal, 'dev') : principal, request);
    return verified instanceof Promise ? verified.then(finish) : finish(verified);
  }

  function report(error: unknown, request: Request): never {
    // Our own trouble has events of its own.
    if (error instanceof AuthError && error.status < 500)
      events.emit('token.refused', {
        code: error.code,
        reason: error.reason,
        ...requestFacts(request),
      });
    throw error;
  }

  return function authenticate(request) {
    try {
      const identified = identify(request);
      return identified instanceof Promise
        ? identified.catch((error: unknown) => report(error, request))
        : identified;
    } catch (error) {
      return report(error, request);
    }
  };
}

/** What an event may say of its request. Works for Express' request and plain ones. */
export function requestFacts(request: object): {
  requestId: string | undefined;
  ip: string | undefined;
} {
  const { id, ip } = request as { id?: unknown; ip?: unknown };
  return {
    requestId: typeof id === 'string' ? id : undefined,
    ip: typeof ip === 'string' ? ip : undefined,
  };
}
