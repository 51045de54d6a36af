import diagnosticsChannel from 'node:diagnostics_channel';
import express from 'express';
import { createAuth, eventNames, type Mail } from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { onTestFinished } from 'vitest';
import { addUser, BASE } from './auth-server.js';
import { startGoogleKeys } from './google-keys.js';
import { createHttpBrowser, type HttpBrowser } from './http-browser.js';
import { CLIENT, serveIntrospection } from './introspection-server.js';
import { reservePort } from './login-app.js';
import { letProviderReachLoopback, signInAt, startLoginProvider } from './login-provider.js';
import { serve } from './serve.js';
import { scopesByRole } from './support-desk.js';
import { switchedStore } from './switched-store.js';
import { type Tape, tapped, tappedFetch } from './wire-tap.js';

export interface Call {
  readonly token?: string | undefined;
  readonly json?: unknown;
  readonly form?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer; `body` has the members of JSON. */
export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, string>>;
}

export type EveryFlowApp = Awaited<ReturnType<typeof everyFlowApp>>;

/** One application with everything switched on, whose wire is tapped and whose events, warnings and refusals are kept. */
export async function everyFlowApp() {
  const tape: Tape = [];
  const mails: Mail[] = [];
  let aheadMs = 0;
  const now = (): number => Date.now() + aheadMs;
  const port = await reservePort();
  const { origin } = port;
  letProviderReachLoopback();
  const corp = await startLoginProvider({
    redirectUris: [`${origin}/api/auth/callback/corp`],
    postLogoutRedirectUris: [`${origin}/`],
    backchannelLogoutUri: `${origin}/api/auth/backchannel/corp`,
  });
  const google = await startGoogleKeys(now);
  const issuer = await createTestIssuer({ algorithm: 'ES256', now });
  const opaque = await serveIntrospection((response) => response.writeHead(500).end());
  const badKeys = await serve((_req, res) => {
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify({ keys: [{ kty: 'oct', k: 'c2VjcmV0', kid: 'open' }] }));
  });
  const switched = switchedStore();
  const keys = { introspection: { endpoint: opaque.endpoint, ...CLIENT } };
  const auth = createAuth({
    ...BASE,
    publicUrl: origin,
    store: switched.store,
    ...{ ownOrganisations: true, serviceAccounts: true, acceptApiKeys: true, impersonation: true },
    ...{ cookieSessions: true, passwordSignUp: true, dpop: { mode: 'accepted' } },
    loginLimit: { max: 12, windowSeconds: 60 },
    oidc: {
      corp: { issuer: corp.issuer, clientId: corp.clientId, clientSecret: corp.clientSecret },
    },
    google: { clientId: google.clientId },
    trustedIssuers: [
      issuer.policy,
      { issuer: opaque.issuer, audience: 'https://api.test', keys },
      { issuer: badKeys.origin, audience: 'https://api.test', keys: { jwksUri: badKeys.origin } },
    ],
    tokenScopes: scopesByRole,
    providerFetch: tappedFetch(tape, (input, init) =>
      String(input instanceof Request ? input.url : input).startsWith('https:')
        ? google.fetch(input, init)
        : fetch(input, init),
    ),
    now,
  });
  onTestFinished(() => auth.close());
  const seen = keepEverything(auth, tape);
  const app = express();
  app.use('/api/auth', auth.router({ sendMail: (mail) => keepMail(mail) }));
  app.get('/inside', (_req, res) => void res.send('inside'));
  app.get('/api/me', auth.requireAuth(), (req, res) => void res.json(req.auth));
  app.get('/api/admin', auth.requireAuth(), auth.requireScopes('admin'), (_req, res) => {
    res.json({});
  });
  app.get('/api/loaded', auth.requireAuth({ loadPrincipal: failing }), (_req, res) => {
    res.json({});
  });
  app.get('/api/upstream', auth.requireAuth(), (req, res, next) => {
    auth.upstreamToken(req, { force: true }).then((token) => res.json({ token }), next);
  });
  app.use(auth.errorHandler());
  port.serve(tapped(tape, app));

  function keepMail(mail: Mail): void {
    mails.push(mail);
    tape.push({ headers: {}, body: JSON.stringify(mail.data) });
    if (mail.kind === 'account_exists') throw new Error(`no mail of ${mail.data.token}`);
  }

  async function call(
    request: string,
    { token, json, form, headers = {} }: Call = {},
  ): Promise<Answer> {
    const [method = '', path = ''] = request.split(' ');
    const response = await fetch(`${origin}${path}`, {
      method,
      redirect: 'manual',
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(json !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(json !== undefined && { body: JSON.stringify(json) }),
      ...(form !== undefined && { body: new URLSearchParams(form) }),
    });
    const text = await response.text();
    const body = text.startsWith('{') ? (JSON.parse(text) as Answer['body']) : {};
    return { status: response.status, body };
  }

  /** The last mail of a kind, once it has been sent. */
  async function mailed(kind: Mail['kind']): Promise<Readonly<Record<string, string>>> {
    await auth.settled();
    const mail = mails.findLast((each) => each.kind === kind);
    if (!mail) throw new Error(`there is no mail ${kind}`);
    return mail.data as unknown as Readonly<Record<string, string>>;
  }

  return {
    ...{ auth, origin, tape, seen, corp, google, issuer, opaque, badKeys, switched, call, mailed },
    user: (name: string, facts: Parameters<typeof addUser>[1] = {}) =>
      addUser(
        { auth },
        { username: name, email: `${name}@corp.example`, emailVerified: true, ...facts },
      ),
    later: (seconds: number): void => void (aheadMs += seconds * 1000),
    browser: createHttpBrowser,
    /** Up to the first address that `until` fits. */
    signInAtCorp: (browser: HttpBrowser, login: string, until?: (url: URL) => boolean) =>
      signInAt(browser, `${origin}/api/auth/login/corp?returnTo=/inside`, {
        login,
        ...(until && { until }),
      }),
  };
}

const failing = async (): Promise<never> => {
  throw new Error('the database is away');
};

interface Seen {
  readonly events: { readonly name: string; readonly event: object }[];
  readonly texts: string[];
}

/** Keeps events, by listeners and by channels, and process warnings. Refusals are on the tape. */
function keepEverything(auth: ReturnType<typeof createAuth>, tape: Tape) {
  const seen: Seen = { events: [], texts: [] };
  for (const name of eventNames) {
    auth.on(name, (event) => void seen.events.push({ name, event }));
    const channel = `latchkey:${name}`;
    const subscriber = (event: unknown): void => void seen.texts.push(JSON.stringify(event));
    diagnosticsChannel.subscribe(channel, subscriber);
    onTestFinished(() => void diagnosticsChannel.unsubscribe(channel, subscriber));
  }
  const onWarning = ({ stack = '' }: Error): void => void seen.texts.push(stack);
  process.on('warning', onWarning);
  onTestFinished(() => void process.off('warning', onWarning));
  return {
    ...seen,
    /** Everything that may be read by others: events, warnings, and the bodies of refusals. */
    text: (): string =>
      [
        ...seen.events.map((each) => JSON.stringify(each)),
        ...seen.texts,
        ...tape
          .filter(({ status = 0, body }) => status >= 400 && !body.startsWith('<'))
          .map(({ body, headers }) => body + String(headers['www-authenticate'] ?? '')),
      ].join('\n'),
  };
}
