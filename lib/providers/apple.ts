import { SignJWT } from 'jose';
import { privateKeyOf } from '../config/key-readers.js';
import type { Identity } from '../accounts/identity.js';
import { readAppleName } from './apple-user.js';
import { unverifiable } from './errors.js';
import type {
  LoginProvider,
  LoginRequest,
  LoginSecrets,
  ProviderSignIn,
} from './login-provider.js';
import { createOpenidProvider } from './openid.js';
import type { ProviderContext } from './tokens.js';

/**
 * Sign in with Apple: OpenID Connect with ways of its own. What it sends:
 *
 * - callbacks: a form from Apple's site with `code`, `state`, and `user` at the first sign-in only; a user who cancels is
 *   `error=user_cancelled_authorize`
 *   (https://developer.apple.com/documentation/signinwithapplerestapi/request-an-authorization-to-the-sign-in-with-apple-server.)
 * - tokens: an access token for an hour, for which there is no API, a refresh token that stays the same, an ID token
 *   (https://developer.apple.com/documentation/signinwithapplerestapi/tokenresponse); errors of RFC 6749, where `invalid_client` may also
 *   be a wrong callback (https://developer.apple.com/documentation/signinwithapplerestapi/errorresponse)
 * - claims: `email_verified` and `is_private_email` as boolean or as text, `real_user_status`, `nonce_supported`, `transfer_sub`
 *   (https://developer.apple.com/documentation/signinwithapplejs/authorizationi/id_token); `sub` is another one in each team
 * - neither user info nor log-out, and no logout tokens.
 */
export const APPLE = 'https://appleid.apple.com';

/** Apple answers a request for these by form only. */
const SCOPE = 'openid name email';

export interface AppleClient {
  /** The Services ID. */
  readonly clientId: string;
  readonly teamId: string;
  readonly keyId: string;
  /** PEM or JWK text of the key that `keyId` names. */
  readonly privateKey: string;
  /** Whether an address that Apple calls verified may join accounts. @defaultValue those of mailboxes that Apple runs itself */
  readonly trustEmail: boolean | undefined;
}

/** Prepares Sign in with Apple. Fetches nothing before the first sign-in. */
export function createAppleProvider(
  settings: AppleClient,
  context: ProviderContext,
): LoginProvider {
  const { clientId, trustEmail } = settings;
  const openid = createOpenidProvider(
    'apple',
    {
      issuer: APPLE,
      clientId,
      clientSecret: createClientSecrets(settings, context.now),
      scope: SCOPE,
      label: 'Apple',
      responseMode: 'form_post',
      trustEmail: trustEmail ?? true,
    },
    context,
  );

  async function finish(answer: URLSearchParams, secrets: LoginSecrets): Promise<ProviderSignIn> {
    const signedIn = await openid.finish(answer, secrets);
    const { identity } = signedIn;
    const isVouched = trustEmail ?? isMailboxOfApple(identity);
    return {
      ...signedIn,
      identity: Object.freeze({
        ...identity,
        emailVouched: identity.emailVouched && isVouched,
        claims: { ...readAppleName(answer.get('user')), ...identity.claims },
      }),
    };
  }

  return Object.freeze({
    ...openid,
    finish,
    begin: (request: LoginRequest) => begin(openid, request),
    readLogoutToken: undefined,
  });
}

/** Apple knows neither `prompt`, `login_hint` nor `acr_values`, and asks the user each time. */
async function begin(
  openid: LoginProvider,
  { redirectUri, prompt, acrValues, maxAgeSeconds }: LoginRequest,
): ReturnType<LoginProvider['begin']> {
  if (acrValues !== undefined) throw unverifiable('acr');
  if (prompt === 'none') throw unverifiable('interaction_required');
  const begun = await openid.begin({ redirectUri, maxAgeSeconds });
  // Apple doesn't know it either. The `auth_time` of the ID token is judged all the same.
  begun.url.searchParams.delete('max_age');
  return begun;
}

/** Apple's own domains, and its relay, which has a mailbox of its own for each user and team. */
const OWN_MAILBOXES = /@(?:icloud|me|mac|privaterelay\.appleid)\.com$/;

/** Elsewhere Apple has once sent a mail; whose the mailbox is today it doesn't know. */
function isMailboxOfApple({ email }: Identity): boolean {
  return email !== undefined && OWN_MAILBOXES.test(email);
}

/** Apple takes up to six months. One that leaks is of use for an hour. */
const SECRET_LIFE_SECONDS = 3600;
/** Our clock may be ahead of Apple's. */
const HEAD_START_SECONDS = 60;

/**
 * Makes client secrets: JWTs that the application's key signs, renewed when half their life is over
 * (https://developer.apple.com/documentation/accountorganizationaldatasharing/creating-a-client-secret).
 */
function createClientSecrets(
  { clientId, teamId, keyId, privateKey }: AppleClient,
  now: () => number,
): () => Promise<string> {
  const key = privateKeyOf(privateKey);
  let current: { readonly secret: string; readonly renewAt: number } | undefined;
  return async function clientSecret() {
    if (current && now() < current.renewAt) return current.secret;
    const seconds = Math.floor(now() / 1000);
    const secret = await new SignJWT()
      .setProtectedHeader({ alg: 'ES256', kid: keyId })
      .setIssuer(teamId)
      .setSubject(clientId)
      .setAudience(APPLE)
      .setIssuedAt(seconds - HEAD_START_SECONDS)
      .setExpirationTime(seconds + SECRET_LIFE_SECONDS)
      .sign(key);
    current = { secret, renewAt: now() + SECRET_LIFE_SECONDS * 500 };
    return secret;
  };
}
