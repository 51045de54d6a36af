import type { AuthClient, Session } from './options.js';

/** The last that is known of the session, and who wants to hear of another one. */
export interface WatchedSession extends Pick<AuthClient, 'onChange'> {
  readonly current: Session | undefined;
  /** Tells the listeners, if it says something new. Returns what it was given. */
  set(session: Session): Session;
}

export function watchSession(): WatchedSession {
  const listeners = new Set<(session: Session) => unknown>();
  let current: Session | undefined;
  return {
    get current() {
      return current;
    },
    set(session) {
      if (factsOf(session) !== factsOf(current)) {
        current = session;
        // Each by itself, so that what one throws is no failure of a log-in.
        for (const tell of listeners) queueMicrotask(() => tell(session));
      }
      return session;
    },
    onChange(listener) {
      // Of each call its own, also for the same listener. Silent from the moment that it has ended.
      const tell = (session: Session): unknown => listeners.has(tell) && listener(session);
      listeners.add(tell);
      return () => void listeners.delete(tell);
    },
  };
}

/** Without what differs each time. */
function factsOf(session: Session | undefined): string {
  return JSON.stringify({ ...session, expires_in: 0, refresh_in: 0 });
}

/** Returns what asks, and when there was no answer asks again later, until there is one. */
export function untilAnswered(ask: () => Promise<unknown>): () => void {
  const AGAIN_MS = 15_000;
  let timer: ReturnType<typeof setTimeout> | undefined;
  return function askAgain() {
    clearTimeout(timer);
    ask().catch((error: unknown) => {
      if (Object(error).code === 'UNAVAILABLE') timer = setTimeout(askAgain, AGAIN_MS);
      // A process of Node does not wait for it.
      Object(timer).unref?.();
    });
  };
}
