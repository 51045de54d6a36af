import { hash } from 'node:crypto';
import { createBoundedMap } from '../../bounded-map.js';
import type { TrustedIssuer } from '../trusted-issuers/resolved-issuers.js';

/** Which issuers have sent good tokens with which protected header, told by its text. */
export interface SeenHeaders {
  /** Issuers of earlier good tokens with the same header; undefined when there were none. */
  issuersOf(token: string): readonly TrustedIssuer[] | undefined;
  /** Drops the issuers that are no longer trusted at this time, in milliseconds since 1970. */
  add(token: string, issuer: TrustedIssuer, nowMs: number): void;
}

/** Of at most 0.5 kB each: 5 MB in all. */
const MAX_HEADERS = 10_000;
/** A longer header, such as one with certificates, is remembered by its digest. */
const MAX_HEADER_LENGTH = 256;

interface SeenHeader {
  /** As it begins a token, its dot included; undefined where it is too long to be kept. */
  readonly text: string | undefined;
  readonly issuers: readonly TrustedIssuer[];
}

/**
 * An issuer signs all its tokens under the same few headers. Knowing them tells, before anything is decoded,
 * whether a token can be among the verified ones and whose it would be.
 */
export function createSeenHeaders(): SeenHeaders {
  const headers = createBoundedMap<string, SeenHeader>(MAX_HEADERS);
  // Mostly the next token has the same header: comparing costs less than cutting it out to look it up.
  let latest: SeenHeader | undefined;

  function find(token: string): SeenHeader | undefined {
    if (latest?.text !== undefined && token.startsWith(latest.text)) return latest;
    const found = headers.get(keyOf(headerOf(token)));
    if (found !== undefined) latest = found;
    return found;
  }

  return {
    issuersOf: (token) => find(token)?.issuers,
    add(token, issuer, nowMs) {
      const known = find(token)?.issuers ?? [];
      if (known.includes(issuer)) return;
      // Copied, or what was cut out would keep the whole token alive.
      const key = Buffer.from(keyOf(headerOf(token)), 'latin1').toString('latin1');
      const trusted = known.filter(({ trustedUntil }) => nowMs < trustedUntil);
      latest = {
        text: headerOf(token).length > MAX_HEADER_LENGTH ? undefined : key,
        issuers: [...trusted, issuer],
      };
      headers.set(key, latest);
    },
  };
}

function headerOf(token: string): string {
  return token.slice(0, token.indexOf('.') + 1);
}

function keyOf(header: string): string {
  return header.length > MAX_HEADER_LENGTH ? hash('sha256', header, 'binary') : header;
}
