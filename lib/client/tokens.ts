import { type HeldToken, holdToken, type TokenAnswer } from './held-token.js';
import { readAnswer, type RouterCalls } from './router-calls.js';
import type { Tabs } from './tabs.js';

/** The access token of a client: in memory, renewed by the calls that need it. No timer renews it, so a page that rests asks for nothing. */
export interface Tokens {
  readonly held: HeldToken | undefined;
  /** Whether there is known to be no session. False before the first question. */
  readonly isOut: boolean;
  /** A token that is good now; undefined without a session. One that ends soon is renewed in the background. */
  readonly ready: () => Promise<HeldToken | undefined>;
  /** Another token than the one that was refused, if there is one. All who ask at once share one renewal. */
  readonly renew: (refused: HeldToken | undefined) => Promise<HeldToken | undefined>;
  /** Takes what a log-in was answered with, for all tabs. */
  readonly signIn: (renewed: Renewed) => void;
  /** Replaces the token. Without one, the session has ended (`isOut`), or the next call asks for a token. */
  readonly set: (token: HeldToken | undefined, isOut?: boolean) => void;
}

interface RouterTokens extends TokenAnswer {
  readonly refresh_token?: string;
}

interface Renewed {
  readonly answer: RouterTokens;
  /** Milliseconds since 1970. */
  readonly askedAt: number;
}

/** Hands over another token, if there is none by now and can be one. Resolves with true when the session has ended. */
export type Renewal = (
  take: (renewed: Renewed) => unknown,
  refreshToken: string | undefined,
  isRenewed: () => boolean,
) => Promise<unknown>;

export interface TokensParts {
  readonly renewal: Renewal;
  readonly tabs: Tabs;
  readonly isOut: boolean;
  /** Tells of every change. */
  readonly changed: (before: HeldToken | undefined) => void;
}

export function createTokens({ renewal, tabs, changed, ...initial }: TokensParts): Tokens {
  let held: HeldToken | undefined;
  let { isOut } = initial;
  let refreshToken: string | undefined;
  let running: Promise<HeldToken | undefined> | undefined;
  let version = 0;

  function set(token: HeldToken | undefined, isNowOut = false): void {
    const before = held;
    held = token;
    isOut = isNowOut;
    if (isOut) refreshToken = undefined;
    // What was asked before a log-in or a log-out counts no more.
    version += 1;
    running = undefined;
    changed(before);
  }
  function signIn({ answer, askedAt }: Renewed): void {
    const token = holdToken(answer, askedAt);
    // Without one it is in the cookie; the one before is of another session, or used up.
    refreshToken = answer.refresh_token;
    set(token);
    // A session that is in memory is this client's alone.
    if (!refreshToken) tabs.tell(token);
  }
  async function run(): Promise<HeldToken | undefined> {
    const asked = version;
    const isRenewed = (): boolean => version !== asked;
    try {
      const take = (renewed: Renewed) => isRenewed() || signIn(renewed);
      if ((await renewal(take, refreshToken, isRenewed)) && !isRenewed()) set(undefined, true);
      return held;
    } finally {
      if (!isRenewed()) running = undefined;
    }
  }
  async function renew(refused: HeldToken | undefined): Promise<HeldToken | undefined> {
    return isOut || (held && held !== refused) ? held : (running ??= run());
  }
  return {
    get held() {
      return held;
    },
    get isOut() {
      return isOut;
    },
    async ready() {
      if (!held || Date.now() >= held.expiresAt) return renew(held);
      // A failure is ignored: the token is still valid, and the next call tries again.
      if (Date.now() >= held.renewAt) renew(held).catch(() => {});
      return held;
    },
    renew,
    signIn,
    set,
  };
}

/**
 * Exchanges the refresh token, from the cookie or memory. One tab does it for all, and tells them before the next one gets the lock. A prerendered page waits
 * until it is shown: browsers give it no lock before.
 */
export function byRefresh({ call, answered }: RouterCalls, tabs: Tabs): Renewal {
  return async function refresh(take, refreshToken, isRenewed) {
    const answer = await answered(() =>
      tabs.alone(async () => {
        if (isRenewed()) return undefined;
        const askedAt = Date.now();
        const given = await call('/refresh', {
          body: { refresh_token: refreshToken },
          // The cookie of a page's own session would be a second token.
          credentials: refreshToken ? 'omit' : 'include',
        });
        if (given.ok) take({ answer: await readAnswer(given, 'access_token'), askedAt });
        return given;
      }),
    );
    if (!answer || answer.ok) return false;
    return answer.status === 401 || readAnswer<RouterTokens>(answer, 'access_token');
  };
}
