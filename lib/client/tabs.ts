import { browser, type Channel } from './browser.js';
import type { HeldToken } from './held-token.js';
import { pause } from './patience.js';

/** The tabs of one browser that share a session. */
export interface Tabs {
  /** Runs `work` while no other tab runs its own; where browsers have no locks, while this one runs nothing else. */
  readonly alone: <T>(work: () => Promise<T>) => Promise<T>;
  /** Tells of a token to go on with, or without one that the user has signed out. */
  readonly tell: (token?: HeldToken) => void;
}

/** Hears of a token, or that the user has signed out, or without both that the page is back from the browser's back/forward cache, where it has heard nothing. */
type Hear = (token?: HeldToken, isOut?: boolean) => unknown;

/** A client by itself, for sessions that are not shared. */
export const noTabs: Tabs = {
  alone: (work) => work(),
  tell: () => {},
};

/** `name`: of one session, equal for all clients that share it. `signal` ends listening. */
export function joinTabs(name: string, signal: AbortSignal, hear: Hear): Tabs {
  /** A tab that hangs is waited for so long, then another one goes on. The server answers both alike. */
  const LONGEST_WAIT_MS = 20_000;
  /** For the word of the tab that had the lock before, which may come a little later than the lock. */
  const WORD_MS = 20;
  let channel: Channel | undefined;
  const open = (): void => {
    try {
      channel = new browser.BroadcastChannel(name);
      channel.unref?.();
      channel.addEventListener('message', ({ data }) =>
        data?.scheme ? hear(data) : hear(undefined, true),
      );
    } catch {
      // Some browsers and sandboxed frames have none.
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
      hear();
    },
    { signal },
  );
  let last: Promise<unknown> = Promise.resolve();
  return {
    async alone<T>(work: () => Promise<T>): Promise<T> {
      let result: Promise<T> | undefined;
      const run = () => (result = pause(WORD_MS).then(work));
      const options = { signal: AbortSignal.timeout(LONGEST_WAIT_MS) };
      // What fails is the lock, or the work itself, whose result says so.
      await browser.navigator?.locks?.request(name, options, run).catch(() => {});
      return result ?? (last = last.then(run, run));
    },
    tell: (token) => channel?.postMessage(token),
  };
}
