import type { RequestListener } from 'node:http';
import express, { type Request, type Response } from 'express';
import { type Auth, type AuthOptions, createAuth, principalOf } from 'latchkey';
import { addUser, BASE } from '../world/auth-server.js';
import { reservePort } from '../world/login-app.js';

export interface ClientApp {
  readonly auth: Auth;
  readonly origin: string;
  readonly listener: RequestListener;
  /** `<method> <path>` of every request, in order, with those that an outage answered. */
  readonly log: string[];
  /** How many of the requests had this path. */
  count(request: string): number;
  /** What answers instead of the application, until it is taken away. Returns false to let a request pass. */
  outage: ((...request: Parameters<RequestListener>) => boolean) | undefined;
  /** Lets a request of an outage pass after all. */
  readonly pass: RequestListener;
  addUser(username: string): Promise<void>;
}

type ClientAppOptions = AuthOptions & { readonly format?: 'problem' | 'flat' | 'nested' };

/** What a path is answered with. */
export type Files = Readonly<Record<string, readonly [type: string, text: string]>>;

/** An API with the auth router under /api/auth, and what goes wrong in front of it. */
export async function serveClientApp(
  options: ClientAppOptions = {},
  files: Files = {},
): Promise<ClientApp> {
  const port = await reservePort();
  const app = createClientApp(port.origin, options, files);
  port.serve(app.listener);
  return app;
}

/** The same for somebody who serves it. */
export function createClientApp(
  origin: string,
  { format = 'problem', ...options }: ClientAppOptions = {},
  files: Files = {},
): ClientApp {
  const log: string[] = [];
  const auth = createAuth({
    ...BASE,
    publicUrl: origin,
    // Not the function itself, so that tests can set the clock.
    now: () => Date.now(),
    ...options,
  });
  const app = express();
  // Lets itself be framed, which leaves `Cross-Origin-Opener-Policy` out: a browser starts a second process for every page that has it.
  app.use(auth.securityHeaders({ preset: 'web', frameAncestors: ["'self'"] }));
  app.use('/api/auth', auth.router());
  app.get('/api/me', auth.requireAuth(), (req, res) => void res.json(describe(req)));
  app.get('/api/open', auth.optionalAuth(), (req, res) => void res.json({ user: !!req.auth }));
  app.get(
    '/api/fresh',
    auth.requireAuth(),
    auth.requireAuthContext({ maxAgeSeconds: 1 }),
    describeTo,
  );
  app.post('/api/echo', auth.requireAuth(), express.raw({ type: () => true }), (req, res) => {
    res.send(req.body);
  });
  for (const [path, [type, text]] of Object.entries(files))
    app.get(path, (_req, res) => void res.type(type).send(text));
  app.use(auth.errorHandler({ format }));
  const served = { outage: undefined as ClientApp['outage'] };
  return Object.assign(served, {
    auth,
    origin,
    listener(...[req, res]: Parameters<RequestListener>) {
      log.push(`${req.method} ${req.url?.split('?')[0]}`);
      if (!served.outage?.(req, res)) app(req, res);
    },
    log,
    pass: app,
    count: (request: string) => log.filter((line) => line === request).length,
    async addUser(username: string) {
      await addUser({ auth }, { username });
    },
  });
}

function describe(req: Request) {
  const { username } = principalOf(req).user;
  return {
    username,
    org: req.get('x-org-id'),
    requestId: req.get('x-request-id'),
    authorization: req.get('authorization')?.split(' ')[0],
  };
}

function describeTo(req: Request, res: Response): void {
  res.json(describe(req));
}

/** Answers requests whose path ends so with this status. */
export function refuse(
  path: string,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): NonNullable<ClientApp['outage']> {
  return (req, res) => {
    if (!req.url?.endsWith(path)) return false;
    res.writeHead(status, headers).end();
    return true;
  };
}

/** Cuts the connections of requests whose path ends so. */
export function cut(path: string): NonNullable<ClientApp['outage']> {
  return (req) => {
    if (!req.url?.endsWith(path)) return false;
    req.socket.destroy();
    return true;
  };
}
