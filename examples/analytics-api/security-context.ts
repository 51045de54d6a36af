import type { Principal } from 'latchkey';

/** What row filters and masks know of the caller, whoever has issued the token. */
export interface SecurityContext {
  readonly user_id: string;
  readonly email: string | undefined;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly auth_method: string;
}

export function securityContext({ user, method }: Principal): SecurityContext {
  const { id, email, roles, groups, attributes } = user;
  return { user_id: id, email, roles, groups, attributes, auth_method: method };
}
