import type { ClaimsMapping } from '../claims/claims-mapping.js';
import type { PresetName } from '../claims/presets/presets.js';
import type { IssuerOptions, SignatureAlgorithm } from '../verifier/trusted-issuers/options.js';
import type { Limit } from './values.js';

/** The value of every setting by itself: parsed, defaulted, not yet compared with the others. */
export interface Settings {
  /**
   * Origin that users see, with a path where the application lives below one; AUTH_PUBLIC_URL. https, or http on localhost in
   * development. Base of redirects, links and cookies; never taken from `Host`. Everything that a browser is sent to is
   * below that path, whether or not a proxy takes it away from requests. Required in production where tokens are
   * signed; without it providers' redirects and mailed links cannot be made.
   */
  readonly publicUrl: string | undefined;
  /** Where users and sessions are kept, where tokens are signed. */
  readonly store: {
    /**
     * `memory:`, `file:./auth.db`, `postgres://…` or `redis://…`; AUTH_STORE_URL. Not enumerable. In `memory:` every session
     * ends with the process, so in production it has to be written. @defaultValue `'memory:'`
     */
    readonly url: string;
  };
  /** The main issuer: ourselves with `secret` or `privateKey`, an identity provider with `jwksUrl` or `publicKey`. At most one of the four. */
  readonly jwt: JwtSettings;
  /**
   * Root of refresh tokens and sealed cookies; AUTH_SECRET. At least 32 bytes; `base64:…` stands for bytes. Changing it without
   * `secretPrevious` ends every session. Not enumerable. @defaultValue `jwt.secret`; required with a private key
   */
  readonly secret: string | undefined;
  /** Former roots, still accepted but not used for anything new; AUTH_SECRET_PREVIOUS. Not enumerable. @defaultValue none */
  readonly secretPrevious: readonly string[];
  /** Lifetime of an access token, in seconds, 60 to 30 days; AUTH_ACCESS_TTL. As long may a stolen one be used where revocation is not checked. @defaultValue `900` */
  readonly accessTtlSeconds: number;
  /** A session ends when unused for so long, in seconds, 60 to 400 days; at most `refreshTtlSeconds`; AUTH_REFRESH_IDLE_TTL. @defaultValue `604800` (7 days) */
  readonly refreshIdleTtlSeconds: number;
  /** A session ends so long after sign-in however much it is used, in seconds, 60 to 400 days; AUTH_REFRESH_TTL. @defaultValue `2592000` (30 days) */
  readonly refreshTtlSeconds: number;
  /**
   * Clock difference forgiven in `exp` and `nbf` of access tokens, in seconds, 0 to 300; AUTH_CLOCK_TOLERANCE. Counts for
   * every issuer that has no `clockToleranceSeconds` of its own. A stolen token lives as much longer. @defaultValue `5`
   */
  readonly clockToleranceSeconds: number;
  /**
   * Hosts, with a port or for all ports, whose keys and metadata may come over plain http; AUTH_JWKS_ALLOW_HTTP. For a private network: an
   * attacker who can change traffic there can sign tokens. A warning in production. @defaultValue none; loopback in development
   */
  readonly jwksAllowHttp: readonly string[];
  /**
   * Hosts, with a port or for all ports, that the metadata of a provider or a tenant's settings may name in production although their
   * address is private, loopback or link-local; AUTH_INTERNAL_HOSTS. Hosts that are configured need no entry. @defaultValue none
   */
  readonly internalHosts: readonly string[];
  /** Further issuers whose tokens are accepted, beside the main one; AUTH_TRUSTED_ISSUERS, as JSON. Secrets in `keys` are not enumerable. @defaultValue none */
  readonly trustedIssuers: readonly IssuerOptions[];
  /** Which claims of the main issuer's tokens become which part of the principal; AUTH_CLAIMS_PRESET, AUTH_CLAIMS_… @defaultValue the preset `generic` */
  readonly claims: ClaimsMapping & { readonly preset: PresetName };
  /** Login providers by name; AUTH_OIDC_… for the one named `default`, AUTH_OIDC_<NAME>_… for others. @defaultValue none */
  readonly oidc: Readonly<Record<string, OidcSettings>>;
  /** Sign-in with Google; AUTH_GOOGLE_… @defaultValue none */
  readonly google: GoogleSettings;
  /** Sign in with Apple; AUTH_APPLE_… @defaultValue none */
  readonly apple: AppleSettings;
  /** Sign-in with GitHub; AUTH_GITHUB_… @defaultValue none */
  readonly github: GithubSettings;
  /** Whether a person without an account gets one by signing in with a provider; AUTH_SIGN_UP. Off: 403 LOGIN_DENIED for them. @defaultValue `true` */
  readonly signUp: boolean;
  /**
   * How long ago an identity at a provider must have been added to an account before a sign-in with it counts for as much as the
   * provider says, `acr` and `amr` among it; AUTH_LINK_ACR_AFTER, in seconds, 0 to 400 days. At 0, whoever gets hold of a fresh
   * session can raise it with an identity of their own. @defaultValue `604800`, a week
   */
  readonly linkAcrAfterSeconds: number;
  /** What the pages call the application; AUTH_APP_NAME. @defaultValue the host of `publicUrl` */
  readonly appName: string | undefined;
  /** Where log-out and a lost way lead: a path on the origin of `publicUrl`; AUTH_HOME. @defaultValue `'/'` */
  readonly home: string;
  /** Whether users sign in with passwords; AUTH_PASSWORDS. Off: the pages show no password form, and the routes for passwords don't exist. @defaultValue `true` */
  readonly passwordLogin: boolean;
  /**
   * Whether a stranger may make an account with a password and an e-mail address that is proven by mail; AUTH_PASSWORD_SIGN_UP. Needs
   * `passwordLogin`, and `sendMail` of the router. @defaultValue `false`
   */
  readonly passwordSignUp: boolean;
  /** Whether machines get tokens by `client_credentials`, and administrators manage their accounts; AUTH_SERVICE_ACCOUNTS. Off: the routes don't exist. @defaultValue `false` */
  readonly serviceAccounts: boolean;
  /**
   * Whether users with the scope `users:impersonate` may act as others, for a short time; AUTH_IMPERSONATION. Off: there is no
   * route for it, and sessions of before end. @defaultValue `false`
   */
  readonly impersonation: boolean;
  /**
   * Whether organisations and their members are kept in the store; AUTH_ORGANISATIONS. On: `orgContext()` judges our own users by it,
   * there are routes to manage and to join organisations, and `orgs` of users is not looked at. Needs tokens of our own.
   * @defaultValue `false`: our users belong to the `orgs` of their rows, or to what `resolve` says
   */
  readonly ownOrganisations: boolean;
  /**
   * Origins whose pages may read our answers; AUTH_CORS_ORIGINS. Those listed exactly may also send cookies and unsafe
   * requests, log-in included. `https://*.example.com` stands for the hosts one level below; their pages need a bearer
   * token, since they get neither. `['*']` is every page, without cookies. @defaultValue none
   */
  readonly corsOrigins: readonly string[];
  /** Request headers that pages of other origins may send, besides our own six; AUTH_CORS_HEADERS. @defaultValue whatever they ask for */
  readonly corsHeaders: readonly string[];
  /** Response headers that pages of other origins may read, besides WWW-Authenticate, DPoP-Nonce, Retry-After, X-Request-Id, RateLimit and RateLimit-Policy; AUTH_CORS_EXPOSED_HEADERS. @defaultValue none */
  readonly corsExposedHeaders: readonly string[];
  /** Origins that may show our pages in a frame, `'self'` among them; AUTH_FRAME_ANCESTORS. @defaultValue none */
  readonly frameAncestors: readonly string[];
  /** Whether `auth.securityHeaders()` does anything; AUTH_SECURITY_HEADERS. Off: where a proxy sets the headers and answers preflights. @defaultValue `true` */
  readonly securityHeaders: boolean;
  /** Unsafe requests to the router per address; ten times as many GETs. More: 429. AUTH_RATE_LIMIT, such as `5/1s`. @defaultValue `{ max: 5, windowSeconds: 1 }` */
  readonly rateLimit: Limit;
  /** Log-in attempts per account. More: 429, also with the right password. AUTH_LOGIN_LIMIT, such as `10/15m`. @defaultValue `{ max: 10, windowSeconds: 900 }` */
  readonly loginLimit: Limit;
  /** Whether the session cookie authenticates every guard's requests; AUTH_COOKIE_SESSIONS. Unsafe requests must then come from an allowed origin. @defaultValue `false` */
  readonly cookieSessions: boolean;
  /** Access tokens that are bound to a key of their client (RFC 9449); AUTH_DPOP_… */
  readonly dpop: DpopSettings;
  /**
   * Whether guards take API keys in `X-API-Key`, and the router has the routes that make them; AUTH_API_KEYS. Needs users of our own.
   * Off: the header is the application's. @defaultValue `false`
   */
  readonly acceptApiKeys: boolean;
  /**
   * Part of every API key: `live` in `lk_live_…`; AUTH_API_KEY_ENVIRONMENT. 1 to 16 lower-case letters and digits. Keys of another
   * environment are refused, so that one of a test system opens nothing here. @defaultValue `'live'` in production, else `'dev'`
   */
  readonly apiKeyEnvironment: string | undefined;
  /**
   * What the names of our cookies begin with, after `__Host-`; AUTH_COOKIE_NAME. 1 to 40 letters, digits, `.`, `_` and `-`. Two
   * applications on one host need two names, or they sign each other out. Another name signs everybody out once.
   * @defaultValue `'latchkey'`
   */
  readonly cookieName: string;
  /** Development only: requests without a credential use `devToken`; AUTH_STANDALONE. Refused in production. @defaultValue `false` */
  readonly standalone: boolean;
  /** Development only: the token that `standalone` uses, verified like any other; AUTH_DEV_TOKEN. Not enumerable. @defaultValue none */
  readonly devToken: string | undefined;
  /**
   * Whether `createAuth()` throws a `ConfigError` for what `npx latchkey doctor` would fail or warn of, as far as settings and
   * environment say it; AUTH_STRICT. For production: it is a warning that NODE_ENV is not `production`. @defaultValue `false`
   */
  readonly strict: boolean;
  /**
   * Checks of `npx latchkey doctor` whose warnings are right for this application, such as `access_lifetime`; AUTH_ACCEPTED_WARNINGS.
   * They count neither for `strict` nor for `doctor --strict`. What fails cannot be accepted. @defaultValue none
   */
  readonly acceptedWarnings: readonly string[];
}

