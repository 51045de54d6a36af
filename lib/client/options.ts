/** An access token as a string, or with its remaining life in seconds where the token itself can't tell (no JWT). */
export type Token = string | { readonly access_token: string; readonly expires_in?: number };

export interface AuthClientOptions {
  /** Where the API is: `/api` on this origin, or an absolute URL. In Node an absolute URL. Every path is below it. */
  readonly baseUrl: string;
  /** Where the auth router is: a path below `baseUrl`. @defaultValue `'/auth'` */
  readonly authPath?: string;
  /**
   * How a log-in delivers the refresh token: as an HttpOnly cookie, which survives a reload and is shared by all tabs, or in the
   * answer's body, kept in memory by this client alone. @defaultValue `'cookie'` in a page, else `'body'`
   */
  readonly delivery?: 'cookie' | 'body';
  /**
   * Gives the access token of a platform that owns the log-in, such as the site around an iframe. Asked when a token is needed:
   * first, before the last one expires, and once after a 401. Nothing is stored or shared with other tabs.
   */
  readonly tokenSource?: () => Token | Promise<Token>;
  /** Milliseconds that `tokenSource` may take. @defaultValue `10_000` */
  readonly tokenSourceTimeoutMs?: number;
  /**
   * Milliseconds for which a refresh, and a request that changes nothing (GET, HEAD), is tried again while the network or the server is
   * down (502, 503, 504). `Retry-After` is obeyed. 0 tries once. @defaultValue `30_000`
   */
  readonly retryForMs?: number;
  /** What sends requests, such as `createDpopFetch()` of `latchkey/client/dpop`. @defaultValue the global `fetch` */
  readonly fetch?: typeof globalThis.fetch;
}

/** Who is signed in, as `GET /session` answers. */
export type Session =
  | { readonly authenticated: false }
  | {
      readonly authenticated: true;
      readonly user: SessionUser;
      /** Seconds, here and below: the rest of the credential's life. */
      readonly expires_in: number;
      readonly refresh_in: number;
      /** The user can only choose a new password. */
      readonly must_reset_password: boolean;
      /** Where a link "Sign out" leads, at the provider too. */
      readonly logout_url: string;
      /** Who acts for the user, if not the user. */
      readonly actor?: { readonly id: string; readonly username?: string };
    };

export interface SessionUser {
  readonly id: string;
  readonly email?: string;
  readonly email_verified: boolean;
  readonly username?: string;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** By password; with the code of `?auth_code=`, which a log-in with `mode: 'code'` comes back with; or at a provider, to which the page goes. */
export type Login =
  | { readonly username: string; readonly password: string }
  | { readonly code: string; readonly code_verifier?: string }
  | {
      /** @defaultValue the only one, or the one without a name */
      readonly provider?: string;
      /** Path of the page to come back to. @defaultValue `'/'` */
      readonly returnTo?: string;
      readonly mode?: 'cookie' | 'code';
      readonly prompt?: string;
      readonly login_hint?: string;
    };

export interface AuthClient {
  /**
   * Like `fetch()`, as the signed-in user. `path` is below `baseUrl`; an absolute, scheme-relative or backslash path, and one that leaves
   * `baseUrl`, is a TypeError. Adds
   * Authorization, `X-Org-Id` and `X-Request-Id` unless `init` has them. The answer is returned as it is: a 401 after one refresh, or 403, is
   * a Response. A body that can be read once only (a stream) is never sent twice. Rejects with the signal's reason, with AuthClientError when
   * no token can be had, else like `fetch()`.
   */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** A valid access token, for what is not HTTP (a WebSocket's first message). `undefined` without a session. */
  token(): Promise<string | undefined>;
  /** Signs in. Rejects with AuthClientError `REFUSED`. With a provider the page leaves, and the promise stays pending. */
  login(how: Login): Promise<Session>;
  /** Ends the session, in all tabs. With `all` every session of the user. Rejects when the server could not end it. */
  logout(options?: { readonly all?: boolean }): Promise<void>;
  /** Asks who is signed in. Never rejects for want of a log-in. */
  session(): Promise<Session>;
  /** The last answer of `session()`; `undefined` before the first. Replaced, never changed: fit for React's `useSyncExternalStore`. */
  readonly current: Session | undefined;
  /** Calls back when `current` is another one: log-in, log-out, also in another tab. Returns what ends it. */
  readonly onChange: (listener: (session: Session) => void) => () => void;
  /** Takes a token that the platform handed in; `undefined` forgets it. A `tokenSource` is asked again when the next one is needed. */
  setToken(token: Token | undefined): void;
  /** Organisation of the following requests (`X-Org-Id`). */
  org: string | undefined;
  /** Stops listening to other tabs, and forgets the token. */
  close(): void;
}
