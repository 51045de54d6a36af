import { latchkey } from '../built-library.js';
import { connectInBulk } from './bulk-redis.js';
import {
  kindOf,
  type Population,
  revokedAt,
  saltOf,
  sessionId,
  TEMPLATES,
  templateOf,
  userId,
} from './population.js';

const HOUR_MS = 3_600_000;
/** So many that Redis never waits for us. */
const AT_ONCE = 500;

/** Fills a store by itself, since Redis knows no statement that makes many rows of one. */
export async function fillRedis(port: number, population: Population): Promise<void> {
  const { sessions, layout } = population;
  await fillRedisSessions(port, population);
  const client = await connectInBulk(port);
  const store = latchkey.redisStore(client);
  const now = Date.now();
  await inParallel(sessions / 20, async (entry) => {
    const key = `bench-${sessionId(entry)}`;
    await store.once.add(key, 'value', { now, expiresAt: now + HOUR_MS });
    await store.once.incr(key, { now, windowMs: HOUR_MS });
  });
  await inParallel(sessions, async (session) => {
    if (kindOf(layout.placeOf(session)) !== 'revoked') return;
    const at = { now: revokedAt(session, now), reason: 'bench' };
    const revoked = await store.sessions.revoke({ id: sessionId(session) }, at);
    if (revoked.length !== 1) throw new Error('a session that was created is not there');
  });
  await store.close();
  client.close();
}

/** Sessions alone. */
export async function fillRedisSessions(
  port: number,
  { sessions, layout }: Population,
): Promise<void> {
  const client = await connectInBulk(port);
  const store = latchkey.redisStore(client);
  const now = Date.now() - layout.agoMs;
  const templates = Array.from({ length: TEMPLATES }, (_, place) => templateOf(place, now));
  await inParallel(sessions, (session) =>
    store.sessions.create({
      ...(templates[layout.placeOf(session)] ?? templateOf(0, now)),
      id: sessionId(session),
      userId: userId(layout.userOf(session)),
      salt: saltOf(session),
    }),
  );
  await store.close();
  client.close();
}

async function inParallel(count: number, work: (at: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      next += 1;
      await work(next - 1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
