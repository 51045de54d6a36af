import type { Value } from '../sql/rows.js';

/** As much of a PostgreSQL client as we use: `Pool` and `Client` of `pg` fit. */
export interface PostgresClient {
  query(text: string, values?: Value[]): Promise<PostgresResult>;
}

export interface PostgresResult {
  readonly rows: readonly unknown[];
}

/** A query as `pg` takes it, too. */
export interface PostgresQuery {
  readonly text: string;
  readonly values?: Value[];
  /** Prepared once per connection under this name. */
  readonly name?: string | undefined;
  readonly query_timeout?: number;
}

/** What `Client` of `pg` can do more. */
export interface PostgresConnection {
  query(query: PostgresQuery): Promise<PostgresResult>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
  listenerCount(event: string): number;
}

export interface PooledConnection extends PostgresConnection {
  release(isBroken?: boolean): void;
}

/** A connection beside the pool, with the pool's settings. */
export interface OwnConnection extends PostgresConnection {
  connect(): Promise<unknown>;
  end(): Promise<void>;
  unref(): void;
  /** The number of the server's process, as the other end tells it. */
  readonly processID?: number | null;
  removeListener(event: string, listener: (what: never) => void): unknown;
  on(event: string, listener: (what: never) => void): unknown;
}

export interface PostgresPool {
  connect(): Promise<PooledConnection>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  listenerCount(event: string): number;
  readonly totalCount: number;
  readonly options: object;
  readonly Client: new (options: object) => OwnConnection;
}

export function isPool(client: PostgresClient): client is PostgresClient & PostgresPool {
  return 'connect' in client && 'totalCount' in client && 'Client' in client;
}

export function isConnection(
  client: PostgresClient,
): client is PostgresClient & PostgresConnection {
  return 'connect' in client && 'on' in client && !('totalCount' in client);
}

/** A connection with the pool's settings, which keeps no process alive. */
export async function openOwnConnection(pool: PostgresPool): Promise<OwnConnection> {
  const connection = new pool.Client(pool.options);
  connection.on('error', () => undefined);
  await connection.connect();
  connection.unref();
  return connection;
}
