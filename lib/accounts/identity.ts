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
