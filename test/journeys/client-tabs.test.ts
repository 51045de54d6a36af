import { rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { AuthOptions } from 'latchkey';
import { PASSWORD } from '../world/auth-server.js';
import { type ClientApp, createClientApp, refuse, serveClientApp } from '../client/client-app.js';
import { jump, newContext, openTab, pagesWith, until } from '../client/client-pages.js';
import { isChromiumMissing, launchChromium } from '../world/chromium.js';
import { PATIENCE } from '../world/patience.js';
import { createDatabaseFolder } from '../world/database-folder.js';
import { listen, type Served } from '../world/serve.js';

/** How long the tabs call. `CLIENT_SECONDS=60` for a longer look. */
const SECONDS = Number(process.env['CLIENT_SECONDS'] ?? 16);
/** A part of that for which nothing listens. */
const OUTAGE_MS = SECONDS * 333;
/** The shortest life that the settings allow, a minute, then takes three seconds. */
const SPEED = 20;

interface Made {
  readonly calls: number;
  readonly failures: readonly unknown[];
}

/** Each tab notes what it is told, and calls until it is stopped. */
const TAB = `
  const client = createAuthClient({ baseUrl: '/api' });
  const told = [];
  client.onChange((session) => told.push(session.authenticated && session.user.username));
  const made = { calls: 0, failures: [] };
  async function callAllTheTime() {
    while (!made.isStopped) {
      try {
        const { status } = await client.fetch('/me');
        made.calls += 1;
        if (status !== 200) made.failures.push(status);
      } catch (error) {
        made.failures.push(String(error));
      }
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
`;

const login = (username: string) =>
  `client.login({ username: '${username}', password: '${PASSWORD}' }).then(() => {})`;

const CALL = "client.fetch('/me').then(({ status }) => status)";
const REFRESH = 'POST /api/auth/refresh';
const HOUR_MS = 3_600_000;

/** What each tab answers. */
const inEach = <T>(tabs: readonly Page[], expression: string) =>
  Promise.all(tabs.map((tab) => tab.evaluate<T>(expression)));

/** Of which one acts, one sees it, and one shows that it is the same for all others. */
async function openTabs(context: BrowserContext, origin: string) {
  const open = () => openTab(context, `${origin}/tab`);
  return Promise.all([open(), open(), open()]);
}

/** Tabs of an application, in which nobody is signed in. */
async function signedOut(browser: Browser, options: AuthOptions = {}, script = '') {
  const context = await newContext(browser);
  await context.addInitScript(script);
  const app = await serveClientApp(options, await pagesWith({ '/tab': TAB }));
  await app.addUser('alice');
  const tabs = await openTabs(context, app.origin);
  await inEach(tabs, 'client.session()');
  return { app, tabs };
}

/** Tabs that have heard of a log-in in the first. */
async function signedIn(browser: Browser, options: AuthOptions = {}) {
  const { app, tabs } = await signedOut(browser, options);
  await tabs[0].evaluate(login('alice'));
  await inEach(tabs, until("told.at(-1) === 'alice'"));
  return { app, tabs };
}

/** The head of the answer, and what it says a little later. */
function sendHeadFirst(res: ServerResponse): void {
  const end = res.end.bind(res);
  Object.assign(res, {
    end(text: string) {
      res.flushHeaders();
      setTimeout(() => end(text), 300);
    },
  });
}

/** A server that can be away: its port takes no connections meanwhile. */
async function serveFast(context: BrowserContext) {
  const folder = createDatabaseFolder();
  onTestFinished(() => rm(folder, { recursive: true }));
  const start = Date.now();
  await context.addInitScript(`{
    const real = Date.now;
    Date.now = () => ${start} + (real() - ${start}) * ${SPEED};
  }`);
  const files = await pagesWith({ '/tab': TAB });
  const refreshes: number[] = [];
  let app: ClientApp;
  const listener: ClientApp['listener'] = (req, res) => {
    // When it came: an answer that is late leaves little of the new token's life. One that a restart has cut off is sent again, as it should be.
    const cameAt = performance.now();
    if (req.url === '/api/auth/refresh') res.on('finish', () => refreshes.push(cameAt));
    app.listener(req, res);
  };
  let server: Served = await listen(listener);
  onTestFinished(() => server.close());
  const port = Number(new URL(server.origin).port);
  const origin = `http://localhost:${port}`;
  const begin = (): void => {
    app = createClientApp(
      origin,
      {
        store: { url: `file:${join(folder, 'auth.db')}` },
        accessTtlSeconds: 60,
        // Longer than the outage: a refresh whose answer it has cut off is sent again after it.
        sessions: { graceSeconds: 30 * SPEED },
        now: () => start + (Date.now() - start) * SPEED,
      },
      files,
    );
  };
  begin();
  return {
    origin,
    refreshes,
    addUser: (name: string) => app.addUser(name),
    /** When the store has a new token that its browser has not. */
    nextRotation: () =>
      new Promise<void>((resolve) => {
        const stop = app.auth.on('refresh.rotated', () => {
          stop();
          resolve();
        });
      }),
    async restart(awayMs = 0) {
      await server.close();
      await app.auth.close();
      await sleep(awayMs);
      begin();
      server = await listen(listener, port);
    },
    close: () => app.auth.close(),
  };
}

describe.skipIf(isChromiumMissing())('tabs of one browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser.close());

  it(
    'renew a token once for all, and no call fails: through expiries, a restart and an outage',
    { timeout: SECONDS * 1000 + 60_000 },
    async () => {
      const context = await newContext(browser);
      const app = await serveFast(context);
      await app.addUser('alice');
      const three = await openTabs(context, app.origin);
      const two = [1, 2].map(() => openTab(context, `${app.origin}/tab`));
      const tabs = [...three, ...(await Promise.all(two))];
      await inEach(tabs, 'client.session()');
      await three[0].evaluate(login('alice'));
      await inEach(tabs, until("told.at(-1) === 'alice'"));
      await inEach(tabs, 'void callAllTheTime()');
      await sleep(SECONDS * 333);
      await app.restart();
      await app.nextRotation();
      await app.restart(OUTAGE_MS);
      await sleep(SECONDS * 333);
      await inEach(tabs, 'made.isStopped = true');
      const made = await inEach<Made>(tabs, 'made');
      const gaps = app.refreshes.slice(1).map((at, i) => at - (app.refreshes[i] ?? 0));
      console.log(
        `${SECONDS} s: ${made.reduce((sum, { calls }) => sum + calls, 0)} calls, ${app.refreshes.length} refreshes`,
      );
      expect(made.flatMap(({ failures }) => failures)).toEqual([]);
      expect(await inEach(tabs, 'told')).toEqual(tabs.map(() => [false, 'alice']));
      expect(gaps.length).toBeGreaterThan(SECONDS / 6);
      // A second one for the same expiry would follow at once.
      expect(Math.min(...gaps)).toBeGreaterThan(1000);
      await app.close();
    },
  );

  it('renew it once when the answer comes in pieces', async () => {
    const { app, tabs } = await signedIn(browser);
    app.outage = (req, res) => {
      if (req.url?.endsWith('/refresh')) sendHeadFirst(res);
      return false;
    };
    await inEach(tabs, jump(HOUR_MS));
    expect(await inEach(tabs, CALL)).toEqual(tabs.map(() => 200));
    expect(app.count(REFRESH)).toBe(1);
  });

  it.each([
    { title: 'of browser and server', isServerToo: true, refreshesOnReturn: 1 },
    // The server still takes the last token.
    { title: 'of the browser alone', isServerToo: false, refreshesOnReturn: 0 },
  ])(
    'renew it once when the clock $title goes on by hours, and at most once when it is put back',
    async ({ isServerToo, refreshesOnReturn }) => {
      let offsetMs = 0;
      const { app, tabs } = await signedIn(browser, { now: () => Date.now() + offsetMs });
      for (const [ms, refreshes] of [
        [3 * HOUR_MS, 1],
        [0, 1 + refreshesOnReturn],
      ] as const) {
        await inEach(tabs, jump(ms));
        if (isServerToo) offsetMs = ms;
        expect(await inEach(tabs, CALL)).toEqual(tabs.map(() => 200));
        expect(app.count(REFRESH)).toBe(refreshes);
      }
      expect(await inEach(tabs, 'told')).toEqual(tabs.map(() => [false, 'alice']));
    },
  );

  it('follow a log-in, another user and a log-out in one of them', async () => {
    const { app, tabs } = await signedIn(browser);
    const [first, second] = tabs;
    await app.addUser('bob');
    await second.evaluate(login('bob'));
    await inEach(tabs, until("told.at(-1) === 'bob'"));
    expect(await inEach(tabs, "client.fetch('/me').then((answer) => answer.json())")).toEqual(
      tabs.map(() => expect.objectContaining({ username: 'bob' })),
    );
    await first.evaluate('client.logout()');
    await inEach(tabs, until('!told.at(-1)'));
    expect(await inEach(tabs, CALL)).toEqual(tabs.map(() => 401));
    expect(await inEach(tabs, 'told')).toEqual(tabs.map(() => [false, 'alice', 'bob', false]));
    expect(app.count(REFRESH)).toBe(0);
  });

  it('keep the log-in of another user who comes while one of them renews', async () => {
    const { app, tabs } = await signedIn(browser);
    const [first, second] = tabs;
    await app.addUser('bob');
    await first.evaluate(jump(HOUR_MS));
    const renewing = new Promise<void>((resolve) => {
      app.outage = (req, res) => {
        if (!req.url?.endsWith('/refresh')) return false;
        resolve();
        // Later than an answer to the log-in would be, if that did not wait.
        const end = res.end.bind(res);
        Object.assign(res, { end: (text: string) => void setTimeout(() => end(text), 1000) });
        return false;
      };
    });
    const called = first.evaluate(CALL);
    await renewing;
    await second.evaluate(login('bob'));
    await called;
    await second.reload();
    await second.evaluate('client.session()');
    expect(await second.evaluate('client.current.user?.username')).toBe('bob');
  });

  it.each([
    // A log-in that does not wait for the answer is over by then.
    { title: 'the tab that renews', at: 0, isOver: () => sleep(2000) },
    {
      title: 'another one',
      at: 1,
      isOver: async ([first]: readonly [Page, Page, Page], loggedIn: Promise<unknown>) => {
        await loggedIn;
        await first.evaluate(until("told.at(-1) === 'bob'"));
      },
    },
  ] as const)(
    'keep a log-in in $title, where the browser has no locks, though the answer to the refresh comes after it',
    async ({ at, isOver }) => {
      const { app, tabs } = await signedOut(browser, {}, 'delete Navigator.prototype.locks;');
      const [first] = tabs;
      await first.evaluate(login('alice'));
      await inEach(tabs, until("told.at(-1) === 'alice'"));
      await app.addUser('bob');
      await inEach(tabs, jump(HOUR_MS));
      const renewing = new Promise<() => void>((resolve) => {
        app.outage = (req, res) => {
          if (!req.url?.endsWith('/refresh')) return false;
          const end = res.end.bind(res);
          Object.assign(res, { end: (text: string) => resolve(() => void end(text)) });
          return false;
        };
      });
      const called = first.evaluate(CALL);
      const answer = await renewing;
      app.outage = undefined;
      const loggedIn = tabs[at].evaluate(login('bob'));
      await isOver(tabs, loggedIn);
      answer();
      await loggedIn;
      expect(await called).toBe(200);
      await tabs[at].reload();
      await tabs[at].evaluate('client.session()');
      expect(await tabs[at].evaluate('client.current.user?.username')).toBe('bob');
    },
  );

  it('say who is signed in once the server answers again, and do not press it until then', async () => {
    const script = TAB.replace("baseUrl: '/api'", "baseUrl: '/api', retryForMs: 0");
    const app = await serveClientApp({}, await pagesWith({ '/tab': script }));
    await app.addUser('alice');
    await app.addUser('bob');
    const context = await newContext(browser);
    await context.addInitScript(`{
      const real = setTimeout;
      globalThis.setTimeout = (work, ms) => real(work, ms / ${SPEED});
    }`);
    const [first, second] = await openTabs(context, app.origin);
    await second.evaluate('client.session()');
    await first.evaluate(login('alice'));
    await second.evaluate(until("told.at(-1) === 'alice'"));
    const at: number[] = [];
    app.outage = (req, res) => {
      if (!req.url?.endsWith('/session')) return false;
      at.push(performance.now());
      return refuse('/session', 503)(req, res);
    };
    // It asks itself who has signed in.
    await expect(first.evaluate(login('bob'))).rejects.toThrow('503');
    await vi.waitFor(() => expect(at.length).toBeGreaterThan(6), PATIENCE);
    app.outage = undefined;
    for (const tab of [first, second]) await tab.evaluate(until("told.at(-1) === 'bob'"));
    const gaps = at.slice(2).map((ms, i) => ms - (at[i] ?? 0));
    // Of two tabs, which ask at a time of their own each.
    expect(Math.min(...gaps)).toBeGreaterThan(10_000 / SPEED);
  });

  it('stay signed in when one of them is refused a refresh', async () => {
    const { app, tabs } = await signedIn(browser);
    const [first, ...others] = tabs;
    app.outage = refuse('/refresh', 401);
    await first.evaluate(jump(HOUR_MS));
    expect(await first.evaluate(CALL)).toBe(401);
    expect(await first.evaluate('told')).toEqual([false, 'alice', false]);
    expect(await inEach(others, CALL)).toEqual(others.map(() => 200));
    expect(await inEach(others, 'told')).toEqual(others.map(() => [false, 'alice']));
    app.outage = undefined;
    await first.evaluate('client.session()');
    expect(await first.evaluate(CALL)).toBe(200);
  });

  it('work without locks and channels: each renews for itself, and the session has one successor', async () => {
    const withoutBoth = 'delete Navigator.prototype.locks; delete globalThis.BroadcastChannel;';
    const { app, tabs } = await signedOut(browser, {}, withoutBoth);
    await tabs[0].evaluate(login('alice'));
    await inEach(tabs, 'client.session()');
    expect(await inEach(tabs, 'typeof BroadcastChannel + typeof navigator.locks')).toEqual(
      tabs.map(() => 'undefinedundefined'),
    );
    const rotated: unknown[] = [];
    app.auth.on('refresh.rotated', (event) => void rotated.push(event));
    const waiting: (() => void)[] = [];
    app.outage = (req, res) => {
      if (!req.url?.endsWith('/refresh')) return false;
      waiting.push(() => app.listener(req, res));
      if (waiting.length < tabs.length) return true;
      app.outage = undefined;
      for (const pass of waiting) pass();
      return true;
    };
    await inEach(tabs, jump(HOUR_MS));
    expect(await inEach(tabs, CALL)).toEqual(tabs.map(() => 200));
    expect(waiting).toHaveLength(tabs.length);
    expect(rotated).toHaveLength(1);
    await tabs[0].evaluate('client.logout()');
    expect(await inEach(tabs, CALL)).toEqual(tabs.map(() => 401));
    expect(await inEach(tabs, 'told.at(-1)')).toEqual(tabs.map(() => false));
  });
});
