import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { type AuthOptions, createAuth } from 'latchkey';
import { createTestIssuer, type TestIssuer } from 'latchkey/testing';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createApp as createPublicApp } from '../../examples/same-origin-bff/1-public/app.js';
import { createApp as createVerifyingApp } from '../../examples/same-origin-bff/2-verify/app.js';
import { createApp as createSignInApp } from '../../examples/same-origin-bff/3-sign-in/app.js';
import { requireDevelopment } from '../../examples/same-origin-bff/demo/for-development.js';
import { createDemoIssuer } from '../../examples/same-origin-bff/demo/issuer.js';
import { createDemo } from '../../examples/same-origin-bff/demo/sign-in.js';
import { isRecord } from '../../lib/is-record.js';
import { root } from '../package/build-package.js';
import { stop } from '../package/start-script.js';
import { BASE } from '../world/auth-server.js';
import { isChromiumMissing, launchChromium } from '../world/chromium.js';
import { createHttpBrowser } from '../world/http-browser.js';
import { reservePort } from '../world/login-app.js';
import { signInAt } from '../world/login-provider.js';
import { serve } from '../world/serve.js';
import { compiledExamples } from './compiled-examples.js';
import { pasteLines } from './pasted-lines.js';
import { startCompiled } from './started-example.js';

const example = path.join(root, 'examples/same-origin-bff');
const run = promisify(execFile);

const serverOf = compiledExamples();

async function startPublic() {
  const port = await reservePort();
  port.serve(createPublicApp(port.origin));
  return port;
}

/** Step 2, by the three variables that it wants. */
async function startVerifying() {
  const { jwt, sign } = createDemoIssuer();
  const variables = { ...named(jwt), AUTH_JWT_SECRET: jwt.secret };
  return { origin: await serveVerifying(variables), sign };
}

const named = (jwt: { readonly issuer: string; readonly audience: readonly string[] }) => ({
  AUTH_JWT_ISSUER: jwt.issuer,
  AUTH_JWT_AUDIENCE: jwt.audience.join(','),
});

async function serveVerifying(env: Readonly<Record<string, string>>): Promise<string> {
  const port = await reservePort();
  const auth = createAuth({ env, onWarning: () => undefined });
  port.serve(createVerifyingApp(auth, port.origin));
  return port.origin;
}

/** Step 3, with what every request to it said of its id. */
async function startSignIn(options: AuthOptions = {}) {
  const port = await reservePort();
  const { origin } = port;
  const demo = await createDemo(origin);
  const auth = createAuth({
    ...BASE,
    ...demo.settings,
    passwordLogin: false,
    cookieSessions: true,
    tokenScopes: () => ['data.read'],
    ...options,
  });
  onTestFinished(() => auth.close());
  const app = demo.beside(createSignInApp(auth, origin));
  const ids: string[] = [];
  port.serve((req, res) => {
    ids.push(`${req.url} ${String(req.headers['x-request-id'])}`);
    app(req, res);
  });
  return { auth, origin, ids, demo, browser: createHttpBrowser() };
}

/** The same claims, signed by nobody. */
function unsigned(token: string): string {
  const [, claims = ''] = token.split('.');
  return `${Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')}.${claims}.`;
}

