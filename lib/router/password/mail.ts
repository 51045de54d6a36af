import type { EventSink } from '../../events.js';

/** A mail to be written. The words are yours; what must be in it is here. */
export type Mail =
  /** Somebody, probably the owner, asked to set a new password. */
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
  /** The password has been changed: a warning, should it have been somebody else. */
  | {
      readonly kind: 'password_changed';
      readonly to: string;
      readonly data: { readonly userId: string };
    };

/**
 * Sends one mail to one address. Called after the reply has been sent, so that its time tells nobody whether the
 * address is known. A rejection becomes the event `hook.failed`; there is no second try.
 */
export type SendMail = (mail: Mail) => unknown;

/** Sends a mail behind the reply; a failure is an event and nobody's error. */
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
