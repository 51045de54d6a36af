import {
  type Auth,
  AuthError,
  type AuthOptions,
  createAuth,
  type Principal,
  type PrincipalPatch,
} from 'latchkey';

/** Tokens of the system that signed users in before: HS256, with `user_id` and one `role`. */
export interface FormerTokens {
  /** Their `iss`. */
  readonly issuer: string;
  /** Their `aud`. */
  readonly audience: string;
  /** The current one and those that are being replaced. It may be the secret of today's tokens. */
  readonly secrets: readonly string[];
}

export interface TenantAuthParts {
  /** Groups of a user in your database. Asked for every request. */
  readonly groupsOf: (userId: string) => Promise<readonly string[]>;
  /** Left out when the last of these tokens has expired. */
  readonly former?: FormerTokens;
  /** Settings and where they come from. @defaultValue AUTH_* variables */
  readonly options?: AuthOptions;
}

/** Passwords, Google, organisations, service accounts and API keys, and the tokens of the former system beside our own. */
export function createTenantAuth({ groupsOf, former, options }: TenantAuthParts): Auth {
  const auth: Auth = createAuth({
    ownOrganisations: true,
    serviceAccounts: true,
    acceptApiKeys: true,
    organisations: { scopesOf },
    tokenScopes: ({ roles }) => [
      ...PERMISSIONS,
      ...(roles.includes('admin') ? ['users:admin'] : []),
    ],
    // Other services read our tokens under the names that they know.
    tokenClaims: ({ id, roles }) => ({ user_id: id, role: roles[0] ?? 'user' }),
    loadPrincipal,
    ...(former && { trustedIssuers: [formerIssuer(former)] }),
    ...options,
  });

  async function loadPrincipal({ issuer, user }: Principal): Promise<PrincipalPatch | null> {
    const groups = await groupsOf(user.id);
    if (issuer !== former?.issuer) return { groups };
    // A former token belongs to no session of ours, so what ends sessions has to be looked at here, and what its user may do today.
    const known = await auth.users.findById(user.id);
    if (!known || known.disabled) return null;
    if (known.mustResetPassword) throw new AuthError('PASSWORD_CHANGE_REQUIRED');
    const memberships = await auth.organisations.membershipsOf(user.id);
    return {
      ...(known.username !== undefined && { username: known.username }),
      roles: known.roles,
      groups,
      orgs: memberships.map(({ org, roles }) => ({ id: org.id, roles, isDefault: false })),
    };
  }

  return auth;
}

const PERMISSIONS = ['invoices:read', 'invoices:write'] as const;

/** What a member may do in an organisation. A service account has the permissions that it was given instead. */
export function scopesOf(roles: readonly string[]): readonly string[] {
  const mayWrite = roles.some((role) => ['owner', 'admin', 'editor'].includes(role));
  return mayWrite ? PERMISSIONS : ['invoices:read'];
}

function formerIssuer({ issuer, audience, secrets }: FormerTokens) {
  return {
    issuer,
    audience,
    keys: { secret: secrets },
    claims: { userId: 'user_id' },
  };
}
