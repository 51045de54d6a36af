import { readFile } from 'node:fs/promises';
import type { IncomingHttpHeaders, RequestListener } from 'node:http';
import path from 'node:path';
import { createAuth } from 'latchkey';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createApp } from '../../examples/embedded-app/app.js';
import { createOrdersApi } from '../../examples/embedded-app/demo/orders-api.js';
import { createPlatform } from '../../examples/embedded-app/demo/platform.js';
import { buildPackage, root } from '../package/build-package.js';
import { stop } from '../package/start-script.js';
import { isChromiumMissing, launchChromium, launchWholeChromium } from '../world/chromium.js';
import { reservePort } from '../world/login-app.js';
import { serve } from '../world/serve.js';
import { pasteLines, shellBlock } from './pasted-lines.js';
import { startExample } from './started-example.js';

const APP = 'https://shipping.example';
const API = 'https://orders.platform.example';
/** Longer than the platform's tokens live, and than clocks may differ. */
const OVER_AN_HOUR_MS = 3_700_000;

beforeAll(() => buildPackage());

interface WorldOptions {
  /** Whether AUTH_STANDALONE is on, with a token of Ada's. */
  readonly standalone?: boolean;
  readonly nodeEnv?: string;
  /** @defaultValue both */
  readonly audiences?: readonly string[];
  /** In place of the platform's API. */
  readonly api?: RequestListener;
}

/** The platform and its API on 127.0.0.1, and the app on localhost: another site. */
async function world({ audiences = [APP, API], standalone, nodeEnv, api }: WorldOptions = {}) {
  let aheadMs = 0;
  const now = (): number => Date.now() + aheadMs;
  const port = await reservePort();
  let answer: RequestListener = () => undefined;
  const { origin: platformOrigin } = await serve((req, res) => answer(req, res));
  const platform = await createPlatform(platformOrigin, {
    audiences,
    appOrigin: port.origin,
    now,
  });
  answer = platform.app;
  const upstream = await startOrdersApi(platform.jwt, { now, api });
  const tokenOf = async (user: string): Promise<string> =>
    (await fetch(`${platformOrigin}/token?user=${user}`)).text();
  const auth = createAuth({
    env: {
      AUTH_JWT_ISSUER: platform.jwt.issuer,
      AUTH_JWKS_URL: platform.jwt.jwksUrl,
      AUTH_JWT_AUDIENCE: APP,
      ...(standalone && { AUTH_STANDALONE: 'true', AUTH_DEV_TOKEN: await tokenOf('ada') }),
      ...(nodeEnv && { NODE_ENV: nodeEnv, AUTH_JWKS_ALLOW_HTTP: '127.0.0.1' }),
    },
    now,
    onWarning: () => undefined,
  });
  port.serve(
    createApp(auth, {
      platformOrigin,
      apiUrl: `${upstream.origin}/v1`,
      allowedOrigins: [upstream.origin],
    }),
  );
  const advance = (ms: number): void => void (aheadMs += ms);
  return { platformOrigin, appOrigin: port.origin, upstream, tokenOf, advance };
}

async function startOrdersApi(
  jwt: { issuer: string; jwksUrl: string },
  { now, api: other }: { now: () => number; api: RequestListener | undefined },
) {
  const auth = createAuth({ env: {}, jwt: { ...jwt, audience: [API] }, now });
  const api = other ?? createOrdersApi(auth);
  const asked: IncomingHttpHeaders[] = [];
  const served = await serve((req, res) => {
    asked.push(req.headers);
    api(req, res);
  });
  return { ...served, asked };
}

/** What the app logs until the test has finished, in place of the console. */
function logged() {
  const log = vi.spyOn(console, 'error').mockReturnValue();
  onTestFinished(() => log.mockRestore());
  return log;
}

