import { isRecord } from '../../is-record.js';
import type { SendMail } from '../../router/password/mail.js';
import type { Finding } from '../finding.js';
import { fail, pass } from './outcomes.js';
import type { LiveSubject } from './subject.js';

/** Providers of mail take their time. */
const PATIENCE_MS = 20_000;

/**
 * Sends one mail by the application's `sendMail` to the address that was given, and none without: of the kind `password_changed`, which has no link
 * and no secret, for the user `latchkey-doctor`, an id that no user has.
 */
export async function checkMail({ created, mailTo }: LiveSubject): Promise<readonly Finding[]> {
  const hooks = new Set(created?.routers.flatMap(({ sendMail }) => sendMail ?? []));
  if (mailTo === undefined)
    return hooks.size === 0
      ? []
      : [pass('live_mail', 'sendMail is there; --mail-to you@example.com tries it')];
  if (hooks.size > 0) return Promise.all([...hooks].map((hook) => send(hook, mailTo)));
  return [
    fail('live_mail', {
      says: 'the application has no sendMail that could send a mail',
      why: 'who has forgotten a password gets no link to a new one',
      fix: 'give auth.router({ sendMail }), and name the application: npx latchkey doctor app.js --live --mail-to <address>',
    }),
  ];
}

async function send(sendMail: SendMail, to: string): Promise<Finding> {
  try {
    const mail = { kind: 'password_changed', to, data: { userId: 'latchkey-doctor' } } as const;
    await withinTime(Promise.resolve(sendMail(mail)));
    return pass(
      'live_mail',
      `sendMail took a mail of the kind password_changed to ${to}; look whether it arrives`,
    );
  } catch (error) {
    return fail('live_mail', {
      says: `sendMail failed (${wordsOf(error)})`,
      why: 'who has forgotten a password gets no link to a new one, and nobody is warned of changes to an account',
      fix: 'call it yourself to see its error, which may hold a secret and is not shown here',
    });
  }
}

class LateError extends Error {
  override readonly name = 'LateError';
}

async function withinTime(work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(reject, PATIENCE_MS, new LateError());
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Class and code alone. */
function wordsOf(error: unknown): string {
  if (error instanceof LateError) return `no answer within ${PATIENCE_MS / 1000} seconds`;
  const { name, code } = isRecord(error) ? error : {};
  const words = [name, code].filter(
    (word) => typeof word === 'string' && /^[\w.-]{1,64}$/.test(word),
  );
  return words.length === 0 ? 'an error without a name' : words.join(', ');
}
