import path from 'node:path';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { isChromiumMissing, launchChromium } from '../world/chromium.js';
import { createHttpBrowser } from '../world/http-browser.js';
import { signInAt, startLoginProvider } from '../world/login-provider.js';
import { listen } from '../world/serve.js';
import { buildPackage } from './build-package.js';
import { addShownUser, type ExampleServer, SECRET, startExample } from './example-server.js';
import { exportsOf, findBlock, readReadmes } from './readmes.js';
import { createScratchProject, type ScratchProject } from './scratch-project.js';
import { stop } from './start-script.js';
import { freePort } from '../world/free-port.js';

// Processes start slowly on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const readmes = await readReadmes();
const [rootReadme] = readmes;
const routerReadme = readmes.find(({ file }) => file === path.join('lib', 'router', 'README.md'));

const skip = isChromiumMissing();
let browser: Browser;
let project: ScratchProject;

beforeAll(async () => {
  await buildPackage();
  if (!skip) browser = await launchChromium();
}, 120_000);
afterAll(() => browser?.close());

/** What the tests of one recipe share: they only look at it, or each signs in for itself. */
function beginWithNewProject(): void {
  beforeAll(async () => {
    project = await createScratchProject(['express', 'libsql']);
    return () => project.remove();
  });
}

/** What every recipe needs that signs users in. The limit is out of the way: tests are faster than people. */
const OWN_USERS = {
  AUTH_STORE_URL: 'file:./auth.db',
  AUTH_JWT_SECRET: SECRET,
  AUTH_RATE_LIMIT: '1000/1s',
};

async function start(code: string, env: Readonly<Record<string, string>>): Promise<ExampleServer> {
  const server = await startExample(project, code, env);
  onTestFinished(() => void stop(server.script));
  return server;
}

/** Bundles a page's script, as Vite does, and leaves its client where tests reach it. */
async function bundlePage(script: string): Promise<string> {
  const entry = await project.write('main.js', `${script}\nglobalThis.client = client;\n`);
  const { outputFiles } = await build({ entryPoints: [entry], bundle: true, write: false });
  return outputFiles[0]?.text ?? '';
}

/** A page of a browser that was never anywhere. */
async function newPage(): Promise<Page> {
  const context = await browser.newContext();
  onTestFinished(() => context.close());
  return context.newPage();
}

describe("the README's recipe for a single-page app on another origin", () => {
  const section = 'A single-page app on another origin';
  const { code } = findBlock(rootReadme, 'Latchkey', 'ts');
  const shell = findBlock(rootReadme, section, 'sh');

  let api: string;
  let address: string;
  let env: Readonly<Record<string, string>>;
  let password: string;
  let server: ExampleServer;

  // The API as shown, and the page on a port of its own.
  beginWithNewProject();
  beforeAll(async () => {
    const port = await freePort();
    api = `http://localhost:${port}`;
    const script = await bundlePage(
      findBlock(rootReadme, section, 'js').code.replace('http://localhost:3000', api),
    );
    const html = findBlock(rootReadme, section, 'html').code;
    const files: Readonly<Record<string, readonly [type: string, text: string]>> = {
      '/': ['text/html', html],
      '/main.js': ['text/javascript', script],
    };
    const page = await listen((req, res) => {
      const [type, text] = files[req.url ?? ''] ?? ['text/plain', ''];
      res.writeHead(text === '' ? 404 : 200, { 'Content-Type': `${type}; charset=utf-8` });
      res.end(text);
    });
    address = page.origin.replace('127.0.0.1', 'localhost');
    env = {
      ...OWN_USERS,
      PORT: String(port),
      AUTH_PUBLIC_URL: api,
      AUTH_CORS_ORIGINS: address,
    };
    password = await addShownUser(project, shell.code, env);
    server = await startExample(project, code, env);
    return () => Promise.all([stop(server.script), page.close()]);
  });

  it('is shown with the variables that it needs, and no others', () => {
    expect(Object.keys(exportsOf(shell))).toEqual([
      'AUTH_PUBLIC_URL',
      'AUTH_CORS_ORIGINS',
      'AUTH_STORE_URL',
      'AUTH_JWT_SECRET',
    ]);
  });

  it('gets the tokens that the README of the router shows', async () => {
    const answer = await fetch(`${api}/api/auth/login`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ username: 'alice', password, delivery: 'body' }),
    });
    const shown = JSON.parse(findBlock(routerReadme, 'Routes', 'json').code) as object;
    expect(Object.keys((await answer.json()) as object)).toEqual(Object.keys(shown));
  });

  it.skipIf(skip)('signs in, knows the user after a reload, and signs out', async () => {
    const page = await newPage();
    await page.goto(address);
    await page.getByText('Please sign in.').waitFor();
    await page.fill('[name=username]', 'alice');
    await page.fill('[name=password]', password);
    await page.press('[name=password]', 'Enter');
    await page.getByText('Hello alice').waitFor();
    await page.reload();
    await page.getByText('Hello alice').waitFor();
    expect(await page.evaluate('document.cookie')).toBe('');
    await page.click('#sign-out');
    await page.getByText('Please sign in.').waitFor();
    await page.reload();
    await page.getByText('Please sign in.').waitFor();
  });

  it.skipIf(skip)('says so when the password is wrong', async () => {
    const page = await newPage();
    await page.goto(address);
    const dialog = page.waitForEvent('dialog');
    await page.fill('[name=username]', 'alice');
    await page.fill('[name=password]', 'not her password');
    const pressing = page.press('[name=password]', 'Enter');
    expect((await dialog).message()).toBe('The user name or the password is wrong.');
    await (await dialog).accept();
    await pressing;
  });

  // The last one, because it leaves the API with another key.
  it.skipIf(skip)('renews its access token when the API takes the old one no more', async () => {
    const root = { AUTH_SECRET: SECRET };
    const page = await newPage();
    await page.goto(address);
    await page.fill('[name=username]', 'alice');
    await page.fill('[name=password]', password);
    await page.press('[name=password]', 'Enter');
    await page.getByText('Hello alice').waitFor();
    await stop(server.script);
    await start(code, { ...env, ...root, AUTH_JWT_SECRET: SECRET.toLowerCase() });
    const status = await page.evaluate("client.fetch('/me').then(({ status }) => status)");
    expect(status).toBe(200);
  });
});

