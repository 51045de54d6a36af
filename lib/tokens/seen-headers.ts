import type { TrustedIssuer } from '../issuers/resolved-issuers.js';

/** Which issuers have sent good tokens with which protected header, told by its text. */
export interface SeenHeaders {
  issuersOf(headerText: string): readonly TrustedIssuer[] | undefined;
  add(headerText: string, issuer: TrustedIssuer): void;
}

const MAX_HEADERS = 10_000;

/**
 * An issuer signs all its tokens under the same few headers. Knowing them tells, before anything is decoded,
 * whether a token can be among the verified ones and whose it would be.
 */
export function createSeenHeaders(): SeenHeaders {
  const issuers = new Map<string, readonly TrustedIssuer[]>();
  return {
    issuersOf: (headerText) => issuers.get(headerText),
    add(headerText, issuer) {
      const known = issuers.get(headerText) ?? [];
      if (known.includes(issuer)) return;
      const [oldest] = issuers.keys();
      if (issuers.size >= MAX_HEADERS && oldest !== undefined) issuers.delete(oldest);
      // Flattened, or the slice would keep the whole token it was cut from alive.
      const text = Buffer.from(headerText, 'latin1').toString('latin1');
      issuers.set(text, [...known.filter(({ isRetired }) => !isRetired), issuer]);
    },
  };
}
