import { createServer, type RequestListener } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { type Auth, type AuthOptions, type AuthRouterOptions, createAuth } from 'latchkey';
import { BASE, recordEvents } from './auth-server.js';
import { onWorldEnd } from './shared-world.js';

export interface LoginApp {
  readonly auth: Auth;
  /** `http://localhost:<port>`: what users see. */
  readonly origin: string;
  readonly events: ReturnType<typeof recordEvents>;
}

/** A port whose application comes later: its provider must be told the address first. */
export interface ReservedPort {
  readonly origin: string;
  /** Serves an application there until the test ends. */
  serve(listener: RequestListener): void;
}

export async function reservePort(): Promise<ReservedPort> {
  let listener: RequestListener | undefined;
  const server = createServer((request, response) => listener?.(request, response));
  server.keepAliveTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onWorldEnd(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://localhost:${port}`,
    serve(served) {
      listener = served;
    },
  };
}

/** An application with pages and an API, whose users sign in with providers. */
export function serveLoginApp(
  port: ReservedPort,
  options: AuthOptions,
  routes: AuthRouterOptions = {},
): LoginApp {
  const auth = createAuth({
    ...BASE,
    publicUrl: port.origin,
    ...options,
  });
  const events = recordEvents(auth);
  const app = express();
  app.use('/api/auth', auth.router(routes));
  app.get('/', (_req, res) => void res.send('home'));
  app.get('/inside', (_req, res) => void res.send('inside'));
  app.get('/api/me', auth.requireAuth(), (req, res) => void res.json(req.auth));
  app.get('/api/upstream', auth.requireAuth(), (req, res, next) => {
    const force = req.query['force'] !== undefined;
    auth.upstreamToken(req, { force }).then((token) => res.json({ token }), next);
  });
  app.use(auth.errorHandler());
  port.serve(app);
  return { auth, origin: port.origin, events };
}

type User = Awaited<ReturnType<Auth['users']['create']>>;

/** The cookie of a new session, for a browser whose user signs in without the work of a password. */
export async function sessionCookie(
  { auth, origin }: Pick<LoginApp, 'auth' | 'origin'>,
  user: User,
  now = Date.now(),
) {
  const authTime = Math.floor(now / 1000);
  const notes = { amr: ['pwd'], authTime, acr: undefined, device: 'Chrome on Linux' };
  const { refreshToken } = await auth.sessions.start(user, { ...notes, delivery: 'cookie' });
  return { name: 'latchkey-session', value: refreshToken, url: origin };
}
