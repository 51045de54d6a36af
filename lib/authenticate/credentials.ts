import type { IncomingHttpHeaders } from 'node:http';
import { type AuthError, reusableError } from '../errors.js';

/** As much of a request as the search for a credential looks at. `IncomingMessage` and Express' request fit. */
export interface RequestHead {
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as received; without it a repeated header goes unnoticed. */
  readonly rawHeaders?: readonly string[];
  /** The connection that the request came on: a token sent again on it is known without its digest. */
  readonly socket?: object;
}

/** Finds the bearer token of a request; undefined when it has none. Throws for a header that is none or two. */
export type CredentialFinder = (request: RequestHead) => string | undefined;

/**
 * Prepares the search for a bearer token in `Authorization` (RFC 6750 §2.1), the only place we look: tokens
 * in a query string end in logs, and a form is no place for them. Verifies nothing.
 */
export function createCredentialFinder(realm: string): CredentialFinder {
  const malformed = reusableError('INVALID_TOKEN', { realm, reason: 'malformed' });
  const repeated = reusableError('INVALID_REQUEST', { realm, reason: 'repeated_credential' });
  return function findCredential(request) {
    const { authorization } = request.headers;
    if (authorization === undefined) return undefined;
    // Node keeps the first of several lines and drops the rest; a proxy may have judged another one.
    if (isRepeated(request.rawHeaders)) throw repeated;
    if (authorization.startsWith('Bearer ') && authorization.charCodeAt(7) !== SPACE)
      return authorization.slice(7);
    return findUnusual(authorization, malformed);
  };
}

const SPACE = 0x20;

function isRepeated(rawHeaders: readonly string[] | undefined): boolean {
  if (rawHeaders === undefined) return false;
  let lines = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === 13 && name.toLowerCase() === 'authorization') lines += 1;
  }
  return lines > 1;
}

/** Other spellings: the scheme in any case, more than one space (RFC 9110 §11.4). Other schemes are not ours. */
function findUnusual(authorization: string, malformed: AuthError): string | undefined {
  const scheme = authorization.slice(0, 6).toLowerCase();
  const next = authorization.charCodeAt(6);
  if (scheme !== 'bearer' || (authorization.length > 6 && next !== SPACE)) return undefined;
  const token = authorization.slice(6).replace(/^ +/, '');
  if (token === '') throw malformed;
  return token;
}
