import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { createAuth } from 'latchkey';
import { createApp } from './app.js';

/** Longer than the proxy takes to notice that `/ready` says no. */
const DRAIN_MS = Number(process.env['DRAIN_MS'] ?? 1000);

// All instances have the same AUTH_* variables: one secret, one store.
const auth = createAuth();
const app = createApp(auth, String(process.pid));
let isEnding = false;
const server = createServer((req, res) => {
  // The proxy goes on with another connection, instead of one that closes under its next request.
  if (isEnding) res.setHeader('Connection', 'close');
  app(req, res);
});
// Longer than the proxy keeps a connection idle, or a request meets a connection that is just being closed.
server.keepAliveTimeout = 65_000;

process.on('SIGTERM', () => void end());
// Ctrl-C reaches the whole group; the process that started this one decides.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => void end());

// Not before keys and store are there, and the sessions that were ended lately are known.
await auth.ready();
if (!isEnding)
  server.listen(Number(process.env.PORT ?? 0), process.env['HOST'] ?? '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    process.send?.({ port });
  });

/** In this order: no new requests, then answers to those under way, then the store. */
async function end(): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  auth.drain();
  await wait(DRAIN_MS);
  server.close(() => {
    void auth.close();
    if (process.connected) process.disconnect();
  });
  // Kept connections close by themselves only after `keepAliveTimeout`, also those whose last answer comes now.
  setInterval(() => server.closeIdleConnections(), 50).unref();
}
