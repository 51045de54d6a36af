import { setMaxListeners } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';

export interface PatientClientsOptions {
  /** The instances. Every request goes to any of them. */
  readonly origins: readonly string[];
  /** The refresh token of each client. */
  readonly tokens: readonly string[];
  /** Milliseconds from an answer to the next request. @defaultValue `1000` */
  readonly pauseMs?: number;
}

export interface PatientClients {
  /** How many times a token was renewed. */
  readonly refreshes: () => number;
  /** How many requests were answered 503, or not at all. */
  readonly failures: () => number;
  /** The code that each client was told which was refused. It asks no more. */
  readonly refusals: readonly string[];
  /** Resolves when every client has been served that still asks, and with requests sent from now on. */
  readonly allServed: () => Promise<void>;
  /** Resolves when the requests under way are answered. */
  readonly stop: () => Promise<void>;
}

/** Clients that renew their tokens all the time, and obey `Retry-After` with the same token. */
export function startPatientClients(options: PatientClientsOptions): PatientClients {
  const { origins, tokens, pauseMs = 1000 } = options;
  const refusals: string[] = [];
  const served = new Map<number, number>();
  let refreshes = 0;
  let failures = 0;
  const ending = new AbortController();
  setMaxListeners(tokens.length, ending.signal);

  async function sleep(ms: number): Promise<void> {
    await wait(ms, undefined, { signal: ending.signal }).catch(() => undefined);
  }

  async function work(client: number, firstToken: string): Promise<void> {
    let token = firstToken;
    served.set(client, 0);
    // Not all at the same moment.
    await sleep((client / tokens.length) * pauseMs);
    while (!ending.signal.aborted) {
      const sentAt = performance.now();
      const origin = origins[Math.floor(Math.random() * origins.length)] ?? '';
      const answer = await refresh(origin, token);
      if ('refusal' in answer) {
        refusals.push(answer.refusal);
        served.delete(client);
        return;
      }
      if ('token' in answer) {
        ({ token } = answer);
        served.set(client, sentAt);
        refreshes += 1;
        await sleep(pauseMs);
      } else {
        failures += 1;
        await sleep(answer.retryAfterMs);
      }
    }
  }

  const working = Promise.all(tokens.map((token, client) => work(client, token)));
  return {
    refreshes: () => refreshes,
    failures: () => failures,
    refusals,
    async allServed() {
      const from = performance.now();
      while ([...served.values()].some((at) => at < from)) await wait(20);
    },
    async stop() {
      ending.abort();
      await working;
    },
  };
}

type Answer =
  | { readonly token: string }
  | { readonly refusal: string }
  | { readonly retryAfterMs: number };

async function refresh(origin: string, token: string): Promise<Answer> {
  try {
    const response = await fetch(`${origin}/api/auth/refresh`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ refresh_token: token }),
      // As patient as clients are by default.
      signal: AbortSignal.timeout(30_000),
    });
    const body = (await response.json()) as { refresh_token?: string; code?: string };
    if (body.refresh_token !== undefined) return { token: body.refresh_token };
    if (response.status < 500 && response.status !== 429)
      return { refusal: body.code ?? String(response.status) };
    return { retryAfterMs: Number(response.headers.get('retry-after') ?? 1) * 1000 };
  } catch {
    return { retryAfterMs: 1000 };
  }
}
