import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { isChromiumMissing, launchChromium } from '../world/chromium.js';
import { DEVELOPMENT, startApi } from './analytics-world.js';

let browser: Browser;
let api: Awaited<ReturnType<typeof startApi>>;

/** A person who signs in on the way to the page of the revenue. */
async function personAt(username: string): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 320, height: 640 } });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', ({ message }) => complaints.push(message));
  onTestFinished(() => expect(complaints).toEqual([]));
  await page.goto(`${api.origin}/pages/revenue`);
  await signIn(page, username);
  return page;
}

async function signIn(page: Page, username: string): Promise<void> {
  await page.fill('input[name=username]', username);
  await page.fill('input[name=password]', api.passwordOf(username) ?? '');
  await page.keyboard.press('Enter');
}

const heading = (page: Page, name: string) => page.getByRole('heading', { name }).waitFor();
const cells = (page: Page): Promise<readonly string[]> => page.locator('tbody td').allInnerTexts();
const follow = (page: Page, name: string) => page.getByRole('link', { name }).click();

describe.skipIf(isChromiumMissing())('a person at the pages of the analytics example', () => {
  beforeAll(async () => {
    browser = await launchChromium();
    api = await startApi(DEVELOPMENT);
  });
  afterAll(async () => {
    await browser.close();
    await api.close();
  });

  it('signs in on the way, sees the rows of their region masked, and comes no further than that', async () => {
    const page = await personAt('ada');
    await heading(page, 'Revenue by customer');
    expect(await cells(page)).toEqual([
      ...['eu', 'a***@example.com', '1,200'],
      ...['eu', 'b***@example.com', '900'],
      ...['eu', 'd***@example.org', '2,300'],
    ]);
    expect(await page.content()).not.toContain('anna@example.com');
    expect(await page.locator('thead').innerText()).toMatch(/shortened\s+amount\s+rounded/);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320);
    expect(await page.getByRole('link', { name: 'Margins' }).count()).toBe(0);
    await page.goto(`${api.origin}/pages/margins`);
    await heading(page, 'No access');
    await follow(page, 'Go to Analytics');
    await heading(page, 'Hello ada');
  });

  it('signs out, and somebody else sees other pages and values on the same machine', async () => {
    const page = await personAt('ada');
    await follow(page, 'Sign out');
    await heading(page, 'Sign out?');
    await follow(page, 'Sign out');
    await page.getByText('You have signed out.').waitFor();
    await page.goto(`${api.origin}/pages/revenue`);
    await heading(page, 'Sign in');
    await signIn(page, 'uma');
    await heading(page, 'Revenue by customer');
    await follow(page, 'Margins');
    await heading(page, 'Margins');
    expect(await cells(page)).toEqual([
      ...['us', '3,075', '905'],
      ...['us', '540', '60'],
      ...['apac', '1,790', '420'],
    ]);
    expect(await page.getByText('Sum of margin').innerText()).toBe('Sum of margin: 1,385');
  });

  it('whose session was ended signs in again, and is where they wanted to go', async () => {
    const page = await personAt('nina');
    await page.getByText('Your account sees no rows here').waitFor();
    const { users, sessions } = api.auth;
    const nina = await users.findByLogin('nina');
    await sessions.revoke({ userId: nina?.id ?? '' }, 'admin');
    await page.reload();
    await heading(page, 'Sign in');
    await signIn(page, 'nina');
    await heading(page, 'Revenue by customer');
  });
});
