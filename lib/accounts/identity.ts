import type { AttributeValue, OrgMembership } from '../principal.js';

/** A user's account at a provider, as the provider described it at this sign-in. */
export interface Identity {
  /** Name of the provider in our configuration. */
  readonly provider: string;
  /** `iss`. With `subject` it is the key of the identity. */
  readonly issuer: string;
  readonly subject: string;
  readonly email: string | undefined;
  /** Whether the provider calls the address verified. Not enough to link accounts. */
  readonly emailVerified: boolean;
  /**
   * Whether a new account gets the address: the provider calls it verified, or it never says of one whether it is (Entra, AD FS) and its users
   * are those of a directory that you chose. @defaultValue `emailVerified`
   */
  readonly emailUsable?: boolean | undefined;
  /** Whether the address may link accounts: verified by a provider that is trusted for it (`AUTH_OIDC_TRUST_EMAIL`). */
  readonly emailVouched: boolean;
  readonly username: string | undefined;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly orgs: readonly OrgMembership[];
  /** Claims of the ID token, and those of userinfo that the ID token doesn't have. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** What a provider has handed out at this sign-in, for asking its API more about the user. */
export interface ProviderAccess {
  /**
   * The provider's access token, with the scopes that the log-in asked for. Undefined where there is none, as with Google's button.
   * A secret: it isn't enumerable, so that `console.log()`, `JSON.stringify()` and spreading leave it out.
   */
  readonly accessToken: string | undefined;
}

const accesses = new WeakMap<Identity, ProviderAccess>();

/** Notes what came with an identity, beside it: identities are printed and compared, tokens are not. */
export function noteAccess(identity: Identity, access: ProviderAccess): void {
  accesses.set(identity, access);
}

export function accessOf(identity: Identity): ProviderAccess {
  return accesses.get(identity) ?? { accessToken: undefined };
}
