import type { AuthOptions } from 'latchkey';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { buildPackage } from '../package/build-package.js';
import { isChromiumMissing, launchChromium } from '../world/chromium.js';
import { reservePort } from '../world/login-app.js';
import { createTenants } from './tenants-world.js';

const NEW_PASSWORD = 'a password of their own';
let browser: Browser;

/** The example, and a person in front of its page. */
async function world(options: AuthOptions = {}) {
  const port = await reservePort();
  const tenants = await createTenants({ publicUrl: port.origin, options });
  onTestFinished(() => tenants.auth.close());
  port.serve(tenants.app);
  const newPerson = async () => {
    const context = await browser.newContext();
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('pageerror', ({ message }) => complaints.push(message));
    page.on('console', (line) => {
      // The browser reports each refused request.
      if (line.type() === 'error' && !line.text().startsWith('Failed to load resource'))
        complaints.push(line.text());
    });
    onTestFinished(() => expect(complaints).toEqual([]));
    await page.goto(port.origin);
    return page;
  };
  return { ...tenants, origin: port.origin, newPerson };
}

async function signIn(page: Page, username: string, password: string): Promise<void> {
  await page.getByLabel('User name').fill(username);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

async function changePassword(page: Page, temporary: string): Promise<void> {
  await page.getByLabel('Temporary password').fill(temporary);
  await page.getByLabel('New password').fill(NEW_PASSWORD);
  await page.getByRole('button', { name: 'Change password' }).click();
}

/** How far each table stays away from the right edge of the card that it is in. */
async function marginsOfTables(page: Page): Promise<readonly number[]> {
  const cards = await page.locator('section:visible', { has: page.locator('table') }).all();
  return Promise.all(
    cards.map(async (card) => {
      const [outer, inner] = [await card.boundingBox(), await card.locator('tbody').boundingBox()];
      return outer && inner ? outer.x + outer.width - inner.x - inner.width : Number.NaN;
    }),
  );
}

/** Whether the label stands in one line with its field, not at the end of the line before. */
async function isBesideItsField(page: Page, name: string): Promise<boolean> {
  const label = await page.locator('label', { hasText: name }).boundingBox();
  const field = await page.getByLabel(name).boundingBox();
  return label !== null && field !== null && field.y < label.y + label.height;
}

const heading = (page: Page, name: string) => page.getByRole('heading', { name }).waitFor();

describe.skipIf(isChromiumMissing())('a person at the page of the multi-tenant example', () => {
  beforeAll(async () => {
    await buildPackage();
    browser = await launchChromium();
  });
  afterAll(() => browser.close());

  it('of two organisations is asked which one, and sends it with every request', async () => {
    const { newPerson, passwordOf } = await world();
    const page = await newPerson();
    const orgs: (string | undefined)[] = [];
    page.on('request', (request) => {
      if (request.url().endsWith('/api/invoices')) orgs.push(request.headers()['x-org-id']);
    });
    await signIn(page, 'ben', passwordOf('ben'));
    await heading(page, 'Which organisation?');
    await page.getByRole('button', { name: 'Globex' }).click();
    await heading(page, 'Invoices of Globex');
    expect(await page.locator('#invoice-rows').innerText()).toContain('Cyberdyne');
    expect(await page.getByRole('button', { name: 'Add' }).count()).toBe(0);
    await page.getByLabel('Organisation').selectOption('Acme');
    await heading(page, 'Invoices of Acme');
    await page.getByLabel('Customer').fill('Umbrella');
    await page.getByLabel('Amount').fill('12.50');
    await page.getByRole('button', { name: 'Add' }).click();
    await page.getByRole('cell', { name: '12.50' }).waitFor();
    expect(orgs).toEqual([undefined, 'globex', 'acme', 'acme', 'acme']);
    await page.reload();
    await heading(page, 'Invoices of Acme');
    expect(await page.locator('#invoice-rows').innerText()).toContain('Umbrella');
  });

  it('who changes the organisation sees none that was asked for before, however late its answer', async () => {
    const { newPerson, passwordOf } = await world();
    const page = await newPerson();
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    await page.route('**/api/invoices', async (route) => {
      if (route.request().headers()['x-org-id'] === 'globex') await released;
      await route.continue();
    });
    await signIn(page, 'ben', passwordOf('ben'));
    await page.getByRole('button', { name: 'Globex' }).click();
    await page.getByLabel('Organisation').selectOption('Acme');
    await heading(page, 'Invoices of Acme');
    const late = page.waitForResponse(/\/api\/invoices$/);
    release();
    await (await late).finished();
    await page.evaluate('new Promise((resolve) => setTimeout(resolve))');
    expect(await page.locator('#invoices-of').textContent()).toBe('Invoices of Acme');
  });

  it('who has a temporary password chooses another one before anything else', async () => {
    const { newPerson, passwordOf } = await world();
    const page = await newPerson();
    await signIn(page, 'cleo', passwordOf('cleo'));
    await heading(page, 'Choose a new password');
    await page.reload();
    await heading(page, 'Choose a new password');
    await changePassword(page, 'a guess');
    await page.locator('#message.bad').waitFor();
    await changePassword(page, passwordOf('cleo'));
    await heading(page, 'Invoices of Globex');
  });

  it('who administers approves an invoice, and mails a colleague a temporary password', async () => {
    const { newPerson, passwordOf, mails } = await world();
    const ada = await newPerson();
    await signIn(ada, 'ada', passwordOf('ada'));
    await heading(ada, 'Invoices of Acme');
    await ada.setViewportSize({ width: 320, height: 640 });
    const margins = await marginsOfTables(ada);
    expect(margins).toHaveLength(2);
    expect(Math.min(...margins)).toBeGreaterThan(10);
    for (const width of [320, 360, 412]) {
      await ada.setViewportSize({ width, height: 640 });
      expect(await isBesideItsField(ada, 'Customer')).toBe(true);
      expect(await isBesideItsField(ada, 'Amount')).toBe(true);
    }
    await ada.getByRole('button', { name: 'Approve Hooli' }).click();
    await ada.getByRole('cell', { name: 'approved' }).waitFor();
    const ben = await newPerson();
    await signIn(ben, 'ben', passwordOf('ben'));
    await heading(ben, 'Which organisation?');
    await ada.getByRole('button', { name: 'Reset password of ben' }).click();
    await ada.getByText('on its way to ben@example.com').waitFor();
    await expect.poll(() => mails.length).toBe(1);
    const [mail] = mails;
    const temporary = mail?.kind === 'temporary_password' ? mail.data.password : '';
    await ben.getByRole('button', { name: 'Acme' }).click();
    await heading(ben, 'Sign in');
    expect(await ben.getByRole('status').innerText()).toMatch(/session has ended/);
    await signIn(ben, 'ben', temporary);
    await changePassword(ben, temporary);
    await heading(ben, 'Invoices of Acme');
  });

  it('who has forgotten the password gets a link by mail, and signs out afterwards', async () => {
    const { newPerson, mails, origin } = await world();
    const page = await newPerson();
    await page.getByText('Forgot your password?').click();
    await page.getByLabel('E-mail address', { exact: true }).fill('ada@example.com');
    await page.getByRole('button', { name: 'Mail me a link' }).click();
    await page.getByText('a link is on its way').waitFor();
    await expect.poll(() => mails.length).toBe(1);
    const [mail] = mails;
    await page.goto(mail?.kind === 'password_reset' ? mail.data.url : origin);
    await page.fill('input[name=new_password]', NEW_PASSWORD);
    await page.click('main button[type=submit]');
    await heading(page, 'Invoices of Acme');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await heading(page, 'Sign in');
  });

  it('is offered Google where the application has a client there', async () => {
    const { newPerson } = await world({
      google: { clientId: 'invoices', clientSecret: 'only-for-this-test' },
      providerFetch: () => Promise.reject(new TypeError('nothing leaves this machine')),
    });
    const page = await newPerson();
    const link = page.getByRole('link', { name: 'Continue with Google' });
    expect(await link.getAttribute('href')).toBe('/api/auth/login/google?returnTo=/');
  });
});
