import type { LogoutHabits } from './login-habits.js';

/** A log-out that is about to go on at the provider. */
export interface LogoutRequest {
  readonly issuer: string;
  readonly clientId: string;
  /** `end_session_endpoint` of its metadata. */
  readonly endpoint: string | undefined;
  readonly idToken: string | undefined;
  /** Claims of that token, as far as they can serve as hints. */
  readonly hints: Readonly<Record<string, unknown>>;
  readonly returnTo: string;
}

/**
 * A proxy answers with 502 when a response's headers are too long for it (4 or 8 kB for all of them, mostly), and providers refuse long
 * requests. An ID token with 200 groups makes 11 kB.
 */
const MAX_LENGTH = 2048;

/**
 * Returns where the browser goes to sign out at the provider too (OpenID Connect RP-Initiated Logout §2). Leaves hints out where the URL
 * would get longer than 2,048 characters: `client_id` is always there for the provider to know whom it deals with. Undefined where
 * the provider has no log-out, or would only answer with an error.
 */
export function createLogoutUrl(
  request: LogoutRequest,
  habits: LogoutHabits = {},
): URL | undefined {
  const { endpoint, issuer, clientId, idToken, hints, returnTo } = request;
  const { withoutMetadata, hintClaim, idTokenHint, returnParameter } = habits;
  if (endpoint === undefined) {
    if (!withoutMetadata) return undefined;
    const base = issuer.endsWith('/') ? issuer : `${issuer}/`;
    const found = new URL(withoutMetadata.path, base).href;
    return createLogoutUrl({ ...request, endpoint: found }, withoutMetadata);
  }
  const hint = hintClaim === undefined ? undefined : hints[hintClaim];
  const byClient = {
    client_id: clientId,
    [returnParameter ?? 'post_logout_redirect_uri']: returnTo,
  };
  const byHint = typeof hint === 'string' ? { ...byClient, logout_hint: hint } : byClient;
  const isTokenSent = idToken !== undefined && idTokenHint !== 'ignored';
  const byToken = isTokenSent ? { ...byHint, id_token_hint: idToken } : undefined;
  const ways = idTokenHint === 'required' ? [byToken] : [byToken, byHint];
  const urls = ways.flatMap((parameters) =>
    parameters ? [withParameters(endpoint, parameters)] : [],
  );
  const short = urls.find(({ href }) => href.length <= MAX_LENGTH);
  if (short || idTokenHint === 'required') return short;
  return withParameters(endpoint, byClient);
}

/** The endpoint may have parameters of its own. */
function withParameters(endpoint: string, parameters: Readonly<Record<string, string>>): URL {
  const url = new URL(endpoint);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.append(name, value);
  return url;
}
