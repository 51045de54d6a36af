/** What is known of an identity provider beyond its metadata, for signing in with it. */
export interface LoginHabits {
  /** What its button says. */
  readonly label: string;
  /** Recognises its issuers among those that are configured. */
  readonly issuers: RegExp;
  /** Parameters that ask for a refresh token, where a provider doesn't know the scope `offline_access`. */
  readonly offlineParameters?: Readonly<Record<string, string>>;
  /** Whether its ID tokens say all that userinfo would, which is then not asked. @defaultValue `false` */
  readonly hasFullIdTokens?: boolean;
  /** The claim that holds the user's address, unverified, where `email` is missing, if what it holds is one. @defaultValue none */
  readonly otherEmailClaim?: string;
  /**
   * Whether an address that it calls verified is one whose mails reach the user now. @defaultValue never: many
   * providers let an administrator, or the user, write down any address and call it verified.
   */
  readonly vouchesForEmail?: (claims: ProviderClaims) => boolean;
  /** How its log-out differs from OpenID Connect RP-Initiated Logout 1.0. @defaultValue not at all */
  readonly logout?: LogoutHabits;
}

/** Claims of the ID token, and those of userinfo that the ID token doesn't have. */
type ProviderClaims = Readonly<Record<string, unknown>>;

export interface LogoutHabits {
  /** The claim of its ID tokens that it takes as `logout_hint`. @defaultValue none is sent */
  readonly hintClaim?: string;
  /** `required`: without it users end on an error page. `ignored`: it is not sent. @defaultValue it is sent where it fits */
  readonly idTokenHint?: 'required' | 'ignored';
  /** What it calls `post_logout_redirect_uri`. */
  readonly returnParameter?: string;
  /** Where its log-out is when the metadata have no `end_session_endpoint`, and how that one is called. */
  readonly withoutMetadata?: LogoutHabits & { readonly path: string };
}
