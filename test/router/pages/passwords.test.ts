import { describe, expect, it } from 'vitest';
import type { AuthOptions, AuthRouterOptions, Mail } from 'latchkey';
import { addUser, PASSWORD } from '../../world/auth-server.js';
import { createHttpBrowser } from '../../world/http-browser.js';
import { reservePort, serveLoginApp } from '../../world/login-app.js';

const NEW = 'some other words to sign in with';

async function world(options: AuthOptions = {}, routes: AuthRouterOptions = {}) {
  const mails: Mail[] = [];
  const sendMail = (mail: Mail) => void mails.push(mail);
  const app = serveLoginApp(await reservePort(), options, { sendMail, ...routes });
  const user = await addUser(app, { email: 'alice@example.com' });
  const at = `${app.origin}/api/auth`;
  /** The link of the mail of this kind, which is sent after the reply. */
  const linkOf = async (kind: Mail['kind']): Promise<string> => {
    for (;;) {
      const mail = mails.find((each) => each.kind === kind);
      if (mail && 'url' in mail.data) return mail.data.url;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { ...app, at, user, mails, linkOf, browser: createHttpBrowser() };
}

describe('W16 a forgotten password', () => {
  it('is replaced by mail, page by page, back to where it began', async () => {
    const { at, origin, browser, linkOf } = await world();
    const signIn = await browser.open(`${at}/signin?returnTo=/inside`);
    const [, forgot = ''] = /href="([^"]*forgot-password[^"]*)"/.exec(signIn.body) ?? [];
    const page = await browser.open(`${origin}${forgot}`);
    expect(page.url).toBe(`${at}/forgot-password?returnTo=%2Finside`);
    const sent = await browser.submit(page, { email: 'alice@example.com' });
    expect(sent.url).toBe(`${at}/forgot-password?sent=1&returnTo=%2Finside`);
    expect(sent.body).toContain('It works for 1 hour.');

    const link = await linkOf('password_reset');
    expect(link.startsWith(`${at}/reset-password?token=`)).toBe(true);
    // A scanner opens it first.
    for (const visitor of [createHttpBrowser(), createHttpBrowser()]) await visitor.open(link);
    const reset = await browser.open(link);
    expect(reset.headers['referrer-policy']).toBe('no-referrer');
    const refused = await browser.submit(reset, { new_password: 'short' });
    expect(refused.status).toBe(400);
    expect(refused.headers['referrer-policy']).toBe('no-referrer');
    expect(refused.body).toContain('Use at least 15 characters.');
    expect(refused.body).toMatch(/id="new_password"[^>]*aria-invalid="true"/);
    const inside = await browser.submit(refused, { new_password: NEW });
    expect([inside.url, inside.body]).toEqual([`${origin}/inside`, 'inside']);
    const account = await browser.open(`${at}/account`);
    expect(account.body).toContain('Your password is changed.');

    const again = await browser.submit(await browser.open(link), { new_password: NEW });
    expect(again.status).toBe(400);
    expect(again.body).toContain('This link does not work any more.');
    expect(again.body).toContain('/api/auth/forgot-password');
  });

  it('asks for a real address, and says the same of every one', async () => {
    const { at, browser } = await world();
    const page = await browser.open(`${at}/forgot-password`);
    const refused = await browser.submit(page, { email: 'nobody' });
    expect(refused.status).toBe(400);
    expect(refused.body).toMatch(/value="nobody"[\s\S]*aria-describedby="error"/);
    const known = await browser.submit(page, { email: 'alice@example.com' });
    const unknown = await browser.submit(page, { email: 'bob@example.com' });
    expect(unknown.body).toBe(known.body);
  });

  it('leads to the application’s own page, with the token in the fragment', async () => {
    const { at, browser, linkOf } = await world({}, { resetPasswordPage: '/new-password' });
    const page = await browser.open(`${at}/forgot-password?returnTo=/inside`);
    await browser.submit(page, { email: 'alice@example.com' });
    expect(await linkOf('password_reset')).toMatch(/:\d+\/new-password#token=[\w-]{43}$/);
  });

  it('is no page where no mail can be sent', async () => {
    const { origin } = serveLoginApp(await reservePort(), {});
    const browser = createHttpBrowser();
    expect((await browser.open(`${origin}/api/auth/signin`)).body).not.toContain('forgot');
    expect((await browser.open(`${origin}/api/auth/forgot-password`)).status).toBe(404);
  });
});

describe('W16 a temporary password', () => {
  it('leads to a new one, and then to where it began', async () => {
    const { auth, at, origin, user, browser } = await world();
    await auth.users.update(user.id, () => ({ mustResetPassword: true }));
    const signIn = await browser.open(`${at}/signin?returnTo=/inside`);
    const change = await browser.submit(signIn, { username: 'alice', password: PASSWORD });
    expect(change.url).toBe(`${at}/change-password?returnTo=%2Finside`);
    expect(change.body).toContain('You signed in with a temporary password.');
    for (const path of ['/account', '/signin']) {
      const turned = await browser.open(`${at}${path}`);
      expect(new URL(turned.url).pathname, path).toBe('/api/auth/change-password');
    }
    const wrong = await browser.submit(change, { old_password: 'wrong', new_password: NEW });
    expect(wrong.status).toBe(401);
    expect(wrong.body).toContain('The current password is wrong.');
    expect(wrong.body).toContain('You signed in with a temporary password.');
    expect(wrong.body).toMatch(/id="old_password"[^>]*aria-invalid="true"/);
    const inside = await browser.submit(wrong, { old_password: PASSWORD, new_password: NEW });
    expect([inside.url, inside.body]).toEqual([`${origin}/inside`, 'inside']);
  });
});

describe('W16 changing the password', () => {
  it('needs a session, ends all others, and says so', async () => {
    const { auth, at, user } = await world();
    const visit = async () => {
      const browser = createHttpBrowser();
      const page = await browser.open(`${at}/change-password`);
      expect(page.url).toContain('/signin?returnTo=%2Fapi%2Fauth%2Fchange-password');
      return {
        browser,
        page: await browser.submit(page, { username: 'alice', password: PASSWORD }),
      };
    };
    await visit();
    const { browser, page } = await visit();
    expect(page.url).toBe(`${at}/change-password`);
    const done = await browser.submit(page, { old_password: PASSWORD, new_password: NEW });
    expect(done.url).toBe(`${at}/account`);
    expect(done.body).toContain('Your password is changed.');
    expect(await auth.sessions.list(user.id)).toHaveLength(1);
  });
});

describe('W16 a new account', () => {
  const options = { passwordSignUp: true };

  it('is made page by page', async () => {
    const { at, origin, browser, linkOf } = await world(options);
    const signIn = await browser.open(`${at}/signin?returnTo=/inside`);
    const [, signUp = ''] = /href="([^"]*sign-up[^"]*)"/.exec(signIn.body) ?? [];
    const page = await browser.open(`${origin}${signUp}`);
    const weak = await browser.submit(page, { email: 'new@example.com', password: 'short' });
    expect(weak.status).toBe(400);
    expect(weak.body).toContain('value="new@example.com"');
    const sent = await browser.submit(weak, { email: 'new@example.com', password: PASSWORD });
    expect(sent.body).toContain('Open its link within 1 day to finish.');
    const verify = await browser.open(await linkOf('sign_up'));
    expect(verify.headers['referrer-policy']).toBe('no-referrer');
    const wrong = await browser.submit(verify, { password: 'not this one, but long' });
    expect(wrong.status).toBe(401);
    const inside = await browser.submit(wrong, { password: PASSWORD });
    expect([inside.url, inside.body]).toEqual([`${origin}/inside`, 'inside']);
    const account = await browser.open(`${at}/account`);
    expect(account.body).toContain('new@example.com (confirmed)');
    expect(account.body).toContain('Your e-mail address is confirmed.');
  });

  it('of a known address is mailed a way into the old one', async () => {
    const { at, browser, linkOf } = await world(options);
    const page = await browser.open(`${at}/sign-up`);
    await browser.submit(page, { email: 'alice@example.com', password: NEW });
    expect(await linkOf('account_exists')).toContain('/api/auth/reset-password?token=');
  });
});

describe('W16 another address', () => {
  it.each([
    { title: 'in the same browser', isSame: true },
    { title: 'in a browser where nobody is signed in', isSame: false },
  ])('is confirmed $title', async ({ isSame }) => {
    const { at, browser, linkOf } = await world({ passwordSignUp: true });
    const signIn = await browser.open(`${at}/change-email`);
    const page = await browser.submit(signIn, { username: 'alice', password: PASSWORD });
    expect(page.url).toBe(`${at}/change-email`);
    const wrong = await browser.submit(page, { email: 'a@new.example', password: 'wrong' });
    expect(wrong.status).toBe(401);
    const asked = await browser.submit(wrong, { email: 'a@new.example', password: PASSWORD });
    expect(asked.url).toBe(`${at}/account`);
    expect(asked.body).toContain('A link is on its way to the new address.');
    const reader = isSame ? browser : createHttpBrowser();
    const verify = await reader.open(await linkOf('email_change'));
    expect(verify.body.includes('id="password"')).toBe(!isSame);
    const done = await reader.submit(verify, isSame ? {} : { password: PASSWORD });
    expect(done.body).toContain('Your e-mail address is confirmed.');
    expect((await browser.open(`${at}/account`)).body).toContain('a@new.example (confirmed)');
  });
});

it.each(['/forgot-password', '/reset-password', '/change-password', '/sign-up', '/verify-email'])(
  'L10 the form of %s is taken from our own pages only',
  async (path) => {
    const { at, browser, mails } = await world({ passwordSignUp: true });
    const form = {
      email: 'alice@example.com',
      password: PASSWORD,
      new_password: NEW,
      old_password: PASSWORD,
      token: 'x',
      for: 'change',
    };
    const refused = await browser.open(`${at}${path}`, { form, from: 'https://evil.example' });
    expect(refused.status).toBe(403);
    expect(refused.body).toContain('This form was sent from another site.');
    expect(mails).toEqual([]);
  },
);
