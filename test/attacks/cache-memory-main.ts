import { createHmac } from 'node:crypto';
import { createVerifier } from '../../lib/index.js';
import { tokenShapes, type TokenShape } from './token-shapes.js';

// A process that fills a verifier's cache with tokens, one shape after another, and tells its parent what each took.

const SECRET = 'k3Jf9x2mQp7vR4tY8wZ1bN6cH5gD0sLa';
const NOW = 1_800_000_000;

export interface CacheMemory {
  /** Growth of the heap, an entry. */
  readonly real: number;
  /** What the cache has counted, an entry. */
  readonly estimated: number;
}

function base64Json(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function sign(claims: object, header: object): string {
  const input = `${base64Json({ alg: 'HS256', ...header })}.${base64Json(claims)}`;
  return `${input}.${createHmac('sha256', SECRET).update(input).digest('base64url')}`;
}

async function settledBytes(): Promise<number> {
  for (let round = 0; round < 2; round += 1) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function measure(shape: TokenShape): Promise<CacheMemory> {
  const verifier = createVerifier({
    issuers: { issuer: 'i', audience: 'a', keys: { secret: SECRET }, allowedOrgs: 'any' },
    tokenCache: { maxBytes: 4_000_000_000 },
    now: () => NOW * 1000,
  });
  const use = (from: number, to: number): void => {
    for (let count = from; count < to; count += 1) {
      const { header = {}, claims } = shape.make(count);
      const base = { iss: 'i', aud: 'a', sub: `user-${count}`, exp: NOW + 300 };
      void verifier.verifyNow(sign({ ...base, ...claims }, header));
    }
  };
  // The first ones pay for compiled code and for what tokens share.
  use(0, 100);
  const before = { bytes: await settledBytes(), ...verifier.counters() };
  use(100, 100 + shape.tokens);
  const bytes = (await settledBytes()) - before.bytes;
  const { cachedTokens, cachedBytes } = verifier.counters();
  const entries = cachedTokens - before.cachedTokens;
  return { real: bytes / entries, estimated: (cachedBytes - before.cachedBytes) / entries };
}

const measured: Record<string, CacheMemory> = {};
for (const [name, shape] of Object.entries(tokenShapes)) measured[name] = await measure(shape);
process.send?.(measured);
process.disconnect?.();
