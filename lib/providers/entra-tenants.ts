import {
  entraFlawOf,
  entraTenantOf,
  isAnyTenant,
  isSharedTenant,
  isTenantId,
  spellTenants,
  TENANT,
  tenantsFlawOf,
} from '../verifier/trusted-issuers/entra-clouds.js';

/** Whose users may sign in with a provider, as far as it has tenants. */
export interface TenantRule {
  /** As the provider spells it. */
  readonly issuer: string;
  /** Whether the provider's metadata are for many tenants, so that each ID token has an issuer of its own. */
  readonly isShared: boolean;
  /** Whether everybody who has a tenant may sign in. */
  readonly isOpen: boolean;
  /** Whether metadata with this `issuer` are the provider's: the same text (RFC 8414 §3.3), or what Entra writes for many tenants. */
  isNamed(issuer: string): boolean;
  /** Whether this is the issuer of one of those tenants. */
  isOneTenant(issuer: string): boolean;
  /** Judges the claim `tid`. */
  admits(tenant: unknown): boolean;
}

interface TenantSettings {
  readonly issuer: string;
  readonly tenants?: readonly string[] | undefined;
}

/** The tenant of all personal Microsoft accounts, the one that `organizations` leaves out. */
const PERSONAL = '9188040d-6c67-4c5b-b112-36a304b66dad';

/** Where users of many tenants sign in. */
const HOST = 'https://login.microsoftonline.com/';

/** Reads `tenants`. Throws a TypeError for settings that would let in nobody, or everybody by mistake. */
export function readTenantRule({ issuer, tenants = [] }: TenantSettings): TenantRule {
  const place = entraTenantOf(issuer);
  const flaw = place === undefined ? undefined : flawOf(issuer, { place, tenants });
  if (flaw !== undefined) throw new TypeError(flaw);
  const isAny = isAnyTenant(tenants);
  if (isAny && (place === undefined || !isSharedTenant(place)))
    throw new TypeError(
      "`tenants: ['any']` belongs to an issuer of many tenants, such as Entra's /common",
    );
  const admitted = new Set(tenants.map(spellTenants));
  const own = place === undefined ? issuer : spellTenants(issuer);
  const isShared = place !== undefined && isSharedTenant(place);
  const isOneTenant = (name: string): boolean =>
    name.startsWith(HOST) && isTenantId(entraTenantOf(name) ?? '') && name.endsWith('/v2.0');
  return Object.freeze({
    issuer: own,
    isShared,
    isOpen: isAny,
    isOneTenant,
    isNamed: (name: string) =>
      isShared
        ? name === `${HOST}${TENANT}/v2.0` || name === `${HOST}${PERSONAL}/v2.0`
        : name === own,
    admits(tenant: unknown) {
      if (tenants.length === 0) return true;
      if (typeof tenant !== 'string') return false;
      return isAny ? isTenantId(tenant) : admitted.has(spellTenants(tenant));
    },
  });
}

interface Place {
  /** The tenant in the issuer, or what stands in its place. */
  readonly place: string;
  readonly tenants: readonly string[];
}

function flawOf(issuer: string, { place, tenants }: Place): string | undefined {
  if (place === TENANT)
    return `nobody signs in at ${issuer}; write ${HOST}organizations/v2.0, or common in its place`;
  const named = isAnyTenant(tenants) ? [] : tenants;
  if (!isSharedTenant(place)) {
    const others = tenants.length > 0 && !named.map(spellTenants).includes(spellTenants(place));
    return (
      entraFlawOf(issuer) ??
      tenantsFlawOf(named) ??
      (others
        ? `\`tenants\` leaves out the tenant of ${issuer}, the only one whose users come from there`
        : undefined)
    );
  }
  const shared = `${HOST}${place}/v2.0`;
  if (issuer !== shared)
    return `nobody signs in at ${issuer}; write ${shared}, or give each tenant of a national cloud its own provider`;
  if (tenants.length === 0)
    return `${issuer} is for users of every Entra tenant; list those that may sign in as \`tenants\`, or write ['any']`;
  const isNobody =
    named.length > 0 &&
    named.map(spellTenants).every((tenant) => (place === 'consumers') !== (tenant === PERSONAL)) &&
    place !== 'common';
  return (
    tenantsFlawOf(named) ??
    (isNobody ? `no user of the listed \`tenants\` can sign in at ${issuer}` : undefined)
  );
}
