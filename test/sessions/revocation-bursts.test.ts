import { openStore, type Store } from 'latchkey';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createRevocations, type Revocations } from '../../lib/sessions/revocations.js';
import { sharedStores } from '../world/every-store.js';
import { watchStandstills } from '../world/standstill.js';
import { addSessions } from '../world/switched-store.js';

const NOW = Date.now();

const places = (await sharedStores(6)).map((place) => ({
  ...place,
  // SQLite flushes each session by itself, which takes long.
  count: { SQLite: 1100, PostgreSQL: 10_000, Redis: 3000 }[place.name] ?? 0,
}));

/** Adds live sessions of `ann`: on PostgreSQL by one statement, for there are many of them. */
async function fill({ name, url, count }: (typeof places)[number]): Promise<readonly string[]> {
  const store = openStore(url);
  onTestFinished(() => store.close());
  const [model = ''] = await addSessions(store, { count: 1, now: NOW });
  if (name !== 'PostgreSQL') return addSessions(store, { count, now: NOW });
  const client = new Client(url);
  await client.connect();
  const { rows: columns } = await client.query<{ column_name: string }>(
    `SELECT column_name FROM information_schema.columns
     WHERE table_schema = current_schema() AND table_name = 'latchkey_sessions' AND column_name <> 'id'`,
  );
  const names = columns.map((column) => column.column_name).join(', ');
  const { rows } = await client.query<{ id: string }>(
    `INSERT INTO latchkey_sessions (id, ${names})
     SELECT md5(number::text), ${names} FROM latchkey_sessions, generate_series(1, $2) AS number
     WHERE id = $1 RETURNING id`,
    [model, count],
  );
  await client.end();
  return rows.map(({ id }) => id);
}

/** As much of an instance of the application as hears of revocations. */
function startInstance(url: string): { store: Store; revocations: Revocations } {
  const store = openStore(url);
  const revocations = createRevocations(store.sessions, { accessTtlSeconds: 900, now: Date.now });
  onTestFinished(async () => {
    revocations.close();
    await store.close();
  });
  return { store, revocations };
}

type Answer = boolean | 'asked: revoked' | 'asked: live' | 'asked: no answer';

/** What is said of all these sessions at one moment. */
async function ask(revocations: Revocations, ids: readonly string[]): Promise<ReadonlySet<Answer>> {
  const answers = ids
    .map((id) => revocations.has(id))
    .map(async (answer): Promise<Answer> => {
      if (typeof answer === 'boolean') return answer;
      return answer.then(
        (isRevoked) => (isRevoked ? 'asked: revoked' : 'asked: live'),
        () => 'asked: no answer',
      );
    });
  return new Set(await Promise.all(answers));
}

/** Asks until every session is refused from memory. Returns what was said until then, at each moment. */
async function askUntilAllAreRefused(revocations: Revocations, ids: readonly string[]) {
  const said: ReadonlySet<Answer>[] = [];
  const isOver = async (): Promise<boolean> => {
    const answers = await ask(revocations, ids);
    said.push(answers);
    return answers.size === 1 && answers.has(true);
  };
  await vi.waitUntil(isOver, { timeout: 60_000, interval: 20 });
  return said;
}

describe.each(places)('$count revocations at once on $name', (place) => {
  beforeAll(place.create);
  afterAll(place.drop);

  it.skipIf(place.isMissing)(
    'are known on every instance soon, and none is let pass by an instance that has heard of some',
    async () => {
      const ids = await fill(place);
      const sample = ids.filter((_, at) => at % Math.ceil(ids.length / 500) === 0);
      const [here, there] = [startInstance(place.url), startInstance(place.url)];
      for (const { revocations } of [here, there]) {
        await revocations.ready();
        expect(await ask(revocations, sample)).toEqual(new Set([false]));
      }
      const at = { now: Date.now(), reason: 'test' };
      const [, ...said] = await Promise.all([
        here.store.sessions.revoke({ userId: 'ann' }, at),
        askUntilAllAreRefused(here.revocations, sample),
        askUntilAllAreRefused(there.revocations, sample),
      ]);
      // Elsewhere they are revoked one after the other.
      const afterTheFirst =
        place.name === 'Redis' ? [] : said.flat().filter(({ size }) => size > 1);
      for (const answers of afterTheFirst) {
        expect(answers).not.toContain(false);
        expect(answers).not.toContain('asked: live');
      }

      const standstills = await watchStandstills();
      const late = await askUntilAllAreRefused(startInstance(place.url).revocations, sample);
      expect(new Set(late.flatMap((answers) => [...answers]))).not.toContain(false);
      expect(new Set(late.flatMap((answers) => [...answers]))).not.toContain('asked: live');
      // It reads pages, with pauses.
      expect(standstills.percentile(99)).toBeLessThan(500);
    },
    150_000,
  );
});
