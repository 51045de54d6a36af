import { setImmediate as pause } from 'node:timers/promises';
import type { Revocation, SessionStore } from '../stores/store.js';

interface ReaderOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** How far back the first page goes. */
  readonly memoryMs: number;
  /** Called with each page, also an empty one. */
  readonly onPage: (page: readonly Revocation[]) => void;
}

export interface RevocationReader {
  /** Whether more revocations are known to exist than were read. */
  isBehind(): boolean;
  /** Reads on until a page is not full. Rejects when the store fails, and goes on from there the next time. */
  read(): Promise<void>;
  stop(): void;
}

const PAGE = 1000;
/** How far it goes back after an outage. */
const OVERLAP_MS = 30_000;

/** Reads the store's revocations in pages, each once. Pauses between pages, so that other work goes on. */
export function createRevocationReader(
  sessions: Pick<SessionStore, 'revokedSince'>,
  { now, memoryMs, onPage }: ReaderOptions,
): RevocationReader {
  const stopping = new AbortController();
  let after: string | undefined;
  let completeUntil = 0;
  let isBehind = false;

  async function readPage(): Promise<void> {
    const askedAt = now();
    const oldest = askedAt - memoryMs;
    const time = after === undefined ? Math.max(oldest, completeUntil - OVERLAP_MS) : oldest;
    const page = await sessions.revokedSince(time, { after, limit: PAGE });
    isBehind = page.length >= PAGE;
    if (!isBehind) completeUntil = askedAt;
    onPage(page);
    after = lastPosition(page) ?? after;
  }

  return {
    isBehind: () => isBehind,
    async read(): Promise<void> {
      try {
        do {
          // One after the other: each page says where the next one begins.
          // oxlint-disable-next-line no-await-in-loop
          await readPage();
          // oxlint-disable-next-line no-await-in-loop
          await pause();
        } while (isBehind && !stopping.signal.aborted);
      } catch (error) {
        // A store that comes back may be a replica that has missed the last revocations, and gives their positions to others.
        if (!isBehind) after = undefined;
        throw error;
      }
    },
    stop: () => stopping.abort(),
  };
}

/** Throws a TypeError where there are no positions, without which the next page cannot be asked for. */
function lastPosition(page: readonly Revocation[]): string | undefined {
  const last = page.at(-1);
  if (last === undefined || typeof last.position === 'string') return last?.position;
  throw new TypeError(
    'sessions.revokedSince() of the store returned a revocation without `position`; see its contract in `Store`',
  );
}
