import { createPrincipal } from '../../principal.js';
import { isOpaque, shapeFlawOf } from '../tokens/shape.js';
import type { AskedIssuer } from '../trusted-issuers/directory.js';
import { digestOf, type Outcome, recall, type Verification } from '../verification.js';
import type { Verdict } from './introspector.js';

/** A token that is no JWT goes to the one issuer that can tell what it is. */
export function verifyOpaque(
  verification: Verification,
  token: string,
  connection?: object,
): Outcome {
  const { directory, refusals, maxTokenLength, isOwnSecret } = verification;
  const asked = directory.findOpaque(token);
  if (!asked || !isOpaque(token)) throw refusals.invalid(shapeFlawOf(token, maxTokenLength));
  // Sent in the wrong header, it must not get to another party, and into its logs.
  if (isOwnSecret?.(token)) throw refusals.invalid('own_secret');
  return introspect(verification, { token, connection, ...asked });
}

interface Question extends AskedIssuer {
  readonly token: string;
  readonly connection: object | undefined;
}

export function introspect(verification: Verification, question: Question): Outcome {
  const { token, trusted, introspector, connection } = question;
  const { lastTokens, checkRevocation, refusals } = verification;
  const settle = (verdict: Verdict): Outcome => {
    if ('refused' in verdict) throw refusals.of(verdict.refused, verdict.exp);
    const principal = createPrincipal(verdict, token);
    if (connection)
      lastTokens.remember(connection, { token, principal, verified: verdict, trusted });
    return checkRevocation(principal);
  };
  const known = recall(verification, token, [trusted]);
  const verdict = known?.verified ?? introspector.judge(token, digestOf(token));
  return verdict instanceof Promise ? verdict.then(settle) : settle(verdict);
}
