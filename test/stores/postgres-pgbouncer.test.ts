import { openStore } from 'latchkey';
import { storeContract } from 'latchkey/testing';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { isPgBouncerMissing, type PgBouncer, startPgBouncer } from '../world/pgbouncer.js';
import { newSession, NOW } from '../world/postgres-world.js';
import { createPostgresSchema, type PostgresSchema } from '../world/postgres-schema.js';
import { isMissing, postgresUrl } from '../world/services.js';
import { PATIENCE } from '../world/patience.js';

const isAbsent = isPgBouncerMissing() || (await isMissing('PostgreSQL', postgresUrl));

describe.skipIf(isAbsent)('the PostgreSQL store through PgBouncer in transaction mode', () => {
  let schema: PostgresSchema;
  let pooler: PgBouncer;

  beforeAll(async () => {
    schema = createPostgresSchema();
    await schema.create();
    pooler = await startPgBouncer(schema.schemaName);
  });
  afterAll(async () => {
    await pooler.close();
    await schema.drop();
  });

  // What a pooler can do wrong: statements under names, deadlines, counters in batches. The rest is the same SQL.
  const ofStatements = /^(sessions|rotate|revoke|once|users\.create|joined|together)/;
  const checks = storeContract(() => openStore(pooler.url));
  for (const { title, run } of checks.filter((check) => ofStatements.test(check.title)))
    it(title, run);

  it('leaves its connections as it found them, and hears of nothing', async () => {
    const store = openStore(pooler.url);
    onTestFinished(() => store.close());
    const heard = vi.fn<() => void>();
    store.sessions.onRevoked?.(heard);
    const session = newSession();
    await store.sessions.create(session);
    await vi.waitFor(() => expect(heard).toHaveBeenCalledOnce(), PATIENCE);
    await store.sessions.revoke({ id: session.id }, { now: NOW, reason: 'logout' });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(heard).toHaveBeenCalledOnce();
  });
});
