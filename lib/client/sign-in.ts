import { browser } from './browser.js';
import type { HeldToken } from './held-token.js';
import type { AuthClient, AuthClientOptions, Login, Session } from './options.js';
import { urlBelow } from './relative-url.js';
import { readAnswer, type RouterCalls, unavailable } from './router-calls.js';
import type { Tabs } from './tabs.js';
import type { Tokens } from './tokens.js';
import type { WatchedSession } from './watched-session.js';

interface SignInParts {
  readonly delivery: NonNullable<AuthClientOptions['delivery']>;
  readonly router: RouterCalls;
  readonly tokens: Tokens;
  readonly tabs: Tabs;
  readonly watched: WatchedSession;
  /** Whether the platform owns the log-in: there is no session of ours to ask for or to end. */
  readonly isForeign: () => unknown;
}

export interface SignIn extends Pick<AuthClient, 'login' | 'logout' | 'session'> {
  readonly ready: Tokens['ready'];
}

export function createSignIn(parts: SignInParts): SignIn {
  const { router, tokens, tabs, watched, delivery, isForeign } = parts;
  let asking: Promise<Session> | undefined;

  /** Once more when the token is refused. Says as of when the answer is. */
  async function askAs(path: string, token: HeldToken | undefined, body?: object) {
    const once = async () => {
      const { now } = tokens;
      const answer = await router.answered(() => router.call(path, { token, body }));
      return { now, answer };
    };
    const first = await once();
    if (first.answer.status !== 401 || !token) return first;
    token = await tokens.renew(token);
    return once();
  }

  const byCookie = (): boolean => !tokens.now.held && delivery === 'cookie' && !isForeign();

  /** By token if there is one, else by the cookie, which needs none. */
  async function ask(): Promise<Session> {
    const { now, answer } = await askAs('/session', byCookie() ? undefined : await tokens.ready());
    const session = await readAnswer<Session>(answer, 'authenticated');
    // A log-in or a log-out came between.
    if (tokens.now !== now) return ask();
    const { authenticated } = session;
    if (authenticated === now.isOut) tokens.set(now.held, !authenticated);
    return watched.set(session);
  }
  const session = (): Promise<Session> =>
    (asking ??= ask().finally(() => {
      asking = undefined;
    }));

  async function enter(path: string, body: object): Promise<Session> {
    const askedAt = Date.now();
    // Not while a tab renews: the cookie of the session before would replace the one of this log-in.
    const response = await tabs.alone(() => router.call(path, { body })).catch(unavailable);
    tokens.signIn(await readAnswer(response, 'access_token'), askedAt);
    return session();
  }
  return {
    session,
    async ready() {
      // Whether there is a session to refresh: a visitor without one is no error.
      if (byCookie() && !watched.current) await session();
      return tokens.ready();
    },
    async login(how) {
      if ('password' in how) return enter('/login', { ...how, delivery });
      if ('code' in how) return enter('/exchange', how);
      return leave(router.at, how);
    },
    async logout(body = {}) {
      const token = isForeign() ? undefined : await tokens.ready();
      if (token) {
        const { answer } = await askAs('/logout', token, body);
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
function leave(router: URL, how: AtProvider): Promise<never> {
  const { provider = '', ...query } = how;
  const name = provider && `/${encodeURIComponent(provider)}`;
  const { location } = browser;
  if (!location?.assign) throw new TypeError('this is no page');
  location.assign(
    `${urlBelow(router, `login${name}`).href}?${new URLSearchParams({ returnTo: '/', ...query })}`,
  );
  return new Promise(() => {});
}
