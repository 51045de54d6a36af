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

/** Hears of a token, or without one that the user has signed out. Or the page `isBack` from the browser's back/forward cache, where it has heard nothing. */
type Hear = (token?: HeldToken, isBack?: boolean) => unknown;

/** A tab that hangs is waited for so long, then another one goes on. The server answers both alike. */
const LONGEST_WAIT_MS = 20_000;
/** For the word of the tab that had the lock before, which may come a little later than the lock. */
const WORD_MS = 20;

/** A client by itself, for sessions that are not shared. */
export const noTabs: Tabs = {
  alone: (work) => work(),
  tell: () => {},
};

/** `name`: of one session, equal for all clients that share it. `signal` ends listening. */
export function joinTabs(name: string, signal: AbortSignal, hear: Hear): Tabs {
  let channel: Channel | undefined;
  const open = (): void => {
    try {
      channel = new browser.BroadcastChannel(name);
      channel.unref?.();
      channel.addEventListener('message', ({ data }) => hear(data?.scheme ? data : undefined));
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
      hear(undefined, true);
    },
    { signal },
  );
  return {
    alone: (work) => lock(name, () => pause(WORD_MS).then(work)),
    tell: (token) => channel?.postMessage(token),
  };
}

async function lock<T>(name: string, work: () => Promise<T>): Promise<T> {
  let result: Promise<T> | undefined;
  const options = { signal: AbortSignal.timeout(LONGEST_WAIT_MS) };
  const held = browser.navigator?.locks?.request(name, options, () => (result = work()));
  // What fails is the lock, or the work itself, whose result says so.
  await held?.catch(() => {});
  return result ?? work();
}
