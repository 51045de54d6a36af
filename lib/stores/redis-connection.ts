import { createHash } from 'node:crypto';

/** `Redis` and `Cluster` of `ioredis`. */
interface CallingClient {
  call(command: string, ...args: string[]): Promise<unknown>;
}

/** A client of `redis` (node-redis). */
interface SendingClient {
  sendCommand(args: string[]): Promise<unknown>;
}

/** A cluster of `redis`: it wants to know by which key to find the node. */
interface SendingCluster {
  readonly masters: unknown;
  sendCommand(firstKey: string, isReadonly: boolean, args: string[]): Promise<unknown>;
}

/** A connected client of `ioredis` or `redis`, single or cluster. */
export type RedisClient = CallingClient | SendingClient | SendingCluster;

/** A step that Redis runs whole or not at all (Lua). All keys of one call must be in one hash slot. */
export interface Script {
  readonly source: string;
  readonly sha: string;
}

export interface RedisConnection {
  /** Runs a command on one key. */
  readonly send: (
    command: string,
    key: string,
    ...args: readonly (string | number)[]
  ) => Promise<unknown>;
  /** Runs a script on one key. */
  readonly run: (
    script: Script,
    key: string,
    ...args: readonly (string | number)[]
  ) => Promise<unknown>;
  /** The full name of a key; what is in the braces decides where a cluster keeps it. */
  readonly keyOf: (kind: string, ...names: readonly string[]) => string;
}

export function createScript(source: string): Script {
  return Object.freeze({ source, sha: createHash('sha1').update(source).digest('hex') });
}

/** Reduces the clients to what the store says to them. */
export function connectRedis(client: RedisClient, prefix: string): RedisConnection {
  async function send(
    command: string,
    key: string,
    ...args: readonly (string | number)[]
  ): Promise<unknown> {
    return dispatch(client, key, [command, key, ...args.map(String)]);
  }

  async function run(
    { source, sha }: Script,
    key: string,
    ...args: readonly (string | number)[]
  ): Promise<unknown> {
    const rest = ['1', key, ...args.map(String)];
    try {
      return await dispatch(client, key, ['EVALSHA', sha, ...rest]);
    } catch (error) {
      // The server has not seen the script since it was started; EVAL makes it known.
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return dispatch(client, key, ['EVAL', source, ...rest]);
    }
  }

  return Object.freeze({
    send,
    run,
    // Encoded, so that no id can hold the braces or the separator that the name is made of.
    keyOf: (kind: string, ...names: readonly string[]) =>
      `${prefix}{${[kind, ...names.map(encode)].join(':')}}`,
  });
}

/** `encodeURIComponent` throws for half a surrogate pair, which no row is named after. */
function encode(name: string): string {
  return encodeURIComponent(name.replace(/\p{Cs}/gu, '\uFFFD'));
}

function dispatch(client: RedisClient, key: string, command: string[]): Promise<unknown> {
  const [name = '', ...args] = command;
  if ('call' in client) return client.call(name, ...args);
  return 'masters' in client
    ? client.sendCommand(key, false, command)
    : client.sendCommand(command);
}

/** A reply that is a list, such as HMGET's; null stands for what is not there. RESP3 has scores in pairs. */
export function listOf(reply: unknown): readonly (string | undefined)[] {
  if (!Array.isArray(reply)) return [];
  return reply
    .flat()
    .map((item: unknown) =>
      typeof item === 'string' || typeof item === 'number' ? String(item) : undefined,
    );
}

export function textsOf(reply: unknown): readonly string[] {
  return listOf(reply).filter((item) => item !== undefined);
}
