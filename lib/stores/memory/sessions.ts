import { createEndings } from './endings.js';
import { createGroups } from './groups.js';
import { createRevocationLog, type RevocationLog } from './revocations.js';
import type { Session, SessionSelector, SessionStore } from '../store.js';

/** Rows are copied in and out, so that callers cannot change what is stored. */
export function memorySessions(): SessionStore {
  const rows = createRows();
  const revocations = createRevocationLog();
  const listeners = new Set<() => void>();

  return Object.freeze({
    async create(session) {
      if (rows.get(session.id)) throw new Error('a session with this id exists');
      const fresh = { version: 0, revokedAt: undefined, revokedReason: undefined };
      rows.put({ ...structuredClone(session), ...fresh });
    },
    async get(id) {
      return structuredClone(rows.get(id));
    },
    async rotate(id, { generation, kid, now, idleExpiresAt }) {
      const row = rows.get(id);
      if (!row || row.generation !== generation || row.revokedAt !== undefined) return undefined;
      if (now >= row.idleExpiresAt || now >= row.expiresAt) return undefined;
      return structuredClone(
        rows.put({
          ...row,
          generation: generation + 1,
          kid,
          rotatedAt: now,
          lastUsedAt: now,
          idleExpiresAt: Math.min(idleExpiresAt, row.expiresAt),
        }),
      );
    },
    async update(id, { version, idleExpiresAt, ...change }) {
      const row = rows.get(id);
      if (!row || row.version !== version || row.revokedAt !== undefined) return undefined;
      const idle = Math.min(idleExpiresAt ?? row.idleExpiresAt, row.expiresAt);
      return structuredClone(
        rows.put({ ...row, ...change, idleExpiresAt: idle, version: version + 1 }),
      );
    },
    async revoke(selector, { now, reason }) {
      const ended = rows.selected(selector);
      for (const row of ended) {
        rows.put({ ...row, revokedAt: now, revokedReason: reason });
        revocations.add({ id: row.id, revokedAt: now });
      }
      if (ended.length > 0) for (const listener of listeners) listener();
      return ended.map(({ id }) => id);
    },
    onRevoked(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    ...sessionLists(rows, revocations),
  } satisfies SessionStore);
}

function sessionLists(
  rows: Rows,
  revocations: RevocationLog,
): Pick<SessionStore, 'revokedSince' | 'listByUser' | 'sweep'> {
  return {
    revokedSince: revocations.since,
    async listByUser(userId, now, { after, limit = 100 } = {}) {
      const live = rows
        .selected({ userId })
        .filter(
          (row) =>
            now < row.idleExpiresAt &&
            now < row.expiresAt &&
            (after === undefined || isLater(after, row)),
        );
      const ordered = live.toSorted((a, b) => (isLater(a, b) ? -1 : 1));
      return structuredClone(ordered.slice(0, limit));
    },
    async sweep(before, limit = 1000) {
      let swept = 0;
      while (swept < limit) {
        const id = rows.takeEnded(before);
        if (id === undefined) break;
        revocations.forget(id);
        swept += 1;
      }
      return swept;
    },
  };
}

interface Rows {
  get(id: string): Session | undefined;
  /** Adds or replaces a row, and returns it. */
  put(row: Session): Session;
  /** Those that are not revoked. */
  selected(selector: SessionSelector): readonly Session[];
  /** Removes one that ended at or before a moment, and returns its id. */
  takeEnded(before: number): string | undefined;
}

function createRows(): Rows {
  const rows = new Map<string, Session>();
  /** Those that are not revoked, by their users, here and at their providers. */
  const groups = createGroups();
  const endings = createEndings();

  function remove(row: Session): void {
    rows.delete(row.id);
    for (const key of groupsOf(row)) groups.remove(key, row.id);
  }

  return {
    get: (id) => rows.get(id),
    put(row) {
      const former = rows.get(row.id);
      rows.set(row.id, row);
      if (!former) for (const key of groupsOf(row)) groups.add(key, row.id);
      if (former && row.revokedAt !== undefined)
        for (const key of groupsOf(row)) groups.remove(key, row.id);
      if (!former || endOf(row) < endOf(former)) endings.add(row.id, endOf(row));
      return row;
    },
    selected(selector) {
      const ids = 'id' in selector ? [selector.id] : groups.of(groupOf(selector));
      return Array.from(ids, (id) => rows.get(id))
        .filter((row) => row !== undefined)
        .filter((row) => row.revokedAt === undefined && isSelected(row, selector));
    },
    takeEnded(before) {
      for (;;) {
        const id = endings.take(before);
        if (id === undefined) return undefined;
        const row = rows.get(id);
        if (!row) continue;
        if (endOf(row) <= before) {
          remove(row);
          return id;
        }
        endings.add(id, endOf(row));
      }
    },
  };
}

function endOf({ revokedAt = Infinity, idleExpiresAt, expiresAt }: Session): number {
  return Math.min(revokedAt, idleExpiresAt, expiresAt);
}

function groupsOf({ userId, provider }: Session): readonly string[] {
  if (!provider) return [groupOf({ userId })];
  const { issuer, subject, sessionId } = provider;
  const ofSubject = [groupOf({ userId }), groupOf({ issuer, subject })];
  return sessionId === undefined ? ofSubject : [...ofSubject, groupOf({ issuer, sessionId })];
}

/** The smallest group that holds everything selected. */
function groupOf(selector: Exclude<SessionSelector, { readonly id: string }>): string {
  if ('userId' in selector) return JSON.stringify(['user', selector.userId]);
  const { issuer } = selector;
  return 'subject' in selector
    ? JSON.stringify(['subject', issuer, selector.subject])
    : JSON.stringify(['session', issuer, selector.sessionId]);
}

function isSelected(row: Session, selector: SessionSelector): boolean {
  if ('id' in selector) return row.id === selector.id;
  if ('userId' in selector) return row.userId === selector.userId && row.id !== selector.except;
  const { issuer, sessionId } = selector;
  const { provider } = row;
  if (provider?.issuer !== issuer) return false;
  if (!('subject' in selector)) return provider.sessionId === sessionId;
  return (
    provider.subject === selector.subject &&
    (sessionId === undefined || (provider.sessionId ?? sessionId) === sessionId)
  );
}

/** Whether a session stands before another one in lists: it expires later, or has the greater id. */
function isLater(
  one: Pick<Session, 'id' | 'expiresAt'>,
  other: Pick<Session, 'id' | 'expiresAt'>,
): boolean {
  if (one.expiresAt !== other.expiresAt) return one.expiresAt > other.expiresAt;
  return one.id > other.id;
}
