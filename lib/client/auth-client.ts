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
import { untilAnswered, watchSession } from './watched-session.js';

/**
 * Creates the client of a page, or of a program in Node. Sends nothing before the first call. Throws a TypeError for a `baseUrl` or an
 * `authPath` that is none.
 * @example
 * const client = createAuthClient({ baseUrl: '/api' });
 * await client.login({ username: 'alice', password });
 * const reports = await client.fetch('/reports');
 */
export function createAuthClient(options: AuthClientOptions): AuthClient {
  const {
    tokenSource,
    retryForMs: forMs = 30_000,
    fetch = (...request) => browser.fetch(...request),
  } = options;
  const delivery = tokenSource
    ? undefined
    : (options.delivery ?? (browser.document ? 'cookie' : 'body'));
  const base = readBase(options.baseUrl);
  const at = readBase(urlBelow(base, options.authPath ?? '/auth').href);
  const life = new AbortController();
  const send: Send = async (url, init, token) =>
    fetch(url, initWith(init, token && { Authorization: `${token.scheme} ${token.token}` }));
  const router = createRouterCalls(send, at, forMs);
  const watched = watchSession();
  // Does nothing before the first session(), nor after a log-out: there is no answer to update.
  const askAgain = untilAnswered(
    async () => watched.current && !tokens.now.isOut && signIn.session(),
  );
  const tabs =
    delivery === 'cookie'
      ? joinTabs(`latchkey ${at}`, life.signal, (token, isOut) => {
          // A session that is in memory is none of the browser's, which may be another user's. A log-out counts for both.
          if (tokens.now.held?.isGiven || (!isOut && tokens.now.refresh_token)) return;
          tokens.set(token, isOut);
          if (!(token ?? isOut)) askAgain();
        })
      : noTabs;
  const renewal = tokenSource
    ? bySource(tokenSource, options.tokenSourceTimeoutMs)
    : byRefresh(router, tabs);
  const tokens = createTokens(renewal, tabs, {
    isOut: delivery === 'body',
    changed(before) {
      const { held, isOut } = tokens.now;
      router.goOn();
      if (isOut) watched.set({ authenticated: false });
      const { current } = watched;
      const isSame =
        current?.authenticated && [before?.subject, current.user.id].includes(held?.subject);
      if (held && !isSame) askAgain();
    },
  });
  const { ready, ...signIn } = createSignIn(router, tokens, { delivery, tabs, watched });
  const client: AuthClient = {
    fetch: createAuthorisedFetch(base, tokens, { send, forMs, ready, org: () => client.org }),
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
