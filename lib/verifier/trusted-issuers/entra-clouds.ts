/** Stands for the tenant in an issuer of many: in Entra's shared metadata, and in the `issuer` of its keys. */
export const TENANT = '{tenantid}';

/** The text with the tenant in the place of each `{tenantid}`. */
export function placeTenant(text: string, tenant: string): string {
  return text.replaceAll(TENANT, () => tenant);
}

/** What a tenant's id looks like in Entra. */
export const TENANT_ID = '[\\da-f]{8}(?:-[\\da-f]{4}){3}-[\\da-f]{12}';
const TENANT_IDS = new RegExp(`(?<![\\w-])${TENANT_ID}(?![\\w-])`, 'gi');

export function isTenantId(text: string): boolean {
  return new RegExp(`^${TENANT_ID}$`, 'i').test(text);
}

/** The text as Entra writes it: the ids of tenants, which compare without case, in lower case. */
export function spellTenants(text: string): string {
  return text.replace(TENANT_IDS, (id) => id.toLowerCase());
}

/** `tenants` that stand for every tenant. Throws a TypeError where ids stand beside it. */
export function isAnyTenant(tenants: readonly string[]): boolean {
  if (!tenants.includes('any')) return false;
  if (tenants.length > 1)
    throw new TypeError("`tenants` lists ids beside 'any', which stands for every tenant");
  return true;
}

/**
 * The clouds of Microsoft Entra. One tenant has two names in each, one in tokens of version 2 and one in those of
 * version 1; both are signed with the same keys, whose `issuer` is the name in version 2.
 */
const clouds = [
  { v2: 'https://login.microsoftonline.com/', v1: 'https://sts.windows.net/' },
  // US Government
  { v2: 'https://login.microsoftonline.us/', v1: 'https://sts.windows.net/' },
  // China, operated by 21Vianet
  { v2: 'https://login.partner.microsoftonline.cn/', v1: 'https://sts.chinacloudapi.cn/' },
] as const;

/** Returns whether two issuers are the names of this tenant in one cloud of Entra, version 2 and version 1. */
export function areNamesOfTenant(tenant: string, [one, other]: readonly [string, string]): boolean {
  return clouds.some(({ v1, v2 }) => {
    const names = [`${v1}${tenant}/`, `${v2}${tenant}/v2.0`];
    return names.includes(one) && names.includes(other);
  });
}

/** The endpoints for users of many tenants. */
const sharedEndpoints = ['common', 'organizations', 'consumers'];

/** The tenant in an issuer of Entra, or what stands in its place; undefined for every other issuer. */
export function entraTenantOf(issuer: string): string | undefined {
  const base = clouds.flatMap(({ v1, v2 }) => [v1, v2]).find((each) => issuer.startsWith(each));
  if (base === undefined) return undefined;
  const [tenant = '', version, ...rest] = issuer.slice(base.length).split('/');
  const isName = rest.length === 0 && (version === '' || version === 'v2.0');
  return isName || isSharedTenant(tenant) ? tenant : undefined;
}

/** Whether what stands in the place of a tenant is for users of many. */
export function isSharedTenant(tenant: string): boolean {
  return tenant === TENANT || sharedEndpoints.includes(tenant);
}

/** The cloud's issuer for tenants if this is a shared endpoint of Entra, whose name no token has. */
export function tenantIssuerOf(issuer: string): string | undefined {
  const cloud = clouds.find(({ v1, v2 }) =>
    sharedEndpoints.some((name) => [v1, v2].some((base) => issuer.startsWith(`${base}${name}/`))),
  );
  return cloud && `${cloud.v2}${TENANT}/v2.0`;
}

/** Says why no token has this issuer of Entra, and what to write; undefined where one may. */
export function entraFlawOf(issuer: string): string | undefined {
  const tenant = entraTenantOf(issuer);
  if (tenant === undefined || tenant === TENANT || isTenantId(tenant)) return undefined;
  return 'no token has this `issuer`: Entra names a tenant by its id (Directory ID, a GUID), not by a domain';
}

/** Says which listed tenants no user of Entra can be of; undefined when each is an id. */
export function tenantsFlawOf(tenants: readonly string[]): string | undefined {
  if (tenants.every(isTenantId)) return undefined;
  return "`tenants` are ids (Directory ID, a GUID each), not names or domains; ['any'], alone, stands for every tenant";
}
