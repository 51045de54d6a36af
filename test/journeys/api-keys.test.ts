import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { isChromiumMissing, launchChromium } from '../world/chromium.js';
import { reservePort, serveLoginApp, sessionCookie } from '../world/login-app.js';

let browser: Browser;

const words = {
  'en-GB': {
    create: 'Create the API key',
    shown: 'Copy the key “nightly build” now.',
    account: 'Your account',
    remove: 'Delete the API key nightly build',
    removed: 'The API key is deleted.',
  },
  'de-AT': {
    create: 'API-Schlüssel anlegen',
    shown: 'Kopieren Sie den Schlüssel „nightly build“ jetzt.',
    account: 'Ihr Konto',
    remove: 'API-Schlüssel nightly build löschen',
    removed: 'Der API-Schlüssel ist gelöscht.',
  },
} as const;

describe.skipIf(isChromiumMissing())('an API key by the account page', () => {
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser.close());

  it.each(['en-GB', 'de-AT'] as const)(
    'is made, seen once, used by a program, and deleted (%s)',
    async (locale) => {
      const app = serveLoginApp(await reservePort(), {
        acceptApiKeys: true,
        tokenScopes: () => ['reports:read', 'reports:write'],
      });
      const user = await app.auth.users.create({ username: 'alice' });
      const use = async (key: string): Promise<Response> =>
        fetch(`${app.origin}/api/me`, { headers: { 'x-api-key': key } });
      const context = await browser.newContext({ locale, bypassCSP: true });
      onTestFinished(() => context.close());
      await context.addCookies([await sessionCookie(app, user)]);
      const page = await context.newPage();
      const say = words[locale];
      await page.goto(`${app.origin}/api/auth/account`);

      await page.fill('#key-name', 'nightly build');
      await page.selectOption('#key-life', '2592000');
      await page.check('input[value="reports:read"]');
      const button = page.getByRole('button', { name: say.create });
      await Promise.all([page.waitForNavigation(), button.click()]);
      expect(await page.textContent('[role=status]')).toContain(say.shown);
      const key = (await page.textContent('#key')) ?? '';
      expect(key).toMatch(/^lk_dev_\w{55}$/);
      await page.evaluate(
        await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'),
      );
      const violations = await page.evaluate<readonly unknown[]>(
        `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.map(({ id }) => id))`,
      );
      expect(violations).toEqual([]);
      const shots = process.env['LATCHKEY_SHOTS'];
      if (shots) await page.screenshot({ path: `${shots}/new-key-${locale}.png`, fullPage: true });

      const answer = await use(key);
      expect(await answer.json()).toMatchObject({
        method: 'api_key',
        subject: user.id,
        scopes: ['reports:read'],
      });
      const back = page.getByRole('link', { name: say.account });
      await Promise.all([page.waitForNavigation(), back.click()]);
      const account = await page.content();
      expect(account).toContain(`${key.slice(0, 23)}_…`);
      expect(account).not.toContain(key.slice(24));
      if (shots) await page.screenshot({ path: `${shots}/keys-${locale}.png`, fullPage: true });

      const remove = page.getByRole('button', { name: say.remove });
      await Promise.all([page.waitForNavigation(), remove.click()]);
      expect(await page.textContent('[role=status]')).toContain(say.removed);
      expect((await use(key)).status).toBe(401);
      expect(await app.auth.apiKeys.list({ owner: user.id })).toEqual([]);
    },
    60_000,
  );
});
