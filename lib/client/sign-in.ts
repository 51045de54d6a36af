import { browser } from './browser.js';
import type { HeldToken } from './held-token.js';
import type { AuthClient, AuthClientOptions, Login, Session } from './options.js';
import { urlBelow } from './relative-url.js';
import { readAnswer, type RouterCalls, unavailable } from './router-calls.js';
import type { Tabs } from './tabs.js';
import type { Tokens } from './tokens.js';
import type { WatchedSession } from './watched-session.js';

interface SignInParts {
  /** Undefined where the platform owns the log-in: there is no session of ours to ask for or to end. */
  readonly delivery: AuthClientOptions['delivery'];
  readonly tabs: Tabs;
  readonly watched: WatchedSession;
}

export interface SignIn extends Pick<AuthClient, 'login' | 'logout' | 'session'> {
  readonly ready: Tokens['ready'];
}

export function createSignIn(
  router: RouterCalls,
  tokens: Tokens,
  { delivery, tabs, watched }: SignInParts,
): SignIn {
  let asking: Promise<Session> | undefined;

  const byCookie = (): boolean => !tokens.now.held && delivery === 'cookie';

  /** By token if there is one, else by the cookie, which needs none. */
  async function ask(isSecond?: boolean): Promise<Session> {
    const token = byCookie() ? undefined : await tokens.ready();
    const { now } = tokens;
    const answer = await router.answered(() => router.call('/session', undefined, token));
    if (token && !isSecond && answer.status === 401) {
      await tokens.renew(token);
      return ask(true);
    }
    const session = await readAnswer<Session>(answer, 'authenticated');
    // A log-in or a log-out came between.
    if (tokens.now !== now) return ask(isSecond);
    const { authenticated } = session;
    if (authenticated === now.isOut) tokens.set(now.held, !authenticated);
    return watched.set(session);
  }
  const session = (): Promise<Session> => (asking ??= ask().finally(() => (asking = undefined)));

  async function enter(path: string, body: object): Promise<Session> {
    const askedAt = Date.now();
    // Not while a tab renews: the cookie of the session before would replace the one of this log-in.
    const response = await tabs.alone(() => router.call(path, body)).catch(unavailable);
    tokens.signIn(await readAnswer(response, 'access_token'), askedAt);
    return session();
  }
  return {
    session,
    async ready() {
      // Whether there is a session to refresh: a visitor without one is no error.
      if (!watched.current && byCookie()) await session();
      return tokens.ready();
    },
    async login(how) {
      if ('password' in how) return enter('/login', { ...how, delivery });
      if ('code' in how) return enter('/exchange', how);
      return leave(router.at, how);
    },
    async logout(body = {}) {
      // A person's wish: it does not wait for what `Retry-After` said.
      router.goOn();
      const isOurs = delivery && !tokens.now.held?.isGiven;
      const token = isOurs ? await tokens.ready() : undefined;
      if (token) {
        const end = (by?: HeldToken) => router.answered(() => router.call('/logout', body, by));
        let answer = await end(token);
        if (answer.status === 401) answer = await end(await tokens.renew(token));
        // It has ended already where no other token could be had. An answer of another kind is not of the auth router.
        if (answer.status !== 204 && !tokens.now.isOut)
          await readAnswer<Session>(answer, 'authenticated');
        tabs.tell();
      }
      tokens.set(undefined, true);
    },
  };
}

type AtProvider = Exclude<Login, { readonly password: string } | { readonly code: string }>;

/** The page goes to the provider, and comes back as another one. */
function leave(router: string, how: AtProvider): Promise<never> {
  const { provider = '', ...query } = how;
  const name = provider && '/' + encodeURIComponent(provider);
  const { location } = browser;
  if (!location?.assign) throw new TypeError('this is no page');
  const search = new URLSearchParams({ returnTo: '/', ...query });
  location.assign(urlBelow(router, `login${name}?${search}`).href);
  return new Promise(() => {});
}