describe('the backend of the embedded app', () => {
  it('calls the upstream API with the caller’s own token and the id of the request', async () => {
    const { appOrigin, upstream, tokenOf } = await world();
    const authorization = `Bearer ${await tokenOf('ada')}`;
    const response = await fetch(`${appOrigin}/api/orders`, {
      headers: { authorization, 'x-request-id': 'launch-1' },
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('x-request-id')).toBe('launch-1');
    expect(upstream.asked).toMatchObject([{ authorization, 'x-request-id': 'launch-1' }]);
  });

  it.each([
    { title: 'no token', audiences: [APP, API], user: undefined, status: 401 },
    { title: 'a token for somebody else', audiences: [API], user: 'ada', status: 401 },
    { title: 'a token that only the app accepts', audiences: [APP], user: 'ada', status: 401 },
    { title: 'a token without the scope', audiences: [APP, API], user: 'grace', status: 403 },
  ])('answers $title with $status', async ({ audiences, user, status }) => {
    const { appOrigin, tokenOf } = await world({ audiences });
    const response = await fetch(`${appOrigin}/api/orders/1002/ship`, {
      method: 'POST',
      headers: user === undefined ? {} : { authorization: `Bearer ${await tokenOf(user)}` },
    });
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  });

  it.each(['..%2F..%2Fadmin', '%2F%2Fevil.example', '..', '%5C%5Cevil.example'])(
    'sends the token nowhere else for the order %s',
    async (id) => {
      const { appOrigin, upstream, tokenOf } = await world();
      logged();
      const response = await fetch(`${appOrigin}/api/orders/${id}/ship`, {
        method: 'POST',
        headers: { authorization: `Bearer ${await tokenOf('ada')}` },
      });
      expect(response.ok).toBe(false);
      expect(upstream.asked.length).toBeLessThanOrEqual(1);
    },
  );

  it('hands on what the upstream API says of trying again and of a refused token, and none of its cookies', async () => {
    const { appOrigin, tokenOf } = await world({
      api(req, res) {
        res.setHeader('set-cookie', 'upstream=1').setHeader('www-authenticate', 'Bearer');
        res.writeHead(req.method === 'GET' ? 429 : 401, { 'retry-after': '7' }).end('{}');
      },
    });
    const headers = { authorization: `Bearer ${await tokenOf('ada')}` };
    const busy = await fetch(`${appOrigin}/api/orders`, { headers });
    expect(busy.status).toBe(429);
    expect(busy.headers.get('retry-after')).toBe('7');
    expect(busy.headers.getSetCookie()).toEqual([]);
    const refused = await fetch(`${appOrigin}/api/orders/1002/ship`, { method: 'POST', headers });
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toBe('Bearer');
  });

  it('answers 502 with the request’s id while the upstream API is down, and logs why', async () => {
    const { appOrigin, upstream, tokenOf } = await world();
    const log = logged();
    await upstream.close();
    const response = await fetch(`${appOrigin}/api/orders`, {
      headers: { authorization: `Bearer ${await tokenOf('ada')}`, 'x-request-id': 'launch-2' },
    });
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ status: 502, request_id: 'launch-2' });
    expect(log).toHaveBeenCalledExactlyOnceWith(
      expect.stringMatching(/^launch-2: .+\/v1\/orders /),
      expect.any(Error),
    );
  });

  it('develops without the platform, by a token from the environment', async () => {
    const { appOrigin } = await world({ standalone: true });
    const response = await fetch(`${appOrigin}/api/me`);
    expect(await response.json()).toMatchObject({ username: 'ada' });
  });

  it('takes that token from nobody in production, and does not start', async () => {
    const { appOrigin } = await world({ nodeEnv: 'production' });
    expect((await fetch(`${appOrigin}/api/me`)).status).toBe(401);
    const starting = world({ nodeEnv: 'production', standalone: true });
    await expect(starting).rejects.toThrow(/AUTH_STANDALONE/);
  });
});

describe('the README', () => {
  it('has curl lines that are answered as their comments say', async () => {
    const { appOrigin, platformOrigin } = await world();
    const { announced, answered } = await pasteLines(
      await linesOf('ADA=', { 'localhost:3000': appOrigin, '127.0.0.1:3001': platformOrigin }),
    );
    expect(answered).toEqual(announced);
    expect(answered).toHaveLength(4);
  });

  it('names the variables by which the app works without the platform', async () => {
    const { platformOrigin, upstream } = await world();
    const exported = await linesOf('export AUTH_JWKS_URL=http:', {
      'http://127.0.0.1:3001': platformOrigin,
      'http://127.0.0.1:3002': upstream.origin,
      '127.0.0.1:3001': platformOrigin,
      'PORT=3020 npm run example embedded-app': 'env',
    });
    const { stdout } = await pasteLines(exported);
    const env = Object.fromEntries(
      stdout.split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2)),
    ) as Readonly<Record<string, string>>;
    const app = createApp(createAuth({ env }), {
      platformOrigin: env['PLATFORM_ORIGIN'] ?? '',
      apiUrl: env['PLATFORM_API_URL'] ?? '',
      allowedOrigins: [upstream.origin],
    });
    const { origin } = await serve(app);
    const response = await fetch(`${origin}/api/orders`);
    expect(response.status).toBe(200);
  });
});

