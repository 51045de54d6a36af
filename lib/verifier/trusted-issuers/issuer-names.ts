import {
  entraFlawOf,
  entraTenantOf,
  isAnyTenant,
  placeTenant,
  spellTenants,
  TENANT,
  TENANT_ID,
  tenantIssuerOf,
  tenantsFlawOf,
} from './entra-clouds.js';
import { nonEmptyTexts } from './non-empty-texts.js';
import type { IssuerOptions } from './options.js';

/** The names that an issuer's tokens may have in `iss`. */
export interface IssuerNames {
  /** All of them; none where any tenant may come. */
  readonly listed: readonly string[];
  /** With `{tenantid}`, where any tenant may come. */
  readonly template: string | undefined;
  includes(iss: string): boolean;
  /** The tenant that a name is of; undefined where the issuer has none. */
  tenantOf(iss: unknown): string | undefined;
}

/** Reads `issuer` and `tenants`. Throws a TypeError for what would match no token, or everybody's by mistake. */
export function readIssuerNames({ issuer, tenants }: IssuerOptions): IssuerNames {
  if (issuer.includes(TENANT) !== (tenants !== undefined))
    throw new TypeError(
      `\`tenants\` and ${TENANT} in \`issuer\` belong together: list the tenants whose tokens you accept`,
    );
  const tenantIssuer = tenantIssuerOf(issuer);
  if (tenantIssuer !== undefined)
    throw new TypeError(`no token has this \`issuer\`; write ${tenantIssuer} and list \`tenants\``);
  const flaw = entraFlawOf(issuer);
  if (flaw !== undefined) throw new TypeError(flaw);
  if (!tenants) return listedNames(new Map([[spellTenants(issuer), undefined]]));
  const ids = nonEmptyTexts(tenants, 'tenants');
  return isAnyTenant(ids) ? anyTenant(issuer) : theseTenants(issuer, ids);
}

function theseTenants(issuer: string, ids: readonly string[]): IssuerNames {
  if (ids.some((id) => !/^[\w.-]+$/.test(id)))
    throw new TypeError(
      '`tenants` has an id with other characters than letters, digits, `.`, `_` and `-`',
    );
  const flaw = entraTenantOf(issuer) === undefined ? undefined : tenantsFlawOf(ids);
  if (flaw !== undefined) throw new TypeError(flaw);
  const spelt = ids.map(spellTenants);
  return listedNames(new Map(spelt.map((tenant) => [placeTenant(issuer, tenant), tenant])));
}

function listedNames(tenants: ReadonlyMap<string, string | undefined>): IssuerNames {
  return Object.freeze({
    listed: Object.freeze([...tenants.keys()]),
    template: undefined,
    includes: (iss: string) => tenants.has(iss),
    tenantOf: (iss: unknown) => tenants.get(String(iss)),
  });
}

/** Whoever signs for one tenant signs for all: what is left to check is that the name is one of a tenant. */
function anyTenant(issuer: string): IssuerNames {
  const [before = '', ...after] = issuer.split(TENANT).map(escaped);
  const pattern = new RegExp(`^${before}(${TENANT_ID})${after.join('\\1')}$`);
  const tenantOf = (iss: unknown): string | undefined =>
    typeof iss === 'string' ? pattern.exec(iss)?.[1] : undefined;
  return Object.freeze({
    listed: Object.freeze([]),
    template: issuer,
    includes: (iss: string) => tenantOf(iss) !== undefined,
    tenantOf,
  });
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
