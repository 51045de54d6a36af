import { createClaimsReader } from '../claims/claims-mapping.js';
import { isEmail, normaliseLogin } from '../accounts/logins.js';
import { mappingOf, type PresetName } from '../claims/presets/presets.js';
import { habitsOf, presetOf } from './habits/habits.js';
import type { Identity } from '../accounts/identity.js';

export interface IdentityOptions {
  /** Name of the provider in our configuration. */
  readonly name: string;
  readonly issuer: string;
  /** @defaultValue recognised by the issuer */
  readonly preset: PresetName | undefined;
  /** @defaultValue what the preset is known for */
  readonly trustEmail: boolean | undefined;
  /** Whether its users are of directories that nobody chose, so that anybody can have any address there. @defaultValue `false` */
  readonly isOpen?: boolean;
}

/** Reads an identity from verified claims. */
export type IdentityReader = (claims: Readonly<Record<string, unknown>>) => Identity;

export function createIdentityReader({
  name,
  issuer,
  preset = presetOf(issuer),
  trustEmail,
  isOpen = false,
}: IdentityOptions): IdentityReader {
  const readClaims = createClaimsReader(mappingOf(preset), () => true);
  const habits = habitsOf(preset);
  return (claims) => {
    const { user, orgs } = readClaims(claims);
    const other =
      habits?.otherEmailClaim === undefined ? undefined : claims[habits.otherEmailClaim];
    const login = normaliseLogin(user.email ?? other);
    const email = login !== undefined && isEmail(login) ? login : undefined;
    const isTrusted = trustEmail ?? habits?.vouchesForEmail?.(claims) ?? false;
    const { username, roles, groups, attributes } = user;
    const emailVerified = email !== undefined && user.emailVerified;
    const isDenied = claims['email_verified'] !== undefined || isOpen;
    return Object.freeze({
      provider: name,
      issuer: String(claims['iss']),
      subject: String(claims['sub']),
      email,
      emailVerified,
      emailUsable: email !== undefined && (emailVerified || !isDenied),
      emailVouched: emailVerified && isTrusted,
      username,
      roles,
      groups,
      attributes,
      orgs,
      claims,
    });
  };
}
