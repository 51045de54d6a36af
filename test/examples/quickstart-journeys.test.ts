import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { addDemoUsers } from '../../examples/quickstart/demo-users.js';
import { createQuickstart } from '../../examples/quickstart/quickstart.js';
import { SECRET } from '../world/auth-server.js';
import { isChromiumMissing, launchChromium } from '../world/chromium.js';
import { reservePort } from '../world/login-app.js';

let browser: Browser;

/** The quickstart with its users, and a person in front of a browser. */
async function world() {
  const port = await reservePort();
  const mails = mkdtempSync(path.join(tmpdir(), 'latchkey-quickstart-'));
  onTestFinished(() => rmSync(mails, { recursive: true, force: true }));
  let aheadMs = 0;
  const data = { secret: SECRET, storeUrl: 'memory:', mails };
  const now = (): number => Date.now() + aheadMs;
  const { app, auth } = await createQuickstart(port.origin, data, { now });
  onTestFinished(() => auth.close());
  port.serve(app);
  const passwords = await addDemoUsers(auth);
  const { page, context } = await newPerson();
  const passwordOf = (name: string): string => passwords.get(name) ?? '';
  const advance = (seconds: number): void => void (aheadMs += seconds * 1000);
  return { auth, origin: port.origin, page, context, passwordOf, advance };
}

async function newPerson(): Promise<{ context: BrowserContext; page: Page }> {
  const context = await browser.newContext();
  onTestFinished(() => context.close());
  return { context, page: await context.newPage() };
}

async function fillIn(page: Page, username: string, password: string): Promise<void> {
  await page.fill('#username', username);
  await page.fill('#password', password);
  await page.click('main button[type=submit]');
}

/** At a provider, as far as it asks. */
async function signInAtProvider(page: Page, login: string): Promise<void> {
  await page.fill('input[name=login]', login);
  await page.fill('input[name=password]', 'any');
  await page.press('input[name=password]', 'Enter');
  await page.waitForSelector('input[name=prompt][value=consent]', { state: 'attached' });
  await page.click('button[type=submit]');
}

async function greeting(page: Page): Promise<string | null> {
  await page.waitForSelector('#who');
  return page.textContent('#who');
}

/** A mail is written after the answer. */
async function openNewestMail(page: Page, origin: string): Promise<void> {
  await page.goto(`${origin}/mails`);
  while ((await page.locator('.mail').count()) === 0) await page.reload();
}

/** Statuses of the routes that the home page calls, in their order. */
async function statuses(page: Page): Promise<readonly string[]> {
  return page.locator('#routes .status').allTextContents();
}

