import { type RedisClient, watchClient } from './client.js';

export interface Push {
  /** Tells all instances that there is something new; fails silently, for they look for themselves as well. */
  readonly hint: () => void;
  /** Undefined where it is not possible: on a cluster. */
  readonly listen: ((listener: () => void) => () => void) | undefined;
  readonly close: () => void;
}

/** A burst of revocations is one hint in so many milliseconds. */
const HINT_EVERY_MS = 50;

/** A connection that only listens, made of the client's own options; opened for the first listener, closed after the last. */
interface Subscriber {
  end(): void;
}

export function createPush(client: RedisClient, channel: string): Push {
  const { isCluster, dispatch } = watchClient(client);
  const listeners = new Set<() => void>();
  let subscriber: Subscriber | undefined;
  let timer: NodeJS.Timeout | undefined;
  if (isCluster || !('duplicate' in client)) {
    return { hint: () => undefined, listen: undefined, close: () => undefined };
  }

  function tell(): void {
    for (const listener of listeners) listener();
  }

  function close(): void {
    clearTimeout(timer);
    subscriber?.end();
    subscriber = undefined;
  }

  return {
    hint() {
      timer ??= setTimeout(() => {
        timer = undefined;
        dispatch(channel, ['PUBLISH', channel, '']).catch(() => undefined);
      }, HINT_EVERY_MS).unref();
    },
    listen(listener) {
      listeners.add(listener);
      subscriber ??= subscribe(client, channel, tell);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) close();
      };
    },
    close() {
      listeners.clear();
      close();
    },
  };
}

/** What a copy of a client can do; `ioredis` tells by an event, `redis` calls a function. */
interface Copy {
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  subscribe(channel: string, listener?: (...args: unknown[]) => void): Promise<unknown>;
  connect(): Promise<unknown>;
  disconnect(): unknown;
  destroy?(): void;
}

function subscribe(client: RedisClient, channel: string, tell: () => void): Subscriber | undefined {
  const copy: unknown = 'duplicate' in client ? client.duplicate?.() : undefined;
  if (!isCopy(copy)) return undefined;
  copy.on('error', () => undefined);
  // What was missed while there was no connection is there now.
  copy.on('ready', tell);
  if ('call' in client) {
    copy.on('message', tell);
    copy.subscribe(channel).catch(() => undefined);
  } else {
    copy
      .connect()
      .then(() => copy.subscribe(channel, tell))
      .catch(() => undefined);
  }
  return { end: () => (copy.destroy ? copy.destroy() : void copy.disconnect()) };
}

function isCopy(value: unknown): value is Copy {
  return typeof value === 'object' && value !== null && 'subscribe' in value && 'connect' in value;
}
