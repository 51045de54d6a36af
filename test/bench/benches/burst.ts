import type { BenchContext } from '../bench.js';
import { createLoad } from '../load.js';
import { startServer } from '../server-process.js';
import { mint } from '../tokens.js';
import { createTraffic } from '../traffic.js';
import { trustIn } from '../trust.js';

const BURSTS = 20;

/** 64 requests that arrive together with one token nobody has seen before. */
export async function burst({ report, issued }: BenchContext): Promise<void> {
  const { signer } = await issued('RS256');
  const route = { stack: 'latchkey', trust: trustIn(signer) } as const;
  const server = await startServer({ off: route, on: route });
  const load = await createLoad(server.port);
  const before = await server.sample();
  let good = 0;
  for (const token of await mint(signer, BURSTS)) {
    const result = await load.run(createTraffic({ path: '/on', tokens: [token] }), 0);
    good += result.good;
  }
  const after = await server.sample();
  load.close();
  await server.close();
  const checks =
    (after.counters.on?.signatureChecks ?? 0) - (before.counters.on?.signatureChecks ?? 0);
  report({
    what: `signature checks for ${BURSTS} bursts of 64 requests with one new token`,
    value: checks,
    goal: { exactly: BURSTS },
    kind: 'counter',
  });
  report({
    what: 'of these requests, answered 200',
    value: good,
    goal: { exactly: BURSTS * 64 },
    kind: 'counter',
  });
}
