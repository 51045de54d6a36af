import { setTimeout as wait } from 'node:timers/promises';
import { type AuthClient, createAuthClient } from 'latchkey/client';

export interface ClientsOptions {
  /** Where the API is, such as `http://127.0.0.1:3000/api`. */
  readonly baseUrl: string;
  readonly username: string;
  readonly password: string;
  /** How many, each with a session of its own. */
  readonly count: number;
  /** Milliseconds from an answer to the next request. */
  readonly pauseMs: number;
  readonly fetch?: typeof fetch;
}

export interface Clients {
  /** How many answers each instance has given. */
  readonly answers: ReadonlyMap<string, number>;
  /** What an application would have noticed: every answer that was not 200, and every error. */
  readonly failures: readonly string[];
  /** How many requests each client has had answered. */
  readonly rounds: () => readonly number[];
  readonly stop: () => Promise<void>;
}

/** Clients that ask on and on, as an application does that uses `latchkey/client`. */
export async function startClients(options: ClientsOptions): Promise<Clients> {
  const { baseUrl, username, password, count, pauseMs, fetch } = options;
  const answers = new Map<string, number>();
  const failures: string[] = [];
  const rounds = Array.from({ length: count }, () => 0);
  const ending = new AbortController();

  async function ask(client: AuthClient): Promise<void> {
    const response = await client.fetch('/whoami');
    if (!response.ok) throw new Error(`answered with ${response.status}`);
    const { instance } = (await response.json()) as { instance: string };
    answers.set(instance, (answers.get(instance) ?? 0) + 1);
  }

  async function work(client: AuthClient, at: number): Promise<void> {
    while (!ending.signal.aborted) {
      await ask(client).catch((error: unknown) => failures.push(String(error)));
      rounds[at] = (rounds[at] ?? 0) + 1;
      await wait(pauseMs);
    }
    client.close();
  }

  const clients: AuthClient[] = [];
  for (let number = 0; number < count; number += 1) {
    const client = createAuthClient({ baseUrl, ...(fetch && { fetch }) });
    await client.login({ username, password });
    clients.push(client);
  }
  const working = Promise.all(clients.map(work));
  return {
    answers,
    failures,
    rounds: () => rounds,
    async stop() {
      ending.abort();
      await working;
    },
  };
}
