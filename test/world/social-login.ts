import type { AuthOptions } from 'latchkey';
import { createHttpBrowser, type Page } from './http-browser.js';
import { reservePort, serveLoginApp } from './login-app.js';
import type { ReplayServer } from './replay-server.js';
import { AS_SCRIPT, userOf } from './signed-in.js';

/** Where a provider sends the browser back to: an address, with a form where the answer is posted. */
export interface WayBack {
  readonly url: string;
  readonly form?: Readonly<Record<string, string>>;
}

/** A provider in its documented shapes, and how its users agree. */
export interface SocialProvider {
  readonly name: 'apple' | 'github' | 'google';
  /** Of its log-in page. */
  readonly site: string;
  readonly server: ReplayServer;
  readonly authorize: (authorizationUrl: string) => WayBack;
}

/** An application whose users sign in with one provider, and a browser. */
export async function openSocialWorld(
  { name, site, server, authorize }: SocialProvider,
  options: AuthOptions,
) {
  const port = await reservePort();
  const app = serveLoginApp(port, { providerFetch: server.fetch, ...options });
  const { origin } = app;
  const own = createHttpBrowser();

  /** Goes to the provider; the address there. Query parameters of the log-in may be given. */
  async function begin(browser = own, wishes: Readonly<Record<string, string>> = {}) {
    const query = new URLSearchParams({ returnTo: '/inside', ...wishes }).toString();
    const { url } = await browser.open(`${origin}/api/auth/login/${name}?${query}`, {
      headers: AS_SCRIPT,
      until: (place) => place.origin === site,
    });
    return new URL(url);
  }

  /** Refusals come as problem documents. */
  const comeBack = ({ url, form }: WayBack, browser = own): Promise<Page> =>
    browser.open(url, { from: site, headers: AS_SCRIPT, ...(form && { form }) });

  const signIn = async (browser = own): Promise<Page> =>
    comeBack(authorize((await begin(browser)).href), browser);

  /** Signs in with a browser of its own and answers the user. */
  async function visit() {
    const browser = createHttpBrowser();
    await signIn(browser);
    return userOf(browser, origin);
  }

  return {
    ...app,
    browser: own,
    begin,
    comeBack,
    signIn,
    visit,
    user: () => userOf(own, origin),
    /** Of each `login.failed` so far. */
    reasons: () =>
      app.events.flatMap(({ name: event, event: facts }) =>
        event === 'login.failed' ? [(facts as { readonly reason: unknown }).reason] : [],
      ),
  };
}
