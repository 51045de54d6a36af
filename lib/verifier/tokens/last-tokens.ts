import type { Principal } from '../../principal.js';
import type { TrustedIssuer } from '../trusted-issuers/resolved-issuers.js';
import { holdsAt, type VerifiedToken } from './verified-tokens.js';

/** A verified token, and the issuer by whose policy it was verified. */
export interface KnownToken {
  readonly verified: VerifiedToken;
  readonly trusted: TrustedIssuer;
}

interface LastToken extends KnownToken {
  readonly token: string;
  readonly principal: Principal;
}

/** The last good token of each connection. */
export interface LastTokens {
  /** The principal of the connection's last token if this is the same text and its verdict still holds. */
  recall(connection: object, token: string, nowMs: number): Principal | undefined;
  remember(connection: object, last: LastToken): void;
}

/**
 * A client sends the same token again and again on one connection. Comparing it with the last one costs less than the
 * digest by which others are found. Whatever ends a verdict among the remembered tokens ends it here: time, a withdrawn
 * key, an issuer that is no longer trusted, keys that no longer serve. Holds one token a connection, as long as the
 * connection.
 */
export function createLastTokens(): LastTokens {
  const byConnection = new WeakMap<object, LastToken>();
  return {
    recall(connection, token, nowMs) {
      const last = byConnection.get(connection);
      if (last === undefined || last.token !== token) return undefined;
      const { verified, trusted, principal } = last;
      const holds = holdsAt(verified, Math.floor(nowMs / 1000)) && isTrustedNow(trusted, nowMs);
      return holds ? principal : undefined;
    },
    remember(connection, last) {
      byConnection.set(connection, last);
    },
  };
}

/** Returns whether an issuer's verdicts count at this time, in milliseconds since 1970. */
export function isTrustedNow({ trustedUntil, policy }: TrustedIssuer, nowMs: number): boolean {
  return nowMs < trustedUntil && policy.keys.isServing(nowMs);
}
