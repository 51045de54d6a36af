import { describe, expect, it } from 'vitest';
import type { AuthOptions, Mail } from 'latchkey';
import { addUser, PASSWORD } from '../../world/auth-server.js';
import { createHttpBrowser, type HttpBrowser, type Page } from '../../world/http-browser.js';
import { reservePort, serveLoginApp } from '../../world/login-app.js';

/** Alice's organisation, and the mail that invites Bob. */
async function world(options: AuthOptions = {}) {
  const mails: Mail[] = [];
  const app = serveLoginApp(
    await reservePort(),
    { ownOrganisations: true, passwordSignUp: true, ...options },
    { sendMail: (mail) => mails.push(mail) },
  );
  const { organisations } = app.auth;
  const alice = await addUser(app, { email: 'alice@example.com', emailVerified: true });
  const org = await organisations.create({ name: 'Acme <b>', ownerId: alice.id });
  const invite = (email: string) =>
    organisations.invite({ orgId: org.id, email, invitedBy: alice.id });
  const { token, invitation } = await invite('bob@example.com');
  const at = `${app.origin}/api/auth`;
  const open = (browser: HttpBrowser, secret = token) =>
    browser.open(`${at}/accept-invitation?token=${secret}`);
  const signIn = async (browser: HttpBrowser, page: Page, username: string) =>
    browser.submit(await follow(browser, page, '/signin'), { username, password: PASSWORD });
  return { ...app, mails, alice, org, invite, token, invitation, at, open, signIn };
}

