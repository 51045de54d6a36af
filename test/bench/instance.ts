import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import express from 'express';
import type { Auth, AuthEvents } from 'latchkey';
import { latchkey } from './built-library.js';
import { sessionId, userId } from './filled/population.js';
import type { InstanceAnswer, InstanceQuestion, Lag, Numbered } from './instance-messages.js';

// An instance of an application that keeps sessions, as it is out of the box. It measures its own event loop, because
// nobody else can.

process.setSourceMapsEnabled(false);
process.on('message', ({ number, message }: Numbered<InstanceQuestion>) => {
  void answer(message)
    .catch((error: unknown): InstanceAnswer => ({ type: 'failed', error: String(error) }))
    .then((reply) => process.send?.({ number, message: reply }));
});
process.on('disconnect', () => process.exit());

const EVENTS = ['refresh.rotated', 'refresh.reused', 'session.revoked', 'store.failed'] as const;
const lateness = monitorEventLoopDelay({ resolution: 1 });
const events: Record<string, number> = {};
let auth: Auth | undefined;

async function answer(question: InstanceQuestion): Promise<InstanceAnswer> {
  switch (question.type) {
    case 'start':
      return { type: 'started', origin: await start(question) };
    case 'lag':
      return { type: 'lag', lag: takeLag() };
    case 'events':
      return { type: 'events', events };
    case 'revoke':
      return { type: 'revoked', tries: await revokeAll(question.users) };
    case 'refuse':
      return { type: 'refused', at: await untilRefused(question.sessions) };
    default:
      return question satisfies never;
  }
}

async function start({
  storeUrl,
  secret,
}: Extract<InstanceQuestion, { type: 'start' }>): Promise<string> {
  auth = latchkey.createAuth({
    env: { NODE_ENV: 'test', AUTH_STORE_URL: storeUrl },
    publicUrl: 'http://localhost:3000',
    jwt: { secret },
    rateLimit: { max: 1_000_000, windowSeconds: 60 },
    onWarning: () => undefined,
  });
  for (const name of EVENTS) {
    events[name] = 0;
    auth.on(name satisfies keyof AuthEvents, () => void (events[name] = (events[name] ?? 0) + 1));
  }
  await auth.ready();
  const app = express();
  app.use('/api/auth', auth.router());
  app.get('/api/me', auth.requireAuth(), (req, res) => void res.json(req.auth));
  app.use(auth.errorHandler());
  const server = createServer({ keepAliveTimeout: 120_000 }, app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  lateness.enable();
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function takeLag(): Lag {
  const lag = { p99Ms: lateness.percentile(99) / 1e6, maxMs: lateness.max / 1e6 };
  lateness.reset();
  return lag;
}

function sessionsOf(): Auth['sessions'] {
  if (!auth) throw new Error('the instance has not been started');
  return auth.sessions;
}

/** As many at once as a script of an administrator may send. What fails is tried again. */
const AT_ONCE = 16;

async function revokeAll(users: number): Promise<number> {
  let tries = 0;
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < users) {
      const user = next;
      next += 1;
      let isDone = false;
      while (!isDone) {
        tries += 1;
        isDone = await sessionsOf()
          .revoke({ userId: userId(user) }, 'bench')
          .then(
            () => true,
            () => false,
          );
        if (!isDone) await pause(1000);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return tries;
}

async function untilRefused(count: number): Promise<number> {
  // Made before, so that what is measured is not our own hashing.
  const ids: string[] = [];
  for (let session = 0; session < count; session += 1) {
    ids.push(sessionId(session));
    if (session % 500 === 0) await pause(1);
  }
  let at = 0;
  while (at < count) {
    const end = Math.min(count, at + 1000);
    while (at < end && (await sessionsOf().isRevoked(ids[at] ?? ''))) at += 1;
    await pause(at === end ? 1 : 50);
  }
  return Date.now();
}
