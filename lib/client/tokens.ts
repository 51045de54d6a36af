import { type HeldToken, holdToken, readToken, type TokenAnswer } from './held-token.js';
import type { Token } from './options.js';
import { readAnswer, type RouterCalls } from './router-calls.js';
import type { Tabs } from './tabs.js';

/** The access token of a client: in memory, renewed by the calls that need it. No timer renews it, so a page that rests asks for nothing. */
export interface Tokens {
  /** Another object after each change, also to the same. */
  readonly now: TokensNow;
  /** A token that is good now; undefined without a session. One that ends soon is renewed in the background. */
  readonly ready: () => Promise<HeldToken | undefined>;
  /** Another token than the one that was refused, if there is one. All who ask at once share one renewal. */
  readonly renew: (refused: HeldToken | undefined) => Promise<HeldToken | undefined>;
  /** Takes what a log-in was answered with, for all tabs. */
  readonly signIn: Take;
  /** Replaces the token. Without one, the session has ended (`isOut`), or the next call asks for a token. */
  readonly set: (held: HeldToken | undefined, isOut?: boolean) => void;
  /** Takes what the platform has given, `isLast` where nothing here can renew it. Throws a TypeError for what is no token. */
  readonly give: (token: Token | undefined, isLast: boolean) => void;
}

interface TokensNow {
  readonly held?: HeldToken | undefined;
  /** Whether there is known to be no session. False before the first question. */
  readonly isOut: boolean;
  /** Of a session that is in memory. Another one has it in the cookie. */
  readonly refresh_token?: string | undefined;
}

interface RouterTokens extends TokenAnswer {
  readonly refresh_token?: string;
}

/** `askedAt`: milliseconds since 1970. */
type Take = (answer: RouterTokens, askedAt: number) => unknown;

/** Hands over another token, if there is none by now and can be one. Resolves with true when the session has ended. */
export type Renewal = (
  take: Take,
  refresh_token: string | undefined,
  isRenewed: () => boolean,
) => Promise<unknown>;

export interface TokensParts {
  readonly isOut: boolean;
  /** Tells of every change. */
  readonly changed: (before: HeldToken | undefined) => void;
}

export function createTokens(
  renewal: Renewal,
  tabs: Tabs,
  { isOut, changed }: TokensParts,
): Tokens {
  let now: TokensNow = { isOut };
  let running: Promise<HeldToken | undefined> | undefined;

  /** Without a refresh token, it is in the cookie: the one before is of another session, or used up. */
  function set(held?: HeldToken, isNowOut = false, refresh_token?: string): void {
    const before = now.held;
    now = { held, isOut: isNowOut, refresh_token };
    // What was asked before a log-in or a log-out counts no more.
    running = undefined;
    changed(before);
  }
  const signIn: Take = (answer, askedAt) => {
    const token = holdToken(answer, askedAt);
    set(token, false, answer.refresh_token);
    // A session that is in memory is this client's alone.
    if (!answer.refresh_token) tabs.tell(token);
  };
  async function run(): Promise<HeldToken | undefined> {
    const asked = now;
    const isRenewed = (): boolean => now !== asked;
    const take: Take = (...renewed) => isRenewed() || signIn(...renewed);
    try {
      // What the platform has given can't be renewed here.
      const isOver = !asked.held?.isGiven && (await renewal(take, asked.refresh_token, isRenewed));
      if (isOver && !isRenewed()) set(undefined, true);
      return now.held;
    } finally {
      if (!isRenewed()) running = undefined;
    }
  }
  async function renew(refused?: HeldToken): Promise<HeldToken | undefined> {
    const { held } = now;
    const isGood = held && held !== refused && Date.now() < held.expiresAt;
    return now.isOut || isGood ? held : (running ??= run());
  }
  return {
    get now() {
      return now;
    },
    async ready() {
      const { held } = now;
      // Its failure is ignored: while the token is valid, the next call tries again.
      if (held && Date.now() >= held.renewAt) renew(held).catch(() => {});
      return renew();
    },
    renew,
    signIn,
    set,
    give(token, isGiven) {
      const answer = readToken(token);
      if (token !== undefined && !answer) throw new TypeError('this is no token');
      set(answer && { ...holdToken(answer, Date.now()), isGiven }, !answer && isGiven);
    },
  };
}

/**
 * Exchanges the refresh token, from the cookie or memory. One tab does it for all, and tells them before the next one gets the lock. A prerendered page gets
 * no lock from the browser until it is shown: it waits as long as for a tab that hangs, and then goes on by itself.
 */
export function byRefresh({ call, answered }: RouterCalls, tabs: Tabs): Renewal {
  return async function refresh(take, refresh_token, isRenewed) {
    const answer = await answered(() =>
      tabs.alone(async () => {
        if (isRenewed()) return undefined;
        const askedAt = Date.now();
        const given = await call('/refresh', { refresh_token });
        if (given.ok) take(await readAnswer(given, 'access_token'), askedAt);
        return given;
      }),
    );
    const isRefused = answer && !answer.ok;
    return isRefused && (answer.status === 401 || readAnswer<RouterTokens>(answer, 'access_token'));
  };
}
