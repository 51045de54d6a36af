import type { AuthenticatorContext } from '../authenticate/authenticator.js';
import type { Config } from '../config/config.js';
import type { Events } from '../events.js';
import type { GrantOf, GrantOptions } from '../issuing/grants.js';
import type { LearningPlace } from '../http/place.js';
import type { Pages } from '../pages/pages.js';
import type { SignIn } from '../sign-in.js';
import type { AuthStatus } from '../status.js';
import type { Verifier } from '../verifier/verifier.js';
import type { SendMail } from './password/mail.js';

/** Everything that the routes use. `createAuth()` puts it together. */
export interface RouterParts extends Omit<SignIn, 'ready' | 'close'> {
  readonly config: Config;
  readonly verifier: Verifier;
  readonly events: Events;
  /** How requests are authenticated, beyond the verifier. */
  readonly pipeline: AuthenticatorContext;
  /** What the access tokens of a session say. */
  readonly grantOf: GrantOf;
  /** Undefined when the application sends no mails. */
  readonly sendMail?: SendMail | undefined;
  /** Where the router is mounted, when the application has said it. @defaultValue told by Express, else by each request */
  readonly basePath?: string | undefined;
  /** Where the application and the router are, as browsers see it. */
  readonly place: LearningPlace;
  /** Whether requests are well served, see `auth.status()`. */
  readonly status: () => Promise<AuthStatus>;
  /** The look and the words of the pages. */
  readonly pages: Pages;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface AuthRouterOptions {
  /**
   * Sends a mail, in your words and through your provider. Without it the routes for forgotten passwords are 404. See {@link SendMail}.
   */
  readonly sendMail?: SendMail;
  /**
   * The application's own page that takes a new password: a path on AUTH_PUBLIC_URL, or an absolute URL. The token is appended as
   * fragment, `#token=…`, which browsers send to no server. @defaultValue the router's page `/reset-password`, with the token in its query
   */
  readonly resetPasswordPage?: string;
  /** How long a mailed reset token works, in seconds. 60 to 86400. @defaultValue `3600` */
  readonly resetTokenSeconds?: number;
  /**
   * The page that takes the token of a sign-up or of a new e-mail address, and sends it to `/verify-email`: a path on AUTH_PUBLIC_URL, or an
   * absolute URL. The token is appended as fragment, `#token=…`. @defaultValue the router's page `/verify-email`, with the token in its query
   */
  readonly verifyEmailPage?: string;
  /** How long such a token works, in seconds. 60 to 604800 (7 days). @defaultValue `86400` */
  readonly verifyTokenSeconds?: number;
  /**
   * The page that takes the token of an invitation to an organisation, and sends it to `/accept-invitation`: a path on
   * AUTH_PUBLIC_URL, or an absolute URL. The token is appended as fragment, `#token=…`. @defaultValue the router's page
   * `/accept-invitation`, with the token in its query
   */
  readonly acceptInvitationPage?: string;
  /** @deprecated Has moved to `createAuth({ tokenScopes })`; works until release 1.0. */
  readonly scopes?: GrantOptions['tokenScopes'];
  /** @deprecated Has moved to `createAuth({ tokenClaims })`; works until release 1.0. */
  readonly claims?: GrantOptions['tokenClaims'];
}

/** Names of the options above. */
export const routerOptionNames: readonly (keyof AuthRouterOptions)[] = [
  'sendMail',
  'resetPasswordPage',
  'resetTokenSeconds',
  'verifyEmailPage',
  'verifyTokenSeconds',
  'acceptInvitationPage',
  'scopes',
  'claims',
];
