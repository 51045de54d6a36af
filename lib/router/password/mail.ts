import type { EventSink } from '../../events.js';

/** What a mail holds whose receiver proves by it that the address is theirs. */
export interface MailedProof {
  /** Link to the page that takes the token, which is in its fragment. Secret. */
  readonly url: string;
  /** For clients without a page. Secret. */
  readonly token: string;
  /** Until then the token works, once. ISO 8601. */
  readonly expiresAt: string;
}

/** A mail to send. The words are yours; the facts that belong in it are here. */
export type Mail =
  /** A request to set a new password, probably by the owner. */
  | {
      readonly kind: 'password_reset';
      readonly to: string;
      readonly data: MailedProof & { readonly userId: string };
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
    }
  /**
   * Somebody signed up with this address. Say that the link needs the password of that sign-up, and that who has not signed up
   * can leave the mail alone.
   */
  | {
      readonly kind: 'sign_up';
      readonly to: string;
      readonly data: MailedProof & {
        /** The user name that was asked for, if any. It may be taken when the link is used. */
        readonly username: string | undefined;
      };
    }
  /**
   * Somebody signed up with this address, or wants it for another account, and there is an account with it already. Say so, and
   * offer the link: it sets a new password, as that of `password_reset` does.
   */
  | {
      readonly kind: 'account_exists';
      readonly to: string;
      readonly data: MailedProof & { readonly userId: string };
    }
  /** The owner of an account wants it to have this address. */
  | {
      readonly kind: 'email_change';
      readonly to: string;
      readonly data: MailedProof & { readonly userId: string };
    }
  /**
   * Goes to the present address when another one was asked for. Warns an owner who didn't do it: a new password, by
   * `/forgot-password`, makes the request void.
   */
  | {
      readonly kind: 'email_change_requested';
      readonly to: string;
      readonly data: {
        readonly userId: string;
        /** The address that the account will have. */
        readonly newEmail: string;
      };
    }
  /** An API key was made that acts for the account. Warns an owner who didn't do it. */
  | {
      readonly kind: 'api_key_created';
      readonly to: string;
      readonly data: {
        readonly userId: string;
        readonly keyId: string;
        /** What the key is called. Its maker wrote it: escape it in HTML. */
        readonly name: string;
      };
    }
  /**
   * A member invites the address to an organisation. There may be an account with it, or none. The names are what users have typed.
   */
  | {
      readonly kind: 'invitation';
      readonly to: string;
      readonly data: MailedProof & {
        readonly org: { readonly id: string; readonly name: string };
        /** `name` is the sender's user name, else the e-mail address. */
        readonly invitedBy: { readonly id: string; readonly name: string };
      };
    }
  /** From now on the account can be signed in to with a provider, or no more. Warns an owner who didn't do it. */
  | {
      readonly kind: 'identity_added' | 'identity_removed';
      readonly to: string;
      readonly data: {
        readonly userId: string;
        /** Name of the provider, as in our URLs. */
        readonly provider: string;
        /** What it is called on its button. */
        readonly label: string;
      };
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
