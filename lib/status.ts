/**
 * Of the keys of one issuer. `current`: the last fetch worked, or they are configured. `stale`: fetches fail, and those that are known serve
 * on. `missing`: none can serve, so its tokens are answered 503.
 */
export type KeyState = 'current' | 'stale' | 'missing';

export interface IssuerState {
  /** `iss` of its tokens; with several names the first. */
  readonly issuer: string;
  readonly keys: KeyState;
}

/**
 * Why an application is not quite ready. `closing`: `drain()` or `close()` was called. `store_unavailable`: the store doesn't answer.
 * `keys_unavailable`: an issuer's keys are missing. `keys_stale`: an issuer's keys could not be renewed.
 */
export type StatusReason = 'closing' | 'store_unavailable' | 'keys_unavailable' | 'keys_stale';

export interface AuthStatus {
  /**
   * `ready`: everything works. `degraded`: access tokens are verified, something else is not well. `unavailable`: send no requests
   * here.
   */
  readonly status: 'ready' | 'degraded' | 'unavailable';
  readonly reasons: readonly StatusReason[];
  /** The configured issuers, own one included. Their names may be internal addresses. */
  readonly issuers: readonly IssuerState[];
}

export interface StatusParts {
  /** What is known of the keys of each configured issuer. Starts fetches that are due. */
  readonly issuers: () => readonly IssuerState[];
  /** Resolves when all keys are there. Joins fetches under way. */
  readonly keysLoaded: () => Promise<void>;
  /** Resolves when the store answers, and where there is none. */
  readonly storeAnswers: () => Promise<void>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** So long one look counts, for however many who ask. */
const LOOK_MS = 1000;
/** Below the second that probes wait by default (Kubernetes). */
const WAIT_MS = 700;

/** Returns what tells the status of an application. It looks at most once a second, and answers within one. */
export function createStatus(parts: StatusParts): (isClosing: boolean) => Promise<AuthStatus> {
  const askStore = oneAtATime(parts.storeAnswers);
  const loadKeys = oneAtATime(parts.keysLoaded);
  let hasStoreAnswered = false;
  let last: { readonly at: number; readonly look: Promise<AuthStatus> } | undefined;

  async function look(): Promise<AuthStatus> {
    const [isAnswering] = await Promise.all([
      within(WAIT_MS, askStore()),
      parts.issuers().some(isMissing) && within(WAIT_MS, loadKeys()),
    ]);
    hasStoreAnswered ||= isAnswering;
    const issuers = parts.issuers();
    const reasons: readonly StatusReason[] = [
      ...(isAnswering ? [] : (['store_unavailable'] as const)),
      ...(issuers.some(isMissing) ? (['keys_unavailable'] as const) : []),
      ...(issuers.some(({ keys }) => keys === 'stale') ? (['keys_stale'] as const) : []),
    ];
    // Until the store has answered once, nobody knows which sessions have ended.
    const canVerify = hasStoreAnswered && (issuers.length === 0 || !issuers.every(isMissing));
    const status = reasons.length === 0 ? 'ready' : canVerify ? 'degraded' : 'unavailable';
    return Object.freeze({ status, reasons, issuers });
  }

  return async function status(isClosing) {
    if (isClosing) return { status: 'unavailable', reasons: ['closing'], issuers: parts.issuers() };
    const at = parts.now();
    // A clock that was set back must not keep an old answer alive.
    if (!last || Math.abs(at - last.at) >= LOOK_MS) last = { at, look: look() };
    return last.look;
  };
}

function isMissing({ keys }: IssuerState): boolean {
  return keys === 'missing';
}

/** Lets calls join the one under way: an outage may hold each up for seconds. */
function oneAtATime(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => {
    running ??= run().finally(() => {
      running = undefined;
    });
    return running;
  };
}

/** Whether the work succeeds in time. */
function within(ms: number, work: Promise<void>): Promise<boolean> {
  return new Promise((resolve) => {
    // Where the process itself stood still, an answer may have come that is read after the timers.
    const timer = setTimeout(() => setImmediate(resolve, false), ms);
    work
      .then(
        () => resolve(true),
        () => resolve(false),
      )
      .finally(() => clearTimeout(timer));
  });
}
