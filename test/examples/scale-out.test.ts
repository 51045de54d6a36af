import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { request, type RequestListener } from 'node:http';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { createAuth } from 'latchkey';
import { createAuthClient } from 'latchkey/client';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { startClients } from '../../examples/scale-out/clients.js';
import { type Instance, startInstance } from '../../examples/scale-out/instances.js';
import { createProxy } from '../../examples/scale-out/proxy.js';
import { root } from '../package/build-package.js';
import { plainEnvironment, startScript, stop, until } from '../package/start-script.js';
import { bearer, PASSWORD, SECRET, type Tokens } from '../world/auth-server.js';
import { bundleInto } from '../world/bundle.js';
import { createPostgresSchema } from '../world/postgres-schema.js';
import { hasRedisServer, startRedisServer } from '../world/redis-server.js';
import { listen, serve } from '../world/serve.js';
import { isMissing, postgresUrl } from '../world/services.js';
import { freePort } from '../world/free-port.js';

/** The example's scripts in few files, which start in a fifth of the time. Below the repository, where drivers are found. */
let folder: string;
beforeAll(async () => {
  const parent = path.join(root, 'node_modules/.cache/latchkey');
  await mkdir(parent, { recursive: true });
  folder = await mkdtemp(path.join(parent, 'scale-out-'));
  await bundleInto(folder, ['examples/scale-out/server.ts', 'examples/scale-out/instance.ts']);
}, 60_000);
afterAll(() => rm(folder, { recursive: true }));

// Processes start slowly on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

/** A proxy on a port of its own. */
async function startProxy() {
  // One that only stands still for a while keeps its turns.
  const proxy = createProxy({ patienceMs: 20_000 });
  const served = await listen(proxy.listener);
  return {
    ...proxy,
    origin: served.origin,
    async close() {
      await served.close();
      proxy.close();
    },
  };
}

/** The same before these instances, until the test ends. */
async function serveProxy(ports: readonly number[]) {
  const proxy = await startProxy();
  onTestFinished(() => proxy.close());
  for (const port of ports) proxy.add(port);
  return proxy;
}

/** As long as a busy machine may need. */
const PATIENCE = { timeout: 20_000, interval: 10 };

/** An instance that is not ready when it says so itself, and its port. */
async function serveInstance(listener: RequestListener, isReady = () => true): Promise<number> {
  const { origin } = await serve((req, res) => {
    if (req.url === '/ready') res.writeHead(isReady() ? 200 : 503).end();
    else listener(req, res);
  });
  return Number(new URL(origin).port);
}

interface Sending {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Whom the request comes from. All of 127.0.0.0/8 is this machine. */
  readonly from?: string;
}

async function send(url: string, { method = 'GET', headers = {}, body, from }: Sending = {}) {
  const outgoing = request(url, { method, headers, localAddress: from, agent: false });
  outgoing.end(body);
  const [incoming] = await once(outgoing, 'response');
  return { status: incoming.statusCode as number, body: await text(incoming) };
}

