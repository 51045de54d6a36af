import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Mail, SendMail } from 'latchkey';

export interface MailFolder {
  readonly sendMail: SendMail;
  readonly newestFirst: () => Promise<readonly KeptMail[]>;
}

export interface KeptMail {
  readonly to: string;
  readonly sentAt: string;
  readonly text: string;
}

/** Writes mails to a folder, where one looks instead of into a mailbox. */
export function mailFolder(folder: string): MailFolder {
  return {
    async sendMail(mail) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const name = `${mail.to}-${mail.kind}-${randomUUID()}.txt`;
      await writeFile(path.join(folder, name), write(mail), { mode: 0o600 });
    },
    async newestFirst() {
      const names = await readdir(folder).catch(() => []);
      const mails = await Promise.all(names.map((name) => readMail(path.join(folder, name))));
      return mails.toSorted((one, other) => other.sentAt.localeCompare(one.sentAt));
    },
  };
}

async function readMail(file: string): Promise<KeptMail> {
  const [text, { mtime }] = await Promise.all([readFile(file, 'utf8'), stat(file)]);
  const to = path.basename(file).replace(/-[a-z_]+-[\da-f-]{36}\.txt$/, '');
  return { to, sentAt: mtime.toISOString(), text };
}

function write(mail: Mail): string {
  switch (mail.kind) {
    case 'password_reset':
      return `Set a new password before ${mail.data.expiresAt}:\n${mail.data.url}\n`;
    case 'temporary_password':
      return `Sign in with this password, and choose another one:\n${mail.data.password}\n`;
    case 'password_changed':
      return 'Your password has been changed. If it was not you, tell us.\n';
    case 'sign_up':
      return `Confirm this address with the password of your sign-up:\n${mail.data.url}\nIf you didn't sign up, there is nothing to do.\n`;
    case 'account_exists':
      return `You have an account with this address already. Set a new password before ${mail.data.expiresAt}:\n${mail.data.url}\n`;
    case 'email_change':
      return `Confirm your new address before ${mail.data.expiresAt}:\n${mail.data.url}\n`;
    case 'email_change_requested':
      return `Your account gets another address: ${mail.data.newEmail}. If it was not you, set a new password.\n`;
    case 'invitation':
      return `${mail.data.invitedBy.name} invites you to ${mail.data.org.name}. Join before ${mail.data.expiresAt}:\n${mail.data.url}\n`;
    case 'identity_added':
      return `From now on you can sign in with ${mail.data.label}. If you didn't add it, tell us.\n`;
    case 'identity_removed':
      return `You can't sign in with ${mail.data.label} any more. If you didn't remove it, tell us.\n`;
    case 'api_key_created':
      return `Your account has a new API key, ${mail.data.name}. If you didn't make it, set a new password.\n`;
    default:
      return mail satisfies never;
  }
}