export interface JwtSettings {
  /** `iss` of the main issuer's tokens, compared exactly; AUTH_JWT_ISSUER. @defaultValue `publicUrl` */
  readonly issuer: string | undefined;
  /** Accepted `aud` values, of which a token needs one; the first is the one we sign; AUTH_JWT_AUDIENCE. @defaultValue the issuer */
  readonly audience: readonly string[] | undefined;
  /**
   * Signs and verifies; AUTH_JWT_SECRET. At least 32 bytes for HS256, 48 for HS384, 64 for HS512; `base64:…` stands for
   * bytes. It can sign tokens for every user. Not enumerable. @defaultValue none
   */
  readonly secret: string | undefined;
  /** Former secrets, verify only, for a rotation with overlap; AUTH_JWT_SECRET_PREVIOUS. Not enumerable. @defaultValue none */
  readonly secretPrevious: readonly string[];
  /** PEM or JWK text that signs: RSA from 2048 bits, EC or Ed25519; AUTH_JWT_PRIVATE_KEY. Its public half is published. Not enumerable. @defaultValue none */
  readonly privateKey: string | undefined;
  /** PEM or JWK texts; their public halves verify and are published; AUTH_JWT_PRIVATE_KEY_PREVIOUS. Not enumerable. @defaultValue none */
  readonly privateKeyPrevious: readonly string[];
  /** Key set of an issuer other than ourselves; AUTH_JWKS_URL. https, except for the hosts of `jwksAllowHttp`. @defaultValue none */
  readonly jwksUrl: string | undefined;
  /** PEM or JWK text that verifies another issuer's tokens; AUTH_JWT_PUBLIC_KEY. @defaultValue none */
  readonly publicKey: string | undefined;
  /** The one `alg` that is accepted and signed; AUTH_JWT_ALGORITHM. Must fit the key. @defaultValue HS256 with a secret, else what the key is made for */
  readonly algorithm: SignatureAlgorithm | undefined;
}

