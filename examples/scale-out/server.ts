import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createAuth } from 'latchkey';
import { runExample } from '../run-example.js';
import { type Instance, startInstance } from './instances.js';
import { createProxy } from './proxy.js';

const INSTANCES = 2;

const folder = mkdtempSync(path.join(tmpdir(), 'scale-out-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

const proxy = createProxy();
const running = new Set<Instance>();
let isEnding = false;

runExample(async (origin) => {
  const env = {
    // One file for all of them: SQLite takes several processes of one machine.
    AUTH_STORE_URL: `file:${path.join(folder, 'auth.db')}`,
    AUTH_JWT_SECRET: randomBytes(48).toString('base64'),
    AUTH_PUBLIC_URL: origin,
    AUTH_ACCESS_TTL: '60s',
    AUTH_RATE_LIMIT: '20/1s',
    ...process.env,
  };
  const user = await addDemoUser(env);
  await Promise.all(Array.from({ length: INSTANCES }, () => runInstance(env)));
  return { app: proxy.listener, instructions: instructions(origin, user), close: end };
});

/** Keeps one instance running: when it ends, another one takes its place. */
async function runInstance(env: NodeJS.ProcessEnv): Promise<void> {
  const script = path.join(import.meta.dirname, `instance${path.extname(import.meta.filename)}`);
  const instance = await startInstance(script, env);
  // Everything may have been told to end while it was starting.
  if (isEnding) {
    instance.kill('SIGTERM');
    return;
  }
  running.add(instance);
  proxy.add(instance.port);
  void instance.ended.then((reason) => {
    running.delete(instance);
    proxy.remove(instance.port);
    if (isEnding) return;
    console.log(`Instance ${instance.pid} has ended (${reason}).`);
    const replaced = (): void => console.log(`Another one has taken its place: ${pids()}.`);
    runInstance(env).then(() => isEnding || replaced(), fail);
  });
}

interface DemoUser {
  readonly username: string;
  readonly password: string;
}

/** By a name of its own, since the store may be yours. */
async function addDemoUser(env: NodeJS.ProcessEnv): Promise<DemoUser> {
  const auth = createAuth({ env });
  const username = `demo-${randomBytes(3).toString('hex')}`;
  const password = auth.passwords.generatePassword();
  await auth.users.create({ username, passwordHash: await auth.passwords.hash(password) });
  await auth.close();
  return { username, password };
}

async function end(): Promise<void> {
  isEnding = true;
  proxy.close();
  for (const instance of running) instance.kill('SIGTERM');
  await Promise.all([...running].map(({ ended }) => ended));
}

function fail(reason: Error): never {
  console.error(`No other one can take its place: ${reason.message}`);
  process.exit(1);
}

function pids(): string {
  return [...running].map(({ pid }) => pid).join(', ');
}

function instructions(origin: string, { username, password }: DemoUser): string {
  const api = origin.replace('localhost', '127.0.0.1');
  const json = `-H 'Content-Type: application/json'`;
  const store = process.env['AUTH_STORE_URL']?.replace(/:.*/, '') ?? 'an SQLite file';
  return `
A proxy on ${origin} before ${INSTANCES} instances (${pids()}), which share ${store}. Ctrl-C ends all of them.

In another terminal, clients that ask on and on:

  npx tsx --tsconfig examples/tsconfig.installed.json examples/scale-out/load.ts ${api}/api ${username} ${password}

Then end an instance, and look at the clients:

  kill -9 ${[...running][0]?.pid}

With curl: sign in, and see the instances take turns:

  TOKEN=$(curl -s ${json} -d '{"username":"${username}","password":"${password}"}' ${api}/api/auth/login |
    sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
  for i in 1 2 3 4; do curl -sH "Authorization: Bearer $TOKEN" ${api}/api/whoami; echo; done

Twenty requests a second to the router, whoever counts them: the rest is 429.

  for i in $(seq 30); do curl -so /dev/null -w '%{http_code} ' ${json} -d '{}' ${api}/api/auth/refresh & done; wait`;
}
