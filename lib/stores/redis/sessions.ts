import type { RedisConnection } from './connection.js';
import { createPush } from './push.js';
import type { RedisClient } from './client.js';
import { redisRevocations } from './revocations.js';
import { forgetGone, revokeSessions } from './revoke.js';
import { addToLists, byExpiry, readList } from './session-lists.js';
import {
  createRow,
  readRow,
  rotateRow,
  rowArguments,
  toSession,
  updateRow,
} from './session-rows.js';
import type { Session, SessionPage, SessionStore } from '../store.js';

export interface RedisSessions extends SessionStore {
  /** Ends the connection that listens for revocations. */
  readonly close: () => void;
}

export function redisSessions(connection: RedisConnection, client: RedisClient): RedisSessions {
  const { keyOf, begin } = connection;
  const rowOf = (id: string): string => keyOf('session', id);
  const revocations = redisRevocations(connection);
  const push = createPush(client, keyOf('revoked'));

  return Object.freeze({
    async create(session) {
      const change = begin();
      // The lists come first: a session must never live where `revoke` cannot find it.
      await addToLists(connection, change, session);
      const reply = await change(createRow, rowOf(session.id), ...rowArguments(session));
      if (Number(reply) !== 1) throw new Error('a session with this id exists');
    },
    get: (id) => readSession(connection, id),
    rotate: async (id, { generation, now, idleExpiresAt, kid }) =>
      toSession(id, await begin()(rotateRow, rowOf(id), generation, now, idleExpiresAt, kid)),
    async update(id, { version, lastUsedAt, idleExpiresAt, data }) {
      const given = [
        lastUsedAt === undefined ? '' : 'u',
        idleExpiresAt === undefined ? '' : 'i',
        data === undefined ? '' : 'd',
      ].join('');
      const values = [version, lastUsedAt ?? 0, idleExpiresAt ?? 0, data ?? '', given];
      return toSession(id, await begin()(updateRow, rowOf(id), ...values));
    },
    revoke: (selector, at) =>
      revokeSessions({ connection, revocations, hint: push.hint }, selector, at),
    revokedSince: revocations.since,
    ...(push.listen && { onRevoked: push.listen }),
    listByUser: (userId, now, page) => listLive(connection, { userId, now, page }),
    async sweep(before) {
      // Rows expire by themselves.
      await revocations.sweep(before);
      return 0;
    },
    close: push.close,
  } satisfies RedisSessions);
}

async function readSession(
  { run, keyOf }: RedisConnection,
  id: string,
): Promise<Session | undefined> {
  return toSession(id, await run(readRow, keyOf('session', id)));
}

interface Listing {
  readonly userId: string;
  readonly now: number;
  readonly page: SessionPage | undefined;
}

async function listLive(
  connection: RedisConnection,
  { userId, now, page: { after, limit = 100 } = {} }: Listing,
): Promise<readonly Session[]> {
  const live: Session[] = [];
  for await (const entries of readList(connection, ['user-sessions', userId], after)) {
    for (let from = 0; from < entries.length && live.length < limit; from += limit) {
      const part = entries.slice(from, from + limit);
      // As many as are missing at least: some may have ended.
      // oxlint-disable-next-line no-await-in-loop
      const rows = await Promise.all(part.map(({ id }) => readSession(connection, id)));
      for (const row of rows) if (row && isLive(row, userId, now)) live.push(row);
      const gone = part.filter((_, at) => rows[at] === undefined);
      // oxlint-disable-next-line no-await-in-loop
      await forgetGone(connection, gone, now);
    }
    if (live.length >= limit) break;
  }
  return live.toSorted(byExpiry).slice(0, limit);
}

function isLive(row: Session, userId: string, now: number): boolean {
  return (
    row.userId === userId &&
    row.revokedAt === undefined &&
    now < row.idleExpiresAt &&
    now < row.expiresAt
  );
}