describe("the README's recipe for a server-rendered app", () => {
  const section = 'A server-rendered app';
  const { code } = findBlock(rootReadme, section, 'ts');
  const shell = findBlock(rootReadme, section, 'sh');
  let password: string;
  let origin: string;

  beginWithNewProject();
  beforeAll(async () => {
    const port = String(await freePort());
    const env = { ...OWN_USERS, PORT: port, AUTH_PUBLIC_URL: `http://localhost:${port}` };
    password = await addShownUser(project, shell.code, env);
    const server = await startExample(project, code, env);
    ({ origin } = server);
    return () => stop(server.script);
  });

  it('is shown with the variables that it needs, and no others', () => {
    expect(Object.keys(exportsOf(shell))).toEqual([
      'AUTH_PUBLIC_URL',
      'AUTH_STORE_URL',
      'AUTH_JWT_SECRET',
    ]);
  });

  it.skipIf(skip)('signs in on a page, takes a form, and signs out', async () => {
    const page = await newPage();
    await page.goto(origin);
    await page.fill('[name=username]', 'alice');
    await page.fill('[name=password]', password);
    await page.press('[name=password]', 'Enter');
    await page.getByText('Hello alice, there are 0 votes.').waitFor();
    await page.getByRole('button', { name: 'Vote' }).click();
    await page.getByText('there are 1 votes.').waitFor();
    await page.getByRole('link', { name: 'Sign out' }).click();
    await page.getByRole('link', { name: 'Sign out' }).click();
    await page.waitForSelector('[name=password]');
    await page.goto(origin);
    await page.waitForSelector('[name=password]');
  });

  it('refuses the form of another site', async () => {
    const answer = await fetch(`${origin}/api/auth/login`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ username: 'alice', password, delivery: 'cookie' }),
    });
    const [cookie = ''] = answer.headers.getSetCookie();
    const vote = await fetch(`${origin}/votes`, {
      method: 'POST',
      headers: { Cookie: cookie.split(';')[0] ?? '', Origin: 'https://evil.example' },
    });
    expect(vote.status).toBe(403);
  });
});

describe('the recipe for signing in with a provider, in the README of the router', () => {
  const section = 'Sign in with a provider';
  beginWithNewProject();

  it('is shown with the variables that it needs, and signs in a user of the provider', async () => {
    expect(Object.keys(exportsOf(findBlock(routerReadme, section, 'sh')))).toEqual([
      'AUTH_PUBLIC_URL',
      'AUTH_STORE_URL',
      'AUTH_JWT_SECRET',
      'AUTH_OIDC_ISSUER',
      'AUTH_GOOGLE_CLIENT_ID',
      'AUTH_GITHUB_CLIENT_ID',
    ]);
    const port = String(await freePort());
    const publicUrl = `http://localhost:${port}`;
    const provider = await startLoginProvider({
      redirectUris: [`${publicUrl}/api/auth/callback`],
    });
    const { script } = await start(findBlock(routerReadme, section, 'ts').code, {
      ...OWN_USERS,
      PORT: port,
      AUTH_PUBLIC_URL: publicUrl,
      AUTH_OIDC_ISSUER: provider.issuer,
      AUTH_OIDC_CLIENT_ID: provider.clientId,
      AUTH_OIDC_CLIENT_SECRET: provider.clientSecret,
    });
    const visitor = createHttpBrowser();
    expect((await visitor.open(publicUrl)).url).toBe(`${publicUrl}/api/auth/signin?returnTo=%2F`);
    const page = await signInAt(visitor, `${publicUrl}/api/auth/login?returnTo=/`, {
      login: 'ada',
    });
    expect(page.body).toBe('Hello ada');
    const me = await visitor.fetch(`${publicUrl}/api/me`);
    expect(JSON.parse(me.body)).toMatchObject({ username: 'ada', email: 'ada@idp.example' });
    expect(await stop(script)).toBe(0);
  });
});
