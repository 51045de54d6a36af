import { createContext } from '../context.js';
import { StoreFailure } from '../failures/store-failure.js';
import { PATIENCE_MS } from '../store.js';
import {
  isConnection,
  isPool,
  type PooledConnection,
  type PostgresClient,
  type PostgresPool,
  type PostgresQuery,
  type PostgresResult,
} from './client.js';
import { isConnectionLost, isWrongServer } from './errors.js';

/** A connection while somebody works on it. */
export interface Work {
  /** When it began, the wait for the connection included; `performance.now()`. */
  readonly since: number;
  /** The server's clock, at a moment not later than `at`. */
  serverTime: { readonly ms: number; readonly at: number } | undefined;
  readonly run: (query: PostgresQuery) => Promise<PostgresResult>;
}

export interface Connections {
  /** Runs statements on one connection. Inside {@link Connections.together}: on the one that is held. */
  work<Result>(run: (work: Work) => Promise<Result>, since: number): Promise<Result>;
  together<Result>(run: () => Promise<Result>, since: number): Promise<Result>;
  /** Leaves {@link Connections.together}. */
  alone<Result>(run: () => Result): Result;
}

const held = createContext<(Work & { isOver: boolean }) | undefined>();

/** Connections of a pool or of one client. An object with `query` alone is given the statements as they are. */
export function connectionsOf(client: PostgresClient): Connections {
  const owner = {};
  ignoreErrorsWhenIdle(client);
  const borrow = isPool(client) ? borrowFrom(client) : undefined;

  async function begin<Result>(
    since: number,
    run: (work: Work & { isOver: boolean }) => Promise<Result>,
  ): Promise<Result> {
    if (!borrow)
      return run({
        since,
        serverTime: undefined,
        isOver: false,
        run: (query) => send(client, query),
      });
    const connection = await borrow(since + PATIENCE_MS - performance.now());
    const work = { since, serverTime: undefined, isOver: false, run: connection.run };
    try {
      return await run(work);
    } finally {
      work.isOver = true;
      connection.release();
    }
  }

  return {
    async work(run, since) {
      const work = held.of(owner);
      return work && !work.isOver ? run(work) : begin(since, run);
    },
    async together(run, since) {
      const work = held.of(owner);
      if (work && !work.isOver) return run();
      return begin(since, (begun) => held.run(owner, begun, run));
    },
    alone: (run) => held.run(owner, undefined, run),
  };
}

async function send(client: PostgresClient, query: PostgresQuery): Promise<PostgresResult> {
  return isConnection(client) ? client.query(query) : client.query(query.text, query.values);
}

/** A connection that breaks while nobody waits for it must not end the process; the next query opens a new one. */
function ignoreErrorsWhenIdle(client: PostgresClient): void {
  if (!isPool(client) && !isConnection(client)) return;
  if (client.listenerCount('error') === 0) client.on('error', ignore);
}

const ignore = (): void => undefined;

interface Borrowed {
  readonly run: (query: PostgresQuery) => Promise<PostgresResult>;
  release(): void;
}

/** Borrows connections of a pool, and never again one that may lead to the wrong server. */
function borrowFrom(pool: PostgresPool): (waitMs: number) => Promise<Borrowed> {
  const openedIn = new WeakMap<PooledConnection, number>();
  let epoch = 0;

  async function connect(waitMs: number): Promise<PooledConnection> {
    const until = performance.now() + waitMs;
    for (;;) {
      const connection = await connectWithin(pool, until - performance.now());
      const opened = openedIn.get(connection) ?? epoch;
      openedIn.set(connection, opened);
      if (opened === epoch) return connection;
      connection.release(true);
    }
  }

  return async (waitMs) => {
    const connection = await connect(waitMs);
    // The pool does not listen while a connection is lent.
    connection.on('error', ignore);
    let isBroken = false;
    return {
      async run(query) {
        if (isBroken) throw new StoreFailure('connection', 'the connection to PostgreSQL was lost');
        try {
          return await connection.query(query);
        } catch (error) {
          isBroken = isConnectionLost(error);
          if (isWrongServer(error) && openedIn.get(connection) === epoch) epoch += 1;
          throw error;
        }
      },
      release() {
        connection.removeListener('error', ignore);
        connection.release(isBroken);
      },
    };
  };
}

async function connectWithin(pool: PostgresPool, waitMs: number): Promise<PooledConnection> {
  let timer: NodeJS.Timeout | undefined;
  let isLate = false;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => {
        isLate = true;
        reject(new StoreFailure('overload', 'no connection to PostgreSQL was free in time'));
      },
      Math.max(0, waitMs),
    );
  });
  const connecting = pool.connect().then((connection) => {
    if (isLate) connection.release();
    return connection;
  });
  try {
    return await Promise.race([connecting, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
