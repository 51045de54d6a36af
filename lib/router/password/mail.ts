import type { EventSink } from '../../events.js';

/** A mail to send. The words are yours; the facts that belong in it are here. */
export type Mail =
  /** A request to set a new password, probably by the owner. */
  | {
      readonly kind: 'password_reset';
      readonly to: string;
      readonly data: {
        readonly userId: string;
        /** Link to the page that takes the new password, with the token as fragment. Secret. */
        readonly url: string;
        /** For clients without a page. Secret. */
        readonly token: string;
        /** ISO 8601. */
        readonly expiresAt: string;
      };
    }
  /** An administrator reset the password; it must be changed at the first sign-in. */
  | {
      readonly kind: 'temporary_password';
      readonly to: string;
      readonly data: {
        readonly userId: string;
        /** Secret. */
        readonly password: string;
      };
    }
  /** The password has been changed. Warns an owner who didn't do it. */
  | {
      readonly kind: 'password_changed';
      readonly to: string;
      readonly data: { readonly userId: string };
    };

/**
 * Sends one mail to one address. Called after the reply has been sent, so that the time of the reply doesn't tell whether
 * the address is known. A rejection becomes the event `hook.failed`; there is no retry.
 */
export type SendMail = (mail: Mail) => unknown;

/** Sends a mail after the reply. Never rejects: a failure is the event `hook.failed`. */
export async function sendQuietly(
  sendMail: SendMail,
  mail: Mail,
  events: EventSink,
): Promise<void> {
  try {
    await sendMail(mail);
  } catch {
    events.emit('hook.failed', { hook: 'sendMail' });
  }
}
