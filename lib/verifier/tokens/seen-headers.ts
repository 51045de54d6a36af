import type { TrustedIssuer } from '../trusted-issuers/resolved-issuers.js';

/** Which issuers have sent good tokens with which protected header, told by its text. */
export interface SeenHeaders {
  /** Issuers of earlier good tokens with the same header; undefined when there were none. */
  issuersOf(token: string): readonly TrustedIssuer[] | undefined;
  /** Drops the issuers that are no longer trusted at this time, in milliseconds since 1970. */
  add(token: string, issuer: TrustedIssuer, nowMs: number): void;
}

const MAX_HEADERS = 10_000;

/** A header as it begins a token, its dot included. */
interface SeenHeader {
  readonly text: string;
  readonly issuers: readonly TrustedIssuer[];
}

/**
 * An issuer signs all its tokens under the same few headers. Knowing them tells, before anything is decoded,
 * whether a token can be among the verified ones and whose it would be.
 */
export function createSeenHeaders(): SeenHeaders {
  const headers = new Map<string, SeenHeader>();
  // Mostly the next token has the same header: comparing costs less than cutting it out to look it up.
  let latest: SeenHeader | undefined;

  function find(token: string): SeenHeader | undefined {
    if (latest !== undefined && token.startsWith(latest.text)) return latest;
    const found = headers.get(headerOf(token));
    if (found !== undefined) latest = found;
    return found;
  }

  return {
    issuersOf: (token) => find(token)?.issuers,
    add(token, issuer, nowMs) {
      const known = find(token)?.issuers ?? [];
      if (known.includes(issuer)) return;
      const [oldest] = headers.keys();
      if (headers.size >= MAX_HEADERS && oldest !== undefined) headers.delete(oldest);
      // Copied, or what was cut out would keep the whole token alive.
      const text = Buffer.from(headerOf(token), 'latin1').toString('latin1');
      const trusted = known.filter(({ trustedUntil }) => nowMs < trustedUntil);
      latest = { text, issuers: [...trusted, issuer] };
      headers.set(text, latest);
    },
  };
}

function headerOf(token: string): string {
  return token.slice(0, token.indexOf('.') + 1);
}