export interface OidcSettings {
  /** Issuer URL exactly as the provider's metadata has it; AUTH_OIDC_ISSUER. Required. */
  readonly issuer: string | undefined;
  /** Our client id there; AUTH_OIDC_CLIENT_ID. Required. */
  readonly clientId: string | undefined;
  /** Our client secret there; AUTH_OIDC_CLIENT_SECRET. Not enumerable. @defaultValue none: a public client, which proves itself by PKCE alone */
  readonly clientSecret: string | undefined;
  /** Scopes to ask for, space-separated, with `openid`; AUTH_OIDC_SCOPE. @defaultValue `'openid profile email'` */
  readonly scope: string;
  /** Text of its button on the sign-in page; AUTH_OIDC_LABEL. @defaultValue the preset's, else its name or host */
  readonly label: string | undefined;
  /** Whose claims and ways it has; AUTH_OIDC_PRESET. @defaultValue told by the issuer */
  readonly preset: PresetName | undefined;
  /** Whether its `email_verified` may join an account that has the address; AUTH_OIDC_TRUST_EMAIL. @defaultValue the preset's, mostly false */
  readonly trustEmail: boolean | undefined;
  /** How its answers come, by redirect or by a form; AUTH_OIDC_RESPONSE_MODE. @defaultValue what the provider does by itself */
  readonly responseMode: 'query' | 'form_post' | undefined;
  /** Tenant ids (`tid`) that may sign in, or `['any']`; AUTH_OIDC_TENANTS. Required for Entra's `/common` and `/organizations`. @defaultValue none */
  readonly tenants: readonly string[];
}

