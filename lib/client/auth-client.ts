import { createAuthorisedFetch } from './authorised-fetch.js';
import { browser } from './browser.js';
import { initWith } from './init-with.js';
import type { AuthClient, AuthClientOptions } from './options.js';
import { readBase, urlBelow } from './relative-url.js';
import { createRouterCalls, type Send } from './router-calls.js';
import { createSignIn } from './sign-in.js';
import { joinTabs, noTabs } from './tabs.js';
import { bySource } from './token-source.js';
import { byRefresh, createTokens } from './tokens.js';
import { watchSession } from './watched-session.js';

/**
 * Creates the client of a page, or of a program in Node. Sends nothing before the first call. Throws a TypeError for a `baseUrl` or an
 * `authPath` that is none.
 * @example
 * const client = createAuthClient({ baseUrl: '/api' });
 * await client.login({ username: 'alice', password });
 * const reports = await client.fetch('/reports');
 */
export function createAuthClient(options: AuthClientOptions): AuthClient {
  const { tokenSource, fetch = (...request) => browser.fetch(...request) } = options;
  const { delivery = browser.document ? 'cookie' : 'body', retryForMs: forMs = 30_000 } = options;
  const base = readBase(options.baseUrl);
  const at = readBase(urlBelow(base, options.authPath ?? '/auth').href);
  const isShared = delivery === 'cookie' && !tokenSource;
  const life = new AbortController();
  const { signal } = life;
  const send: Send = async (url, init, token) =>
    fetch(url, initWith(init, token && { Authorization: `${token.scheme} ${token.token}` }));
  const router = createRouterCalls(send, at, forMs);
  const watched = watchSession();
  const isForeign = () => tokenSource ?? tokens.now.held?.isGiven;
  // Does nothing before the first session(): there is no answer to update.
  const askAgain = (): void => void (watched.current && signIn.session().catch(() => {}));
  const tabs = isShared
    ? joinTabs(`latchkey ${at.href}`, signal, (token, isBack) => {
        // A session that is in memory is none of the browser's, which may be another user's. A log-out counts for both.
        if (isForeign() || ((token ?? isBack) && tokens.now.refreshToken)) return;
        tokens.set(token, !token && !isBack);
        if (isBack) askAgain();
      })
    : noTabs;
  const tokens = createTokens({
    tabs,
    renewal: tokenSource
      ? bySource(tokenSource, options.tokenSourceTimeoutMs)
      : byRefresh(router, tabs),
    isOut: !isShared && !tokenSource,
    changed(before) {
      const { held, isOut } = tokens.now;
      if (isOut) watched.set({ authenticated: false });
      const isOther = before && before.subject !== held?.subject;
      if (held && (isOther || !watched.current?.authenticated)) askAgain();
    },
  });
  const { ready, ...signIn } = createSignIn({ delivery, router, tokens, tabs, watched, isForeign });
  const client: AuthClient = {
    fetch: createAuthorisedFetch({ base, send, forMs, tokens, ready, org: () => client.org }),
    ...signIn,
    onChange: watched.onChange,
    get current() {
      return watched.current;
    },
    token: async () => (await ready())?.token,
    setToken: (token) => tokens.give(token, !tokenSource),
    org: undefined,
    close() {
      life.abort();
      tokens.set(undefined, true);
    },
  };
  return client;
}
