import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import express from 'express';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { AuthError, createAuth } from 'latchkey';
import { addUser, BASE, PASSWORD } from '../world/auth-server.js';
import { isChromiumMissing, launchChromium } from '../world/chromium.js';
import { reservePort } from '../world/login-app.js';

let browser: Browser;
let axe: string;

/** One application with everything that has a page, and two users. */
async function world() {
  const port = await reservePort();
  const auth = createAuth({
    ...BASE,
    publicUrl: port.origin,
    appName: 'Reports',
    passwordSignUp: true,
    acceptApiKeys: true,
    tokenScopes: () => ['reports:read', 'reports:write'],
    oidc: {
      default: { issuer: 'https://id.example', clientId: 'x', label: 'Example Corp' },
      keycloak: { issuer: 'https://kc.example', clientId: 'x', label: 'Keycloak' },
      okta: { issuer: 'https://x.okta.example', clientId: 'x', label: 'Okta' },
      entra: { issuer: 'https://ms.example', clientId: 'x', label: 'Microsoft' },
    },
    google: { clientId: 'x', clientSecret: 'secret of google' },
    github: { clientId: 'x', clientSecret: 'secret of github' },
    pages: { logo: '/logo.svg' },
  });
  const app = express();
  app.get('/logo.svg', (_req, res) => void res.type('svg').send(LOGO));
  app.use('/api/auth', auth.router({ sendMail: () => undefined }));
  app.get('/forbidden', (_req, _res, next) => next(new AuthError('INSUFFICIENT_ROLE')));
  app.get('/down', (_req, _res, next) =>
    next(new AuthError('STORE_UNAVAILABLE', { retryAfterSeconds: 90 })),
  );
  app.get('/', (_req, res) => void res.send('home'));
  app.use(auth.errorHandler({ html: true }));
  port.serve(app);
  const alice = await addUser({ auth }, { email: 'alice@example.com', emailVerified: true });
  await auth.apiKeys.create({
    ...{
      owner: alice.id,
      name: 'Nightly build of a project with a long name',
      expiresInSeconds: 86_400,
    },
    scopes: ['reports:read'],
  });
  const bob = await addUser({ auth }, { username: 'bob' });
  await auth.users.update(bob.id, () => ({ mustResetPassword: true }));
  return { at: `${port.origin}/api/auth` };
}

const LOGO = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><rect width="40" height="40" rx="9" fill="#0b57d0"/><path d="M11 29V17M20 29V11M29 29v-8" stroke="#fff" stroke-width="4" stroke-linecap="round"/></svg>`;

async function newContext(): Promise<BrowserContext> {
  // Scripts run for axe only: the pages' own policy allows none of theirs.
  const context = await browser.newContext({ bypassCSP: true });
  onTestFinished(() => context.close());
  return context;
}

async function signIn(page: Page, at: string, username: string): Promise<void> {
  await page.goto(`${at}/signin?returnTo=/api/auth/account`);
  await page.fill('#username', username);
  await page.fill('#password', PASSWORD);
  await Promise.all([page.waitForNavigation(), page.press('#password', 'Enter')]);
}

/** Types something wrong and sends it. */
async function fail(page: Page, fields: Record<string, string>): Promise<void> {
  for (const [name, value] of Object.entries(fields)) await page.fill(`#${name}`, value);
  // The server's word is wanted here, not the browser's.
  await page.evaluate("document.querySelector('main form').noValidate = true");
  await Promise.all([page.waitForNavigation(), page.click('main button[type=submit]')]);
  await page.waitForSelector('[role=alert]');
}

const RULES = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']";

const looks = [
  { look: 'light', colorScheme: 'light', width: 1024, rules: RULES },
  // Colours are all that is different.
  { look: 'dark', colorScheme: 'dark', width: 1024, rules: "['color-contrast']" },
  { look: 'narrow', colorScheme: 'dark', width: 320, rules: undefined },
] as const;

