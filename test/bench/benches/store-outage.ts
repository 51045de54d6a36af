import { setTimeout as pause } from 'node:timers/promises';
import { beginSessions } from '../../world/first-sessions.js';
import { startPatientClients } from '../../world/patient-clients.js';
import { type StoreOutage, storeOutages } from '../../world/store-outages.js';
import type { BenchContext } from '../bench.js';
import { startInstance } from '../instance-process.js';

const CLIENTS = 200;
const OUTAGE_MS = 30_000;
/** Longer than the grace: what is taken for reuse is taken for it by then. */
const AFTERMATH_MS = 12_000;

/** 200 clients of two instances renew their tokens every second, through half a minute in which the store does not answer. */
export async function storeOutage(context: BenchContext): Promise<void> {
  for (const outage of await storeOutages()) if (!outage.isMissing) await survive(context, outage);
}

async function survive({ report }: BenchContext, { title, create }: StoreOutage): Promise<void> {
  const place = await create();
  const tokens = await beginSessions(place.url, CLIENTS);
  const instances = await Promise.all([startInstance(place.url), startInstance(place.url)]);
  const clients = startPatientClients({ origins: instances.map(({ origin }) => origin), tokens });
  await clients.allServed();
  await pause(3000);

  const recover = await place.silence();
  await pause(OUTAGE_MS);
  await recover();
  const recoveredAt = performance.now();
  await clients.allServed();
  const servedAfterMs = performance.now() - recoveredAt;
  await pause(AFTERMATH_MS);
  await clients.stop();

  const events = await Promise.all(instances.map((instance) => instance.events()));
  const sum = (name: string): number =>
    events.reduce((total, counts) => total + (counts[name] ?? 0), 0);
  report({
    what: `${title} for 30 s: clients signed out of ${CLIENTS}`,
    value: clients.refusals.length,
    goal: { exactly: 0 },
    kind: 'counter',
    note: `${clients.refreshes()} refreshes, ${clients.failures()} answers 503; ${[...new Set(clients.refusals)].join(', ')}`,
  });
  report({
    what: `${title} for 30 s: refresh.reused`,
    value: sum('refresh.reused'),
    goal: { exactly: 0 },
    kind: 'counter',
  });
  report({
    what: `${title} for 30 s: all clients served, after the recovery`,
    value: servedAfterMs / 1000,
    unit: 's',
    goal: { atMost: 10 },
    kind: 'steady',
  });
  await Promise.all(instances.map((instance) => instance.close()));
  await place.drop();
}
