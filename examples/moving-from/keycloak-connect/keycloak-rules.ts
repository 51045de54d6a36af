/** Whether the claims of a token of Keycloak's allow something. */
export type KeycloakRule = (claims: Readonly<Record<string, unknown>>) => boolean;

/** `protect('realm:admin')`, where `requireRoles('admin')` doesn't do, such as in an "or". */
export function hasRealmRole(role: string): KeycloakRule {
  return ({ realm_access: realm }) => listIn(realm, 'roles').includes(role);
}

/** `protect('billing:clerk')`, and `protect('viewer')` with this API's own client. */
export function hasClientRole(client: string, role: string): KeycloakRule {
  return ({ resource_access: access }) => listIn(memberOf(access, client), 'roles').includes(role);
}

/** `enforcer('archive:read')` for tokens that bring their permissions along (RPT). Asks Keycloak for none. */
export function hasPermission(resource: string, scope: string): KeycloakRule {
  return ({ authorization }) => {
    const permission = listIn(authorization, 'permissions').find((candidate) =>
      [memberOf(candidate, 'rsid'), memberOf(candidate, 'rsname')].includes(resource),
    );
    const scopes = listIn(permission, 'scopes');
    // A resource without scopes is permitted as a whole.
    return permission !== undefined && (scopes.length === 0 || scopes.includes(scope));
  };
}

function listIn(value: unknown, name: string): readonly unknown[] {
  const list = memberOf(value, name);
  return Array.isArray(list) ? list : [];
}

function memberOf(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
