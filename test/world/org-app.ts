import express, { type Express } from 'express';
import {
  type Auth,
  type AuthOptions,
  type AuthRouterOptions,
  createAuth,
  type Mail,
  orgOf,
} from 'latchkey';
import { vi } from 'vitest';
import { BASE, bearer, recordEvents, type Tokens } from './auth-server.js';
import { PATIENCE } from './patience.js';
import { serve } from './serve.js';

export type StoredUser = Awaited<ReturnType<Auth['users']['create']>>;

/** A user with an access token, and how that user calls. */
export interface Person {
  readonly user: StoredUser;
  readonly tokens: Tokens;
  /** `GET /orgs` of the router, and the like. */
  readonly call: (route: string, body?: unknown) => Promise<Answer>;
  /** A route of the application. */
  readonly ask: (path: string, headers?: Record<string, string>) => Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

export type OrgApp = Awaited<ReturnType<typeof serveOrgApp>>;

/** An application whose organisations are kept in the store, with `/api/data` for members. Users sign in without a password. */
export async function serveOrgApp(
  options: AuthOptions = {},
  {
    sendsMail = true,
    ...routes
  }: Omit<AuthRouterOptions, 'sendMail'> & { sendsMail?: boolean } = {},
  addRoutes: (to: { auth: Auth; app: Express }) => void = () => undefined,
) {
  const mails: Mail[] = [];
  const auth = createAuth({
    ...BASE,
    publicUrl: 'http://localhost:3000',
    ownOrganisations: true,
    ...options,
  });
  const events = recordEvents(auth);
  const app = express();
  app.use(
    '/api/auth',
    auth.router({ ...routes, ...(sendsMail && { sendMail: (mail) => mails.push(mail) }) }),
  );
  app.get('/api/data', auth.requireAuth(), auth.orgContext(), (req, res) => {
    const { id, roles, source, scopes } = orgOf(req);
    res.json({ id, roles, source, scopes: [...scopes] });
  });
  app.get(
    '/api/default',
    auth.requireAuth(),
    auth.orgContext({ fallback: 'default' }),
    (req, res) => void res.json({ id: orgOf(req).id, source: orgOf(req).source }),
  );
  app.get(
    '/api/reports',
    auth.requireAuth(),
    auth.orgContext(),
    auth.requireScopes('reports:read', { of: 'org' }),
    (_req, res) => void res.json({}),
  );
  addRoutes({ auth, app });
  app.use(auth.errorHandler());
  const { origin } = await serve(app);

  const send = async (url: string, init: RequestInit = {}): Promise<Answer> => {
    const response = await fetch(url, init);
    const isJson = response.headers.get('content-type')?.includes('json') ?? false;
    const body = isJson ? ((await response.json()) as Answer['body']) : {};
    return { status: response.status, body };
  };
  const at = (route: string, authorization: Record<string, string>, body?: unknown) => {
    const [method = '', path = ''] = route.split(' ');
    return send(`${origin}/api/auth${path}`, {
      method,
      headers: {
        ...authorization,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  };

  /** Tokens of a new session. */
  async function signIn(user: StoredUser): Promise<Tokens> {
    const authTime = Math.floor((options.now?.() ?? Date.now()) / 1000);
    const notes = { amr: ['pwd'], authTime, acr: undefined, device: undefined } as const;
    const live = await auth.sessions.start(user, { ...notes, delivery: 'body' });
    const { body } = await at('POST /refresh', {}, { refresh_token: live.refreshToken });
    return body as unknown as Tokens;
  }

  function personOf(user: StoredUser, tokens: Tokens): Person {
    const authorization = bearer(tokens);
    return {
      user,
      tokens,
      call: (route, body) => at(route, authorization, body),
      ask: (path, headers = {}) =>
        send(`${origin}${path}`, { headers: { ...authorization, ...headers } }),
    };
  }

  /** A user with a proven address. */
  async function person(name: string, facts: Partial<StoredUser> = {}): Promise<Person> {
    const email = `${name}@example.com`;
    const user = await auth.users.create({ username: name, email, emailVerified: true, ...facts });
    return personOf(user, await signIn(user));
  }

  /** The token of the last invitation that was mailed. */
  async function lastInvitation(count: number): Promise<Extract<Mail, { kind: 'invitation' }>> {
    await vi.waitUntil(() => mails.length >= count, PATIENCE);
    const mail = mails.at(-1);
    if (mail?.kind !== 'invitation') throw new Error('there is no mail of an invitation');
    return mail;
  }

  return { auth, origin, events, mails, person, personOf, signIn, lastInvitation, at };
}
