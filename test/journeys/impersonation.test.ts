import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { addUser, PASSWORD } from '../world/auth-server.js';
import { isChromiumMissing, launchChromium } from '../world/chromium.js';
import { reservePort, serveLoginApp, sessionCookie } from '../world/login-app.js';
import { scopesByRole } from '../world/support-desk.js';

let browser: Browser;
let axe: string;

async function world() {
  const { auth, origin, events } = serveLoginApp(
    await reservePort(),
    { appName: 'Reports', impersonation: true, cookieSessions: true, tokenScopes: scopesByRole },
    { sendMail: () => undefined },
  );
  onTestFinished(() => auth.close());
  const alice = await auth.users.create({ email: 'alice@corp.example' });
  const context = await browser.newContext({ bypassCSP: true, locale: 'en' });
  onTestFinished(() => context.close());
  return { auth, origin, at: `${origin}/api/auth`, alice, events, page: await context.newPage() };
}

const LOOKS = [
  { colorScheme: 'light', width: 1024 },
  { colorScheme: 'dark', width: 1024 },
  { colorScheme: 'light', width: 320 },
] as const;

const SAM = { username: 'sam', roles: ['support'] };

async function signIn(page: Page, at: string): Promise<void> {
  await page.goto(`${at}/signin?returnTo=/inside`);
  await page.fill('#username', 'sam');
  await page.fill('#password', PASSWORD);
  await Promise.all([page.waitForURL('**/inside'), page.press('#password', 'Enter')]);
}

/** As a button of the application's own pages does. */
function actAs(page: Page, id: string): Promise<unknown> {
  const init = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ reason: 'Ticket 4711: no invoices', delivery: 'cookie' }),
  };
  const call = `fetch('/api/auth/users/${id}/impersonate', ${JSON.stringify(init)})`;
  return page.evaluate(`${call}.then(({ status }) => status)`);
}

async function flaws(page: Page): Promise<unknown> {
  return page.evaluate(
    `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], resultTypes: ['violations'] })
      .then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map((node) => node.html).join()))`,
  );
}

describe.skipIf(isChromiumMissing())('support acts as a user, in Chromium', () => {
  beforeAll(async () => {
    axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    browser = await launchChromium();
  });
  afterAll(() => browser.close());

  it('from the sign-in to the button that stops it, with a banner on every page', async () => {
    const { auth, at, alice, events, page } = await world();
    await addUser({ auth }, SAM);
    await signIn(page, at);
    expect(await actAs(page, alice.id)).toBe(200);
    await page.goto(`${at}/account`);
    const banner = page.locator('.acting');
    expect(await banner.getByRole('status').innerText()).toBe(
      'sam is acting as alice@corp.example. This ends in 15 minutes.',
    );
    // The page is Alice's, and her list of sessions says who else is in it.
    expect(await page.locator('main').innerText()).toMatch(/Support \(Chrome on Linux\)/);
    await page.click('main a[href$="/change-email"], main a[href*="/change-password"]');
    await banner.getByRole('link').waitFor();
    await page.goto(`${at}/account`);
    await Promise.all([
      page.waitForURL((url) => url.pathname === '/'),
      banner.getByRole('link').click(),
    ]);
    await page.goto(`${at}/account`);
    expect(page.url()).toContain('/signin');
    expect(await banner.count()).toBe(0);
    expect(events.map(({ name }) => name)).toContain('impersonation.ended');
  });

  it('the banner can be read by all, in light, in dark, and 320 pixels wide', async () => {
    const { auth, origin, at, alice, page } = await world();
    const sam = await auth.users.create(SAM);
    await page.context().addCookies([await sessionCookie({ auth, origin }, sam)]);
    await page.goto(`${origin}/inside`);
    expect(await actAs(page, alice.id)).toBe(200);
    for (const path of ['account', 'forgot-password']) {
      await page.goto(`${at}/${path}`);
      await page.evaluate(axe);
      for (const { colorScheme, width } of LOOKS) {
        const look = `${path}-${colorScheme}-${width}`;
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 800 });
        expect(await flaws(page), look).toEqual([]);
        const size = 'document.documentElement.scrollWidth';
        expect(await page.evaluate(size), look).toBe(width);
        const box = await page.locator('.acting').boundingBox();
        expect(box, look).toMatchObject({ x: 0, y: 0, width });
        const shots = process.env['LATCHKEY_SHOTS'];
        if (shots) await page.screenshot({ path: `${shots}/${look}.png` });
      }
    }
  });
});
