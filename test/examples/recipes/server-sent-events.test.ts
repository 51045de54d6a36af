import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import express from 'express';
import { type AuthOptions, createAuth } from 'latchkey';
import { createAuthClient } from 'latchkey/client';
import { createTestIssuer } from 'latchkey/testing';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createApp, type StreamOptions } from '../../../examples/recipes/server-sent-events/app.js';
import { createMessages } from '../../../examples/recipes/server-sent-events/messages.js';
import { readEvents } from '../../../examples/recipes/server-sent-events/read-events.js';
import { BASE } from '../../world/auth-server.js';
import { isChromiumMissing, launchChromium } from '../../world/chromium.js';
import { sessionCookie } from '../../world/login-app.js';

const APP = 'https://app.example';

async function start(options: AuthOptions = {}, streamOptions: StreamOptions = {}) {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  const issuer = await createTestIssuer({ algorithm: 'ES256' });
  const auth = createAuth({
    ...BASE,
    publicUrl: origin,
    corsOrigins: [APP],
    cookieSessions: true,
    trustedIssuers: [issuer.policy],
    ...options,
  });
  const messages = createMessages();
  const app = express();
  app.get('/page', (_req, res) => void res.type('html').send('<title>page</title>'));
  app.use(createApp(auth, messages, { retryMs: 1, ...streamOptions }));
  server.on('request', app);
  const ada = { issuer: issuer.issuer, subject: 'ada' };

  async function open(headers: Readonly<Record<string, string>> = {}, query = '') {
    const response = await fetch(`${origin}/api/events${query}`, { headers });
    return { response, reader: textReader(response) };
  }
  const bearer = async (claims: Readonly<Record<string, unknown>> = {}) => ({
    authorization: `Bearer ${await issuer.mint({ sub: 'ada', ...claims })}`,
  });
  async function signIn() {
    const user = await auth.users.create({ username: 'ada' });
    const cookie = await sessionCookie({ auth, origin }, user);
    return { user, cookie, header: { cookie: `${cookie.name}=${cookie.value}` } };
  }
  return { auth, issuer, server, origin, messages, ada, open, bearer, signIn };
}

/** Reads an answer on, and returns its text so far. */
function textReader({ body }: Response) {
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  async function readWhile(goesOn: () => boolean): Promise<string> {
    while (goesOn()) {
      const { value } = (await reader?.read()) ?? {};
      if (value === undefined) return text;
      text += value;
    }
    return text;
  }
  return {
    readWhile,
    async until(part: string): Promise<string> {
      await readWhile(() => !text.includes(part));
      if (text.includes(part)) return text;
      throw new Error('the stream has ended');
    },
    toEnd: () => readWhile(() => true),
    stop: () => reader?.cancel(),
  };
}

