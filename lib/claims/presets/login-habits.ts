/** What is known of an identity provider beyond its metadata, for those who sign in with it. */
export interface LoginHabits {
  /** What its button says. */
  readonly label: string;
  /** Recognises its issuers among those that are configured. */
  readonly issuers: RegExp;
  /** What asks for a refresh token, of a provider that doesn't know the scope `offline_access`. */
  readonly offlineParameters?: Readonly<Record<string, string>>;
  /**
   * Whether an address that it calls verified is one whose mails reach the user now. @defaultValue never: many
   * providers let an administrator, or the user, write down any address and call it verified.
   */
  readonly vouchesForEmail?: (claims: Readonly<Record<string, unknown>>) => boolean;
}