/** Looks at a page in every way: nothing sticks out, and axe finds nothing. */
async function inspect(page: Page, name: string): Promise<void> {
  for (const { look, colorScheme, width, rules } of looks) {
    await page.emulateMedia({ colorScheme });
    // Not high, because all of it is painted; a screenshot has the whole page nevertheless.
    await page.setViewportSize({ width, height: 300 });
    const shots = process.env['LATCHKEY_SHOTS'];
    if (shots) await page.screenshot({ path: `${shots}/${name}-${look}.png`, fullPage: true });
    expect(await page.evaluate<number>('document.documentElement.scrollWidth'), name).toBe(width);
    if (rules === undefined) continue;
    if (look === 'light') await page.evaluate(axe);
    const violations = await page.evaluate<readonly unknown[]>(
      `axe.run(document, { runOnly: ${rules}, resultTypes: ['violations'] })
        .then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]))`,
    );
    expect([name, look, violations]).toEqual([name, look, []]);
  }
}

interface Shown {
  readonly name: string;
  readonly path: string;
  readonly user?: string;
  /** Typed to make the page show an error. */
  readonly error?: Record<string, string>;
  /** How many fields that error is about. A link that is used up is no field's fault. @defaultValue `1` */
  readonly wrong?: number;
}

const pages: readonly Shown[] = [
  { name: 'sign-in', path: '/signin', error: { username: 'alice', password: 'wrong' }, wrong: 2 },
  { name: 'sign-up', path: '/sign-up', error: { email: 'a@b.example', password: 'short' } },
  { name: 'sign-up-sent', path: '/sign-up?sent=1' },
  {
    name: 'verify-email',
    path: '/verify-email?token=x&for=sign_up',
    error: { password: 'wrong' },
    wrong: 0,
  },
  { name: 'forgot-password', path: '/forgot-password', error: { email: 'nobody' } },
  { name: 'forgot-password-sent', path: '/forgot-password?sent=1' },
  {
    name: 'reset-password',
    path: '/reset-password?token=x',
    error: { new_password: 'short' },
    wrong: 0,
  },
  {
    name: 'temporary-password',
    path: '/account',
    user: 'bob',
    error: { old_password: 'wrong', new_password: 'short' },
  },
  {
    name: 'change-password',
    path: '/change-password',
    user: 'alice',
    error: { old_password: 'wrong', new_password: 'short' },
  },
  {
    name: 'change-email',
    path: '/change-email',
    user: 'alice',
    error: { email: 'a@b.example', password: 'wrong' },
  },
  { name: 'account', path: '/account', user: 'alice' },
  { name: 'sign-out', path: '/logout', user: 'alice' },
  { name: 'signed-out', path: '/signed-out' },
  { name: 'not-found', path: '/login/nobody' },
  { name: 'forbidden', path: '/../../forbidden' },
  { name: 'down', path: '/../../down' },
];

/** How many wrong fields refer to the text that says what is wrong. */
const DESCRIBED = `[...document.querySelectorAll('[aria-invalid=true]')].filter((field) =>
  document.getElementById(field.getAttribute('aria-describedby').split(' ')[0])?.role === 'alert').length`;

const HARMLESS = /status of [45]\d\d|should have \(optionally hidden\) username/;

const skip = isChromiumMissing();

describe.skipIf(skip)('every page can be read and used by everybody', () => {
  beforeAll(async () => {
    browser = await launchChromium();
    axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  });
  afterAll(() => browser.close());

  it.each([
    { whose: 'who has an account or wants one', shown: pages.slice(0, 4) },
    { whose: 'who has lost the password', shown: pages.slice(4, 7) },
    { whose: 'with a temporary password', shown: pages.filter(({ user }) => user === 'bob') },
    { whose: 'who is signed in', shown: pages.filter(({ user }) => user === 'alice') },
    { whose: 'whose way is lost', shown: pages.slice(12) },
  ])(
    'in light, in dark, 320 pixels wide, and with its errors: $whose',
    async ({ shown }) => {
      const { at } = await world();
      const context = await newContext();
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on('console', (message) => complaints.push(message.text()));
      const user = shown[0]?.user;
      // Twice, so that there is another session.
      if (user !== undefined)
        for (const tab of [await (await newContext()).newPage(), page]) await signIn(tab, at, user);
      for (const { name, path, error, wrong = 1 } of shown) {
        await page.goto(`${at}${path}`);
        await inspect(page, name);
        if (!error) continue;
        await fail(page, error);
        const described = await page.evaluate<number>(DESCRIBED);
        if (described !== wrong) throw new Error(`${name}: ${described} fields are called wrong`);
        await inspect(page, `${name}-error`);
      }
      // Refused statuses are told to the console; anything else would be a policy that the page breaks.
      expect(complaints.filter((text) => !HARMLESS.test(text))).toEqual([]);
    },
    60_000,
  );
});
