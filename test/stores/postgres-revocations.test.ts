import { postgresStore, type Store } from 'latchkey';
import { Pool } from 'pg';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { connectPostgres, newSession, NOW, postgresWorld } from '../world/postgres-world.js';
import { isMissing, postgresUrl } from '../world/services.js';
import { PATIENCE } from '../world/patience.js';

const at = { now: NOW, reason: 'logout' };

async function created(store: Store, ...ids: readonly string[]): Promise<void> {
  for (const id of ids) await store.sessions.create(newSession({ id, userId: id }));
}

/** Revokes a session in a transaction that commits later. */
async function revokeLater(url: string, id: string) {
  const client = await connectPostgres(url);
  await client.query('BEGIN');
  await client.query(`UPDATE latchkey_sessions SET revoked_at = ${NOW} WHERE id = $1`, [id]);
  return { commit: () => client.query('COMMIT'), rollback: () => client.query('ROLLBACK') };
}

const idsOf = (page: readonly { readonly id: string }[]): string[] => page.map(({ id }) => id);

describe.skipIf(await isMissing('PostgreSQL', postgresUrl))('revocations in PostgreSQL', () => {
  it('that commit after later ones are on a later page, each once, also before the first that a reader saw', async () => {
    const { url, ...world } = await postgresWorld();
    const store = world.openStore();
    await created(store, 'a', 'b', 'c', 'd', 'e', 'f');
    const earliest = await revokeLater(url, 'a');
    await store.sessions.revoke({ id: 'b' }, at);
    const first = await store.sessions.revokedSince(NOW);
    expect(idsOf(first)).toEqual(['b']);
    const second = await revokeLater(url, 'c');
    const lost = await revokeLater(url, 'f');
    await store.sessions.revoke({ id: 'd' }, at);
    await lost.rollback();
    const after = await store.sessions.revokedSince(NOW, { after: first.at(-1)?.position });
    expect(idsOf(after)).toEqual(['d']);
    await earliest.commit();
    const late = await store.sessions.revokedSince(NOW, { after: after.at(-1)?.position });
    expect(idsOf(late)).toEqual(['a']);
    await second.commit();
    await store.sessions.revoke({ id: 'e' }, at);
    const last = await store.sessions.revokedSince(NOW, { after: late.at(-1)?.position });
    expect(idsOf(last)).toEqual(['c', 'e']);
    expect(await store.sessions.revokedSince(NOW, { after: last.at(-1)?.position })).toEqual([]);
  });

  it('of one large change are read in pages, beside others, and none is left out', async () => {
    const { url, ...world } = await postgresWorld();
    const store = world.openStore();
    const ids = Array.from({ length: 60 }, (_, index) => `id ${String(index).padStart(2, '0')}`);
    await created(store, ...ids);
    const late = await Promise.all(ids.slice(0, 5).map((id) => revokeLater(url, id)));
    await Promise.all(ids.slice(5, 30).map((id) => store.sessions.revoke({ id }, at)));
    const seen: string[] = [];
    let after: string | undefined;
    const readAll = async (): Promise<void> => {
      for (;;) {
        const page = await store.sessions.revokedSince(NOW, { after, limit: 7 });
        seen.push(...idsOf(page));
        after = page.at(-1)?.position ?? after;
        if (page.length < 7) return;
      }
    };
    await readAll();
    expect(seen).toHaveLength(25);
    for (const { commit } of late) await commit();
    await Promise.all(ids.slice(30).map((id) => store.sessions.revoke({ id }, at)));
    await readAll();
    expect(seen.toSorted()).toEqual(ids);
    await store.sessions.revokedSince(NOW, { after });
    expect(after?.length).toBeLessThan(4000);
  });

  it('of a change that commits while a page is read are all on it', async () => {
    const { url, ...world } = await postgresWorld();
    const store = world.openStore();
    await created(store, 'a', 'b', 'c');
    const change = await connectPostgres(url);
    const revoke = (id: string) =>
      change.query(`UPDATE latchkey_sessions SET revoked_at = ${NOW} WHERE id = $1`, [id]);
    await change.query('BEGIN');
    await revoke('a');
    await store.sessions.revoke({ id: 'b' }, at);
    const [first] = await store.sessions.revokedSince(NOW);
    expect(first?.id).toBe('b');
    await revoke('c');
    const pool = new Pool({ connectionString: url });
    onTestFinished(() => pool.end());
    const reading = postgresStore({
      async query(text: string, values?: unknown[]) {
        // The page has looked into its gaps, and goes on to what comes after them.
        if (text.includes('revoked_seq > $3')) await change.query('COMMIT');
        return pool.query(text, values);
      },
    });
    const page = await reading.sessions.revokedSince(NOW, {
      after: first?.position,
    });
    expect(idsOf(page)).toEqual(['c', 'a']);
  });

  it('are read from the beginning again when a fail-over has lost the last numbers', async () => {
    const { client, ...world } = await postgresWorld();
    const store = world.openStore();
    await created(store, 'a', 'b', 'c');
    await store.sessions.revoke({ id: 'a' }, at);
    await store.sessions.revoke({ id: 'b' }, at);
    const after = (await store.sessions.revokedSince(NOW)).at(-1)?.position;
    await client.query(
      `UPDATE latchkey_sessions SET revoked_at = NULL, revoked_seq = NULL WHERE id = 'b'`,
    );
    await client.query(`SELECT setval('latchkey_revocations', 1)`);
    expect(idsOf(await store.sessions.revokedSince(NOW, { after }))).toEqual(['a']);
  });

  it('are heard of by other instances, also after their connections have ended, until they stop listening', async () => {
    const { url, endConnections } = await postgresWorld();
    // Goes by another name, so that its connections live on.
    const unnamed = new URL(url);
    unnamed.searchParams.delete('application_name');
    const one = new Pool({ connectionString: unnamed.href });
    const two = new Pool({ connectionString: url });
    onTestFinished(async () => void (await Promise.all([one.end(), two.end()])));
    const [telling, listening] = [postgresStore(one), postgresStore(two)];
    onTestFinished(() => listening.close());
    await created(telling, 'a', 'b', 'c');
    const heard = vi.fn<() => void>();
    const stop = listening.sessions.onRevoked?.(heard);
    await vi.waitFor(() => expect(heard).toHaveBeenCalled(), PATIENCE);
    heard.mockClear();
    await telling.sessions.revoke({ id: 'a' }, at);
    await vi.waitFor(() => expect(heard).toHaveBeenCalled(), PATIENCE);
    heard.mockClear();
    await endConnections();
    await vi.waitFor(() => expect(heard).toHaveBeenCalled(), PATIENCE);
    heard.mockClear();
    await telling.sessions.revoke({ id: 'b' }, at);
    await vi.waitFor(() => expect(heard).toHaveBeenCalled(), PATIENCE);
    stop?.();
    heard.mockClear();
    await telling.sessions.revoke({ id: 'c' }, at);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(heard).not.toHaveBeenCalled();
  });
});
