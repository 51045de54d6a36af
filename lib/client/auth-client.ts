import { createAuthorisedFetch } from './authorised-fetch.js';
import { browser } from './browser.js';
import { type HeldToken, holdToken, readToken } from './held-token.js';
import type { AuthClient, AuthClientOptions, Token } from './options.js';
import { readBase, urlBelow } from './relative-url.js';
import { createRouterCalls, type Send } from './router-calls.js';
import { createSignIn } from './sign-in.js';
import { joinTabs, noTabs } from './tabs.js';
import { bySource } from './token-source.js';
import { byRefresh, createTokens } from './tokens.js';
import { watchSession } from './watched-session.js';

/**
 * Creates the client of a page, or of a program in Node. Sends nothing before the first call. Throws a TypeError for a `baseUrl` that is
 * none.
 * @example
 * const client = createAuthClient({ baseUrl: '/api' });
 * await client.login({ username: 'alice', password });
 * const reports = await client.fetch('/reports');
 */
export function createAuthClient(options: AuthClientOptions): AuthClient {
  const {
    baseUrl,
    fetch = (...request) => browser.fetch(...request),
    retryForMs = 30_000,
  } = options;
  const base = readBase(baseUrl);
  const send: Send = async (path, init, token) => {
    const headers = new Headers(init.headers);
    if (token) headers.set('Authorization', `${token.scheme} ${token.token}`);
    return fetch(urlBelow(base, path), { ...init, headers });
  };
  const life = new AbortController();
  const { tokens, watched, signIn, ready, give } = startSession({
    options,
    base,
    send,
    retryForMs,
    signal: life.signal,
  });
  const client: AuthClient = {
    ...signIn,
    fetch: createAuthorisedFetch({
      base,
      send,
      forMs: retryForMs,
      renew: tokens.renew,
      ready,
      org: () => client.org,
    }),
    token: async () => (await ready())?.token,
    get current() {
      return watched.current;
    },
    onChange: watched.onChange,
    setToken: give,
    org: undefined,
    close() {
      life.abort();
      tokens.set(undefined, true);
    },
  };
  return client;
}

interface SessionParts {
  readonly options: AuthClientOptions;
  readonly base: URL;
  readonly send: Send;
  readonly retryForMs: number;
  readonly signal: AbortSignal;
}

/** Joins what knows who is signed in. */
function startSession({ options, base, send, retryForMs, signal }: SessionParts) {
  const { authPath = '/auth', tokenSource } = options;
  const { delivery = browser.document ? 'cookie' : 'body' } = options;
  const isShared = delivery === 'cookie' && !tokenSource;
  const router = createRouterCalls(send, authPath, retryForMs);
  const watched = watchSession();
  // A token passed to setToken() can't be renewed here, unless there is a tokenSource.
  let isGiven = false;
  // Does nothing before the first session(): there is no answer to update.
  const askAgain = (): void => void (watched.current && signIn.session().catch(() => {}));
  const tabs = isShared
    ? joinTabs({
        name: `latchkey ${base.href} ${authPath}`,
        signal,
        hear: (token) => isGiven || tokens.set(token, !token),
        returned: () => isGiven || (tokens.set(undefined), askAgain()),
      })
    : noTabs;
  const renewal = tokenSource
    ? bySource(tokenSource, options.tokenSourceTimeoutMs)
    : byRefresh(router, tabs);
  const tokens = createTokens({
    tabs,
    renewal: async (...asked) => !isGiven && renewal(...asked),
    isOut: !isShared && !tokenSource,
    changed(before) {
      const { held, isOut } = tokens;
      if (isOut) watched.set({ authenticated: false });
      const isOther = held && (before ?? held).subject !== held.subject;
      if (isOther || (held && !watched.current?.authenticated)) askAgain();
    },
  });
  const isForeign = (): boolean => isGiven || tokenSource !== undefined;
  const signIn = createSignIn({
    base,
    authPath,
    delivery,
    router,
    tokens,
    tabs,
    watched,
    isForeign,
  });
  const ready = async (): Promise<HeldToken | undefined> => {
    // Whether there is a session to refresh: a visitor without one is no error.
    if (isShared && !isGiven && !tokens.held && !watched.current) await signIn.session();
    return tokens.ready();
  };
  const give = (token: Token | undefined): void => {
    const answer = readToken(token);
    if (token !== undefined && !answer) throw new TypeError('this is no access token');
    isGiven = answer !== undefined && !tokenSource;
    tokens.set(answer && holdToken(answer, Date.now()), !answer && !tokenSource);
  };
  return { tokens, watched, signIn, ready, give };
}
