import { setTimeout as pause } from 'node:timers/promises';
import express from 'express';
import { BASE, createClient, PASSWORD } from '../../world/auth-server.js';
import { listen } from '../../world/serve.js';
import type { BenchContext } from '../bench.js';
import { latchkey } from '../built-library.js';
import { type CountedStore, countedStores } from '../counted-stores.js';
import { storeNames, type StoreName } from '../filled/filled-stores.js';
import { percentile } from '../statistics.js';

const TIMES = 15;
/** What an instance does behind its answer is counted to the request. */
const SETTLE_MS = 150;

/** Statements that a refresh and a log-in take, over HTTP and one request at a time, when nobody else helps to fill batches. */
export async function statements(context: BenchContext): Promise<void> {
  for (const name of storeNames) {
    const counted = await countedStores[name]();
    await countOn(context, name, counted);
    await counted.close();
  }
}

async function countOn(
  { report }: BenchContext,
  name: StoreName,
  { store, statements: total }: CountedStore,
): Promise<void> {
  const auth = latchkey.createAuth({
    ...BASE,
    publicUrl: 'http://localhost:3000',
    store,
    // What an instance asks by itself should not come between.
    sessions: { revocationLagSeconds: 300 },
  });
  await auth.ready();
  const passwordHash = await auth.passwords.hash(PASSWORD);
  await auth.users.create({ username: 'alice', passwordHash });
  const app = express();
  app.use('/api/auth', auth.router());
  app.use(auth.errorHandler());
  const server = await listen(app);
  const client = createClient({ origin: server.origin });

  /** The median, because an instance also does something every few seconds. */
  async function countEach(request: () => Promise<unknown>): Promise<number> {
    await request();
    const counts: number[] = [];
    for (let time = 0; time < TIMES; time += 1) {
      await pause(SETTLE_MS);
      const before = total();
      await request();
      await pause(SETTLE_MS);
      counts.push(total() - before);
    }
    return percentile(counts, 50);
  }

  let tokens = await client.signIn('alice');
  report({
    what: `${name}: statements of a refresh`,
    value: await countEach(async () => {
      const body = { refresh_token: tokens.refresh_token };
      const answer = await client.post('/api/auth/refresh', body);
      tokens = (await answer.json()) as typeof tokens;
      if (answer.status !== 200) throw new Error(`a refresh answered ${answer.status}`);
    }),
    goal: { atMost: name === 'Redis' ? 4 : 3 },
    kind: 'counter',
  });
  report({
    what: `${name}: statements of a log-in`,
    value: await countEach(() => client.signIn('alice')),
    // Two limits and what is given back of them, the user, the session, and its user's endings before and after. In Redis, rows and the
    // indexes to them live on different nodes; their commands go out together.
    ...(name !== 'Redis' && { goal: { atMost: 7 } }),
    kind: 'counter',
  });
  await server.close();
  await auth.close();
}
