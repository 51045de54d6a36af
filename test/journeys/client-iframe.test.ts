import express from 'express';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuth, principalOf } from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { jump, newContext, openTab, pagesWith } from '../client/client-pages.js';
import { isChromiumMissing, launchWholeChromium } from '../world/chromium.js';
import { serve } from '../world/serve.js';

const HOUR_MS = 3_600_000;

/** The page in the frame, which asks the window around it for tokens. */
const PAGE = `
  let answer;
  addEventListener('message', ({ source, data }) => {
    if (source === parent) answer(data);
  });
  const client = createAuthClient({
    baseUrl: '/api',
    tokenSource: () => new Promise((resolve) => {
      answer = resolve;
      parent.postMessage('token-wanted', '*');
    }),
  });
  const me = async () => {
    const reply = await client.fetch('/me');
    return reply.ok ? (await reply.json()).id : reply.status;
  };
  const tried = (work) => {
    try {
      return work();
    } catch (error) {
      return error.name;
    }
  };
  const has = () => ({
    cookie: tried(() => {
      document.cookie = 'probe=1; SameSite=None; Secure';
      return document.cookie;
    }),
    storage: tried(() => typeof localStorage),
    locks: 'locks' in navigator,
  });
`;

/** The page around it. A frame without an origin can be addressed only as such. */
const platformPage = (address: string, sandbox: string) => `<!doctype html>
  <iframe name="app" ${sandbox} src="${address}"></iframe>
  <script>
    const { contentWindow } = document.querySelector('iframe');
    addEventListener('message', async ({ source }) => {
      if (source !== contentWindow) return;
      source.postMessage(await (await fetch('/token')).text(), '*');
    });
  </script>`;

/** A platform, and the application in its frame, on hosts of these names. */
async function world(hosts: { readonly platform: string; readonly app: string }, sandbox = '') {
  let offsetMs = 0;
  const now = () => Date.now() + offsetMs;
  const issuer = await createTestIssuer({ algorithm: 'ES256', now });
  const auth = createAuth({ env: {}, trustedIssuers: [issuer.policy], now });
  let tokens = 0;
  const calls: (string | undefined)[] = [];
  const app = express();
  const platform = express();
  const served = { app: await serve(app), platform: await serve(platform) };
  const at = (host: string, { origin }: { readonly origin: string }) =>
    origin.replace('127.0.0.1', host);
  const origins = {
    app: at(hosts.app, served.app),
    platform: at(hosts.platform, served.platform),
  };
  platform.get('/', (_req, res) => void res.send(platformPage(`${origins.app}/page`, sandbox)));
  platform.get('/token', (_req, res) => {
    tokens += 1;
    res.type('text').send(issuer.mintSync());
  });
  const frameAncestors = [origins.platform];
  app.use(auth.securityHeaders({ preset: 'web', frameAncestors, cors: { origins: '*' } }));
  for (const [path, [type, text]] of Object.entries(await pagesWith({ '/page': PAGE })))
    app.get(path, (_req, res) => void res.type(type).send(text));
  app.get('/api/me', auth.requireAuth(), (req, res) => {
    calls.push(req.headers.cookie);
    res.json({ id: principalOf(req).user.id });
  });
  app.use(auth.errorHandler());
  return {
    origins,
    calls,
    tokens: () => tokens,
    sleepFor(ms: number) {
      offsetMs = ms;
    },
  };
}

describe.skipIf(isChromiumMissing())('a page in a frame of another site', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchWholeChromium([
      '--test-third-party-cookie-phaseout',
      '--host-resolver-rules=MAP *.example 127.0.0.1',
    ]);
  });
  afterAll(() => browser.close());

  function frameOf(page: Page) {
    const frame = page.frame({ name: 'app' });
    if (!frame) throw new Error('the platform shows no frame');
    return frame;
  }

  it.each([
    {
      title: 'a frame whose cookies are blocked',
      hosts: { platform: '127.0.0.1', app: 'localhost' },
      has: { cookie: '', storage: 'SecurityError', locks: true },
      hasOutside: { cookie: 'probe=1', storage: 'object', locks: true },
    },
    {
      title: 'a frame without https',
      hosts: { platform: 'platform.example', app: 'app.example' },
      // Its policy would have it load its scripts by https.
      bypassCSP: true,
      has: { cookie: '', storage: 'SecurityError', locks: false },
      hasOutside: { cookie: '', storage: 'object', locks: false },
    },
    {
      title: 'a sandboxed frame, which has no origin',
      hosts: { platform: '127.0.0.1', app: 'localhost' },
      sandbox: 'sandbox="allow-scripts"',
      has: { cookie: 'SecurityError', storage: 'SecurityError', locks: true },
      hasOutside: { cookie: 'probe=1', storage: 'object', locks: true },
    },
  ])('works in $title', async ({ hosts, sandbox, bypassCSP = false, has, hasOutside }) => {
    const app = await world(hosts, sandbox);
    const context = await newContext(browser, { bypassCSP });
    const page = await openTab(context, app.origins.platform);
    const frame = frameOf(page);
    expect(await frame.evaluate('has()')).toEqual(has);
    expect(await frame.evaluate('Promise.all([me(), me(), me()])')).toEqual(
      Array(3).fill('user-1'),
    );
    expect(app.tokens()).toBe(1);

    app.sleepFor(HOUR_MS);
    await frame.evaluate(jump(HOUR_MS));
    expect(await frame.evaluate('Promise.all([me(), me()])')).toEqual(Array(2).fill('user-1'));
    expect(app.tokens()).toBe(2);
    expect(app.calls).toEqual(Array(5).fill(undefined));

    const outside = await openTab(context, `${app.origins.app}/page`);
    expect(await outside.evaluate('has()')).toEqual(hasOutside);
  });
});
