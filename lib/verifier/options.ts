import type { EventSink } from '../events.js';
import { numberInRange } from '../known-options.js';
import type { RevocationHook } from './tokens/revocation.js';
import { MAX_TOKEN_LENGTH } from './tokens/shape.js';
import type { VerifiedTokenCacheOptions } from './tokens/verified-tokens.js';
import type { IssuerOptions } from './trusted-issuers/options.js';
import type { IssuerResolver } from './trusted-issuers/resolved-issuers.js';

export interface VerifierOptions {
  /** The issuers we trust, each with what we demand of its tokens. */
  readonly issuers?: IssuerOptions | readonly IssuerOptions[];
  /** Finds issuers known only at run time, by the token's unverified `iss`. See {@link IssuerResolver}. */
  readonly resolveIssuer?: IssuerResolver;
  readonly isRevoked?: RevocationHook;
  /**
   * Longest token that is looked at, in characters. 256 to 1,048,576. Longer ones are refused unread. Node itself
   * accepts 16 kB of request headers in all: for longer tokens start it with `--max-http-header-size` as well.
   * @defaultValue `16_384`
   */
  readonly maxTokenLength?: number;
  /**
   * Clock difference forgiven in `exp` and `nbf`, in seconds, for issuers whose policy has no `clockToleranceSeconds` of its
   * own. 0 to 300. @defaultValue `5`
   */
  readonly clockToleranceSeconds?: number;
  /** Bounds of the memory of verified tokens, one for each issuer, or false for none. */
  readonly tokenCache?: VerifiedTokenCacheOptions | false;
  /** @deprecated Called `tokenCache` now; this name works until release 1.0. */
  readonly cache?: VerifiedTokenCacheOptions | false;
  /** Protection space in challenges (RFC 9110 §11.5). @defaultValue `'api'` */
  readonly realm?: string;
  /** Whether keys and metadata may come over http from this machine. Turn off in production. @defaultValue `true` */
  readonly allowLoopbackHttp?: boolean;
  /**
   * Hosts whose keys and metadata may come over plain http, on a private network such as Compose or a cluster:
   * `keycloak` for every port, `keycloak:8080` for one, compared exactly. An attacker on the
   * network between can replace the keys. @defaultValue `[]`
   */
  readonly allowHttpHosts?: readonly string[];
  /**
   * Hosts that the metadata of an issuer or `resolveIssuer` may name although their address is private, loopback or link-local, in
   * the form of `allowHttpHosts`, whose hosts may, too. Hosts of `issuers` need no entry. Keys are fetched from no other
   * such address. @defaultValue any host with `allowLoopbackHttp`, else `[]`
   */
  readonly allowInternalHosts?: readonly string[];
  readonly events?: EventSink;
  /** Milliseconds since 1970. @defaultValue `Date.now` */
  readonly now?: () => number;
}

/** Names of the options above. */
export const verifierOptionNames: readonly (keyof VerifierOptions)[] = [
  'issuers',
  'resolveIssuer',
  'isRevoked',
  'maxTokenLength',
  'clockToleranceSeconds',
  'tokenCache',
  'cache',
  'realm',
  'allowLoopbackHttp',
  'allowHttpHosts',
  'allowInternalHosts',
  'events',
  'now',
];

export function readMaxTokenLength({ maxTokenLength = MAX_TOKEN_LENGTH }: VerifierOptions): number {
  if (Number.isInteger(numberInRange(maxTokenLength, [256, 1_048_576], 'maxTokenLength')))
    return maxTokenLength;
  throw new TypeError('`maxTokenLength` is a whole number of characters');
}
