import type { StepReason } from '../../verifier/explain.js';

/** What to change so that a token is not refused for a reason: who sends it, who issues it, or the settings. */
export const refusalCures: Readonly<Record<StepReason, string>> = {
  malformed:
    'send it whole and as it was issued: three parts of base64url without padding, strict JSON, no longer than 16384 characters',
  encrypted: 'ask the issuer for signed tokens (JWS) instead of encrypted ones (JWE)',
  opaque:
    'ask the issuer for JWTs for this API (often by naming its audience at log-in), or configure introspection',
  own_secret: 'send it where it belongs; this is no access token',
  header: 'let the issuer sign plain claims: no enc, zip or cty in the header',
  algorithm:
    'let the issuer sign with an accepted algorithm, or set AUTH_JWT_ALGORITHM (algorithms of a trusted issuer) to the one it uses',
  type: 'use an access token; this profile wants typ at+jwt, or, where the profile is jwt, JWT or none',
  critical: 'let the issuer leave crit and b64 out of the header',
  key_id: 'let the issuer send a kid that is text of 1 to 256 characters',
  issuer:
    'set AUTH_JWT_ISSUER (or AUTH_PUBLIC_URL) to exactly the iss of the token, or add the issuer to AUTH_TRUSTED_ISSUERS, if you trust it',
  audience:
    'request the token for this API, or set AUTH_JWT_AUDIENCE to an aud of the token, if it was made for this API',
  client: 'use a client that is among clientIds, or add it there',
  subject: 'let the issuer put sub into its tokens, or the client under its name (client_id, azp)',
  not_yet_valid:
    'set the clocks of both sides right, or wait; AUTH_CLOCK_TOLERANCE forgives small differences',
  times: 'let the issuer send exp, and nbf and iat if any, as seconds since 1970',
  too_old: 'get a new token; maxTokenAgeSeconds is how old one may be',
  expired:
    'refresh the token or sign in again; AUTH_CLOCK_TOLERANCE forgives small clock differences only',
  missing_claim:
    'let the issuer add the missing claims; requiredClaims and the profile rfc9068 (iat, jti, client_id, aud) demand them',
  token_kind: 'send the access token, not the ID, refresh or log-out token that came with it',
  sender_constrained:
    'send it with the DPoP proof or the client certificate that it is bound to; as a plain bearer token it is refused',
  unknown_key:
    "check that iss, environment and key set belong together; a new key must be in the issuer's key set before it signs",
  key_issuer: 'the key speaks for another tenant: check the issuer and its tenants',
  signature:
    'check that the secret or key is that of the issuer, of the same environment, and that nothing changed the token on its way',
  check: "look at the application's own check of this issuer's claims",
  inactive: 'the issuer says that the token is no longer active: get a new one',
  user_unknown: 'the user does not exist in this application',
  keys_unavailable:
    "the issuer's keys could not be fetched (the answer would be 503): check the URL, the network and the issuer",
};
