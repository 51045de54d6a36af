import { setTimeout as wait } from 'node:timers/promises';
import express from 'express';
import { createAuth, openStore } from 'latchkey';
import { describe, it } from 'vitest';
import { startAuthProcess } from '../world/auth-process.js';
import { BASE } from '../world/auth-server.js';
import { beginSessions } from '../world/first-sessions.js';
import { startPatientClients } from '../world/patient-clients.js';
import { listen } from '../world/serve.js';
import { storeOutages } from '../world/store-outages.js';

const outages = await storeOutages();
const OUTAGE_MS = 8000;
const CLIENTS = 20;

// W1 and W3, with two instances and clients that come back.
describe.concurrent('an outage of the store signs nobody out', () => {
  for (const { title, isMissing, create } of outages)
    it.skipIf(isMissing)(
      `${title}: all clients are served again, with the tokens they had`,
      async ({ expect, onTestFinished }) => {
        const place = await create();
        const tokens = await beginSessions(place.url, CLIENTS);
        const instances = await Promise.all([0, 1].map(() => startInstance(place.url)));
        onTestFinished(async () => {
          await Promise.all(instances.map(({ stop }) => stop()));
          await place.drop();
        });
        const origins = instances.map(({ origin }) => origin);
        const clients = startPatientClients({ origins, tokens });
        await clients.allServed();

        const recover = await place.silence();
        const failedBefore = clients.failures();
        await wait(OUTAGE_MS);
        await recover();
        expect(clients.failures()).toBeGreaterThan(failedBefore);
        await clients.allServed();
        await clients.stop();
        expect(clients.refusals).toEqual([]);
      },
      120_000,
    );
});

interface Instance {
  readonly origin: string;
  readonly stop: () => Promise<unknown>;
}

/** An instance with the grace that applications have by default. On SQLite it is a process: its driver waits for no one. */
async function startInstance(storeUrl: string): Promise<Instance> {
  if (storeUrl.startsWith('file:')) {
    const instance = await startAuthProcess(storeUrl, { graceSeconds: 10 });
    return { origin: instance.origin, stop: () => instance.kill() };
  }
  const store = openStore(storeUrl);
  const auth = createAuth({ ...BASE, publicUrl: 'http://localhost:3000', store });
  const app = express();
  app.use('/api/auth', auth.router());
  app.use(auth.errorHandler());
  const server = await listen(app);
  return {
    origin: server.origin,
    stop: () => Promise.all([server.close(), auth.close(), store.close()]),
  };
}
