import { createHash } from 'node:crypto';
import express from 'express';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createAuth, principalOf } from 'latchkey';
import { addUser, BASE, PASSWORD } from '../world/auth-server.js';
import { isChromiumMissing, launchChromium, launchWholeChromium } from '../world/chromium.js';
import { reservePort } from '../world/login-app.js';
import { startLoginProvider } from '../world/login-provider.js';

let sharedBrowser: Browser;

interface WorldOptions {
  readonly responseMode?: 'form_post';
  /** Whether the provider asks if the application may know its users. @defaultValue `false` */
  readonly asksConsent?: boolean;
  readonly context?: BrowserContextOptions;
  readonly browser?: Browser;
}

/** An application of pages, a provider on another site, and a browser that has never been anywhere. */
async function world({
  responseMode,
  asksConsent = false,
  context: options,
  browser = sharedBrowser,
}: WorldOptions = {}) {
  const port = await reservePort();
  const provider = await startLoginProvider({
    redirectUris: [`${port.origin}/api/auth/callback/corp`],
    postLogoutRedirectUris: [`${port.origin}/`],
    asksConsent,
  });
  const { issuer, clientId, clientSecret } = provider;
  const auth = createAuth({
    ...BASE,
    publicUrl: port.origin,
    // Its keys are out of reach.
    google: { clientId: 'ours' },
    oidc: {
      corp: {
        issuer,
        clientId,
        clientSecret,
        label: 'Corp',
        ...(responseMode && { responseMode }),
      },
    },
  });
  const app = express();
  app.use('/api/auth', auth.router());
  app.get('/', (_req, res) => void res.send('<title>home</title>home'));
  app.get('/inside', auth.requireAuth({ redirect: true }), (req, res) => {
    res.send(`<title>inside</title><p id="who">${principalOf(req).user.username}</p>`);
  });
  app.get(
    '/vault',
    auth.requireAuth({ redirect: true }),
    auth.requireAuthContext({ acrValues: ['strong'], redirect: '/api/auth/login/corp' }),
    (_req, res) => void res.send('vault'),
  );
  app.get(
    '/linking',
    auth.securityHeaders({ preset: 'web' }),
    auth.requireAuth({ redirect: true }),
    (_req, res) => void res.send(LINKING),
  );
  app.get(
    '/google',
    auth.securityHeaders({ preset: 'web', googleButton: true }),
    (_req, res) => void res.cookie('g_csrf_token', 'double').send(GOOGLE_FORM),
  );
  app.get('/embedded', (_req, res) => void res.send(EMBEDDED));
  app.get('/popup', (_req, res) => void res.send(POPUP));
  app.get('/api/me', auth.requireAuth(), (req, res) => void res.json(principalOf(req).user));
  app.use(auth.errorHandler());
  port.serve(app);
  await addUser({ auth });
  const context = await newContext(browser, options);
  return { auth, provider, context, origin: port.origin, page: await context.newPage() };
}

