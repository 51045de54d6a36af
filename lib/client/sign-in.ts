import { browser } from './browser.js';
import type { HeldToken } from './held-token.js';
import type { AuthClient, AuthClientOptions, Login, Session } from './options.js';
import { urlBelow } from './relative-url.js';
import { readAnswer, type RouterCalls, unavailable } from './router-calls.js';
import type { Tabs } from './tabs.js';
import type { Tokens } from './tokens.js';
import type { WatchedSession } from './watched-session.js';

interface SignInParts {
  readonly base: URL;
  readonly authPath: string;
  readonly delivery: NonNullable<AuthClientOptions['delivery']>;
  readonly router: RouterCalls;
  readonly tokens: Tokens;
  readonly tabs: Tabs;
  readonly watched: WatchedSession;
  /** Whether the platform owns the log-in: there is no session of ours to ask for or to end. */
  readonly isForeign: () => boolean;
}

export type SignIn = Pick<AuthClient, 'login' | 'logout' | 'session'>;

export function createSignIn(parts: SignInParts): SignIn {
  const { router, tokens, tabs, watched, delivery, isForeign } = parts;
  let asking: Promise<Session> | undefined;

  const askWith = (token: HeldToken | undefined): Promise<Response> =>
    router.answered(() => router.call('/session', { token }));

  /** By token if there is one, else by the cookie, which needs none. */
  async function ask(): Promise<Session> {
    const byCookie = !tokens.held && delivery === 'cookie' && !isForeign();
    let token = byCookie ? undefined : await tokens.ready();
    let answer = await askWith(token);
    if (answer.status === 401 && token) {
      token = await tokens.renew(token);
      answer = await askWith(token);
    }
    const session = await readAnswer<Session>(answer, 'authenticated');
    // A log-in or a log-out came between.
    if (tokens.held !== token) return ask();
    const { authenticated } = session;
    if (authenticated === tokens.isOut) tokens.set(token, !authenticated);
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
    tokens.signIn({ answer: await readAnswer(response, 'access_token'), askedAt });
    return session();
  }
  return {
    session,
    async login(how) {
      if ('password' in how) return enter('/login', { ...how, delivery });
      if ('code' in how) return enter('/exchange', how);
      return leave(parts, how);
    },
    async logout(body = {}) {
      const token = isForeign() ? undefined : await tokens.ready();
      if (token) {
        const answer = await router.answered(() => router.call('/logout', { body, token }));
        // 401: it has ended already.
        if (!answer.ok && answer.status !== 401) await readAnswer<Session>(answer, 'authenticated');
        tabs.tell();
      }
      tokens.set(undefined, true);
    },
  };
}

type AtProvider = Exclude<Login, { readonly password: string } | { readonly code: string }>;

/** The page goes to the provider, and comes back as another one. */
function leave({ base, authPath }: SignInParts, how: AtProvider): Promise<never> {
  const { provider = '', ...query } = how;
  const name = provider && `/${encodeURIComponent(provider)}`;
  const url = urlBelow(base, `${authPath}/login${name}`);
  if (!browser.location) throw new TypeError('this is no page');
  browser.location.assign(`${url.href}?${new URLSearchParams({ returnTo: '/', ...query })}`);
  return new Promise(() => {});
}
