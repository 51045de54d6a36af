import type { StoredUser } from '../stores/store.js';

/**
 * Whether a user has to change the password before anything else. Never without a password log-in: nothing takes the password
 * there, and no page or route changes it.
 */
export function hasToChangePassword(
  { mustResetPassword }: Pick<StoredUser, 'mustResetPassword'>,
  { passwordLogin }: { readonly passwordLogin: boolean },
): boolean {
  return mustResetPassword && passwordLogin;
}