describe.skipIf(isChromiumMissing())('a person with a mouse in the quickstart', () => {
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser.close());

  it('sees what the API answers, signed in or not, and both browsers', async () => {
    const { page, origin, passwordOf } = await world();
    await page.goto(origin);
    expect(await statuses(page)).toEqual(['200', '401', '401', '401', '401']);
    await page.click('text="Sign in"');
    await fillIn(page, 'alice', passwordOf('alice'));
    expect(await greeting(page)).toBe('Hello alice');
    expect(await statuses(page)).toEqual(['200', '200', '200', '200', '403']);
    const { page: other } = await newPerson();
    await other.goto(origin);
    await other.click('text="Sign in"');
    await fillIn(other, 'alice', passwordOf('alice'));
    await greeting(other);
    await page.reload();
    expect(await page.locator('#sessions tbody tr').count()).toBe(2);
    expect(await page.locator('#sessions .status').count()).toBe(1);
  });

  it('with two providers adds the second to the account, and signs in with it', async () => {
    const { page, origin } = await world();
    await page.goto(origin);
    await page.click('text=Continue with Example Corp');
    await signInAtProvider(page, 'ada');
    expect(await greeting(page)).toBe('Hello ada');
    await page.click('text=Add Partner Ltd');
    // Example Corp has not said when it asked for the password.
    await page.click('text=Continue with Example Corp');
    expect(await greeting(page)).toBe('Hello ada');
    await page.click('text=Add Partner Ltd');
    await signInAtProvider(page, 'ada-of-partner');
    expect(await greeting(page)).toBe('Hello ada');
    await page.click('text="Sign out"');
    await page.waitForURL(`${origin}/api/auth/logout`);
    await page.click('main >> text="Sign out"');
    // The provider asks, too.
    await page.click('button[value=yes]');
    await page.click('text=Continue with Partner Ltd');
    expect(await greeting(page)).toBe('Hello ada');
  });

  it('sees pages of the provider that fit every window, and ask nothing of other hosts', async () => {
    const { page, origin } = await world();
    const asked: string[] = [];
    page.on('request', (request) => void asked.push(new URL(request.url()).origin));
    const titles: (string | null)[] = [];
    async function look(): Promise<void> {
      for (const width of [1280, 360]) {
        await page.setViewportSize({ width, height: 800 });
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
      }
      titles.push(await page.textContent('h1'));
    }
    await page.goto(origin);
    await page.click('text=Continue with Example Corp');
    await page.waitForSelector('input[name=login]');
    await look();
    await page.fill('input[name=login]', 'a-very-long-name-without-a-single-space-in-it');
    await page.fill('input[name=password]', 'any');
    await page.press('input[name=password]', 'Enter');
    await page.waitForSelector('input[name=prompt][value=consent]', { state: 'attached' });
    await look();
    await page.click('text="Cancel"');
    await page.waitForURL(/\/api\/auth\/callback/);
    expect(await page.textContent('main')).toContain('Example Corp');
    await page.goto(`${origin}/corp/session/end`);
    await look();
    await page.click('text="Sign out"');
    await page.waitForURL(/success/);
    await look();
    await page.goto(`${origin}/corp/auth?client_id=nobody`);
    await look();
    await page.goto(`${origin}/corp/interaction/gone`);
    await look();
    expect(titles).toEqual([
      'Sign in',
      'Share this with the quickstart?',
      'Sign out of Example Corp, too?',
      'You are signed out',
      'That did not work',
      'This step has expired',
    ]);
    expect(new Set(asked)).toEqual(new Set([origin]));
  });

  it('whose session has expired signs in again, and is where the link led', async () => {
    const { page, origin, passwordOf, advance } = await world();
    await page.goto(origin);
    await page.click('text="Sign in"');
    await fillIn(page, 'alice', passwordOf('alice'));
    await greeting(page);
    advance(8 * 86_400);
    await page.click('text="Reports"');
    await fillIn(page, 'alice', passwordOf('alice'));
    await page.waitForURL(`${origin}/reports`);
    expect(await page.textContent('h1')).toBe('Reports');
  });

  it('who has forgotten the password sets another one by the mailed link', async () => {
    const { page, origin, passwordOf } = await world();
    await page.goto(`${origin}/reports`);
    await page.click('text=Forgot');
    await page.fill('input[name=email]', 'alice@example.com');
    await page.click('main button[type=submit]');
    await page.waitForURL(/sent=1/);
    await openNewestMail(page, origin);
    await page.click('.mail a');
    await page.fill('input[name=new_password]', `${passwordOf('alice')}-new`);
    await page.click('main button[type=submit]');
    await page.waitForURL(`${origin}/reports`);
    expect(await page.textContent('h1')).toBe('Reports');
  });

  it('who gets a temporary password chooses one of her own, and is where the link led', async () => {
    const { page, origin, passwordOf } = await world();
    await page.goto(origin);
    await page.click('text="Sign in"');
    await fillIn(page, 'bob', passwordOf('bob'));
    await page.click('#users tr:has-text("alice") button');
    await page.waitForURL(`${origin}/mails`);
    await openNewestMail(page, origin);
    const temporary = (await page.locator('.mail p').last().textContent()) ?? '';
    const { page: alice } = await newPerson();
    await alice.goto(`${origin}/reports`);
    await fillIn(alice, 'alice', temporary.trim());
    await alice.waitForURL(/change-password/);
    const [current, chosen] = await alice.locator('input[type=password]').all();
    await current?.fill(temporary.trim());
    await chosen?.fill(`${passwordOf('alice')}-new`);
    await alice.click('main button[type=submit]');
    await alice.waitForURL(`${origin}/reports`);
    expect(await alice.textContent('h1')).toBe('Reports');
  });

  it.each([
    { title: 'a password', isByPassword: true, ends: '127.0.0.1' },
    { title: 'a provider', isByPassword: false, ends: 'localhost' },
  ])('who has opened 127.0.0.1 signs in with $title', async ({ isByPassword, ends }) => {
    const { page, origin, passwordOf } = await world();
    await page.goto(origin.replace('localhost', '127.0.0.1'));
    if (isByPassword) {
      await page.click('text="Sign in"');
      await fillIn(page, 'alice', passwordOf('alice'));
    } else {
      await page.click('text=Continue with Example Corp');
      await signInAtProvider(page, 'ada');
    }
    expect(await greeting(page)).toBe(isByPassword ? 'Hello alice' : 'Hello ada');
    expect(new URL(page.url()).hostname).toBe(ends);
  });
});
