import { hasToChangePassword } from '../accounts/temporary-password.js';
import type { AccessGrant } from './access-token-signer.js';
import type { Session, StoredUser } from '../stores/store.js';

export interface GrantOptions {
  /** Returns the scopes of a user's access tokens. @defaultValue `users:admin` for users with the role `admin`, else none */
  readonly tokenScopes?: (user: StoredUser) => readonly string[];
  /**
   * Returns further claims of a user's access tokens, e.g. under names that existing clients read. Reserved names (those
   * of RFC 7519 §4.1, `nonce`, `cnf`, `scope`, `sid`, `roles` …) are dropped. @defaultValue none
   */
  readonly tokenClaims?: (user: StoredUser, session: Session) => Readonly<Record<string, unknown>>;
}

/** What the claims of a session's tokens are made of. */
interface GrantBasis {
  readonly session: Session;
  readonly user: StoredUser;
  /** How the session began. `authTime` in seconds since 1970. */
  readonly notes: {
    readonly authTime?: number | undefined;
    readonly acr?: string | undefined;
    readonly amr: readonly string[];
    /** Who acts for the user. */
    readonly actor?: { readonly id: string } | undefined;
    readonly keyThumbprint?: string | undefined;
    readonly defaultOrg?: string | undefined;
  };
}

/** Returns what the access tokens of a session say. */
export interface GrantOf {
  (basis: GrantBasis): AccessGrant;
  /** The scopes that the user of today gets, whatever older tokens say. */
  readonly scopesOf: (user: StoredUser) => readonly string[];
}

/** Whether an actor still may act is asked when a token is issued, so theirs last no longer than this. */
const ACTOR_LIFE_SECONDS = 300;

interface GrantContext {
  /** Whether organisations are kept in the store: then tokens name none but the session's default. */
  readonly ownOrganisations: boolean;
  /** Whether users sign in with passwords. */
  readonly passwordLogin: boolean;
}

export function createGrants(
  { tokenScopes = adminScopes, tokenClaims }: GrantOptions,
  { ownOrganisations, passwordLogin }: GrantContext,
): GrantOf {
  const grantOf = ({ session, notes, user }: GrantBasis): AccessGrant => {
    return {
      subject: user.id,
      sessionId: session.id,
      ...(notes.authTime !== undefined && { authTime: notes.authTime }),
      amr: notes.amr,
      ...(notes.acr !== undefined && { acr: notes.acr }),
      ...(notes.keyThumbprint !== undefined && { keyThumbprint: notes.keyThumbprint }),
      scopes: tokenScopes(user),
      user: ownOrganisations ? { ...user, orgs: [] } : user,
      ...(ownOrganisations && { defaultOrg: notes.defaultOrg ?? null }),
      mustResetPassword: hasToChangePassword(user, { passwordLogin }),
      notAfter: session.expiresAt / 1000,
      ...(notes.actor && { actor: notes.actor.id, lifeSeconds: ACTOR_LIFE_SECONDS }),
      ...(tokenClaims && { extraClaims: tokenClaims(user, session) }),
    };
  };
  return Object.assign(grantOf, { scopesOf: tokenScopes });
}

function adminScopes({ roles }: StoredUser): readonly string[] {
  return roles.includes('admin') ? ['users:admin'] : [];
}

/** Grants that may be replaced later, by options of the router. */
export function latestGrants(latest: () => GrantOf): GrantOf {
  return Object.assign((basis: GrantBasis) => latest()(basis), {
    scopesOf: (user: StoredUser) => latest().scopesOf(user),
  });
}
