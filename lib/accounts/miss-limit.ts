import { createBoundedMap } from '../bounded-map.js';

/** What came of a look-up. A miss is one that an outsider can have whenever they like. */
interface LookedUp<Found> {
  readonly isMiss: boolean;
  readonly found: Found;
}

export interface MissLimitOptions {
  /** Misses of one client in one window. */
  readonly max: number;
  /** Length of a window, in milliseconds. It begins with a client's first miss. */
  readonly windowMs: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Builds what a client is refused with whose limit is reached until then, in milliseconds since 1970. */
  readonly refusal: (until: number) => Error;
}

/** Looks something up for a client. Rejects with the refusal when the client has missed too often. */
export type LimitedLookUp = <Found>(
  client: string,
  lookUp: () => Promise<LookedUp<Found>>,
) => Promise<Found>;

interface Client {
  misses: number;
  /** End of the window; 0 while there is none. */
  endsAt: number;
  pending: number;
  /** Look-ups that wait for the outcome of others, in their order. */
  readonly waiting: (() => void)[];
}

/** Of all clients together, the one that was seen first forgotten first. */
const MAX_CLIENTS = 10_000;

/**
 * Limits how often a client may look up in vain, on this instance. As many look-ups as could still miss run at once, the
 * others wait: a burst of made-up keys is no more expensive than a row of them, and a burst of good ones is not refused.
 */
export function createMissLimit({ max, windowMs, now, refusal }: MissLimitOptions): LimitedLookUp {
  const clients = createBoundedMap<string, Client>(MAX_CLIENTS);

  function clientOf(name: string): Client {
    const known = clients.get(name);
    if (known) return known;
    const client: Client = { misses: 0, endsAt: 0, pending: 0, waiting: [] };
    clients.set(name, client);
    return client;
  }

  function refuseWhenReached(client: Client): void {
    if (client.misses > 0 && now() >= client.endsAt) client.misses = 0;
    if (client.misses >= max) throw refusal(client.endsAt);
  }

  async function takeTurn(client: Client): Promise<void> {
    refuseWhenReached(client);
    if (client.misses + client.pending >= max) {
      await new Promise<void>((resolve) => client.waiting.push(resolve));
      return takeTurn(client);
    }
    client.pending += 1;
  }

  function endTurn(client: Client, isMiss: boolean): void {
    client.pending -= 1;
    if (isMiss) {
      if (client.misses === 0) client.endsAt = now() + windowMs;
      client.misses += 1;
    }
    // Past the limit all of them are refused; else one goes on.
    const woken = client.misses >= max ? client.waiting.length : 1;
    for (const wake of client.waiting.splice(0, woken)) wake();
  }

  return async function limitedLookUp(name, lookUp) {
    const client = clientOf(name);
    await takeTurn(client);
    let isMiss = false;
    try {
      const outcome = await lookUp();
      ({ isMiss } = outcome);
      return outcome.found;
    } finally {
      endTurn(client, isMiss);
    }
  };
}
