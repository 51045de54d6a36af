/** Stands for the tenant in an issuer of many: in Entra's shared metadata, and in the `issuer` of its keys. */
export const TENANT = '{tenantid}';

/** The text with the tenant in the place of each `{tenantid}`. */
export function placeTenant(text: string, tenant: string): string {
  return text.replaceAll(TENANT, () => tenant);
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

const sharedEndpoints = ['common', 'organizations', 'consumers'];

/** The cloud's issuer for tenants if this is a shared endpoint of Entra, whose name no token has. */
export function tenantIssuerOf(issuer: string): string | undefined {
  const cloud = clouds.find(({ v1, v2 }) =>
    sharedEndpoints.some((name) => [v1, v2].some((base) => issuer.startsWith(`${base}${name}/`))),
  );
  return cloud && `${cloud.v2}${TENANT}/v2.0`;
}