/** A block of the README, with these addresses in place of those there. */
async function linesOf(
  beginning: string,
  replaced: Readonly<Record<string, string>>,
): Promise<string> {
  const readme = await readFile(path.join(root, 'examples/embedded-app/README.md'), 'utf8');
  let lines = shellBlock(readme, beginning);
  for (const [from, to] of Object.entries(replaced)) lines = lines.replaceAll(from, to);
  return lines;
}

it('starts by its one command, and ends when it is asked to', async () => {
  const { script, printed } = startExample('embedded-app');
  const platform = await printed(/http:\/\/127\.0\.0\.1:\d+/);
  expect(await (await fetch(platform)).text()).toContain('<iframe');
  expect(await stop(script)).toBe(0);
});

let sharedBrowser: Browser;

/** What the clock of Playwright leaves out: a wait with a time limit ends when the test says so, however slow the machine is. */
const END_WAITS = `{
  const waits = [];
  AbortSignal.timeout = () => {
    const wait = new AbortController();
    waits.push(wait);
    return wait.signal;
  };
  window.endWaits = () => {
    for (const wait of waits.splice(0)) wait.abort(new DOMException('', 'TimeoutError'));
  };
}`;

/** The platform's page in the browser of all tests, where the app keeps nothing either. */
async function launch() {
  const launched = await launchIn(sharedBrowser);
  onTestFinished(async () => expect(await launched.context.cookies()).toEqual([]));
  return launched;
}

/** The platform's page. */
async function launchIn(browser: Browser) {
  const app = await world();
  const context = await browser.newContext();
  onTestFinished(() => context.close());
  const page = await context.newPage();
  await page.clock.install();
  await page.addInitScript(END_WAITS);
  const tokens: string[] = [];
  page.on('request', (request) => {
    if (request.url().includes('/token?')) tokens.push(request.url());
  });
  await page.goto(app.platformOrigin);
  const frame = page.frameLocator('#app');
  const reload = async (): Promise<void> => {
    const answer = page.waitForResponse(
      (response) => response.url().endsWith('/api/orders') && response.ok(),
    );
    await frame.getByRole('button', { name: 'Load again' }).click();
    await answer;
  };
  return { ...app, context, page, frame, reload, tokens };
}

/** Everything that a page could keep something in. */
const STORAGE = `(() => {
  document.cookie = 'probe=1; SameSite=None; Secure';
  try { localStorage.setItem('probe', '1'); } catch { return document.cookie; }
  return document.cookie + localStorage.getItem('probe');
})()`;

/** How many lines each button and heading of the table has. */
const LINES = `[...document.querySelectorAll('th, button')].map((element) => {
  const range = document.createRange();
  range.selectNodeContents(element);
  return range.getClientRects().length;
})`;

