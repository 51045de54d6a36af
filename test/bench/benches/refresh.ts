import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPostgresSchema } from '../../world/postgres-schema.js';
import { redisUrl } from '../../world/services.js';
import type { BenchContext } from '../bench.js';
import { latchkey } from '../built-library.js';
import {
  measuredMemory,
  measuredPostgres,
  measuredRedis,
  measuredSqlite,
  type MeasuredStore,
} from '../raw-rotations.js';
import { abba, quartiles } from '../statistics.js';

const BATCH = 40;
const HOUR = 3_600_000;

/** Rotation on every store against the same statement by hand, and a whole refresh of 100 at once. */
export async function refresh(context: BenchContext): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
  const schema = createPostgresSchema();
  await schema.create();
  const stores = [
    measuredMemory(),
    measuredSqlite(join(folder, 'auth.db')),
    measuredPostgres(schema.url),
    measuredRedis(redisUrl),
  ];
  for (const measured of stores) {
    await compareRotation(context, measured);
    await refreshAtOnce(context, measured);
    await measured.close();
  }
  await schema.drop();
  rmSync(folder, { recursive: true, force: true });
}

async function compareRotation(
  { report, pairs }: BenchContext,
  { name, store, raw }: MeasuredStore,
): Promise<void> {
  if (!raw) return;
  const ours = await addSession(store, 'ours');
  const byHand = await addSession(store, 'by-hand');
  const generations = { ours: 0, byHand: 0 };
  const sides = {
    async ours() {
      const now = Date.now();
      const rotation = { generation: generations.ours, kid: 'kid', now, idleExpiresAt: now + HOUR };
      if (!(await store.sessions.rotate(ours, rotation))) throw new Error('a rotation failed');
      generations.ours += 1;
    },
    async byHand() {
      await raw(byHand, generations.byHand, Date.now());
      generations.byHand += 1;
    },
  };
  const ratios: number[] = [];
  for (let pair = 0; pair < pairs + 3; pair += 1) {
    const times = { ours: 0, byHand: 0 };
    for (const side of abba(pair, ['ours', 'byHand'] as const)) {
      const start = performance.now();
      for (let count = 0; count < BATCH; count += 1) await sides[side]();
      times[side] = performance.now() - start;
    }
    // The first pairs are for the compilers and the caches.
    if (pair >= 3) ratios.push(times.ours / times.byHand);
  }
  const spread = quartiles(ratios);
  report({
    what: `rotation on ${name} against the raw statement: latency`,
    value: spread.median,
    unit: 'x',
    spread,
    goal: { atMost: 1.15 },
  });
}

async function refreshAtOnce(
  { report }: BenchContext,
  { name, store }: MeasuredStore,
): Promise<void> {
  const auth = latchkey.createAuth({
    env: {},
    publicUrl: 'http://localhost:3000',
    jwt: { secret: 'hT7yW2pLq9Zx4Nc6Vb8Mf3Kd5Gs1Rj0EuAoIiXvB' },
    store,
  });
  let rotations = 0;
  auth.on('refresh.rotated', () => void (rotations += 1));
  const user = await auth.users.create({ username: 'bench' });
  const notes = {
    amr: ['pwd'],
    authTime: 0,
    acr: undefined,
    device: undefined,
    delivery: 'body',
  } as const;
  const { refreshToken } = await auth.sessions.start(user, notes);
  const answers = await Promise.all(
    Array.from({ length: 100 }, () => auth.sessions.refresh(refreshToken)),
  );
  await auth.close();
  report({
    what: `100 refreshes at once on ${name}: rotations`,
    value: rotations,
    goal: { exactly: 1 },
    kind: 'counter',
  });
  report({
    what: `100 refreshes at once on ${name}: different successors`,
    value: new Set(answers.map((answer) => answer.refreshToken)).size,
    goal: { exactly: 1 },
    kind: 'counter',
  });
}

async function addSession(store: MeasuredStore['store'], id: string): Promise<string> {
  const now = Date.now();
  await store.sessions.create({
    id,
    userId: 'user',
    kid: 'kid',
    salt: 'salt',
    generation: 0,
    rotatedAt: now,
    createdAt: now,
    lastUsedAt: now,
    idleExpiresAt: now + HOUR,
    expiresAt: now + 24 * HOUR,
    provider: undefined,
    data: '{}',
  });
  return id;
}
