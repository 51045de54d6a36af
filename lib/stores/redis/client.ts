/** `Redis` and `Cluster` of `ioredis`. */
interface CallingClient {
  readonly isCluster?: boolean;
  call(command: string, ...args: string[]): Promise<unknown>;
  disconnect?(reconnect?: boolean): void;
  duplicate?(...options: never[]): unknown;
  on?(event: string, listener: (argument: unknown) => void): unknown;
}

/** A client of `redis` (node-redis). */
interface SendingClient {
  sendCommand(args: string[]): Promise<unknown>;
  connect?(): Promise<unknown>;
  destroy?(): void;
  duplicate?(): unknown;
  on?(event: string, listener: (argument: unknown) => void): unknown;
}

/** A cluster of `redis`: it wants to know by which key to find the node. */
interface SendingCluster {
  readonly masters: unknown;
  sendCommand(firstKey: string, isReadonly: boolean, args: string[]): Promise<unknown>;
  on?(event: string, listener: (argument: unknown) => void): unknown;
}

/** A connected client of `ioredis` or `redis`, single or cluster. */
export type RedisClient = CallingClient | SendingClient | SendingCluster;

/** What stores that share a client know of its connection. */
export interface WatchedClient {
  readonly isCluster: boolean;
  /** Sends a command; `key` tells a cluster where to. */
  readonly dispatch: (key: string, command: readonly string[]) => Promise<unknown>;
  /** Makes the client connect anew, because the server at its address is no longer the primary. */
  readonly reconnect: () => void;
  /** Calls the listener when the client may talk to another server than before. */
  readonly onNewConnection: (listener: () => void) => void;
}

/** One reconnection at most in so many milliseconds: what answers at the address may stay a replica for a while. */
const RECONNECT_EVERY_MS = 500;

/** A connection that answers nothing for so long is taken for dead: after a fail-over nobody may be left to close it. */
const SILENCE_MS = 4500;

const watched = new WeakMap<RedisClient, WatchedClient>();

/** Listens to a client, once however many stores use it. */
export function watchClient(client: RedisClient): WatchedClient {
  const known = watched.get(client) ?? listen(client);
  watched.set(client, known);
  return known;
}

function listen(client: RedisClient): WatchedClient {
  const isCluster = 'masters' in client || ('call' in client && (client.isCluster ?? false));
  const listeners = new Set<() => void>();
  const forget = (): void => {
    for (const listener of listeners) listener();
  };
  let lastError: unknown;
  let reconnectedAt = -RECONNECT_EVERY_MS;

  // Without a listener for `error`, `redis` ends the process and `ioredis` writes to the console; the command that
  // fails tells its caller.
  client.on?.('error', (error) => (lastError = error));
  for (const event of ['close', 'end', 'reconnecting', '-node']) client.on?.(event, forget);
  client.on?.('ready', () => {
    lastError = undefined;
    forget();
  });

  function reconnect(isSilent: boolean): void {
    const now = performance.now();
    if (isCluster || now < reconnectedAt + RECONNECT_EVERY_MS) return;
    reconnectedAt = now;
    forget();
    connectAnew(client, isSilent);
  }
  const silence = watchForSilence(() => reconnect(true));

  return Object.freeze({
    isCluster,
    async dispatch(key: string, command: readonly string[]) {
      silence.asked();
      try {
        return await dispatch(client, key, [...command]);
      } catch (error) {
        throw isUnspecific(error) && lastError instanceof Error ? lastError : error;
      } finally {
        silence.answered();
      }
    },
    reconnect: () => reconnect(false),
    onNewConnection: (listener: () => void) => void listeners.add(listener),
  });
}

function dispatch(client: RedisClient, key: string, command: string[]): Promise<unknown> {
  const [name = '', ...args] = command;
  if ('call' in client) return client.call(name, ...args);
  return 'masters' in client
    ? client.sendCommand(key, false, command)
    : client.sendCommand(command);
}

function connectAnew(client: RedisClient, isSilent: boolean): void {
  if ('call' in client) {
    client.disconnect?.(true);
  } else if (!('masters' in client)) {
    if (isSilent) {
      client.destroy?.();
      client.connect?.().catch(() => undefined);
    } else {
      // The server answers and closes the connection, and the client opens another one by its own strategy.
      client.sendCommand(['QUIT']).catch(() => undefined);
    }
  }
}

/** Counts commands under way. Calls `onSilence` when there are some and none is answered for long. */
function watchForSilence(onSilence: () => void): { asked(): void; answered(): void } {
  let underWay = 0;
  let silentSince = 0;
  let timer: NodeJS.Timeout | undefined;

  function look(): void {
    timer = undefined;
    if (underWay === 0) return;
    const silentMs = performance.now() - silentSince;
    if (silentMs >= SILENCE_MS) {
      silentSince = performance.now();
      onSilence();
    }
    timer = setTimeout(look, 500).unref();
  }

  return {
    asked() {
      if (underWay === 0) silentSince = performance.now();
      underWay += 1;
      timer ??= setTimeout(look, 500).unref();
    },
    answered() {
      underWay -= 1;
      silentSince = performance.now();
    },
  };
}

/** Messages that say that there is no connection, and not why. */
function isUnspecific(error: unknown): boolean {
  return (
    error instanceof Error &&
    /^(?:Reached the max retries|Connection is closed|Command timed out|The client is closed|Failed to refresh slots|None of startup nodes)/.test(
      error.message,
    )
  );
}
