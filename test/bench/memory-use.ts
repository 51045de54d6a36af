import { randomBytes } from 'node:crypto';
import { createOurVerifier } from './ours.js';
import { base64Json, createSigner, mint } from './tokens.js';
import { trustIn } from './trust.js';

// A process that fills a verifier's cache, or tries to fill it with junk, and tells its parent how many bytes that took.
// HS256 stands in for RS256, whose 100,000 signatures would take half a minute: header padded, so that payload and whole
// token are as long as an RS256 token's, and an entry that kept either would show it.

export interface MemoryUse {
  readonly bytes: number;
  readonly cachedTokens: number;
}

const BATCH = 1000;

type Feed = (round: number) => Promise<readonly string[]>;

async function measure(createFeed: () => Wiring, total: number): Promise<MemoryUse> {
  const { verifiers, feed } = createFeed();
  // The first batch pays for compiled code and caches that every program has; it is not counted.
  await verifyAll(verifiers, await feed(-1));
  const before = await settledBytes();
  const known = countCached(verifiers);
  for (let round = 0; round < total / BATCH; round += 1) {
    await verifyAll(verifiers, await feed(round));
  }
  const bytes = (await settledBytes()) - before;
  return { bytes, cachedTokens: countCached(verifiers) - known };
}

interface Wiring {
  readonly verifiers: readonly ReturnType<typeof createOurVerifier>[];
  readonly feed: Feed;
}

function good(): Wiring {
  const signer = createSigner('HS256');
  const verifier = createOurVerifier({ ...trustIn(signer), maxEntries: 200_000 });
  return { verifiers: [verifier], feed: () => mint(signer, BATCH, { padHeader: true }) };
}

/** A third forged, a third naming keys that don't exist, a third no tokens at all. */
function junk(): Wiring {
  const secret = createSigner('HS256');
  const pair = createSigner('ES256');
  const verifiers = [createOurVerifier(trustIn(secret)), createOurVerifier(trustIn(pair))];
  return {
    verifiers,
    async feed(round) {
      const [sample = ''] = await mint(secret, 1);
      const [header = '', payload = ''] = sample.split('.');
      const signature = () => randomBytes(32).toString('base64url');
      return Array.from({ length: BATCH }, (_, index) => {
        if (index % 3 === 0) return `${header}.${payload}.${signature()}`;
        const kid = `${round}-${index}`;
        if (index % 3 === 1)
          return `${base64Json({ alg: 'ES256', typ: 'at+jwt', kid })}.${payload}.${randomBytes(64).toString('base64url')}`;
        return `${kid}.${signature()}`;
      });
    },
  };
}

async function verifyAll(verifiers: Wiring['verifiers'], tokens: readonly string[]): Promise<void> {
  await Promise.allSettled(
    tokens.flatMap((token) => verifiers.map((verifier) => verifier.verify(token))),
  );
}

function countCached(verifiers: Wiring['verifiers']): number {
  return verifiers.reduce((sum, verifier) => sum + verifier.counters().cachedTokens, 0);
}

async function settledBytes(): Promise<number> {
  for (let round = 0; round < 4; round += 1) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, external } = process.memoryUsage();
  // `external` includes array buffers.
  return heapUsed + external;
}

const [kind = 'good', count = '10000'] = process.argv.slice(2);
process.send?.(await measure(kind === 'junk' ? junk : good, Number(count)));
