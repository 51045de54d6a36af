import express from 'express';
import { type AuthOptions, createAuth, type Mail, principalOf } from 'latchkey';
import { expect, onTestFinished } from 'vitest';
import { BASE, recordEvents } from './auth-server.js';
import { createClock } from './clock.js';
import { createHttpBrowser } from './http-browser.js';
import { reservePort } from './login-app.js';

/** A refresh token and an access token. */
export interface Desk {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly expires_in: number;
}

interface Call {
  readonly token?: string;
  readonly json?: unknown;
}

/** Scopes by role: `support` acts as others, `admin` manages them. */
export const scopesByRole = ({ roles }: { readonly roles: readonly string[] }): string[] =>
  roles.flatMap((role) => {
    if (role === 'admin') return ['users:admin'];
    return role === 'support' ? ['users:impersonate'] : [`is:${role}`];
  });

interface Setting extends AuthOptions {
  /** Gets every mail. */
  readonly mails?: Mail[];
}

/** An application with AUTH_IMPERSONATION=on: Sam of the support, and Alice, a user. */
export async function supportDesk({ mails = [], ...options }: Setting = {}) {
  const clock = createClock();
  const port = await reservePort();
  const { origin } = port;
  const auth = createAuth({
    ...BASE,
    publicUrl: origin,
    impersonation: true,
    cookieSessions: true,
    tokenScopes: scopesByRole,
    now: clock.now,
    ...options,
  });
  onTestFinished(() => auth.close());
  const events = recordEvents(auth);
  const app = express();
  app.use('/api/auth', auth.router({ sendMail: (mail) => mails.push(mail) }));
  app.get('/', (_req, res) => void res.send('home'));
  app.get('/api/me', auth.requireAuth(), (req, res) => {
    const { subject, actor, claims } = principalOf(req);
    res.json({ subject, actor, claims });
  });
  app.get('/api/strict', auth.requireAuth({ checkSession: true }), (_req, res) => {
    res.json({});
  });
  app.get('/api/pay', auth.requireAuth({ impersonation: 'refused' }), (_req, res) => {
    res.json({});
  });
  app.use(auth.errorHandler());
  port.serve(app);

  // Without passwords: hashing takes long on purpose.
  const sam = await auth.users.create({ username: 'sam', roles: ['support'] });
  const alice = await auth.users.create({ email: 'alice@corp.example', roles: ['customer'] });

  async function call(request: string, { token, json }: Call = {}) {
    const [method = '', path = ''] = request.split(' ');
    const answer = await fetch(`${origin}${path}`, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(json !== undefined && { 'content-type': 'application/json' }),
      },
      ...(json !== undefined && { body: JSON.stringify(json) }),
    });
    const text = await answer.text();
    const body: unknown = text.startsWith('{') ? JSON.parse(text) : undefined;
    return { status: answer.status, body, headers: answer.headers };
  }

  /** A fresh session without the work of a password. */
  async function signIn(
    user: typeof sam,
    delivery: 'body' | 'cookie' = 'body',
    authTime: number | undefined = clock.now() / 1000,
  ) {
    return auth.sessions.start(user, {
      ...{ amr: ['pwd'], authTime, acr: undefined, device: 'Firefox on Linux', delivery },
    });
  }

  async function tokensOf(user: typeof sam, authTime?: number): Promise<Desk> {
    const { refreshToken } = await signIn(user, 'body', authTime);
    const { status, body } = await call('POST /api/auth/refresh', {
      json: { refresh_token: refreshToken },
    });
    expect(status).toBe(200);
    return body as Desk;
  }

  /** Asks to act as Alice, or as another user. */
  const impersonate = (token: string, json: unknown = { reason: 'Ticket 4711' }, id = alice.id) =>
    call(`POST /api/auth/users/${id}/impersonate`, { token, json });

  /** Sam, acting as Alice. */
  async function acting(json: Readonly<Record<string, unknown>> = {}) {
    const own = await tokensOf(sam);
    const answer = await impersonate(own.access_token, { reason: 'Ticket 4711', ...json });
    expect(answer.status).toBe(200);
    return { own, tokens: answer.body as Desk };
  }

  /** A browser in which Sam is signed in. */
  async function samsBrowser() {
    const browser = createHttpBrowser();
    const { refreshToken, session } = await signIn(sam, 'cookie');
    browser.setCookie(new URL(origin).hostname, 'latchkey-session', refreshToken);
    return { browser, session };
  }

  /** The same after he began to act as Alice there. */
  async function actingBrowser() {
    const { browser, session } = await samsBrowser();
    const url = `${origin}/api/auth/users/${alice.id}/impersonate`;
    const json = { reason: 'Ticket 4711', delivery: 'cookie' };
    expect((await browser.fetch(url, { json })).status).toBe(200);
    return { browser, own: session };
  }

  const eventsNamed = (name: string) =>
    events.filter((each) => each.name === name).map(({ event }) => event);

  return {
    ...{ auth, origin, clock, sam, alice, events, eventsNamed, call, signIn, tokensOf },
    ...{ impersonate, acting, samsBrowser, actingBrowser },
  };
}
