import type { Identity } from '../accounts/identity.js';

/** What a log-in asks of the provider. */
export interface LoginRequest {
  /** Our callback, as it is registered there. */
  readonly redirectUri: string;
  /** `none`, `login`, `consent`, `select_account` (OpenID Connect Core §3.1.2.1). */
  readonly prompt?: string | undefined;
  readonly loginHint?: string | undefined;
  /** Acceptable authentication contexts, best first. The answer must be one of them. */
  readonly acrValues?: readonly string[] | undefined;
  /** Greatest age of the sign-in there, in seconds. */
  readonly maxAgeSeconds?: number | undefined;
}

/** What is remembered until the provider's answer comes. All of it is secret. */
export interface LoginSecrets extends Pick<
  LoginRequest,
  'redirectUri' | 'acrValues' | 'maxAgeSeconds'
> {
  readonly state: string;
  /** Undefined where there is no ID token to hold it. */
  readonly nonce?: string | undefined;
  /** RFC 7636 §4.1. */
  readonly codeVerifier: string;
}

/** The client that we are at a provider: its tokens are for this client, and go to no other issuer. */
export interface ProviderClient {
  readonly issuer: string;
  readonly clientId: string;
}

/** Tokens of the provider. All of them are secret. */
export interface UpstreamTokens {
  readonly accessToken: string;
  /** When the access token needs renewing. Milliseconds since 1970; undefined when the provider gives no lifetime. */
  readonly renewAt: number | undefined;
  readonly refreshToken: string | undefined;
  readonly idToken: string | undefined;
  /** Whom they were given to. Undefined for tokens that were kept by a release before 0.6. */
  readonly client?: ProviderClient | undefined;
}

/** Half a minute before its end, or in the middle of a shorter life. */
const GOOD_FOR_SECONDS = 30;

/** When an access token of so many seconds needs renewing. Milliseconds since 1970. */
export function renewalTime(lifeSeconds: number | undefined, now: number): number | undefined {
  if (lifeSeconds === undefined) return undefined;
  return now + Math.max(lifeSeconds - GOOD_FOR_SECONDS, lifeSeconds / 2) * 1000;
}

export interface ProviderSignIn {
  readonly identity: Identity;
  /** `sid`: the session there, for back-channel log-out. */
  readonly sessionId: string | undefined;
  /** Seconds since 1970. */
  readonly authTime: number | undefined;
  readonly acr: string | undefined;
  readonly amr: readonly string[];
  readonly tokens: UpstreamTokens;
}

/** What a logout token names: a user, a session or both (OpenID Connect Back-Channel Logout §2.4). */
export interface LogoutNotice {
  readonly issuer: string;
  readonly subject: string | undefined;
  readonly sessionId: string | undefined;
  /** `jti` */
  readonly id: string;
  /** Seconds since 1970. */
  readonly expiresAt: number;
}

/**
 * An identity provider that users sign in with. Rejects with PROVIDER_ERROR (502) when the provider is down or answers
 * wrongly, LOGIN_FAILED (401) when its answer can't be verified, LOGIN_DENIED (403) when it refuses.
 */
export interface LoginProvider {
  /** As in our URLs. */
  readonly name: string;
  /** What its button says. */
  readonly label: string;
  readonly client: ProviderClient;
  /** Returns where the user goes to sign in, and what to remember until the callback. */
  begin(request: LoginRequest): Promise<{ readonly url: URL; readonly secrets: LoginSecrets }>;
  /** Verifies the parameters of the callback and exchanges their code. */
  finish(answer: URLSearchParams, secrets: LoginSecrets): Promise<ProviderSignIn>;
  /** Exchanges a refresh token; the user must still be the same. Rejects with AUTH_CONTEXT_REQUIRED (401) when it is not taken any more. */
  renew(
    tokens: UpstreamTokens,
    owner: Pick<Identity, 'issuer' | 'subject'>,
  ): Promise<UpstreamTokens>;
  /** Where to go for the log-out there (OpenID Connect RP-Initiated Logout §2); undefined when it has no such place. */
  logoutUrl(going: {
    readonly idToken: string | undefined;
    /** `sid`: the session there. */
    readonly sessionId: string | undefined;
    readonly returnTo: string;
  }): Promise<URL | undefined>;
  /** Verifies a logout token. Rejects with INVALID_REQUEST (400). Undefined for a provider that sends none. */
  readonly readLogoutToken: ((token: string) => Promise<LogoutNotice>) | undefined;
}
