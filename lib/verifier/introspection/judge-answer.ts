import { judgeClaims, LAST_DATE, type RefusalReason } from '../tokens/rules.js';
import type { IssuerPolicy } from '../trusted-issuers/policy.js';

type Json = Readonly<Record<string, unknown>>;

/**
 * Judges what an issuer says about a token (RFC 7662 §2.2, §4) by the rules for the claims of a JWT. `exp` may be
 * missing; whatever is there counts.
 */
export function judgeAnswer(
  answer: Json,
  policy: IssuerPolicy,
  nowSeconds: number,
): RefusalReason | undefined {
  const { active, iss, sub, username, exp = LAST_DATE, token_use: use } = answer;
  if (active !== true) return 'inactive';
  if (iss !== undefined && !(typeof iss === 'string' && policy.names.includes(iss)))
    return 'issuer';
  if (!isAccessToken(answer)) return 'token_kind';
  // A user's token. Without `sub` it would pass for its client's own, and every user for the same one.
  if (sub === undefined && username !== undefined) return 'subject';
  // How Ory Hydra calls what Cognito calls `access`.
  const named = use === 'access_token' ? 'access' : use;
  return judgeClaims(
    { header: {}, claims: { ...answer, exp, token_use: named } },
    policy,
    nowSeconds,
  );
}

/** RFC 6749 §7.1 has no case; `access_token` is how some servers put it. RFC 8693 §2.2.1 has `N_A` for what is none. */
function isAccessToken({ token_type: type, cnf }: Json): boolean {
  if (type === undefined) return true;
  if (typeof type !== 'string') return false;
  const name = type.toLowerCase();
  return name === 'bearer' || name === 'access_token' || (name === 'dpop' && cnf !== undefined);
}
