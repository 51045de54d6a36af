import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { AuthOptions } from 'latchkey';
import { PASSWORD } from '../world/auth-server.js';
import { serveClientApp } from '../client/client-app.js';
import { jump, newContext, openTab, pagesWith, until } from '../client/client-pages.js';
import {
  isChromiumMissing,
  launchChromium,
  launchWholeChromium,
  openUndriven,
} from '../world/chromium.js';
import { sessionCookie } from '../world/login-app.js';
import { serve } from '../world/serve.js';
import { PATIENCE } from '../world/patience.js';

const REFRESH = 'POST /api/auth/refresh';
const LOGIN = `client.login({ username: 'alice', password: '${PASSWORD}' }).then(() => {})`;
const HOUR_MS = 3_600_000;

const PAGE = `
  const client = createAuthClient({ baseUrl: '/api' });
  const told = [];
  client.onChange((session) => told.push(session.authenticated));
  const shown = [];
  addEventListener('pageshow', ({ persisted }) => shown.push(persisted));
  const status = async (path) => (await client.fetch(path)).status;
`;

/** Says what a path is answered with, and whether somebody is signed in. */
const WORKER = `
  importScripts('/client.js');
  const client = createAuthClient({ baseUrl: '/api', delivery: 'cookie' });
  onmessage = async ({ data }) => {
    const { status } = await client.fetch(data);
    postMessage([status, client.current.authenticated]);
  };
`;

/** Asks for the way to another page, and goes on by itself. */
const START = "fetch('/go').then(() => location.assign('/prerendered'));";

/** Says what it does, because nobody can look at it. */
const PRERENDERED = `
  const client = createAuthClient({ baseUrl: '/api' });
  const say = (what) => fetch('/said/' + what);
  client.fetch('/me').then(({ status }) => {
    const [{ activationStart }] = performance.getEntriesByType('navigation');
    return say(status + (activationStart > 0 ? '/prerendered' : '/loaded'));
  });
  client.session().then(() => setTimeout(say, 200, 'prerendering=' + document.prerendering));
`;

const DPOP_PAGE = `
  const client = createAuthClient({ baseUrl: '/api', fetch: createDpopFetch() });
  const scheme = async () => {
    const answer = await client.fetch('/me');
    return answer.ok ? (await answer.json()).authorization : answer.status;
  };
  const key = () => new Promise((resolve) => {
    const opening = indexedDB.open('latchkey');
    opening.onsuccess = () => {
      const asking = opening.result.transaction('keys').objectStore('keys').get('latchkey');
      asking.onsuccess = () => resolve(asking.result);
    };
  });
  const publicKey = async () => crypto.subtle.exportKey('jwk', (await key()).publicKey);
  const copyOfKey = async () => crypto.subtle.exportKey('jwk', (await key()).privateKey);
`;

interface ContextOptions extends BrowserContextOptions {
  readonly browser?: Browser;
}

