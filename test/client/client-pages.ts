import { build } from 'esbuild';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { onTestFinished } from 'vitest';
import { root } from '../package/build-package.js';
import type { Files } from './client-app.js';

let bundled: Promise<string> | undefined;

/** The client as a script of a page, which finds its functions as globals. Bundled once for all tests. */
const clientScript = () => (bundled ??= bundleClient());

async function bundleClient(): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: `import { createAuthClient } from './lib/client/index.js';
        import { createDpopFetch } from './lib/client/dpop.js';
        Object.assign(globalThis, { createAuthClient, createDpopFetch });`,
      resolveDir: root,
      loader: 'ts',
    },
    bundle: true,
    format: 'iife',
    target: 'es2022',
    write: false,
  });
  const [file] = outputFiles;
  if (!file) throw new Error('the client was not bundled');
  return file.text;
}

/** Pages by path, such as `/tab`. Each loads the client and then its own script. */
export async function pagesWith(scripts: Readonly<Record<string, string>>): Promise<Files> {
  const files: [string, Files[string]][] = [['/client.js', ['js', await clientScript()]]];
  for (const [path, script] of Object.entries(scripts)) {
    const sources = ['/client.js', `${path}.js`];
    const tags = sources.map((source) => `<script src="${source}"></script>`).join('');
    files.push([path, ['html', `<!doctype html><title>${path}</title>${tags}`]]);
    files.push([`${path}.js`, ['js', script]]);
  }
  return Object.fromEntries(files);
}

/** A browser that has never been anywhere, until the test ends. */
export async function newContext(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<BrowserContext> {
  // Small: there is nothing to see.
  const context = await browser.newContext({ viewport: { width: 200, height: 100 }, ...options });
  onTestFinished(() => context.close());
  return context;
}

export async function openTab(context: BrowserContext, address: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(address);
  return page;
}

/** Sets the clock of the day, as it is after a laptop's sleep. Timers know nothing of it. */
export const jump = (ms: number) =>
  `globalThis.realNow ??= Date.now; Date.now = () => realNow() + ${ms};`;

/** Waits in a tab. */
export const until = (condition: string) => `new Promise((resolve) => {
  const look = () => (${condition}) ? resolve() : setTimeout(look, 10);
  look();
})`;
