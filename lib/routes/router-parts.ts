import type { AuthenticatorOptions } from '../authenticator.js';
import type { Config } from '../config.js';
import type { Events } from '../events.js';
import type { SignIn } from '../sign-in.js';
import type { Session, StoredUser } from '../stores/store.js';
import type { Verifier } from '../verifier.js';
import type { SendMail } from './mail.js';

/** What the routes work with. `createAuth()` joins it. */
export interface RouterParts extends Omit<SignIn, 'ready' | 'close'> {
  readonly config: Config;
  readonly verifier: Verifier;
  readonly events: Events;
  /** How requests are authenticated, beyond the verifier. */
  readonly pipeline: AuthenticatorOptions;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface AuthRouterOptions {
  /**
   * Sends a mail, in your words and through your provider. Without it nobody can reset a forgotten password,
   * and the routes for that are 404. See {@link SendMail}.
   */
  readonly sendMail?: SendMail;
  /**
   * The page that takes a new password: a path on AUTH_PUBLIC_URL, or an absolute URL. The token is appended as
   * fragment, `#token=…`, which browsers send to no server. @defaultValue `'/reset-password'`
   */
  readonly resetPasswordPage?: string;
  /** How long a mailed reset token works, in seconds. 60 to 86400. @defaultValue `3600` */
  readonly resetTokenSeconds?: number;
  /** Scopes of a user's access tokens. @defaultValue `users:admin` for users with the role `admin`, else none */
  readonly scopes?: (user: StoredUser) => readonly string[];
  /**
   * Further claims of access tokens, e.g. for clients that know other names. They never replace a registered
   * claim or one of ours.
   */
  readonly claims?: (user: StoredUser, session: Session) => Readonly<Record<string, unknown>>;
}

/** Names of the options above. */
export const routerOptionNames: readonly (keyof AuthRouterOptions)[] = [
  'sendMail',
  'resetPasswordPage',
  'resetTokenSeconds',
  'scopes',
  'claims',
];
