import express from 'express';
import {
  type Auth,
  type AuthOptions,
  type AuthRouterOptions,
  createAuth,
  eventNames,
  type Mail,
} from 'latchkey';
import { serve } from './serve.js';

/** Good enough for every policy; each user of a test may have it. */
export const PASSWORD = 'plenty of words to sign in with';

export const SECRET = 'zJ4vQ0mB8sXw2kL6tR1yN5uH9cE3gP7dFaVoIqTz';

export interface AuthServer {
  readonly auth: Auth;
  /** `http://127.0.0.1:<port>`. */
  readonly origin: string;
  /** Every mail in order. */
  readonly mails: Mail[];
  /** Every event as text, to search for what must not be there. */
  readonly events: { readonly name: string; readonly event: unknown }[];
  readonly post: (
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) => Promise<Response>;
  readonly get: (path: string, headers?: Record<string, string>) => Promise<Response>;
  /** Signs in and returns the token response. */
  readonly signIn: (username: string, password?: string) => Promise<Tokens>;
}

export interface Tokens {
  readonly access_token: string;
  readonly token_type: string;
  readonly expires_in: number;
  readonly refresh_token: string;
  readonly refresh_in: number;
  /** After a sign-in by password, for clients without cookies. */
  readonly device_token?: string;
  readonly must_reset_password: boolean;
}

/** Limits so wide that only tests of limits meet them. */
const WIDE = { max: 100_000, windowSeconds: 60 };

/** What every application of a test begins with. */
export const BASE = {
  env: {},
  jwt: { secret: SECRET },
  rateLimit: WIDE,
  loginLimit: WIDE,
  onWarning: () => undefined,
} satisfies AuthOptions;

/** An application with the auth router under /api/auth and a guarded route, on a free port until the test ends. */
export async function serveAuth(
  options: AuthOptions = {},
  routes: AuthRouterOptions = {},
): Promise<AuthServer> {
  const mails: Mail[] = [];
  const auth = createAuth({
    ...BASE,
    publicUrl: 'http://localhost:3000',
    ...options,
  });
  const events = recordEvents(auth);
  const app = express();
  app.use('/api/auth', auth.router({ sendMail: (mail) => mails.push(mail), ...routes }));
  app.get('/api/me', auth.requireAuth(), (req, res) => res.json(req.auth));
  app.get('/api/strict', auth.requireAuth({ checkSession: true }), (req, res) =>
    res.json(req.auth),
  );
  app.use(auth.errorHandler());
  const { origin } = await serve(app);
  return createClient({ auth, origin, mails, events });
}

export function recordEvents(auth: Auth): AuthServer['events'] {
  const events: { name: string; event: unknown }[] = [];
  // Keys are fetched when their cache likes it: tests of that listen themselves.
  const told = eventNames.filter((name) => !/^(?:keys|introspection)\./.test(name));
  for (const name of told) auth.on(name, (event: unknown) => void events.push({ name, event }));
  return events;
}

/** Calls an auth server at an origin, also one of another process. */
export function createClient<World extends { readonly origin: string }>(world: World) {
  const { origin } = world;
  const post: AuthServer['post'] = (path, body, headers = {}) =>
    fetch(`${origin}${path}`, {
      method: 'POST',
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  return {
    ...world,
    post,
    get: (path: string, headers: Record<string, string> = {}) =>
      fetch(`${origin}${path}`, { headers }),
    async signIn(username: string, password = PASSWORD): Promise<Tokens> {
      const response = await post('/api/auth/login', { username, password });
      if (response.status !== 200) throw new Error(`log-in answered ${response.status}`);
      return (await response.json()) as Tokens;
    },
  };
}

export function bearer({ access_token }: Pick<Tokens, 'access_token'>): Record<string, string> {
  return { authorization: `Bearer ${access_token}` };
}

/** The refresh token of a new session, as after a log-in: for tests of what comes later, without the work of a password. */
export async function startSession(
  { auth }: Pick<AuthServer, 'auth'>,
  user: Parameters<Auth['sessions']['start']>[0],
  now = Date.now(),
): Promise<string> {
  const notes = { amr: ['pwd'], acr: undefined, device: undefined, delivery: 'body' } as const;
  const authTime = Math.floor(now / 1000);
  return (await auth.sessions.start(user, { ...notes, authTime })).refreshToken;
}

/** The same with an access token, so that the refresh token is the second one of its session. */
export async function enter(server: AuthServer, username: string, now?: number): Promise<Tokens> {
  const user = await server.auth.users.findByLogin(username);
  if (!user) throw new Error(`there is no user ${username}`);
  const refresh_token = await startSession(server, user, now);
  const response = await server.post('/api/auth/refresh', { refresh_token });
  if (response.status !== 200) throw new Error(`refresh answered ${response.status}`);
  return (await response.json()) as Tokens;
}

let passwordHash: Promise<string> | undefined;

/** Made once: a hash takes long on purpose. */
function hashOfPassword({ passwords }: Auth): Promise<string> {
  passwordHash ??= passwords.hash(PASSWORD);
  return passwordHash;
}

/** Adds a user with {@link PASSWORD}. */
export async function addUser(
  { auth }: Pick<AuthServer, 'auth'>,
  user: Parameters<Auth['users']['create']>[0] = {},
) {
  return auth.users.create({
    username: 'alice',
    passwordHash: await hashOfPassword(auth),
    ...user,
  });
}
