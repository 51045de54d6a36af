import { createServer, type Server } from 'node:http';
import { type Auth, eventLabels, eventNames, labelsOf } from 'latchkey';
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';

/** Counts every event of `auth` by its fixed words. Users, addresses, issuers and ids are no labels. */
export function createMetrics(auth: Auth): Registry {
  const register = new Registry();
  const registers = [register];
  collectDefaultMetrics({ register });
  const events = new Counter({
    name: 'latchkey_events_total',
    help: 'Events of authentication, by name and by fixed words.',
    labelNames: ['event', ...new Set(Object.values(eventLabels).flat())],
    registers,
  });
  for (const name of eventNames) {
    // From the start, so that rate() sees the first one, too. Labels make series of their own.
    if (eventLabels[name].length === 0) events.inc({ event: name }, 0);
    auth.on(name, (event) => events.inc({ event: name, ...labelsOf(name, event) }));
  }
  const cachedTokens = new Gauge({
    name: 'latchkey_cached_tokens',
    help: 'Verified tokens in memory.',
    registers,
    collect() {
      cachedTokens.set(auth.verifier.counters().cachedTokens);
    },
  });
  return register;
}

/** Serves `GET /metrics` on a port of its own, so that it is nothing the application's proxy could let through. */
export function serveMetrics(register: Registry, { port = 9464, host = '127.0.0.1' } = {}): Server {
  const server = createServer((req, res) => {
    if (req.method !== 'GET' || req.url !== '/metrics') {
      res.writeHead(404).end();
      return;
    }
    register.metrics().then(
      (text) => res.writeHead(200, { 'Content-Type': register.contentType }).end(text),
      () => res.writeHead(500).end(),
    );
  });
  return server.listen(port, host);
}