describe.skipIf(isChromiumMissing())('the page in the platform’s frame', () => {
  beforeAll(async () => {
    sharedBrowser = await launchChromium();
  });
  afterAll(() => sharedBrowser.close());

  it('works where its site has no cookies and no storage, by the token that the platform hands it', async () => {
    // The whole browser alone blocks the cookies of sites in frames.
    const browser = await launchWholeChromium(['--test-third-party-cookie-phaseout']);
    onTestFinished(() => browser.close());
    const { page, frame, context, appOrigin, tokens } = await launchIn(browser);
    await frame.getByText('Signed in as ada').waitFor();
    expect(await frame.getByRole('row').count()).toBe(4);
    await frame.getByRole('button', { name: 'Ship order 1002' }).press('Enter');
    await frame.getByRole('button', { name: 'Ship order 1002' }).waitFor({ state: 'detached' });
    // Whoever works by keyboard goes on where the button was lost.
    await frame.locator('#reload:focus').waitFor();
    expect(tokens).toHaveLength(1);
    expect(await context.cookies()).toEqual([]);
    const [, inner] = page.frames();
    expect(await inner?.evaluate(STORAGE)).toBe('');
    // On the narrowest screen no word of a button or a heading is broken.
    await page.setViewportSize({ width: 320, height: 640 });
    expect(await inner?.evaluate(LINES)).toEqual([1, 1, 1, 1, 1]);
    // The same site in a window of its own has both, so it is the frame that has none.
    await page.goto(appOrigin);
    expect(await page.evaluate(STORAGE)).toBe('probe=11');
  });

  it('asks the platform again when a token has expired or is refused early, also one that the platform sent by itself', async () => {
    const { page, frame, tokens, advance, reload, tokenOf, appOrigin } = await launch();
    await frame.getByText('Signed in as ada').waitFor();
    await reload();
    expect(tokens).toHaveLength(1);
    advance(OVER_AN_HOUR_MS);
    await page.clock.fastForward(OVER_AN_HOUR_MS);
    await reload();
    expect(tokens).toHaveLength(2);
    // The machine has slept, and its clock has not noticed.
    advance(OVER_AN_HOUR_MS);
    await reload();
    expect(tokens).toHaveLength(3);
    expect(await frame.getByRole('alert').isHidden()).toBe(true);
    // Grace has signed in at the platform, which says so by itself.
    const message = { type: 'token', token: await tokenOf('grace') };
    await page.evaluate(
      `frame.contentWindow.postMessage(${JSON.stringify(message)}, '${appOrigin}')`,
    );
    // The page shows her what is hers, and asks her for nothing.
    await frame.getByText('Signed in as grace').waitFor();
    advance(OVER_AN_HOUR_MS);
    await page.clock.fastForward(2 * OVER_AN_HOUR_MS);
    await reload();
    expect(tokens).toHaveLength(4);
  });

  it('says so when the platform refuses or is silent, and goes on once the platform does', async () => {
    const { page, frame, advance } = await launch();
    await frame.getByText('Signed in as ada').waitFor();
    advance(OVER_AN_HOUR_MS);
    await page.clock.fastForward(OVER_AN_HOUR_MS);
    await page.selectOption('#answer', 'nothing');
    await frame.getByRole('button', { name: 'Load again' }).click();
    await expect
      .poll(async () => {
        await page.frames()[1]?.evaluate('endWaits()');
        return frame.locator('#message').textContent();
      })
      .toMatch(/The platform does not answer/);
    expect(await frame.getByRole('row').count()).toBe(4);
    await page.selectOption('#answer', 'refusal');
    await frame.getByRole('button', { name: 'Load again' }).click();
    const refused = /lets you in no more: you have signed out/;
    await frame.getByRole('alert').getByText(refused).waitFor();
    // What was shown to a user who has signed out is for nobody else to see.
    expect(await frame.getByRole('row').count()).toBe(0);
    await page.selectOption('#answer', 'token');
    await frame.getByRole('button', { name: 'Load again' }).click();
    await frame.getByRole('alert').waitFor({ state: 'hidden' });
  });

  it('says what the API refuses, and that it is down', async () => {
    const { page, frame, upstream } = await launch();
    await page.selectOption('#user', 'grace');
    await frame.getByText('Signed in as grace').waitFor();
    await frame.getByRole('button', { name: 'Ship order 1002' }).click();
    await frame.getByRole('alert').getByText('You may not do this').waitFor();
    logged();
    await upstream.close();
    await frame.getByRole('button', { name: 'Load again' }).click();
    await page.clock.runFor(10_000);
    await frame.getByRole('alert').getByText('The platform’s API does not answer').waitFor();
  });

  it('hears no other frame of the platform’s page, and the platform gives no other frame a token', async () => {
    const { page, frame, reload, tokens, tokenOf, appOrigin, platformOrigin } = await launch();
    await frame.getByText('Signed in as ada').waitFor();
    const { origin } = await serve((_req, res) => {
      res.setHeader('content-type', 'text/html').end(`<body><script>
        window.onmessage = ({ data }) => document.body.append(JSON.stringify(data));
        parent.postMessage({ type: 'token-wanted' }, '*');
        parent.frames[0].postMessage({ type: 'token', token: location.hash.slice(1) }, '*');
        document.body.append('sent');
      </script>`);
    });
    expect([appOrigin, platformOrigin]).not.toContain(origin);
    const address = `${origin}/#${await tokenOf('grace')}`;
    await page.evaluate(
      `document.body.append(Object.assign(document.createElement('iframe'), { id: 'ad', src: '${address}' }))`,
    );
    const ad = page.frameLocator('#ad').locator('body');
    await ad.getByText('sent').waitFor();
    await reload();
    expect(await frame.locator('#who').textContent()).toBe('Signed in as ada');
    expect(tokens).toHaveLength(1);
    expect(await ad.innerText()).toBe('sent');
  });

  it('is shown by no other site, and asks to be opened from the platform when it is opened by itself', async () => {
    const { page, appOrigin } = await launch();
    const { origin } = await serve((_req, res) => {
      res.setHeader('content-type', 'text/html').end(`<iframe src="${appOrigin}/"></iframe>`);
    });
    // Another port of the platform's host, and of the app's.
    for (const other of [origin, origin.replace('127.0.0.1', 'localhost')]) {
      await page.goto(other);
      expect(await page.frames()[1]?.content()).not.toContain('Shipping');
    }
    await page.goto(appOrigin);
    await page.getByRole('alert').getByText('Open this page from the platform.').waitFor();
    const standalone = await world({ standalone: true });
    await page.goto(standalone.appOrigin);
    await page.getByText('Signed in as ada').waitFor();
  });
});