export interface GoogleSettings extends SocialClient {
  /** Google Workspace domains (`hd`) that may sign in; AUTH_GOOGLE_ALLOWED_DOMAINS. @defaultValue every account, private ones included */
  readonly allowedDomains: readonly string[];
}

/** All of them but `trustEmail` are required, or none. */
export interface AppleSettings {
  /** The Services ID, such as `com.example.web`; AUTH_APPLE_CLIENT_ID. @defaultValue none: the provider is off */
  readonly clientId: string | undefined;
  /** Ten characters, of the developer account; AUTH_APPLE_TEAM_ID. @defaultValue none */
  readonly teamId: string | undefined;
  /** Ten characters, of the key; AUTH_APPLE_KEY_ID. @defaultValue none */
  readonly keyId: string | undefined;
  /** PEM text of the key (the `.p8` file), or a JWK, on P-256; AUTH_APPLE_PRIVATE_KEY. Makes client secrets. Not enumerable. @defaultValue none */
  readonly privateKey: string | undefined;
  /** Whether an address that Apple calls verified may join an account that has it; AUTH_APPLE_TRUST_EMAIL. @defaultValue those of Apple's own mailboxes and its private relay */
  readonly trustEmail: boolean | undefined;
}

export interface GithubSettings extends SocialClient {
  /**
   * Organisations whose active members may sign in, by their names in GitHub's addresses, in lower case; AUTH_GITHUB_ALLOWED_ORGS.
   * Asks users for the scope `read:org`; a GitHub App needs the organisation permission "Members: read". @defaultValue every account
   */
  readonly allowedOrgs: readonly string[];
  /**
   * Whether the primary address that GitHub has verified may join an account that has the address; AUTH_GITHUB_TRUST_EMAIL.
   * GitHub doesn't tell when it verified it: whoever has lost the mailbox since keeps the address there. @defaultValue `false`
   */
  readonly trustEmail: boolean;
}

interface SocialClient {
  /** Our client id there; AUTH_GOOGLE_CLIENT_ID, AUTH_GITHUB_CLIENT_ID. @defaultValue none: the provider is off */
  readonly clientId: string | undefined;
  /** Our client secret there; AUTH_GOOGLE_CLIENT_SECRET, AUTH_GITHUB_CLIENT_SECRET. Required for GitHub. Not enumerable. @defaultValue none */
  readonly clientSecret: string | undefined;
}

/** DPoP (RFC 9449): what guards and the router do by default, and what proofs must be like. */
export interface DpopSettings {
  /**
   * What guards do that don't say, and whether the router binds tokens to the key of a client that proves one; AUTH_DPOP. `off`: bound tokens are
   * refused and proofs ignored. `required`: unbound ones are refused, too. @defaultValue `'off'`
   */
  readonly mode: 'off' | 'accepted' | 'required';
  /** Origins that clients may call besides that of `publicUrl`, for the URI in their proofs; AUTH_DPOP_ORIGINS. @defaultValue none */
  readonly origins: readonly string[];
  /** How old a proof may be; AUTH_DPOP_PROOF_TTL, in seconds, 5 s to 5 min. Each is remembered in the store for as long. @defaultValue `60` */
  readonly proofTtlSeconds: number;
  /**
   * Life of the nonces that proofs must hold; AUTH_DPOP_NONCE_TTL, in seconds, 10 s to 1 h. Clients get them from us, so that no proof can
   * be made in advance; each costs a client one more request at first. @defaultValue none are asked for
   */
  readonly nonceTtlSeconds: number | undefined;
}