function bearer(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

/** What the API's clients of step 1 ask for. */
const PATHS = ['/api/products', '/api/orders', '/api/data'];

async function bodies(origin: string, token?: string): Promise<readonly string[]> {
  const answers = PATHS.map((asked) => fetch(origin + asked, { headers: bearer(token) }));
  return Promise.all((await Promise.all(answers)).map((answer) => answer.text()));
}

describe('the README of the example', () => {
  it.each([
    ['1-public', '2-verify'],
    ['2-verify', '3-sign-in'],
  ])('shows what changes from %s to %s', async (from, to) => {
    const readme = await readFile(path.join(example, 'README.md'), 'utf8');
    const shown = [...readme.matchAll(/^```diff\n(.*?)^```$/gms)].map(([, diff]) => diff);
    expect(shown).toContain(await diffOf(from, to));
  });
});

/** Of all but server.ts, which starts the step. */
async function diffOf(from: string, to: string): Promise<string> {
  // Blank lines without the space that editors and formatters remove.
  const options = '-c diff.suppressBlankEmpty=true diff --no-index --no-color --no-ext-diff';
  const asked = [...options.split(' '), '--no-prefix', '-U1', from, to];
  const env = { PATH: process.env['PATH'], GIT_CONFIG_GLOBAL: '/dev/null' };
  // 1 says that there are differences.
  const { stdout } = await run('git', asked, { cwd: example, env }).catch(
    (error: { readonly stdout: string }) => error,
  );
  return stdout
    .split(/^diff --git .*\n/m)
    .filter((file) => !file.includes('server.ts'))
    .join('')
    .replaceAll(/^(?:index|new file mode) .*\n/gm, '');
}

it.each(['1-public', '2-verify', '3-sign-in'])(
  'starts %s by its one command, answers the lines that it prints, and ends when it is asked to',
  async (step) => {
    const { script, printed } = startCompiled(serverOf(`same-origin-bff/${step}`));
    const origin = await printed(/http:\/\/localhost:\d+/);
    expect((await fetch(origin)).status).toBe(200);
    const lines = script.output.stdout.match(/^(?:\w+=|# .+: \d{3}$|curl ).*$/gm) ?? [];
    const { announced, answered } = await pasteLines(lines.join('\n'));
    expect(answered).toEqual(announced);
    expect(await stop(script)).toBe(0);
  },
);

it('makes nothing up in production', () => {
  requireDevelopment('AUTH_OIDC_ISSUER');
  vi.stubEnv('NODE_ENV', 'production');
  onTestFinished(() => void vi.unstubAllEnvs());
  expect(() => requireDevelopment('AUTH_OIDC_ISSUER')).toThrow(/AUTH_OIDC_ISSUER/);
});

describe('step 1', () => {
  it('is public', async () => {
    const { origin } = await startPublic();
    const browser = createHttpBrowser();
    for (const asked of [...PATHS, '/', '/reports', '/explorer'])
      expect((await browser.open(origin + asked)).status).toBe(200);
    expect((await browser.open(`${origin}/reports`)).body).toContain('<li>revenue 120</li>');
  });
});

describe('step 2', () => {
  it.each([
    { who: 'nobody', scope: undefined, statuses: [200, 401, 401], page: 401, username: null },
    { who: 'grace', scope: '', statuses: [200, 200, 403], page: 403, username: 'grace' },
    { who: 'ada', scope: 'data.read', statuses: [200, 200, 200], page: 200, username: 'ada' },
  ])('leaves public what was, and tells $who apart', async ({ who, scope, ...expected }) => {
    const { origin, sign } = await startVerifying();
    const headers = bearer(scope === undefined ? undefined : await sign(who, scope));
    const ask = (asked: string) => fetch(origin + asked, { headers });
    const answers = await Promise.all(PATHS.map(ask));
    expect(answers.map(({ status }) => status)).toEqual(expected.statuses);
    expect(await (await ask('/me')).json()).toEqual({ username: expected.username });
    // The page calls the API with the token that asked for the page.
    expect((await ask('/reports')).status).toBe(expected.page);
    expect((await ask('/')).status).toBe(200);
  });

  it('takes tokens under published keys as well, and none of a stranger', async () => {
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    const keys = await serve((_req, res) => {
      res.setHeader('content-type', 'application/json').end(JSON.stringify(issuer.jwks()));
    });
    const origin = await serveVerifying({
      ...named({ issuer: issuer.issuer, audience: [issuer.audience] }),
      AUTH_JWKS_URL: `${keys.origin}/jwks.json`,
    });
    const statusFor = async (by: TestIssuer): Promise<number> => {
      const headers = bearer(await by.mint({ scope: 'data.read' }));
      return (await fetch(`${origin}/api/data`, { headers })).status;
    };
    expect(await statusFor(issuer)).toBe(200);
    expect(await statusFor(await createTestIssuer({ algorithm: 'ES256' }))).toBe(401);
  });
});

describe('step 3', () => {
  it('answers clients of the steps before what they were answered then', async () => {
    const { origin } = await startPublic();
    const before = await bodies(origin);
    const verifying = await startVerifying();
    expect(await bodies(verifying.origin, await verifying.sign('ada', 'data.read'))).toEqual(
      before,
    );
    const { demo, ...last } = await startSignIn();
    expect(await bodies(last.origin, await demo.formerToken())).toEqual(before);
    expect((await fetch(`${last.origin}/api/products`)).status).toBe(200);
    expect((await fetch(`${last.origin}/api/data`)).status).toBe(401);
  });

  it('shows a page to who signs in on the way, with data that the API gave to that user', async () => {
    const { origin, browser, ids } = await startSignIn();
    const page = await browser.open(`${origin}/reports`);
    expect(page.url).toBe(`${origin}/api/auth/signin?returnTo=%2Freports`);
    const reports = await signInAt(browser, `${origin}/api/auth/login?returnTo=/reports`, {
      login: 'ada',
    });
    expect(reports.visited.map((url) => url.split('?')[0])).toContain(
      `${origin}/api/auth/callback`,
    );
    expect(reports.body).toContain('<li>revenue 120</li>');
    const me = await browser.fetch(`${origin}/me`);
    expect(JSON.parse(me.body)).toEqual({ username: 'ada' });
    // One id for a page and for what it asked for.
    await browser.open(`${origin}/reports`, { headers: { 'x-request-id': 'page-1' } });
    await browser.open(`${origin}/`, { headers: { 'x-request-id': 'page-2' } });
    expect(ids.slice(-4)).toEqual([
      '/reports page-1',
      '/api/data page-1',
      '/ page-2',
      '/api/products page-2',
    ]);
  });

  it('gives a page that keeps tokens one of our own for its code, once, which the API takes as before', async () => {
    const { origin, browser } = await startSignIn();
    const page = await signInAt(browser, `${origin}/api/auth/login?mode=code&returnTo=/explorer`, {
      login: 'ada',
    });
    const code = new URL(page.url).searchParams.get('auth_code');
    const exchange = () => browser.fetch(`${origin}/api/auth/exchange`, { json: { code } });
    const tokens = JSON.parse((await exchange()).body) as { access_token: string };
    expect(tokens).toMatchObject({ token_type: 'Bearer' });
    const data = await fetch(`${origin}/api/data`, { headers: bearer(tokens.access_token) });
    expect(data.status).toBe(200);
    expect((await exchange()).status).toBe(401);
  });

  it.each([
    {
      title: 'under a signature of somebody else',
      forge: (token: string) => token.replace(/[^.]+$/, (end) => end.slice(40) + end.slice(0, 40)),
    },
    {
      title: 'without a signature',
      forge: unsigned,
    },
  ])('signs nobody in by an ID token $title', async ({ forge }) => {
    const forged: string[] = [];
    const { origin, browser } = await startSignIn({
      async providerFetch(...request) {
        const answer = await fetch(...request);
        const body: unknown = await answer.clone().json();
        if (!isRecord(body) || typeof body['id_token'] !== 'string') return answer;
        forged.push(forge(body['id_token']));
        return Response.json({ ...body, id_token: forged.at(-1) });
      },
    });
    await signInAt(browser, `${origin}/api/auth/login?returnTo=/reports`, { login: 'ada' });
    expect(forged).toHaveLength(1);
    const me = await browser.fetch(`${origin}/me`);
    expect(JSON.parse(me.body)).toEqual({ username: null });
  });

  it('accepts no token that nobody has signed', async () => {
    const { origin, demo } = await startSignIn();
    const token = unsigned(await demo.formerToken());
    const response = await fetch(`${origin}/api/data`, { headers: bearer(token) });
    expect(response.status).toBe(401);
  });

  it('logs nobody out when the secret is replaced with overlap', async () => {
    const { auth, origin, browser, demo } = await startSignIn();
    await signInAt(browser, `${origin}/api/auth/login`, { login: 'ada' });
    const { jwt } = demo.settings;
    const secret = 'another-secret-of-enough-characters-0123456789';
    const next = await startSignIn({
      store: auth.store,
      jwt: { ...jwt, secret, secretPrevious: [jwt.secret] },
    });
    const cookie = browser.cookies('localhost').get('latchkey-session') ?? '';
    next.browser.setCookie('localhost', 'latchkey-session', cookie);
    const me = await next.browser.fetch(`${next.origin}/me`);
    expect(JSON.parse(me.body)).toEqual({ username: 'ada' });
    const data = await fetch(`${next.origin}/api/data`, {
      headers: bearer(await demo.formerToken()),
    });
    expect(data.status).toBe(200);
  });

  it.each([
    { origin: 'https://app.example.com', allowed: 'https://app.example.com' },
    { origin: 'https://evil.example', allowed: null },
  ])('lets pages of listed origins read the API, and $origin', async ({ origin, allowed }) => {
    const world = await startSignIn({ corsOrigins: ['https://app.example.com'] });
    const response = await fetch(`${world.origin}/api/products`, { headers: { origin } });
    expect(response.headers.get('access-control-allow-origin')).toBe(allowed);
    expect(response.headers.get('content-security-policy')).toContain("script-src 'self'");
  });
});

describe.skipIf(isChromiumMissing())('pages in a browser', () => {
  let chromium: Browser;
  beforeAll(async () => {
    chromium = await launchChromium();
  });
  afterAll(() => chromium.close());

  async function open(url: string) {
    const page = await chromium.newPage();
    onTestFinished(() => page.close());
    await page.goto(url);
    return page;
  }

  it('are labelled with whom the API names, in step 2 by a token that the page was given', async () => {
    const { origin, sign } = await startVerifying();
    const page = await open(`${origin}/explorer`);
    await page.getByText('GET /api/data: 401').waitFor();
    expect(await page.textContent('#who')).toBe('Not signed in');
    await page.getByLabel('Access token').fill(await sign('ada', 'data.read'));
    await page.getByRole('button').click();
    await page.getByText('GET /api/data: 200').waitFor();
    expect(await page.textContent('#who')).toBe('ada');
    // Not in a page that a browser asks for without it, which then says where it is.
    await page.goto(`${origin}/reports`);
    await page.getByRole('link', { name: 'call the API with one' }).click();
    await page.getByLabel('Access token').waitFor();
  });

  it('in step 3 by the session, and by a token for the code that a log-in came back with', async () => {
    const { origin } = await startSignIn();
    const page = await open(`${origin}/explorer?auth_code=used-before`);
    await page.getByText('There is no access token').waitFor();
    await page.goto(`${origin}/explorer?auth_error=login_denied`);
    await page.getByText('There is no access token (login_denied)').waitFor();
    await page.reload();
    await page.getByText('GET /api/data: 401').waitFor();
    await page.getByText('Get an access token').click();
    await page.fill('input[name=login]', 'ada');
    await page.fill('input[name=password]', 'any');
    await page.press('input[name=password]', 'Enter');
    await page.waitForSelector('input[name=prompt][value=consent]', { state: 'attached' });
    const asked = page.waitForRequest(`${origin}/api/data`);
    await page.click('button[type=submit]');
    expect((await asked).headers()['authorization']).toMatch(/^Bearer /);
    await page.getByText('GET /api/data: 200').waitFor();
    expect(page.url()).toBe(`${origin}/explorer`);
    await page.getByRole('link', { name: 'Sign out' }).waitFor();
    expect(await page.textContent('#who')).toBe('ada');
  });
});
