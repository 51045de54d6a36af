import { browser, type Channel } from './browser.js';
import type { HeldToken } from './held-token.js';
import { pause } from './patience.js';

/** The tabs of one browser that share a session. */
export interface Tabs {
  /** Runs `work` while no other tab runs its own, or by itself where browsers have no locks. */
  readonly alone: <T>(work: () => Promise<T>) => Promise<T>;
  /** Tells of a token to go on with, or without one that the user has signed out. */
  readonly tell: (token?: HeldToken) => void;
}

interface TabOptions {
  /** Of one session: equal for all clients that share it. */
  readonly name: string;
  /** Ends listening. */
  readonly signal: AbortSignal;
  readonly hear: (token: HeldToken | undefined) => unknown;
  /** The page is back from the browser's back/forward cache, where it has heard nothing. */
  readonly returned: () => unknown;
}

/** A tab that hangs is waited for so long, then another one goes on. The server answers both alike. */
const LONGEST_WAIT_MS = 20_000;
/** For the word of the tab that had the lock before, which may come a little later than the lock. */
const WORD_MS = 20;

/** A client by itself, for sessions that are not shared. */
export const noTabs: Tabs = {
  alone: (work) => work(),
  tell: () => {},
};

export function joinTabs({ name, signal, hear, returned }: TabOptions): Tabs {
  let channel: Channel | undefined;
  const open = (): void => {
    try {
      channel = browser.BroadcastChannel && new browser.BroadcastChannel(name);
      channel?.addEventListener('message', ({ data }) => hear(data?.scheme ? data : undefined));
    } catch {
      // Some sandboxed frames have none.
    }
  };
  // An open channel keeps a page out of the back/forward cache.
  const close = (): void => {
    channel?.close();
    channel = undefined;
  };
  open();
  signal.addEventListener('abort', close);
  browser.addEventListener?.('pagehide', close, { signal });
  browser.addEventListener?.(
    'pageshow',
    ({ persisted }) => {
      if (!persisted) return;
      open();
      returned();
    },
    { signal },
  );
  return {
    alone: (work) => lock(name, () => pause(WORD_MS).then(work)),
    tell: (token) => channel?.postMessage(token),
  };
}

async function lock<T>(name: string, work: () => Promise<T>): Promise<T> {
  let isHeld = false;
  const held = (): Promise<T> => {
    isHeld = true;
    return work();
  };
  try {
    const options = { signal: AbortSignal.timeout(LONGEST_WAIT_MS) };
    return await (browser.navigator?.locks?.request(name, options, held) ?? held());
  } catch (error) {
    if (isHeld) throw error;
    return work();
  }
}