/** Text of a page without the escapes of HTML. */
function plain(text: string): string {
  return text.replace(/&#(\d+);/g, (_whole, code: string) => String.fromCodePoint(Number(code)));
}

/** Opens the first link of a page that leads to a route. */
async function follow(browser: HttpBrowser, page: Page, route: string): Promise<Page> {
  const href = new RegExp(`href="([^"]*${route}[^"]*)"`).exec(page.body)?.[1] ?? '';
  return browser.open(new URL(plain(href), page.url).href);
}

describe('the page of an invitation', () => {
  it('leads a stranger to sign-in and back, and to the organisation; no address on the way has the token', async () => {
    const { auth, org, at, open, signIn, token, ...app } = await world();
    const bob = await addUser(
      { auth },
      { username: 'bob', email: 'bob@example.com', emailVerified: true },
    );
    const browser = createHttpBrowser();
    const page = await open(browser);
    expect(page.url).toBe(`${at}/accept-invitation`);
    expect(page.body).toContain('alice invites you to join Acme &#60;b&#62;.');
    expect(page.body).toContain('bob@example.com');
    const back = await signIn(browser, page, 'bob');
    expect(back.visited.join(' ')).not.toContain(token);
    expect(back.url).toBe(`${at}/accept-invitation`);
    const joined = await browser.submit(back);
    expect(joined.url).toBe(`${at}/account`);
    expect(joined.body).toContain('You have joined the organisation.');
    expect(joined.body).toContain('Acme &#60;b&#62;');
    expect(await auth.organisations.membershipOf({ orgId: org.id, userId: bob.id })).toBeDefined();
    expect((await browser.open(`${at}/accept-invitation`)).body).toContain(
      'Open the link in the mail again',
    );
    expect((await open(browser)).body).toContain('accepted already');
    expect(app.events.length).toBeGreaterThan(0);
  });

  it('leads somebody new to an account, and from the mail that confirms it back', async () => {
    const { at, open, mails } = await world();
    const browser = createHttpBrowser();
    const signUp = await follow(browser, await open(browser), '/sign-up');
    await browser.submit(signUp, { email: 'bob@example.com', password: PASSWORD });
    await expect.poll(() => mails.at(-1)?.kind).toBe('sign_up');
    const { data } = mails.at(-1) as Extract<Mail, { kind: 'sign_up' }>;
    const back = await browser.submit(await browser.open(data.url), { password: PASSWORD });
    expect(back.url).toBe(`${at}/accept-invitation`);
    expect((await browser.submit(back)).body).toContain('You have joined the organisation.');
  });

  it('tells another account whom it is for, and lets that one sign in', async () => {
    const { auth, open, signIn } = await world();
    await addUser({ auth }, { username: 'bob', email: 'bob@example.com', emailVerified: true });
    await addUser({ auth }, { username: 'carol', email: 'carol@example.com', emailVerified: true });
    const browser = createHttpBrowser();
    const page = await signIn(browser, await open(browser), 'carol');
    expect(page.body).toContain('for bob@example.com, and you are signed in as carol');
    const right = await signIn(browser, page, 'bob');
    expect((await browser.submit(right)).body).toContain('You have joined the organisation.');
  });

  it('asks for the proof of an address that has none', async () => {
    const { auth, open, signIn } = await world();
    await addUser({ auth }, { username: 'bob', email: 'bob@example.com' });
    const browser = createHttpBrowser();
    const page = await signIn(browser, await open(browser), 'bob');
    expect(page.body).toContain('has not proven yet');
    expect((await follow(browser, page, '/change-email')).status).toBe(200);
  });

  it('tells a member that they are one', async () => {
    const { auth, org, open, signIn } = await world();
    const { id: userId } = await addUser(
      { auth },
      { username: 'bob', email: 'bob@example.com', emailVerified: true },
    );
    await auth.organisations.addMember({ orgId: org.id, userId });
    const browser = createHttpBrowser();
    const page = await signIn(browser, await open(browser), 'bob');
    expect(page.body).toContain('You are a member of Acme &#60;b&#62; already.');
  });

  it.each([
    { title: 'unknown', token: 'x'.repeat(43), text: 'withdrawn or replaced' },
    { title: 'no token of ours', token: 'a b', text: 'Open the link in the mail again' },
  ])('says what to do about one that is $title', async ({ token, text }) => {
    const { open } = await world();
    const page = await open(createHttpBrowser(), encodeURIComponent(token));
    expect(page).toMatchObject({ status: 400 });
    expect(page.body).toContain(text);
  });

  it('says so when it is withdrawn while the page is open', async () => {
    const { auth, org, invitation, open, signIn } = await world();
    await addUser({ auth }, { username: 'bob', email: 'bob@example.com', emailVerified: true });
    const browser = createHttpBrowser();
    const page = await signIn(browser, await open(browser), 'bob');
    await auth.organisations.withdrawInvitation({ orgId: org.id, id: invitation.id });
    const after = await browser.submit(page);
    expect(after).toMatchObject({ status: 400 });
    expect(after.body).toContain('withdrawn or replaced');
  });

  it('changes nothing when it is only opened, and takes no form of another site', async () => {
    const { auth, org, at, open, signIn, token } = await world();
    await addUser({ auth }, { username: 'bob', email: 'bob@example.com', emailVerified: true });
    const browser = createHttpBrowser();
    await signIn(browser, await open(browser), 'bob');
    const forged = await browser.open(`${at}/accept-invitation`, {
      form: { token },
      from: 'https://evil.example',
    });
    expect(forged.status).toBe(403);
    expect(await auth.organisations.members(org.id, { limit: 10 })).toHaveLength(1);
  });
});

describe('organisations on the account page', () => {
  it('are left by a button, but not by the last owner', async () => {
    const { auth, alice, org, at, signIn } = await world();
    const other = await auth.organisations.create({ name: 'Globex', ownerId: alice.id });
    const second = await addUser({ auth }, { username: 'bob' });
    await auth.organisations.addMember({ orgId: other.id, userId: second.id, roles: ['owner'] });
    const browser = createHttpBrowser();
    const start = await browser.open(`${at}/signin?returnTo=/api/auth/account`);
    const account = await browser.submit(start, { username: 'alice', password: PASSWORD });
    expect(account.body).toContain('Your organisations');
    const leave = (orgId: string) =>
      browser.open(`${at}/orgs/${orgId}/members/${alice.id}`, {
        form: {},
        from: new URL(at).origin,
      });
    const left = await leave(other.id);
    expect(left.body).toContain('You have left the organisation.');
    expect(left.body).not.toContain('Globex');
    const stays = await leave(org.id);
    expect(stays.status).toBe(409);
    expect(stays.body).toContain('only owner');
    expect((await follow(browser, stays, '/account')).url).toBe(`${at}/account`);
    expect(signIn).toBeTypeOf('function');
  });
});
