import { memoryStore, type AuthOptions, type NewApiKey, type Store } from 'latchkey';
import express from 'express';
import { createAuth } from 'latchkey';
import { BASE, createClient, recordEvents } from './auth-server.js';
import { createClock } from './clock.js';
import { serve } from './serve.js';

/** A store whose looks at users and credentials are counted, by name. Writing down that a key was used is none. */
function countingStore(inner: Store = memoryStore()) {
  const looks: string[] = [];
  const counted = <Group extends object>(name: string, group: Group): Group => {
    const entries = Object.entries(group).map(([operation, run]: [string, unknown]) => [
      operation,
      (...given: readonly unknown[]): unknown => {
        if (operation !== 'touch') looks.push(`${name}.${operation}`);
        return (run as (...all: readonly unknown[]) => unknown)(...given);
      },
    ]);
    return Object.fromEntries(entries) as Group;
  };
  const store: Store = {
    ...inner,
    users: counted('users', inner.users),
    credentials: counted('credentials', inner.credentials),
  };
  return { store, looks };
}

/** An application that takes API keys, under a clock that only moves when told to. */
export async function serveKeys(options: AuthOptions = {}) {
  const clock = createClock();
  const { store, looks } = countingStore();
  const auth = createAuth({
    ...BASE,
    publicUrl: 'http://localhost:3000',
    acceptApiKeys: true,
    tokenScopes: ({ roles }) => roles.filter((role) => role.includes(':')),
    now: clock.now,
    store,
    ...options,
  });
  const events = recordEvents(auth);
  const app = express();
  app.use('/api/auth', auth.router());
  app.get(
    '/any',
    auth.requireAuth(),
    (req, res) => void res.json({ ...req.auth, token: undefined }),
  );
  app.get('/reports', auth.requireAuth(), auth.requireScopes('reports:read'), (_req, res) => {
    res.json([]);
  });
  app.get(
    '/projects/:id',
    auth.requireAuth({ resource: (req) => `project:${String(req.params.id)}` }),
    (req, res) => void res.json(req.params),
  );
  app.get('/jwt', auth.requireAuth({ methods: ['jwt'] }), (_req, res) => void res.json({}));
  app.get('/at-once', auth.requireAuth({ checkSession: true }), (_req, res) => void res.json({}));
  app.get('/public', auth.optionalAuth(), (req, res) => void res.json({ who: req.auth?.subject }));
  app.get('/orgs', auth.requireAuth(), auth.orgContext(), (req, res) => void res.json(req.org));
  app.get(
    '/looked-up-orgs',
    auth.requireAuth(),
    auth.orgContext({ resolve: () => ({ roles: ['admin'] }) }),
    (req, res) => void res.json(req.org),
  );
  app.use(auth.errorHandler());
  const { origin } = await serve(app);
  const client = createClient({ auth, origin, events, mails: [] });
  const user = await auth.users.create({
    username: 'alice',
    email: 'alice@example.com',
    emailVerified: true,
    roles: ['reports:read', 'reports:write', 'analyst'],
    groups: ['staff'],
    attributes: { region: 'emea' },
    orgs: [
      { id: 'acme', roles: ['admin'], isDefault: true },
      { id: 'globex', roles: [], isDefault: false },
    ],
  });
  return {
    ...client,
    clock,
    looks,
    user,
    addKey: (key: Partial<NewApiKey> = {}) =>
      auth.apiKeys.create({ owner: user.id, name: 'build', ...key }),
    /** Asks with a key, or with whatever else stands in the header. */
    ask: (path: string, key: string, headers: Record<string, string> = {}) =>
      client.get(path, { 'x-api-key': key, ...headers }),
  };
}

/** What was answered, byte for byte, but for what changes with the clock of the machine. */
export async function answerOf(response: Response) {
  const headers = Object.fromEntries(response.headers);
  delete headers['date'];
  return { status: response.status, headers, body: await response.text() };
}