describe('the recipe for server-sent events', () => {
  it('sends each user their own messages, and nothing that could be kept back on the way', async () => {
    const { open, bearer, messages, ada } = await start();
    const { response, reader } = await open(await bearer());
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    });
    await reader.until('retry');
    messages.send({ issuer: 'https://other.example/', subject: 'ada' }, 'of another ada');
    messages.send({ ...ada, subject: 'bob' }, 'of bob');
    messages.send(ada, { text: 'one\n\ntwo' });
    expect(await reader.until('"}\n\n')).toBe(
      'retry: 1\nid: 0\n\nid: 3\ndata: {"text":"one\\n\\ntwo"}\n\n',
    );
  });

  it('refuses who has no credential, and who has a bad one, before a stream begins', async () => {
    const { open } = await start();
    for (const headers of [{}, { authorization: 'Bearer x.y.z' }]) {
      const { response } = await open(headers);
      expect(response.status).toBe(401);
      expect(response.headers.get('content-type')).toBe('application/problem+json');
    }
  });

  it('lets pages of a listed origin read it with cookies, and no others', async () => {
    const { open, signIn } = await start();
    const { header } = await signIn();
    const { response } = await open({ ...header, origin: APP });
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'access-control-allow-origin': APP,
      'access-control-allow-credentials': 'true',
    });
    const other = await open({ ...header, origin: 'https://evil.example' });
    expect(other.response.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('ends with the token, and sends whoever comes back what is new since', async () => {
    const startedAt = Date.now();
    // Its clock stands still: what has just expired is still taken, however long the way to it.
    const { open, bearer, messages, ada } = await start({ now: () => startedAt });
    const now = Math.floor(startedAt / 1000);
    messages.send(ada, 'first');
    const { reader } = await open(await bearer({ iat: now - 900, exp: now - 1 }));
    expect(await reader.toEnd()).toBe('retry: 1\nid: 1\n\n');
    messages.send(ada, 'second');
    for (const [header, query] of [[{ 'last-event-id': '1' }], [{}, '?after=1']] as const) {
      const again = await open({ ...(await bearer()), ...header }, query);
      expect(await again.reader.until('second')).not.toContain('first');
    }
    const anew = await open(await bearer(), '?after=');
    expect(await anew.reader.until('id: 2')).not.toContain('second');
  });

  it('goes on for a session that every check finds alive, beyond the end of its first token', async () => {
    let behindMs = 898_000;
    const { open, signIn, origin, messages } = await start(
      { now: () => Date.now() - behindMs },
      { everyMs: 5 },
    );
    const { user, header } = await signIn();
    const subscribe = messages.subscribe.bind(messages);
    Object.assign(messages, {
      subscribe(...request: Parameters<typeof subscribe>) {
        behindMs = 0;
        return subscribe(...request);
      },
    });
    const { reader } = await open(header);
    const firstTokenEnded = Date.now() + 2000;
    await reader.readWhile(() => Date.now() < firstTokenEnded);
    messages.send({ issuer: origin, subject: user.id }, 'hello');
    await reader.until('hello');
  });

  it('ends at once with the session, and leaves other sessions alone', async () => {
    const { open, auth, signIn, messages, bearer, ada } = await start();
    const { user, header } = await signIn();
    const mine = await open(header);
    const other = await open(await bearer());
    await mine.reader.until('retry');
    await auth.sessions.revoke({ userId: user.id }, 'logout');
    await mine.reader.toEnd();
    messages.send(ada, 'still here');
    await other.reader.until('still here');
    expect((await open(header)).response.status).toBe(401);
  });

  it('ends when a check finds the token revoked, and shows until then that it lives', async () => {
    const revoked = new Set<string>();
    const { open, bearer } = await start(
      { isRevoked: ({ subject }) => revoked.has(subject) },
      { everyMs: 5 },
    );
    const { reader } = await open(await bearer());
    await reader.until(': still here');
    revoked.add('ada');
    await reader.toEnd();
    expect((await open(await bearer())).response.status).toBe(401);
  });

  it('opens so many streams for a user and no more, until one of them ends', async () => {
    const { open, bearer } = await start({}, { mostPerUser: 2 });
    const first = await open(await bearer());
    const second = await open(await bearer());
    await Promise.all([first, second].map(({ reader }) => reader.until('retry')));
    const third = await open(await bearer());
    expect(third.response.status).toBe(429);
    expect(Number(third.response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(third.response.headers.get('content-type')).toBe('application/problem+json');
    expect((await open(await bearer({ sub: 'bob' }))).response.status).toBe(200);
    await first.reader.stop();
    await expect.poll(async () => (await open(await bearer())).response.status).toBe(200);
  });

  it('answers HEAD with the headers of a stream, and no stream', async () => {
    const { origin, bearer } = await start({}, { mostPerUser: 1 });
    const ask = async () =>
      fetch(`${origin}/api/events`, { method: 'HEAD', headers: await bearer() });
    for (const response of [await ask(), await ask()]) {
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('text/event-stream');
      expect(await response.text()).toBe('');
    }
  });

  it('gives up an answer that nobody reads', async () => {
    const { server, origin, bearer, messages, ada } = await start();
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const reader = connect(Number(new URL(origin).port), '127.0.0.1').pause();
    onTestFinished(() => void reader.destroy());
    const { authorization } = await bearer();
    reader.write(`GET /api/events HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\n\r\n`);
    const [serverSocket] = await accepted;
    await once(reader, 'readable');
    const closed = once(serverSocket, 'close');
    const text = 'x'.repeat(1_000_000);
    for (let count = 0; count < 20; count += 1) messages.send(ada, text);
    await closed;
    expect(serverSocket.destroyed).toBe(true);
  });
});

it('messages reach who has subscribed after another subscription of the user was ended twice', () => {
  const messages = createMessages();
  const ada = { issuer: 'https://id.example/', subject: 'ada' };
  const heard: unknown[] = [];
  const end = messages.subscribe(ada, () => undefined);
  end();
  messages.subscribe(ada, ({ content }) => heard.push(content));
  end();
  messages.send(ada, 'hello');
  expect(heard).toEqual(['hello']);
});

describe('readEvents()', () => {
  it('reads through a client that adds the token, comes back when the stream breaks off, and gets every message once', async () => {
    const { origin, issuer, messages, ada, server } = await start();
    const client = createAuthClient({
      baseUrl: `${origin}/api`,
      tokenSource: () => issuer.mint({ sub: 'ada' }),
    });
    const heard: unknown[] = [];
    const progress = new EventEmitter();
    const stop = new AbortController();
    const opened = once(progress, 'open');
    const reading = readEvents(
      async (path, init) => {
        const response = await client.fetch(path, init);
        progress.emit('open');
        return response;
      },
      '/events',
      {
        signal: stop.signal,
        onMessage: (content) => {
          heard.push(content);
          progress.emit(String(content));
        },
      },
    );
    await opened;
    const first = once(progress, 'one');
    messages.send(ada, 'one');
    await first;
    const second = once(progress, 'two');
    server.closeAllConnections();
    messages.send(ada, 'two');
    await second;
    stop.abort();
    expect(await reading).toBeUndefined();
    expect(heard).toEqual(['one', 'two']);
  });

  it('comes back where there are too many streams, after as long as the server says', async () => {
    const { origin, bearer } = await start({}, { mostPerUser: 1 });
    const answers: { readonly status: number; readonly at: number }[] = [];
    const stop = new AbortController();
    const holder = await fetch(`${origin}/api/events`, { headers: await bearer() });
    const reading = readEvents(
      async (path, init) => {
        const response = await fetch(`${origin}${path}`, {
          ...init,
          headers: { ...(init.headers as object), ...(await bearer()) },
        });
        answers.push({ status: response.status, at: performance.now() });
        if (response.status === 429) await holder.body?.cancel();
        return response;
      },
      '/api/events',
      { signal: stop.signal, onMessage: () => undefined, retryMs: 1 },
    );
    await expect.poll(() => answers.length).toBe(2);
    stop.abort();
    expect(await reading).toBeUndefined();
    const [refused, opened] = answers;
    expect([refused?.status, opened?.status]).toEqual([429, 200]);
    expect((opened?.at ?? 0) - (refused?.at ?? 0)).toBeGreaterThan(900);
  });

  it('gives a connection up that has gone silent, as after sleep, and comes back', async () => {
    const { origin, bearer } = await start();
    let opened = 0;
    const stop = new AbortController();
    const reading = readEvents(
      async (path, init) => {
        opened += 1;
        const headers = { ...(init.headers as object), ...(await bearer()) };
        return fetch(`${origin}${path}`, { ...init, headers });
      },
      '/api/events',
      { signal: stop.signal, onMessage: () => undefined, silentMs: 20 },
    );
    await expect.poll(() => opened).toBeGreaterThan(1);
    stop.abort();
    expect(await reading).toBeUndefined();
  });

  it('ends with the refusal', async () => {
    const { origin } = await start();
    const refusal = await readEvents(
      (path, init) => fetch(`${origin}${path}`, init),
      '/api/events',
      {
        signal: new AbortController().signal,
        onMessage: () => undefined,
      },
    );
    expect(refusal?.status).toBe(401);
  });
});

describe('EventSource', () => {
  const skip = isChromiumMissing();
  let browser: Browser;
  beforeAll(async () => {
    if (!skip) browser = await launchChromium();
  });
  afterAll(() => browser?.close());

  it.skipIf(skip)(
    'comes back by itself after an end of the stream, misses nothing, and stays away when the session has ended',
    async () => {
      const { auth, origin, signIn, messages, server } = await start();
      const { user, cookie } = await signIn();
      const context = await browser.newContext();
      onTestFinished(() => context.close());
      await context.addCookies([cookie]);
      const page = await context.newPage();
      await page.goto(`${origin}/page`);
      await page.evaluate(`
        heard = [];
        events = new EventSource('/api/events');
        events.onmessage = ({ data }) => heard.push(JSON.parse(data));
      `);
      await page.waitForFunction('events.readyState === EventSource.OPEN');
      const ada = { issuer: origin, subject: user.id };
      messages.send(ada, 'one');
      await page.waitForFunction('heard.length === 1');
      server.closeAllConnections();
      messages.send(ada, 'two');
      await page.waitForFunction('heard.length === 2');
      expect(await page.evaluate('heard')).toEqual(['one', 'two']);
      await auth.sessions.revoke({ userId: user.id }, 'logout');
      await page.waitForFunction('events.readyState === EventSource.CLOSED');
    },
  );
});