describe('the proxy', () => {
  it('lets instances take turns', async () => {
    const seen: string[] = [];
    const ports = await Promise.all(
      ['a', 'b'].map((name) =>
        serveInstance((_req, res) => {
          seen.push(name);
          res.end();
        }),
      ),
    );
    const { origin } = await serveProxy(ports);
    for (let count = 0; count < 4; count += 1) await send(origin);
    expect(seen.toSorted()).toEqual(['a', 'a', 'b', 'b']);
  });

  it('tells the address that it sees after whatever the client wrote, and nothing of a former hop', async () => {
    const port = await serveInstance((req, res) => res.end(JSON.stringify(req.headers)));
    const { origin } = await serveProxy([port]);
    const { body } = await send(origin, {
      from: '127.0.0.7',
      headers: {
        'X-Forwarded-For': '8.8.8.8',
        'X-Forwarded-Proto': 'https',
        Forwarded: 'for=8.8.8.8',
        Connection: 'close, X-Secret',
        'X-Secret': 'for the neighbour only',
      },
    });
    const headers = JSON.parse(body) as Record<string, string>;
    expect(headers).toMatchObject({
      host: new URL(origin).host,
      'x-forwarded-for': '8.8.8.8, 127.0.0.7',
      'x-forwarded-proto': 'http',
    });
    expect(Object.keys(headers)).not.toContain('x-secret');
    expect(Object.keys(headers)).not.toContain('forwarded');
  });

  it('asks another instance when one refuses the connection, with the whole body', async () => {
    const port = await serveInstance((req, res) => void text(req).then((body) => res.end(body)));
    const { origin } = await serveProxy([await freePort(), port]);
    const body = 'a'.repeat(100_000);
    for (let count = 0; count < 2; count += 1)
      expect(await send(origin, { method: 'POST', body })).toEqual({ status: 200, body });
  });

  it.each([
    { method: 'GET', status: 200, times: 1 },
    { method: 'HEAD', status: 200, times: 1 },
    // It may have been carried out.
    { method: 'POST', status: 502, times: 0 },
    { method: 'DELETE', status: 502, times: 0 },
  ])(
    'when a connection breaks before an answer, $method is repeated elsewhere $times times',
    async ({ method, status, times }) => {
      let repeated = 0;
      const breaking = await serveInstance((req) => req.socket.destroy());
      const working = await serveInstance((_req, res) => {
        repeated += 1;
        res.end();
      });
      const { origin, add } = await serveProxy([breaking]);
      add(working);
      // One of two goes to the instance that breaks.
      const answers = [await send(origin, { method }), await send(origin, { method })];
      expect(answers.map((answer) => answer.status)).toContain(status);
      expect(repeated).toBe(1 + times);
    },
  );

  it('repeats nothing that has been answered in part: the client sees that it broke off', async () => {
    let asked = 0;
    const port = await serveInstance((req, res) => {
      asked += 1;
      res.writeHead(200, { 'Content-Length': '100' });
      res.write('half', () => req.socket.destroy());
    });
    const { origin } = await serveProxy([port, port]);
    await expect(send(origin)).rejects.toThrow('aborted');
    expect(asked).toBe(1);
  });

  it('passes each piece of a streamed answer on at once, and ends it at the instance when the client has gone', async () => {
    let piece = 0;
    let next = (): void => undefined;
    let hasEnded = false;
    const port = await serveInstance((_req, res) => {
      res.writeHead(200, { 'Content-Type': 'text/event-stream' });
      res.once('close', () => (hasEnded = true));
      next = () => void res.write(`data: ${(piece += 1)}\n\n`);
      next();
    });
    const { origin } = await serveProxy([port]);
    const leaving = new AbortController();
    const { body } = await fetch(origin, { signal: leaving.signal });
    const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
    for (const expected of ['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n']) {
      expect((await reader?.read())?.value).toBe(expected);
      next();
    }
    leaving.abort();
    await vi.waitUntil(() => hasEnded, PATIENCE);
  });

  it('takes no upgrade to another protocol: the instance answers the request without one', async () => {
    const port = await serveInstance((req, res) => res.end(String(req.headers.upgrade)));
    const { origin } = await serveProxy([port]);
    const headers = { Connection: 'Upgrade', Upgrade: 'websocket' };
    expect(await send(origin, { headers })).toEqual({ status: 200, body: 'undefined' });
  });

  it('sends no new request to an instance that is not ready, and lets those under way end', async () => {
    let isReady = true;
    let finish = (): void => undefined;
    const ending = await serveInstance(
      (req, res) => {
        if (req.url === '/slow') finish = () => void res.end('ending');
        else res.end('ending');
      },
      () => isReady,
    );
    const other = await serveInstance((_req, res) => res.end('other'));
    const { origin, add } = await serveProxy([ending]);
    const slow = send(`${origin}/slow`);
    await vi.waitUntil(async () => (await send(origin)).body === 'ending', PATIENCE);
    isReady = false;
    add(other);
    await vi.waitUntil(async () => {
      const answers = await Promise.all([send(origin), send(origin)]);
      return answers.every(({ body }) => body === 'other');
    }, PATIENCE);
    finish();
    expect(await slow).toEqual({ status: 200, body: 'ending' });
  });

  it('asks those that are not ready rather than nobody, and says 503 when there is nobody', async () => {
    const port = await serveInstance(
      (_req, res) => res.end('all the same'),
      () => false,
    );
    const { origin, remove } = await serveProxy([port]);
    expect((await send(origin)).body).toBe('all the same');
    remove(port);
    expect((await send(origin)).status).toBe(503);
  });
});

interface StorePlace {
  readonly name: string;
  readonly isMissing: boolean;
  /** Makes room for the tests, and returns the URL. */
  readonly open: () => Promise<{ url: string; close: () => Promise<void> }>;
}