describe.skipIf(isChromiumMissing())('a page', () => {
  let sharedBrowser: Browser;
  beforeAll(async () => {
    sharedBrowser = await launchChromium();
  });
  afterAll(() => sharedBrowser.close());

  async function signedIn(
    options: AuthOptions = {},
    script = PAGE,
    { browser = sharedBrowser, ...contextOptions }: ContextOptions = {},
  ) {
    const pages = await pagesWith({ '/page': script, '/other': '', '/worker': WORKER });
    const app = await serveClientApp(options, pages);
    await app.addUser('alice');
    const context = await newContext(browser, contextOptions);
    const page = await openTab(context, `${app.origin}/page`);
    await page.evaluate(LOGIN);
    return { app, context, page };
  }

  it('that the browser has kept and shows again says that the user has signed out in between', async () => {
    const browser = await launchWholeChromium([], ['--disable-back-forward-cache']);
    onTestFinished(() => browser.close());
    const { app, context, page } = await signedIn({}, PAGE, { browser });
    const other = await openTab(context, `${app.origin}/page`);
    await page.goto(`${app.origin}/other`);
    await other.evaluate('client.logout()');
    const refreshes = app.count(REFRESH);
    await page.evaluate('void history.back()');
    await vi.waitFor(
      async () => expect(await page.evaluate('shown')).toEqual([false, true]),
      PATIENCE,
    );
    await page.evaluate(until('told.length === 2'));
    expect(await page.evaluate('told')).toEqual([true, false]);
    expect(await page.evaluate("status('/me')")).toBe(401);
    expect(app.count(REFRESH)).toBe(refreshes);
    await other.evaluate(LOGIN);
    await page.evaluate(until('told.at(-1)'));
    expect(await page.evaluate("status('/me')")).toBe(200);
  });

  it('that the browser prerenders renews nothing before it is shown', async () => {
    const app = await serveClientApp(
      {},
      {
        ...(await pagesWith({ '/start': START, '/prerendered': PRERENDERED })),
        '/rules.json': [
          'application/speculationrules+json',
          JSON.stringify({ prerender: [{ urls: ['/prerendered'], eagerness: 'immediate' }] }),
        ],
      },
    );
    const user = await app.auth.users.create({ username: 'alice' });
    const { name, value } = await sessionCookie(app, user);
    const going: ServerResponse[] = [];
    app.outage = (req, res) => {
      if (req.url === '/start') {
        res.setHeader('Set-Cookie', `${name}=${value}; Path=/; HttpOnly; SameSite=Lax`);
        res.setHeader('Speculation-Rules', '"/rules.json"');
      }
      return req.url === '/go' && going.push(res) > 0;
    };
    const said = (what: string) =>
      vi.waitFor(() => expect(app.log).toContain(`GET /said/${what}`), PATIENCE);
    await openUndriven(`${app.origin}/start`);
    await said('prerendering=true');
    expect(app.count(REFRESH)).toBe(0);
    await vi.waitFor(() => expect(going).toHaveLength(1), PATIENCE);
    going[0]?.end();
    await said('200/prerendered');
    expect(app.count(REFRESH)).toBe(1);
  });

  it('has a key that no script can copy, and that its other tabs and a reload find again', async () => {
    const { app, context, page } = await signedIn({ dpop: { mode: 'required' } }, DPOP_PAGE);
    expect(await page.evaluate('scheme()')).toBe('DPoP');
    const key = await page.evaluate<{ x: string }>('publicKey()');
    await expect(page.evaluate('copyOfKey()')).rejects.toThrow('InvalidAccessError');
    await page.reload();
    const other = await openTab(context, `${app.origin}/page`);
    for (const tab of [page, other]) {
      expect(await tab.evaluate('publicKey()')).toEqual(key);
      expect(await tab.evaluate('scheme()')).toBe('DPoP');
    }
  });

  it('of a thief who has copied the cookie gets no token', async () => {
    const { app, context, page } = await signedIn({ dpop: { mode: 'required' } }, DPOP_PAGE);
    const thief = await newContext(sharedBrowser);
    await thief.addCookies(await context.cookies());
    const stolen = await openTab(thief, `${app.origin}/page`);
    expect(await stolen.evaluate('scheme()')).toBe(401);
    expect(app.count(REFRESH)).toBe(1);
    await page.reload();
    expect(await page.evaluate('scheme()')).toBe('DPoP');
  });

  it('keeps no token anywhere but in memory', async () => {
    const { page } = await signedIn();
    await page.evaluate(jump(HOUR_MS));
    expect(await page.evaluate("status('/me')")).toBe(200);
    expect(
      await page.evaluate(`(async () => ({
      local: localStorage.length,
      session: sessionStorage.length,
      databases: (await indexedDB.databases()).length,
      caches: (await caches.keys()).length,
      cookie: document.cookie,
      name: window.name,
      state: history.state,
      address: location.hash + location.search,
    }))()`),
    ).toEqual({
      local: 0,
      session: 0,
      databases: 0,
      caches: 0,
      cookie: '',
      name: '',
      state: null,
      address: '',
    });
  });

  it('has the session of its page in a worker, too, and signs out with it', async () => {
    const { page } = await signedIn();
    await page.evaluate(`globalThis.ask = async () => {
      globalThis.worker ??= new Worker('/worker.js');
      const said = new Promise((resolve) => { worker.onmessage = ({ data }) => resolve(data); });
      worker.postMessage('/me');
      return said;
    }, 0`);
    expect(await page.evaluate('ask()')).toEqual([200, true]);
    await page.evaluate('client.logout()');
    expect(await page.evaluate('ask()')).toEqual([401, false]);
  });

  it('is signed in to an API of another origin, also after a reload', async () => {
    const { origin } = await serve((req, res) => {
      const [type = 'html', text = ''] = pages[req.url ?? ''] ?? [];
      res.setHeader('Content-Type', `text/${type === 'js' ? 'javascript' : type}`).end(text);
    });
    const home = origin.replace('127.0.0.1', 'localhost');
    const app = await serveClientApp({ corsOrigins: [home] });
    await app.addUser('alice');
    const pages = await pagesWith({ '/page': PAGE.replace("'/api'", `'${app.origin}/api'`) });
    const page = await openTab(await newContext(sharedBrowser), `${home}/page`);
    await page.evaluate(LOGIN);
    expect(await page.evaluate("status('/me')")).toBe(200);
    await page.reload();
    expect(await page.evaluate("status('/me')")).toBe(200);
    expect(app.count(REFRESH)).toBe(1);
    await page.evaluate('client.logout()');
    await page.reload();
    expect(await page.evaluate("status('/me')")).toBe(401);
  });

  it('uploads a file as it is', async () => {
    const { page } = await signedIn();
    const length = await page.evaluate(`(async () => {
      const bytes = crypto.getRandomValues(new Uint8Array(50_000));
      const body = new File([bytes], 'report.bin');
      const answer = await client.fetch('/echo', { method: 'POST', body });
      const echo = new Uint8Array(await answer.arrayBuffer());
      return echo.every((byte, index) => byte === bytes[index]) && echo.length;
    })()`);
    expect(length).toBe(50_000);
  });

  it('reads an answer while it comes', async () => {
    const { app, page } = await signedIn();
    const writing: ServerResponse[] = [];
    app.outage = (req, res) => {
      return req.url === '/api/stream' && writing.push(res) > 0;
    };
    await page.evaluate(`globalThis.reading = client.fetch('/stream').then(({ body }) =>
      body.pipeThrough(new TextDecoderStream()).getReader()), 0`);
    await vi.waitFor(() => expect(writing).toHaveLength(1), PATIENCE);
    for (const chunk of ['one', 'two']) {
      writing[0]?.write(chunk);
      expect(await page.evaluate('reading.then((reader) => reader.read())')).toEqual({
        done: false,
        value: chunk,
      });
    }
    writing[0]?.end();
  });

  it('sends no token where a redirect leads to somebody else, and takes a 401 from there for no log-out', async () => {
    // A content security policy would stop it before.
    const { app, page } = await signedIn({}, PAGE, { bypassCSP: true });
    const { origin, heads } = await serveElsewhere();
    app.outage = (req, res) => {
      if (req.url !== '/api/away') return false;
      res.writeHead(307, { location: `${origin}/landing` }).end();
      return true;
    };
    expect(await page.evaluate("status('/away')")).toBe(401);
    expect(heads.map(({ method }) => method)).toEqual(['OPTIONS', 'GET']);
    expect(heads[1]?.headers).toHaveProperty('x-request-id');
    expect(heads[1]?.headers).not.toHaveProperty('authorization');
    expect(heads[1]?.headers).not.toHaveProperty('cookie');
    expect(app.count(REFRESH)).toBe(0);
    expect(await page.evaluate("status('/me')")).toBe(200);
  });

  it('waits while the browser is offline, and stays signed in', async () => {
    const { app, context, page } = await signedIn();
    await page.evaluate(jump(HOUR_MS));
    await context.setOffline(true);
    const failed = page.waitForEvent('requestfailed');
    const answer = page.evaluate("status('/me')");
    await failed;
    await context.setOffline(false);
    expect(await answer).toBe(200);
    expect(await page.evaluate('told')).toEqual([true]);
    expect(app.count(REFRESH)).toBe(1);
  });
});

/** Another origin, which lets pages of any origin ask with any header, and refuses. */
async function serveElsewhere() {
  const heads: { method: string | undefined; headers: IncomingHttpHeaders }[] = [];
  const { origin } = await serve((req, res) => {
    heads.push({ method: req.method, headers: req.headers });
    res.writeHead(req.method === 'OPTIONS' ? 204 : 401, {
      'Access-Control-Allow-Origin': '*',
      'Access-Control-Allow-Headers': 'authorization, x-request-id, x-org-id',
    });
    res.end();
  });
  return { origin, heads };
}
