import { type Auth, AuthError, type Principal, type RequestHead } from 'latchkey';

export interface WatchOptions {
  /** Whom `auth.authenticate(request)` has found. */
  readonly caller: Principal;
  /** Milliseconds between two checks. Sessions that ended on another instance, and what `isRevoked` knows, are noticed by them. */
  readonly everyMs: number;
  /** Called with what each check finds: roles, scopes and the end of a session may have changed. */
  readonly onFound?: (caller: Principal) => void;
  /** Called once. `expired`: a fresh credential is welcome. `refused`: the credential is good for nothing any more. */
  readonly onEnd: (why: 'expired' | 'refused') => void;
}

/**
 * Judges the credential of a connection again for as long as it is open: a guard judges it only once. As `auth.authenticate()` does, which
 * knows the settings, not the options of a guard. An outage ends nothing before the credential expires. Returns what stops it.
 */
export function watchCaller(auth: Auth, request: RequestHead, options: WatchOptions): () => void {
  const { everyMs, onFound, onEnd } = options;
  let { caller } = options;
  let stopped = false;
  let timer = plan();

  function plan(): NodeJS.Timeout {
    const left = caller.expiresAt * 1000 - Date.now();
    return left > everyMs ? setTimeout(check, everyMs) : setTimeout(end, left, 'expired');
  }

  function end(why: 'expired' | 'refused'): void {
    if (stopped) return;
    stop();
    onEnd(why);
  }

  function stop(): void {
    stopped = true;
    clearTimeout(timer);
  }

  function check(): void {
    auth
      .authenticate(request)
      .then((found) => {
        if (stopped) return;
        caller = found; // of a session cookie: with a later end
        timer = plan();
        onFound?.(found);
      })
      .catch((error: unknown) => {
        if (error instanceof AuthError && error.status < 500) end('refused');
        else if (!stopped) timer = plan();
      });
  }

  return stop;
}
