import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createDemo } from '../../examples/public-api/demo/create-demo.js';
import { buildPackage } from '../package/build-package.js';
import { isChromiumMissing, launchChromium } from '../world/chromium.js';
import { reservePort } from '../world/login-app.js';

const run = promisify(execFile);
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

let browser: Browser;

/** The example, and a browser that has never been there. */
async function open(options: BrowserContextOptions = {}) {
  const port = await reservePort();
  const { app, auth } = await createDemo(port.origin, { AUTH_RATE_LIMIT: '1000/1s' });
  port.serve(app);
  onTestFinished(() => auth.close());
  const context = await browser.newContext(options);
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (line) => {
    if (line.type() === 'error' || line.type() === 'warning') complaints.push(line.text());
  });
  await page.goto(port.origin);
  return { auth, page, context, complaints, origin: port.origin };
}

const project = (page: Page, name: string) => page.locator('#projects > li', { hasText: name });

async function signIn(page: Page, login: string): Promise<void> {
  await page.getByRole('button', { name: 'Sign in with GitHub' }).click();
  await page.getByRole('link', { name: `Continue as ${login}` }).click();
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
}

async function makeKey(page: Page, of: string): Promise<string> {
  const own = project(page, of);
  await own.getByText('API keys', { exact: true }).click();
  await own.getByLabel('Name of a new key').fill('nightly build');
  await own.getByLabel('Works for').selectOption('30 days');
  await own.getByRole('button', { name: 'Create the API key' }).click();
  return (await own.locator('[data-made] pre').textContent()) ?? '';
}

async function shoot(page: Page, name: string): Promise<void> {
  const folder = process.env['LATCHKEY_SHOTS'];
  if (folder) await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
}

describe.skipIf(isChromiumMissing())('the page of the public API', () => {
  beforeAll(async () => {
    await buildPackage();
    browser = await launchChromium();
  }, 120_000);
  afterAll(() => browser.close());

  it('shows private projects to their owner, until they sign out in any tab, and makes API keys that work until they are deleted', async () => {
    const { page, context, complaints } = await open();
    const names = page.locator('#projects h2 [data-name]');
    await names.first().waitFor();
    expect(await names.allTextContents()).toEqual(['Analytical Engine', 'A-0']);
    await shoot(page, 'visitor');

    await signIn(page, 'ada');
    await project(page, 'Note G').waitFor();
    expect(await names.allTextContents()).toEqual(['Analytical Engine', 'Note G', 'A-0']);
    expect(await page.textContent('#name')).toBe('ada');

    await project(page, 'Note G').getByText('Docs and addresses').click();
    await project(page, 'Note G').getByText('https://notes.example.com/g').waitFor();

    const curl = await makeKey(page, 'Note G');
    const tryIt = async (): Promise<unknown> =>
      JSON.parse((await run('sh', ['-c', curl.replace('curl', 'curl -s')])).stdout);
    expect(await tryIt()).toMatchObject({ name: 'Note G', private: true });
    await shoot(page, 'made');
    const remove = page.getByRole('button', { name: 'Delete the API key nightly build' });
    await remove.click();
    await remove.waitFor({ state: 'detached' });
    expect(await tryIt()).toMatchObject({ error: 'Unauthorized' });
    expect(await page.content()).not.toContain('lk_dev_');

    const second = await context.newPage();
    await second.goto(page.url());
    await project(second, 'Note G').waitFor();
    await second.getByRole('button', { name: 'Sign out' }).click();
    await project(page, 'Note G').waitFor({ state: 'detached' });
    expect(await names.allTextContents()).toEqual(['Analytical Engine', 'A-0']);
    // Neither a refused script nor a failed request.
    expect(complaints).toEqual([]);
  });

  it('says so while the server is away, and goes on when it is back', async () => {
    const { page, context } = await open();
    await signIn(page, 'newcomer');
    await context.setOffline(true);
    await page.getByLabel('Name', { exact: true }).fill('Loom');
    await page.getByRole('button', { name: 'Create the project' }).click();
    await page.getByRole('alert').getByText('The server does not answer').waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('alert').getByText('You are still signed in').waitFor();
    await context.setOffline(false);
    await page.getByRole('button', { name: 'Create the project' }).click();
    await project(page, 'Loom').waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
  });

  it('adds a project that only its owner sees, and keeps who has signed in over a reload', async () => {
    const { page, context } = await open();
    await signIn(page, 'newcomer');
    await page.getByLabel('Name', { exact: true }).fill('Difference <b>Engine</b>');
    await page.getByRole('button', { name: 'Create the project' }).click();
    await project(page, 'Difference <b>Engine</b>').waitFor();
    await page.reload();
    await project(page, 'Difference <b>Engine</b>').waitFor();
    await context.clearCookies();
    await page.reload();
    await page.getByRole('button', { name: 'Sign in with GitHub' }).waitFor();
    await project(page, 'A-0').waitFor();
    expect(await project(page, 'Difference').count()).toBe(0);
  });

  it.each([
    { title: 'light and wide', options: {} },
    {
      title: 'dark and narrow',
      options: { colorScheme: 'dark', viewport: { width: 360, height: 740 } },
    },
  ] as const)(
    'is fit for assistive technology and for its width, $title',
    async ({ options, title }) => {
      const { page } = await open({ ...options, bypassCSP: true });
      await page.getByRole('button', { name: 'Sign in with GitHub' }).click();
      await page.getByRole('link', { name: 'Continue as ada' }).waitFor();
      await shoot(page, `choice ${title}`);
      const violations = [await axe(page)];
      await page.getByRole('link', { name: 'Continue as ada' }).click();
      await project(page, 'Note G').waitFor();
      await makeKey(page, 'Note G');
      await page.getByRole('button', { name: 'Delete the API key nightly build' }).waitFor();
      await shoot(page, `owner ${title}`);
      violations.push(await axe(page));
      expect(violations.flat()).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0);
    },
  );
});

async function axe(page: Page): Promise<readonly string[]> {
  await page.evaluate(await readFile(AXE, 'utf8'));
  return page.evaluate<readonly string[]>(
    `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.map(({ id, nodes }) => id + ' ' + nodes[0].html))`,
  );
}
