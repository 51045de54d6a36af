import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import express from 'express';
import { latchkey } from './built-library.js';
import type { FromServer, Sample, Scenario, ToServer } from './server-messages.js';
import type { Stack } from './stack.js';
import { createStack } from './stacks.js';

// The server under test: one process, one application, two routes. It measures its own CPU time, because
// nobody else can tell it from the load generator's.

process.setSourceMapsEnabled(false);
process.on('message', (message: ToServer) => {
  if (message.type === 'sample') send({ type: 'sample', sample: takeSample() });
  else void start(message.scenario);
});
process.on('disconnect', () => process.exit());

let routes: { readonly off: Stack; readonly on: Stack } | undefined;

async function start({ off, on, maxHeaderSize }: Scenario): Promise<void> {
  routes = {
    off: await createStack(off.stack, off.trust),
    on: await createStack(on.stack, on.trust),
  };
  await Promise.all([routes.off.ready?.(), routes.on.ready?.()]);
  const app = express();
  app.set('env', 'production');
  app.get('/off', ...routes.off.handlers, (_req, res) => void res.json({ ok: true }));
  app.get('/on', ...routes.on.handlers, (_req, res) => void res.json({ ok: true }));
  app.use(latchkey.errorHandler());
  const server = createServer(
    { keepAliveTimeout: 120_000, ...(maxHeaderSize !== undefined && { maxHeaderSize }) },
    app,
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  send({ type: 'listening', port: (server.address() as AddressInfo).port });
}

function takeSample(): Sample {
  const { user, system } = process.cpuUsage();
  const { active, idle } = performance.eventLoopUtilization();
  return {
    cpuUs: user + system,
    activeMs: active,
    idleMs: idle,
    counters: { off: routes?.off.counters?.(), on: routes?.on.counters?.() },
  };
}

function send(message: FromServer): void {
  process.send?.(message);
}
