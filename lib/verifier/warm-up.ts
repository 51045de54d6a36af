import { createHmac, randomBytes } from 'node:crypto';
import { LAST_DATE } from './tokens/rules.js';
import type { TrustedIssuer } from './trusted-issuers/resolved-issuers.js';
import type { IssuerOptions } from './trusted-issuers/options.js';

/** Creates a verifier. */
type Create = (options: { readonly issuers: IssuerOptions }) => {
  verifyNow(token: string, connection: object): unknown;
};

/** Runs what the first request would otherwise be the first to run: code to compile, ciphers to load. */
export function warmUp(issuers: readonly TrustedIssuer[], createVerifier: Create): void {
  verifyForOnce(createVerifier);
  for (const { policy } of issuers)
    for (const algorithm of policy.algorithms)
      for (const key of policy.keys.candidates(undefined, algorithm))
        key.verifies('', Buffer.alloc(64));
}

/** Verifies a token of an issuer that exists for this call only: no good token of the real ones is at hand. */
function verifyForOnce(createVerifier: Create): void {
  const secret = randomBytes(32);
  const name = 'latchkey:warm-up';
  const claims = { iss: name, aud: name, sub: name, scope: name, exp: LAST_DATE };
  const input = [{ alg: 'HS256' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = createHmac('sha256', secret).update(input).digest('base64url');
  const verifier = createVerifier({ issuers: { issuer: name, audience: name, keys: { secret } } });
  const connection = {};
  for (let use = 0; use < 3; use += 1) void verifier.verifyNow(`${input}.${signature}`, connection);
}
