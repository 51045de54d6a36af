import { readFile } from 'node:fs/promises';
import { build } from 'esbuild';
import express from 'express';
import { createAuth } from 'latchkey';
import { createAuthClient } from 'latchkey/client';
import type { Browser } from 'playwright-core';
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { root } from '../../package/build-package.js';
import { addUser, BASE, PASSWORD } from '../../world/auth-server.js';
import { isChromiumMissing, launchChromium } from '../../world/chromium.js';
import { reservePort } from '../../world/login-app.js';
import { App } from './react-app.js';

const login = { username: 'ada', password: PASSWORD };

const PAGE = `
  import { createAuthClient } from 'latchkey/client';
  import { createElement, StrictMode } from 'react';
  import { createRoot, hydrateRoot } from 'react-dom/client';
  import { App } from './test/examples/recipes/react-app.ts';
  const client = createAuthClient({ baseUrl: '/api' });
  const app = createElement(StrictMode, null, createElement(App, { client, login: ${JSON.stringify(login)} }));
  const place = document.getElementById('root');
  // Late, so that the client knows more by then than the server's HTML says.
  if (place.firstChild) client.session().then(() => hydrateRoot(place, app));
  else createRoot(place).render(app);
`;

/** With React's checks, which StrictMode needs. */
async function bundlePage(): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    stdin: { contents: PAGE, resolveDir: root, loader: 'js' },
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    alias: { 'latchkey/client': './lib/client/index.ts' },
    define: { 'process.env.NODE_ENV': '"development"' },
    logLevel: 'error',
  });
  return outputFiles[0]?.text ?? '';
}

/** What a server renders, where nobody is known yet. */
const rendered = (): string =>
  renderToString(
    createElement(App, { client: createAuthClient({ baseUrl: 'http://localhost/api' }), login }),
  );

it('the hook has twenty lines at most', async () => {
  const text = await readFile(`${root}/examples/recipes/react/use-session.ts`, 'utf8');
  expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(20);
});

it('a server renders that it is not known yet who is signed in, and asks nobody', () => {
  expect(rendered()).toBe('<main><p>One moment</p><p>One moment</p></main>');
});

describe.skipIf(isChromiumMissing())('a page with the hook', () => {
  let browser: Browser;
  let script: string;
  beforeAll(async () => {
    [browser, script] = await Promise.all([launchChromium(), bundlePage()]);
  }, 60_000);
  afterAll(() => browser.close());

  async function open() {
    const port = await reservePort();
    const auth = createAuth({ ...BASE, publicUrl: port.origin });
    await addUser({ auth }, { username: 'ada' });
    const asked: string[] = [];
    const app = express();
    app.use('/api/auth', (req, _res, next) => {
      asked.push(`${req.method} ${req.path}`);
      next();
    });
    app.use('/api/auth', auth.router());
    app.get('/page.js', (_req, res) => void res.type('js').send(script));
    app.get(['/', '/rendered'], (req, res) => {
      const html = req.path === '/' ? '' : rendered();
      res.send(
        `<!doctype html><link rel="icon" href="data:,"><title>Page</title><div id="root">${html}</div><script type="module" src="/page.js"></script>`,
      );
    });
    app.use(auth.errorHandler());
    port.serve(app);
    const context = await browser.newContext();
    onTestFinished(() => context.close());
    const complaints: string[] = [];
    const newTab = async (path: string) => {
      const page = await context.newPage();
      page.on('pageerror', ({ message }) => complaints.push(message));
      page.on('console', (line) => {
        if (['error', 'warning'].includes(line.type())) complaints.push(line.text());
      });
      await page.goto(`${port.origin}${path}`);
      return {
        page,
        press: (name: string) => page.getByRole('button', { name }).click(),
        greets: (text: string) =>
          page
            .locator('p')
            .filter({ hasText: new RegExp(`^${text}$`) })
            .nth(1)
            .waitFor(),
      };
    };
    return { asked, complaints, newTab };
  }

  it.each(['/', '/rendered'])(
    '%s shows log-in and log-out in all its parts and tabs',
    async (path) => {
      const { asked, complaints, newTab } = await open();
      const tab = await newTab(path);
      await tab.greets('Nobody is signed in');
      // Of three components, each with two effects.
      expect(asked).toEqual(['GET /session']);
      await tab.press('Sign in');
      await tab.greets('Hello ada');
      await tab.page.reload();
      await tab.greets('Hello ada');
      const other = await newTab(path);
      await other.greets('Hello ada');
      await other.press('Sign out');
      await other.greets('Nobody is signed in');
      await tab.greets('Nobody is signed in');
      expect(complaints).toEqual([]);
    },
  );
});