async function newContext(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<BrowserContext> {
  // Small, because every page that is shown is painted.
  const viewport = { width: 480, height: 360 };
  const context = await browser.newContext({ viewport, ...options });
  onTestFinished(() => context.close());
  return context;
}

const LOGIN = 'input[name=login]';
const CONSENT = 'form input[name=prompt][value=consent]';

/** Signs in on the provider's pages, as far as it asks. */
async function signInAtProvider(page: Page, login: string): Promise<void> {
  await page.waitForSelector(`${LOGIN}, #who`);
  if ((await page.locator(LOGIN).count()) === 0) return;
  await page.fill(LOGIN, login);
  await page.fill('input[name=password]', 'any');
  await page.press('input[name=password]', 'Enter');
}

async function consent(page: Page): Promise<void> {
  await page.waitForSelector(CONSENT, { state: 'attached' });
  await page.click('button[type=submit]');
}

const skip = isChromiumMissing();

describe.skipIf(skip)('in a real browser', () => {
  beforeAll(async () => {
    sharedBrowser = await launchChromium();
  });
  afterAll(() => sharedBrowser.close());

  it('a page that asks for a password gets its reader back, without any script', async () => {
    const { page, origin } = await world({ context: { javaScriptEnabled: false } });
    await page.goto(`${origin}/inside?a=1`);
    expect(await page.title()).toBe('Sign in · localhost');
    await page.fill('#username', 'alice');
    await page.fill('#password', 'not this one');
    await page.press('#password', 'Enter');
    await page.waitForSelector('[role=alert]');
    expect(await page.inputValue('#username')).toBe('alice');
    await page.fill('#password', PASSWORD);
    await page.click('button[type=submit]');
    await page.waitForURL(`${origin}/inside?a=1`);
    expect(await page.textContent('#who')).toBe('alice');
  });

  it('two session cookies that differ end with one: the reader signs in and is inside', async () => {
    const { page, context, origin } = await world();
    const planted = { name: 'latchkey-session', value: 'planted', domain: 'localhost' };
    for (const path of ['/inside', '/api/auth', '/'])
      await context.addCookies([{ ...planted, path, value: `planted-for${path}` }]);
    await page.goto(`${origin}/inside`);
    await page.fill('#username', 'alice');
    await page.fill('#password', PASSWORD);
    await page.click('button[type=submit]');
    await page.waitForURL(`${origin}/inside`);
    expect(await page.textContent('#who')).toBe('alice');
    const names = (await context.cookies()).map(({ name, path }) => `${name} ${path}`);
    expect(names.filter((name) => name.includes('-session'))).toEqual(['latchkey-session /']);
  });

  it.each([
    { title: 'on to a stronger sign-in, after a password', start: '/vault', isLinking: false },
    { title: 'from a page whose policy keeps forms at home', start: '/linking', isLinking: true },
  ])('a form leads to the provider: $title', async ({ start, isLinking }) => {
    const { page, origin, provider } = await world();
    await page.goto(`${origin}${start}`);
    await page.fill('#username', 'alice');
    await page.fill('#password', PASSWORD);
    await page.click('button[type=submit]');
    if (isLinking) await page.click('text=Add');
    await page.waitForSelector('input[name=login]');
    expect(new URL(page.url()).origin).toBe(provider.issuer);
    if (!isLinking) return;
    await signInAtProvider(page, 'ada');
    await page.waitForURL(`${origin}/inside`);
    expect(await page.textContent('#who')).toBe('alice');
  });

  it.each([
    { title: 'by query', responseMode: undefined },
    { title: 'by form, from the other site', responseMode: 'form_post' as const },
  ])('signs in with a provider that answers $title', async ({ responseMode }) => {
    const { page, origin } = await world({
      asksConsent: true,
      ...(responseMode && { responseMode }),
    });
    await page.goto(`${origin}/inside`);
    await page.click('text=Continue with Corp');
    await signInAtProvider(page, 'ada');
    await consent(page);
    await page.waitForURL(`${origin}/inside`);
    expect(await page.textContent('#who')).toBe('ada');
  });

  it("the form of Google's button is of our own page, whose token then decides", async () => {
    const { page, origin, auth } = await world();
    const reasons: string[] = [];
    auth.on('login.failed', ({ reason }) => reasons.push(reason));
    await page.goto(`${origin}/google`);
    const [request] = await Promise.all([
      page.waitForRequest(`${origin}/api/auth/google`),
      page.click('text=Sign in with Google'),
    ]);
    await page.waitForSelector('[role=alert]');
    expect((await request.allHeaders())['origin']).toBe(origin);
    expect((await request.response())?.status()).toBe(401);
    expect(reasons).toHaveLength(1);
  });

  it.each([
    { title: 'the first first', order: [0, 1] },
    { title: 'the second first', order: [1, 0] },
  ])('two tabs that sign in at once both succeed, $title', async ({ order }) => {
    const { context, origin } = await world();
    const tabs = await Promise.all([context.newPage(), context.newPage()]);
    for (const [index, tab] of tabs.entries()) {
      await tab.goto(`${origin}/api/auth/login/corp?returnTo=/inside?tab=${index}`);
      await tab.waitForSelector('input[name=login]');
    }
    for (const index of order) {
      const tab = tabs[index];
      if (!tab) continue;
      await signInAtProvider(tab, 'ada');
      await tab.waitForURL(`${origin}/inside?tab=${index}`);
    }
    for (const tab of tabs) {
      await tab.reload();
      expect(await tab.textContent('#who')).toBe('ada');
    }
  });

  it('the back button and a callback that is opened once more lead where the log-in led and end nothing', async () => {
    const { page, origin } = await world();
    const callbacks: string[] = [];
    page.on('request', (request) => {
      if (request.url().includes('/callback/')) callbacks.push(request.url());
    });
    await page.goto(`${origin}/api/auth/login/corp?returnTo=/inside`);
    await signInAtProvider(page, 'ada');
    await page.waitForURL(`${origin}/inside`);
    await page.goto(callbacks[0] ?? '');
    expect(page.url()).toBe(`${origin}/inside`);
    await page.goBack().catch(() => undefined);
    await page.goto(`${origin}/inside`);
    expect(await page.textContent('#who')).toBe('ada');
  });

  it('a log-out in one tab is seen by the other, here and at the provider', async () => {
    const { page, context, origin } = await world();
    await page.goto(`${origin}/api/auth/login/corp?returnTo=/inside`);
    await signInAtProvider(page, 'ada');
    await page.waitForURL(`${origin}/inside`);
    const other = await context.newPage();
    await other.goto(`${origin}/api/auth/logout`);
    await other.click('text=Sign out >> nth=-1');
    await other.waitForSelector('form button[type=submit], form#op\\.logoutForm', {
      state: 'attached',
    });
    await other.click('button[name=logout], button[value=yes]');
    await other.waitForURL(`${origin}/`);
    await page.reload();
    expect(await page.title()).toBe('Sign in · localhost');
    await page.click('text=Continue with Corp');
    await page.waitForSelector('input[name=login]');
  });

  it('returnTo, typed into the address bar, stays here', async () => {
    const { page, origin } = await world();
    // Every other variant: test/attacks/return-to.test.ts.
    for (const returnTo of ['/\\evil.example', '/%09/evil.example', '//evil%E3%80%82com']) {
      await page.goto(`${origin}/api/auth/signin?again&returnTo=${returnTo}`);
      await page.fill('#username', 'alice');
      await page.fill('#password', PASSWORD);
      await page.click('button[type=submit]');
      await page.waitForURL((url) => url.pathname !== '/api/auth/signin');
      expect.soft(new URL(page.url()).origin, returnTo).toBe(origin);
    }
  });

  it('a page in a foreign frame signs in through a window of its own, without any cookie', async () => {
    const browser = await launchWholeChromium(['--test-third-party-cookie-phaseout']);
    onTestFinished(() => browser.close());
    const { context, origin } = await world({ browser });
    const platform = await reservePort();
    const foreign = platform.origin.replace('localhost', '127.0.0.1');
    const outside = express();
    outside.get('/', (_req, res) => {
      res.send(`<iframe src="${origin}/embedded" style="width:300px;height:200px"></iframe>`);
    });
    platform.serve(outside);
    const page = await context.newPage();
    await page.goto(`${foreign}/`);
    const frame = page.frameLocator('iframe');
    const [popup] = await Promise.all([
      context.waitForEvent('page'),
      frame.locator('button').click(),
    ]);
    await signInAtProvider(popup, 'ada');
    await frame.locator('#who:has-text("ada")').waitFor();
    expect(await frame.locator('#cookies').textContent()).toBe('none');
    expect(await context.cookies(origin)).toEqual([]);
  });

  it('shows nobody the sign-in page in a frame', async () => {
    const { context, origin } = await world();
    const platform = await reservePort();
    const outside = express();
    outside.get(
      '/',
      (_req, res) => void res.send(`<iframe src="${origin}/api/auth/signin"></iframe>`),
    );
    platform.serve(outside);
    const page = await context.newPage();
    await page.goto(platform.origin);
    const [, inner] = page.frames();
    expect(await inner?.locator('form').count()).toBe(0);
  });

  it('the sign-in page can be read and used by everybody, in light and in dark', async () => {
    // As wide as a page of 1280 pixels at four times its size (WCAG 2.2, 1.4.10).
    const { page, origin } = await world({ context: { viewport: { width: 320, height: 480 } } });
    await page.goto(`${origin}/api/auth/signin`);
    await page.fill('#username', 'nobody');
    await page.fill('#password', 'wrong');
    await page.press('#password', 'Enter');
    await page.waitForSelector('[role=alert]');
    for (const label of ['User name or e-mail', 'Password'])
      expect(await page.getByLabel(label).count()).toBe(1);
    expect(await page.evaluate<string>('document.activeElement.id')).toBe('password');
    const reached: string[] = [];
    for (let presses = 0; presses < 2; presses += 1) {
      await page.keyboard.press('Tab');
      reached.push(
        await page.evaluate<string>('document.activeElement.innerText.trim().split("\\n").at(-1)'),
      );
    }
    expect(reached).toEqual(['Sign in', 'Continue with Corp']);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBe(320);
      const outline = await page.evaluate<string>(
        'getComputedStyle(document.activeElement).outlineStyle',
      );
      expect(outline, colorScheme).toBe('solid');
      for (const selector of ['h1', 'label', '[role=alert]', 'button', 'a.button', '.or'])
        expect(
          await contrastOf(page, selector),
          `${selector} in ${colorScheme}`,
        ).toBeGreaterThanOrEqual(4.5);
    }
  });
});

