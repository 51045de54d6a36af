import type { AttributeValue, OrgMembership } from '../principal.js';

/** What a provider says of the user who has just signed in there. */
export interface Identity {
  /** Name of the provider in our configuration. */
  readonly provider: string;
  /** `iss`. Together with `subject` the only thing that tells users apart. */
  readonly issuer: string;
  readonly subject: string;
  readonly email: string | undefined;
  /** What the provider says: enough to show, not to join accounts. */
  readonly emailVerified: boolean;
  /** Whether the address may join accounts: verified, by a provider that is trusted to know. */
  readonly emailVouched: boolean;
  readonly username: string | undefined;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly orgs: readonly OrgMembership[];
  /** Everything it said: of the ID token, and of userinfo what the former left out. */
  readonly claims: Readonly<Record<string, unknown>>;
}
