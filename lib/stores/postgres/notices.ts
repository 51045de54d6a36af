import { openOwnConnection, type OwnConnection, type PostgresPool } from './client.js';

/** One for all instances on a database: whoever hears it looks for revocations of its own. */
const CHANNEL = 'latchkey_revoked';

export interface RevocationNotices {
  /** Tells the other instances. Never fails, and does not hold up who calls it. */
  tell(): void;
  onRevoked(listener: () => void): () => void;
  close(): Promise<void>;
}

/** At most one notice in this time: notifications take turns when they commit, all over the database. */
const PAUSE_MS = 50;
const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 60_000;

/** Hears of revocations on a connection beside the pool's, which is opened when somebody listens. */
export function revocationNotices(
  pool: PostgresPool,
  notify: (sql: string) => Promise<unknown>,
): RevocationNotices {
  const listeners = new Set<() => void>();
  let connection: OwnConnection | undefined;
  let retry: NodeJS.Timeout | undefined;
  let isOpening = false;
  let isClosed = false;
  let retryMs = FIRST_RETRY_MS;

  function callAll(): void {
    for (const listener of listeners) listener();
  }

  function lose(): void {
    connection = undefined;
    if (isClosed || listeners.size === 0) return;
    retry ??= setTimeout(() => {
      retry = undefined;
      void open();
    }, retryMs).unref();
    retryMs = Math.min(2 * retryMs, LONGEST_RETRY_MS);
  }

  async function open(): Promise<void> {
    if (connection || isOpening || isClosed || listeners.size === 0) return;
    isOpening = true;
    try {
      connection = await listen(pool, callAll, lose);
      retryMs = FIRST_RETRY_MS;
      // What has been missed until now.
      callAll();
      if (isClosed || listeners.size === 0) await drop();
    } catch {
      lose();
    } finally {
      isOpening = false;
    }
  }

  async function drop(): Promise<void> {
    const dropped = connection;
    connection = undefined;
    dropped?.removeListener('end', lose);
    await dropped?.end();
  }

  return {
    tell: throttled(() => notify(`SELECT pg_notify('${CHANNEL}', '')`)),
    onRevoked(listener) {
      const own = (): void => listener();
      listeners.add(own);
      void open();
      return () => {
        listeners.delete(own);
        if (listeners.size === 0) void drop();
      };
    },
    async close() {
      isClosed = true;
      clearTimeout(retry);
      await drop();
    },
  };
}

/** Undefined: nothing can be heard. */
async function listen(
  pool: PostgresPool,
  onNotice: () => void,
  onEnd: () => void,
): Promise<OwnConnection | undefined> {
  const connection = await openOwnConnection(pool);
  try {
    if (await isPooled(connection)) {
      await connection.end();
      return undefined;
    }
    connection.on('notification', onNotice);
    await connection.query({ text: `LISTEN ${CHANNEL}` });
    connection.on('end', onEnd);
    return connection;
  } catch (error) {
    await connection.end();
    throw error;
  }
}

/**
 * Whether a pooler stands in between, which may give every transaction another connection: nothing would be heard. It
 * has to invent the process number that a client is greeted with.
 */
async function isPooled(connection: OwnConnection): Promise<boolean> {
  const { rows } = await connection.query({
    text: `SELECT pg_backend_pid() = ${Number(connection.processID)} AS is_direct`,
  });
  return JSON.stringify(rows) !== '[{"is_direct":true}]';
}

/** Runs `work` soon, and once for all who ask until then. */
function throttled(work: () => Promise<unknown>): () => void {
  let next: NodeJS.Timeout | undefined;
  let last = -PAUSE_MS;
  return () => {
    next ??= setTimeout(
      () => {
        next = undefined;
        last = performance.now();
        void work().catch(() => undefined);
      },
      Math.max(0, last + PAUSE_MS - performance.now()),
    ).unref();
  };
}