/** Contrast of an element's text with what it stands on (WCAG 2.2, 1.4.3). */
async function contrastOf(page: Page, selector: string): Promise<number> {
  const [ink, paper] = await page.evaluate<[string, string]>(`(() => {
    const element = document.querySelector(${JSON.stringify(selector)});
    let below = element;
    while (getComputedStyle(below).backgroundColor === 'rgba(0, 0, 0, 0)') below = below.parentElement;
    return [getComputedStyle(element).color, getComputedStyle(below).backgroundColor];
  })()`);
  const [lighter = 0, darker = 0] = [luminance(ink), luminance(paper)].toSorted((a, b) => b - a);
  return (lighter + 0.05) / (darker + 0.05);
}

function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = (color.match(/[\d.]+/g) ?? []).map((part) => {
    const value = Number(part) / 255;
    return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

const LINKING = `<!doctype html><form method="post" action="/api/auth/link/corp">
<input type="hidden" name="returnTo" value="/inside"><button>Add</button></form>`;

/** What the script of Google's button submits. */
const GOOGLE_FORM = `<!doctype html><form method="post" action="/api/auth/google">
<input type="hidden" name="credential" value="no.id.token">
<input type="hidden" name="g_csrf_token" value="double"><button>Sign in with Google</button></form>`;

const VERIFIER = 'a-verifier-that-only-the-page-in-the-frame-knows';
const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url');

/** Asks for a window to sign in with, and exchanges the code that comes back. A real page makes its verifier itself. */
const EMBEDDED = `<!doctype html><button>Sign in</button><p id="who"></p><p id="cookies"></p><script>
const started = '/api/auth/login/corp?mode=code&returnTo=/popup&code_challenge=${CHALLENGE}';
document.querySelector('button').onclick = () => open(started, 'sign-in', 'popup');
addEventListener('message', async ({ origin, data }) => {
  if (origin !== location.origin) return;
  const response = await fetch('/api/auth/exchange', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ code: data, code_verifier: '${VERIFIER}' }),
  });
  const { access_token } = await response.json();
  const me = await fetch('/api/me', { headers: { authorization: 'Bearer ' + access_token } });
  document.querySelector('#cookies').textContent = document.cookie || 'none';
  document.querySelector('#who').textContent = (await me.json()).username;
});
</script>`;

const POPUP = `<!doctype html><script>
opener.postMessage(new URLSearchParams(location.search).get('auth_code'), location.origin);
close();
</script>`;
