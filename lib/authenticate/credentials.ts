import type { IncomingHttpHeaders } from 'node:http';
import { type AuthError, reusableError } from '../errors.js';
import { isRepeated } from '../http/repeated-fields.js';

/** As much of a request as the search for a credential looks at. `IncomingMessage` and Express' request fit. */
export interface RequestHead {
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as received; without it a repeated header goes unnoticed. */
  readonly rawHeaders?: readonly string[];
  /** The connection that the request came on: a token sent again on it is known without its digest. */
  readonly socket?: object;
  /** For proofs of DPoP (RFC 9449), which are for one method and URI. Without them no proof fits. */
  readonly method?: string | undefined;
  /** Path and query, as received. */
  readonly url?: string | undefined;
  /** The same where Express has mounted a route below a path, and `url` is only the rest. @defaultValue `url` */
  readonly originalUrl?: string;
}

/** What a request brings along to prove who sends it. */
export interface Credential {
  /** How it was sent: `Authorization: Bearer`, `Authorization: DPoP` (RFC 9449 §7.1) or `X-API-Key`. */
  readonly kind: 'bearer' | 'dpop' | 'api_key';
  /** The access token or the key. Not looked into yet. */
  readonly value: string;
}

/** Finds the credential of a request; undefined when it has none. Throws for a header that is none or two. */
export type CredentialFinder = (request: RequestHead) => Credential | undefined;

export interface CredentialFinderOptions {
  /** Protection space in challenges. */
  readonly realm: string;
  /** Whether `X-API-Key` is ours. Where it isn't, the header is the application's and is not looked at. @defaultValue `false` */
  readonly apiKeys?: boolean;
}

/**
 * Prepares the search for a credential: an access token in `Authorization` (RFC 6750 §2.1, RFC 9449 §7.1) or an API key in
 * `X-API-Key`, the only places we look: what stands in a query string ends in logs, and a form is no place for it. Two
 * credentials are refused, since a proxy may have judged the other one. Verifies nothing.
 */
export function createCredentialFinder({
  realm,
  apiKeys = false,
}: CredentialFinderOptions): CredentialFinder {
  const malformed = reusableError('INVALID_TOKEN', { realm, reason: 'malformed' });
  const repeated = reusableError('INVALID_REQUEST', {
    realm,
    reason: 'repeated_credential',
    detail: 'The request brings a credential more than once. Send one.',
  });
  const mixed = reusableError('INVALID_REQUEST', {
    realm,
    reason: 'mixed_credentials',
    detail: 'The request brings credentials of two kinds. Send one.',
  });

  function findToken(request: RequestHead): Credential | undefined {
    const { authorization } = request.headers;
    if (authorization === undefined) return undefined;
    // Node keeps the first of several lines and drops the rest; a proxy may have judged another one.
    if (isRepeated(request.rawHeaders, 'authorization')) throw repeated;
    if (authorization.startsWith('Bearer ') && authorization.charCodeAt(7) !== SPACE)
      return { kind: 'bearer', value: authorization.slice(7) };
    return findUnusual(authorization, malformed);
  }

  function findKey({ headers, rawHeaders }: RequestHead): Credential | undefined {
    const value = headers['x-api-key'];
    if (value === undefined) return undefined;
    if (typeof value !== 'string' || isRepeated(rawHeaders, 'x-api-key')) throw repeated;
    return { kind: 'api_key', value };
  }

  return function findCredential(request) {
    const token = findToken(request);
    if (!apiKeys) return token;
    const key = findKey(request);
    if (token && key) throw mixed;
    return token ?? key;
  };
}

const SPACE = 0x20;

/** A scheme of ours as a whole word: what goes on with another character of a token (RFC 9110 §5.6.2) is another scheme. */
const SCHEME = /^(?:(bearer)|dpop)(?![\w!#$%&'*+.^`|~-])/i;

/**
 * Other spellings: the scheme in any case, more than one space (RFC 9110 §11.4). Anything else behind a scheme of ours, such as
 * `Bearer: …`, is malformed; the request would otherwise count as one without a credential. Schemes that we don't know are not ours.
 */
function findUnusual(authorization: string, malformed: AuthError): Credential | undefined {
  const found = SCHEME.exec(authorization);
  if (!found) return undefined;
  const [scheme, bearer] = found;
  const rest = authorization.slice(scheme.length);
  const value = rest.replace(/^ +/, '');
  if (value === '' || value === rest) throw malformed;
  return { kind: bearer === undefined ? 'dpop' : 'bearer', value };
}
