import type { Token } from './options.js';

/** An access token, and how long it is good for. */
export interface HeldToken {
  readonly token: string;
  /** `Bearer` or `DPoP`. */
  readonly scheme: string;
  /** `sub`, where the token is a JWT. Not verified: it only tells whether another user has signed in. */
  readonly subject: unknown;
  /** Milliseconds since 1970, here and below. From here on it is renewed while it still serves. */
  readonly renewAt: number;
  readonly expiresAt: number;
  /** The platform gave it, and nothing here can renew it. */
  readonly isGiven?: boolean;
}

/** Part of a token's life after which it is renewed, where the server does not say. */
const RENEW_AFTER = 0.8;

export interface TokenAnswer {
  readonly access_token: string;
  readonly token_type?: string;
  readonly expires_in?: number;
  readonly refresh_in?: number;
}

/** `askedAt`: when the token was asked for, so that none passes for younger than it is because its answer was slow. */
export function holdToken(answer: TokenAnswer, askedAt: number): HeldToken {
  const { access_token: token, token_type: scheme = 'Bearer' } = answer;
  const claims = claimsOf(token);
  const seconds = answer.expires_in ?? lifeOf(claims, askedAt);
  const { refresh_in: renewIn = seconds * RENEW_AFTER } = answer;
  return {
    token,
    scheme,
    subject: claims.sub,
    // Tabs and devices that began together do not renew together.
    renewAt: askedAt + renewIn * (900 + 100 * Math.random()),
    expiresAt: askedAt + seconds * 1000,
  };
}

/** Reads a token from the platform; undefined if it has not the form of one. */
export function readToken(given: Token | undefined): TokenAnswer | undefined {
  const answer = typeof given === 'string' ? { access_token: given } : given;
  return /^[\w.~+/-]+=*$/.test(answer?.access_token ?? '') ? answer : undefined;
}

/** Seconds. A token that says nothing, or seems old already because this clock is wrong, is good until it is refused. */
function lifeOf({ exp = 0 }: Claims, askedAt: number): number {
  const seconds = exp - askedAt / 1000;
  return seconds > 0 ? seconds : Infinity;
}

interface Claims {
  readonly exp?: number;
  readonly sub?: unknown;
}

function claimsOf(token: string): Claims {
  try {
    const [, payload = ''] = token.split('.');
    return { ...JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/'))) };
  } catch {
    return {};
  }
}
