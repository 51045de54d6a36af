import type { Mail, SendMail } from 'latchkey';
import { describe, expect, it } from 'vitest';
import { checkMail } from '../../../lib/doctor/live/mail.js';
import { createdBy, faultOf, faultsIn, subjectOf } from './world.js';

function check(sendMail: SendMail | undefined, mailTo: string | undefined) {
  const { auth, created } = createdBy({});
  auth.router(sendMail ? { sendMail } : {});
  return checkMail(subjectOf({}, { created, mailTo }));
}

describe('sendMail', () => {
  it('is not called without an address', async () => {
    const mails: Mail[] = [];
    expect(faultsIn(await check((mail) => mails.push(mail), undefined))).toEqual([]);
    expect(mails).toEqual([]);
  });

  it('gets one mail without a secret', async () => {
    const mails: Mail[] = [];
    const findings = await check((mail) => mails.push(mail), 'ops@example.com');
    expect(findings.map(({ outcome }) => outcome)).toEqual(['pass']);
    expect(mails).toEqual([
      { kind: 'password_changed', to: 'ops@example.com', data: { userId: 'latchkey-doctor' } },
    ]);
  });

  it.each([
    { title: 'rejects', sendMail: () => Promise.reject(refused()) },
    {
      title: 'throws',
      sendMail: () => {
        throw refused();
      },
    },
  ])('that $title is told by its code, without what it says', async ({ sendMail }) => {
    const findings = await check(sendMail, 'ops@example.com');
    expect(faultsIn(findings)).toEqual(['fail live_mail']);
    expect(faultOf(findings, 'live_mail')?.says).toContain('EAUTH');
    expect(JSON.stringify(findings)).not.toContain('hunter2');
  });

  it('is missing', async () => {
    expect(await check(undefined, undefined)).toEqual([]);
    expect(faultsIn(await check(undefined, 'ops@example.com'))).toEqual(['fail live_mail']);
  });
});

function refused(): Error {
  return Object.assign(new Error('535 login mailer hunter2 failed'), { code: 'EAUTH' });
}