const schema = createPostgresSchema();
const stores: readonly StorePlace[] = [
  {
    name: 'PostgreSQL',
    isMissing: await isMissing('PostgreSQL', postgresUrl),
    async open() {
      await schema.create();
      return { url: schema.url, close: () => schema.drop() };
    },
  },
  {
    name: 'Redis',
    isMissing: !process.env.CI && !hasRedisServer,
    async open() {
      const { url, stop: close } = await startRedisServer();
      return { url, close };
    },
  },
];

/** Of requests in a minute. More than the load below needs. */
const LIMIT = 60;

describe.each(stores)(
  'two instances behind the proxy on $name',
  ({ isMissing: isLeftOut, open }) => {
    describe.skipIf(isLeftOut)('', () => {
      const instances: Instance[] = [];
      let proxy: Awaited<ReturnType<typeof startProxy>>;
      /** Ready, and added later than the others. */
      let spare: Instance;

      function add(instance: Instance): void {
        instances.push(instance);
        proxy.add(instance.port);
        void instance.ended.then(() => proxy.remove(instance.port));
      }

      beforeAll(async () => {
        const { url, close } = await open();
        const env = {
          ...plainEnvironment(),
          AUTH_STORE_URL: url,
          AUTH_JWT_SECRET: SECRET,
          AUTH_PUBLIC_URL: 'http://localhost:3000',
          AUTH_ACCESS_TTL: '60s',
          AUTH_RATE_LIMIT: `${LIMIT}/60s`,
        };
        proxy = await startProxy();
        await addUser(env);
        const all = await Promise.all([started(env), started(env), started(env)]);
        for (const each of all.slice(1)) add(each);
        [spare] = all;
        return async () => {
          for (const { kill } of all) kill('SIGKILL');
          await Promise.all(all.map(({ ended }) => ended));
          await proxy.close();
          await close();
        };
      }, 120_000);

      const post = (route: string, body: object, more: Sending = {}) =>
        send(`${proxy.origin}/api/auth${route}`, {
          method: 'POST',
          body: JSON.stringify(body),
          ...more,
          headers: { 'Content-Type': 'application/json', ...more.headers },
        });
      const signIn = async (): Promise<Tokens> =>
        JSON.parse((await post('/login', { username: 'ann', password: PASSWORD })).body) as Tokens;

      /** What each instance says of a token, asked without the proxy. */
      const statuses = (tokens: Tokens): Promise<readonly number[]> =>
        Promise.all(
          instances.map(async ({ port }) => {
            const url = `http://127.0.0.1:${port}/api/whoami`;
            return (await send(url, { headers: bearer(tokens) })).status;
          }),
        );

      it('a session is known to both, and refused by both when it has ended at one', async () => {
        const tokens = await signIn();
        expect(await statuses(tokens)).toEqual([200, 200]);
        expect((await post('/logout', {}, { headers: bearer(tokens) })).status).toBe(204);
        await vi.waitUntil(async () => (await statuses(tokens)).every((status) => status === 401), {
          timeout: 20_000,
        });
      });

      it('a limit is one limit, for the address that the proxy saw', async () => {
        const attempt = async (more: Sending) => (await post('/refresh', {}, more)).status;
        const answers = await Promise.all(
          Array.from({ length: LIMIT + 20 }, () => attempt({ from: '127.0.0.2' })),
        );
        expect(answers.filter((status) => status === 429)).toHaveLength(20);
        const headers = { 'X-Forwarded-For': '203.0.113.9' };
        expect(await attempt({ from: '127.0.0.2', headers })).toBe(429);
        expect(await attempt({ from: '127.0.0.3' })).not.toBe(429);
      });

      it('one ends and one is killed under load, and no client notices', async () => {
        const clock = jumpingClock();
        const seen = watchRefreshes();
        const clients = await startClients({
          ...{ baseUrl: `${proxy.origin}/api`, username: 'ann', password: PASSWORD },
          ...{ count: 4, pauseMs: 20, fetch: seen.fetch },
        });
        /** Waits until each client was answered so often, and had to refresh each time. */
        async function load(times: number): Promise<void> {
          for (let round = 0; round < times; round += 1) {
            const before = [...clients.rounds()];
            clock.jump(61_000);
            await vi.waitUntil(
              () => clients.rounds().every((count, at) => count > (before[at] ?? 0) + 1),
              PATIENCE,
            );
          }
        }

        const [first, second] = instances;
        const connection = async () =>
          (await fetch(`http://127.0.0.1:${first?.port}/live`)).headers.get('connection');
        await load(3);
        add(spare);
        expect(await connection()).toBe('keep-alive');
        first?.kill('SIGTERM');
        // While it ends it answers, and keeps no connection that would close under a request.
        await vi.waitUntil(async () => (await connection()) === 'close', PATIENCE);
        await load(3);
        expect(await first?.ended).toBe(0);
        await load(1);
        second?.kill('SIGKILL');
        await load(3);
        await clients.stop();

        expect(clients.failures).toEqual([]);
        const answered = [first, second, spare].map((instance) => String(instance?.pid));
        expect([...clients.answers.keys()].toSorted()).toEqual(answered.toSorted());
        const sessions = seen.successors();
        expect(sessions.length).toBe(4);
        for (const { tokens, generations } of sessions) {
          expect(generations.size).toBeGreaterThanOrEqual(8);
          // One successor for each token, and none left out: nothing was rotated twice.
          expect(tokens.size).toBe(generations.size);
          expect(Math.max(...generations)).toBe(generations.size);
        }
      });
    });
  },
);

