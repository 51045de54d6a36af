import { setTimeout as sleep } from 'node:timers/promises';
import { type RedisClient, type WatchedClient, watchClient } from './client.js';
import { createSchema, type Schema } from './schema.js';
import { createScript, readLateReply, type Script, textsOf, wordOf } from './scripts.js';
import { PATIENCE_MS } from '../store.js';

type Arguments = readonly (string | number)[];

/** Runs a script of `createChange` on one key. */
export type Change = (script: Script, key: string, ...args: Arguments) => Promise<unknown>;

export interface RedisConnection {
  readonly isCluster: boolean;
  readonly schema: Schema;
  /** Runs a command that changes nothing on one key. */
  readonly send: (command: string, key: string, ...args: Arguments) => Promise<unknown>;
  /** Runs a script that changes nothing on one key. */
  readonly run: (script: Script, key: string, ...args: Arguments) => Promise<unknown>;
  /** Begins an operation: all of its changes take effect within {@link PATIENCE_MS} from now or not at all. */
  readonly begin: () => Change;
  /** The full name of a key; what is in the braces decides where a cluster keeps it. */
  readonly keyOf: (kind: string, ...names: readonly string[]) => string;
}

/** Reduces the clients to what the store says to them. */
export function connectRedis(client: RedisClient, prefix: string): RedisConnection {
  const watched = watchClient(client);
  const clock = createServerClock(watched);
  // Encoded, so that no id can hold the braces or the separator that the name is made of.
  const keyOf = (kind: string, ...names: readonly string[]): string =>
    `${prefix}{${[kind, ...names.map(encode)].join(':')}}`;
  const send = (command: string, key: string, ...args: Arguments): Promise<unknown> =>
    persist(watched, patience(), () => watched.dispatch(key, [command, key, ...args.map(String)]));
  const run = (script: Script, key: string, ...args: Arguments): Promise<unknown> =>
    runScript(watched, patience(), { script, key, args });
  const schema = createSchema({ isCluster: watched.isCluster, prefix, send, run, keyOf });

  function begin(): Change {
    const calledAt = performance.now();
    const until = calledAt + PATIENCE_MS;
    return async (script, key, ...args) => {
      const compactFrom = schema.known() ?? (await schema.compactFrom());
      let offset = clock.known() ?? (await clock.offset(key));
      for (;;) {
        refuseWhenLate(until);
        const times = [Math.floor(until + offset), compactFrom, Math.ceil(calledAt + offset)];
        try {
          // One after the other: each answer says whether there is another attempt.
          // oxlint-disable-next-line no-await-in-loop
          return await runScript(watched, until, { script, key, args: [...times, ...args] });
        } catch (error) {
          const told = readLateReply(error);
          if (told === undefined) throw error;
          // Either it is too late, which the next turn finds, or that server's clock is ahead of what we took it for.
          clock.forget();
          offset = told - performance.now();
        }
      }
    };
  }

  return Object.freeze({ isCluster: watched.isCluster, schema, send, run, begin, keyOf });
}

const patience = (): number => performance.now() + PATIENCE_MS;

function refuseWhenLate(until: number): void {
  if (performance.now() < until) return;
  const code = 'ETIMEDOUT';
  throw Object.assign(new Error('Redis did not answer in time'), { code });
}

interface ScriptCall {
  readonly script: Script;
  readonly key: string;
  readonly args: Arguments;
}

async function runScript(
  client: WatchedClient,
  until: number,
  { script, key, args }: ScriptCall,
): Promise<unknown> {
  const keys = [key, ...script.beside.map((ending) => `${key}${ending}`)];
  const rest = [String(keys.length), ...keys, ...args.map(String)];
  return persist(client, until, async () => {
    try {
      return await client.dispatch(key, ['EVALSHA', script.sha, ...rest]);
    } catch (error) {
      // The server has not seen the script since it was started; EVAL makes it known.
      if (wordOf(error) !== 'NOSCRIPT') throw error;
      return client.dispatch(key, ['EVAL', script.source, ...rest]);
    }
  });
}

/** The server at the address is not the one that changes data now, or not ready: another connection may find the right one. */
const ELSEWHERE = new Set(['READONLY', 'MASTERDOWN', 'LOADING']);
/** The right server, but not yet. */
const LATER = new Set(['CLUSTERDOWN', 'TRYAGAIN', 'BUSY']);
const PAUSE_MS = 100;

/** Asks again, within our patience, where the reply says that nothing was done and that it will pass. */
async function persist(
  client: WatchedClient,
  until: number,
  attempt: () => Promise<unknown>,
): Promise<unknown> {
  for (;;) {
    try {
      // oxlint-disable-next-line no-await-in-loop
      return await attempt();
    } catch (error) {
      const word = wordOf(error) ?? '';
      if (ELSEWHERE.has(word)) client.reconnect();
      else if (!LATER.has(word)) throw error;
      if (performance.now() + PAUSE_MS >= until)
        throw Object.assign(error instanceof Error ? error : new Error(word), { code: word });
      // oxlint-disable-next-line no-await-in-loop
      await sleep(PAUSE_MS);
    }
  }
}

const time = createScript(`return redis.call('TIME')`);

/** The clock is looked at anew after so long: it may have been set. */
const KNOWN_FOR_MS = 10_000;
/** An answer that took longer says too little about what the clock shows now. */
const PROMPT_MS = 250;

interface ServerClock {
  /** What to add to `performance.now()` for the server's time: never too much, by the way of one reply too little. */
  readonly offset: (key: string) => Promise<number>;
  /** The same, as long as nothing has to be asked. */
  readonly known: () => number | undefined;
  readonly forget: () => void;
}

/**
 * Deadlines are compared with the server's own clock, which need not be ours. The nodes of a cluster are taken to agree: by
 * as much as they differ, a change may take effect late.
 */
function createServerClock(client: WatchedClient): ServerClock {
  let known: { readonly offset: number; readonly until: number } | undefined;
  let asking: Promise<number> | undefined;
  let connections = 0;
  client.onNewConnection(() => {
    connections += 1;
    forget();
  });

  function forget(): void {
    known = undefined;
    asking = undefined;
  }

  async function ask(key: string): Promise<number> {
    const askedAt = performance.now();
    const connection = connections;
    const reply = await runScript(client, patience(), { script: time, key, args: [] });
    const [seconds, microseconds] = textsOf(reply);
    const now = performance.now();
    const offset = Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000) - now;
    if (now - askedAt < PROMPT_MS && connection === connections)
      known = { offset, until: now + KNOWN_FOR_MS };
    return offset;
  }

  return {
    known: () => (known && performance.now() < known.until ? known.offset : undefined),
    async offset(key) {
      const mine = asking ?? ask(key);
      asking = mine;
      try {
        return await mine;
      } finally {
        if (asking === mine) asking = undefined;
      }
    },
    forget,
  };
}

/** `encodeURIComponent` throws for half a surrogate pair, which no row is named after. */
function encode(name: string): string {
  if (/^[\w.-]*$/.test(name)) return name;
  return encodeURIComponent(name.replace(/\p{Cs}/gu, '\uFFFD'));
}
