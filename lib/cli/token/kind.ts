import { isLikeApiKey } from '../../accounts/api-key-format.js';
import { isLikeClientSecret } from '../../accounts/client-secrets.js';
import { parseRefreshToken } from '../../sessions/refresh-token.js';
import type { Explanation } from '../../verifier/explain.js';
import { mediaTypeOf } from '../../verifier/tokens/rules.js';
import { MAX_TOKEN_LENGTH, shapeFlawOf } from '../../verifier/tokens/shape.js';

interface TokenKind {
  readonly words: string;
  /** What to do with it, where that is better known than by the reason. */
  readonly cure?: string;
}

/** What a text looks like. Decides nothing. */
export function kindOf(token: string, { header, claims, isAsked }: Explanation): TokenKind {
  if (isLikeApiKey(token))
    return {
      words: 'An API key of a latchkey application',
      cure: 'send it in the header X-API-Key, where AUTH_API_KEYS is on',
    };
  if (isLikeClientSecret(token))
    return {
      words: "A service account's secret",
      cure: 'get an access token with it: POST /token with grant_type=client_credentials',
    };
  if (parseRefreshToken(token))
    return {
      words: 'A refresh token of a latchkey application',
      cure: 'get an access token with it: POST /refresh',
    };
  if (header) return { words: signedKind(header, claims ?? {}) };
  if (isAsked) return { words: 'An opaque token' };
  const flaw = shapeFlawOf(token, MAX_TOKEN_LENGTH);
  if (flaw === 'encrypted') return { words: 'An encrypted token (JWE)' };
  return { words: flaw === 'opaque' ? 'An opaque token, or no token' : 'No readable token' };
}

type Json = Readonly<Record<string, unknown>>;

function signedKind({ typ }: Json, claims: Json): string {
  const type = typeof typ === 'string' ? mediaTypeOf(typ) : undefined;
  const has = (...names: readonly string[]) => names.some((name) => claims[name] !== undefined);
  if (type === 'at+jwt') return 'A signed access token (JWT, RFC 9068)';
  if (type === 'dpop+jwt' || has('htm', 'htu')) return 'A DPoP proof (RFC 9449)';
  if (type === 'logout+jwt' || has('events')) return 'A log-out token or security event';
  if (has('at_hash', 'c_hash', 's_hash', 'nonce') || claims['token_use'] === 'id')
    return 'A signed token (JWT), by its claims an ID token';
  return 'A signed token (JWT)';
}