it('its server starts with nothing set, replaces an instance that is killed, and ends when it is told to', async () => {
  const script = startScript([path.join(folder, 'server.mjs')], { env: { PORT: '0' } });
  // The instances end when the process is gone that started them.
  onTestFinished(() => void script.child.kill('SIGKILL'));
  await until(script, () => script.output.stdout.includes('; wait'));
  const [, api = '', username = '', password = ''] =
    /load\.ts (\S+) (\S+) (\S+)/.exec(script.output.stdout) ?? [];
  const [, pid = ''] = /kill -9 (\d+)/.exec(script.output.stdout) ?? [];
  const client = createAuthClient({ baseUrl: api });
  await client.login({ username, password });
  const answeredBy = async (): Promise<string> => {
    const answer = await client.fetch('/whoami');
    return ((await answer.json()) as { instance: string }).instance;
  };
  expect(new Set([await answeredBy(), await answeredBy()]).size).toBe(2);
  process.kill(Number(pid), 'SIGKILL');
  await until(script, () => script.output.stdout.includes('taken its place'));
  const running = new Set([await answeredBy(), await answeredBy()]);
  expect(running.size).toBe(2);
  expect(running).not.toContain(pid);
  expect(await stop(script)).toBe(0);
  for (const each of running) expect(() => process.kill(Number(each), 0)).toThrow('ESRCH');
  expect(script.output.stderr).not.toMatch(/error/i);
});

/** An instance, started again where it gave up: the store has seconds to answer it, in which a busy machine may stand still. */
async function started(env: NodeJS.ProcessEnv, attempts = 5): Promise<Instance> {
  const starting = startInstance(path.join(folder, 'instance.mjs'), env);
  return attempts === 1 ? starting : starting.catch(() => started(env, attempts - 1));
}

async function addUser(env: NodeJS.ProcessEnv): Promise<void> {
  const auth = createAuth({ env, onWarning: () => undefined });
  const passwordHash = await auth.passwords.hash(PASSWORD);
  await auth.users.create({ username: 'ann', passwordHash });
  await auth.close();
}

/** The clock of the clients, which can be set forward: their tokens have expired then. */
function jumpingClock() {
  const { now } = Date;
  let ahead = 0;
  const spy = vi.spyOn(Date, 'now').mockImplementation(() => now.call(Date) + ahead);
  onTestFinished(() => spy.mockRestore());
  return { jump: (ms: number) => void (ahead += ms) };
}

/** A `fetch` that notes every refresh token that clients were given instead of another. */
function watchRefreshes() {
  const given = new Map<string, Set<string>>();
  const watched: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    if (response.ok && response.url.endsWith('/refresh')) {
      const { refresh_token: token } = (await response.clone().json()) as Tokens;
      const session = token.split('.')[2] ?? '';
      given.set(session, (given.get(session) ?? new Set()).add(token));
    }
    return response;
  };
  return {
    fetch: watched,
    successors: () =>
      [...given.values()].map((tokens) => ({
        tokens,
        generations: new Set([...tokens].map((token) => Number(token.split('.')[3]))),
      })),
  };
}
