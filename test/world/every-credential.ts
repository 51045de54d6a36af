import { randomBytes } from 'node:crypto';
import express, { type RequestHandler } from 'express';
import { type Auth, type AuthOptions, createAuth, memoryStore, type Store } from 'latchkey';
import { createDpopKey, createTestIssuer } from 'latchkey/testing';
import { createApiKeyFormat } from '../../lib/accounts/api-key-format.js';
import { sendRaw } from '../../lib/testing/raw-request.js';
import { BASE } from './auth-server.js';
import { createClock } from './clock.js';
import { CLIENT, sendJson, serveIntrospection } from './introspection-server.js';
import { serve } from './serve.js';

/** Where clients call the application of a test, and what its own tokens name. */
const PUBLIC_ORIGIN = 'http://localhost:3000';
const AUDIENCE = 'https://api.test';

/** Lines of a request, in this order. */
export type Lines = readonly (readonly [name: string, value: string])[];

/** A credential, as the lines that it comes in at a path, and the subject that it is of. */
export interface Sent {
  readonly lines: (path: string) => Lines;
  readonly of?: string;
}

/** An answer: who came through, or why not. */
export interface Verdict {
  readonly status: number;
  readonly code?: string;
  readonly method?: string;
  readonly subject?: string;
  /** What `loadPrincipal` has added. */
  readonly loaded?: { readonly loadedFor?: string };
}

const madeUp = (): string => randomBytes(24).toString('base64url');
export const bearer = (token: string): readonly [string, string] => [
  'Authorization',
  `Bearer ${token}`,
];
export const apiKey = (key: string): readonly [string, string] => ['X-API-Key', key];

/** An application that takes every kind of credential, routes with a guard of each option, and a credential of each kind. */
export async function createCallers(options: AuthOptions = {}) {
  const clock = createClock();
  const { store, breakKeys } = breakableStore();
  const issuer = await createTestIssuer({ algorithm: 'ES256', now: clock.now });
  const active = new Map<string, Readonly<Record<string, unknown>>>();
  const opaque = await serveIntrospection((response, { form }) =>
    sendJson(response, active.get(form['token'] ?? '') ?? { active: false }),
  );
  const keys = { introspection: { endpoint: opaque.endpoint, ...CLIENT } };
  const auth = createAuth({
    ...BASE,
    publicUrl: PUBLIC_ORIGIN,
    acceptApiKeys: true,
    cookieSessions: true,
    trustedIssuers: [issuer.policy, { issuer: opaque.issuer, audience: AUDIENCE, keys }],
    store,
    now: clock.now,
    ...options,
  });
  const app = express();
  app.use('/api/auth', auth.router());
  for (const [name, guard] of Object.entries(guardsOf(auth)))
    app.get(`/${name}`, guard, ({ auth: caller }, res) => {
      const { method, subject, user } = caller ?? {};
      res.json({ method, subject, loaded: user?.attributes });
    });
  app.use(auth.errorHandler());
  const { origin } = await serve(app);

  async function ask(path: string, headers: Lines): Promise<Verdict> {
    const { status, body } = await sendRaw(origin, { target: path, headers });
    return { status, ...(JSON.parse(body) as Omit<Verdict, 'status'>) };
  }

  /** An opaque token that the issuer calls active. */
  function openToken(claims: Readonly<Record<string, unknown>>, token = madeUp()): string {
    const exp = clock.now() / 1000 + 600;
    active.set(token, { active: true, aud: AUDIENCE, client_id: 'spa', exp, ...claims });
    return token;
  }

  const parts = { auth, clock, issuer, openToken, origin };
  const own = await createOwn(parts);
  const sent = await createSent(parts, own);
  return { ...parts, ask, opaque, breakKeys, own, sent };
}

export type Callers = Awaited<ReturnType<typeof createCallers>>;

/** A guard of each option, by the path of its route. */
function guardsOf(auth: Auth): Readonly<Record<string, RequestHandler>> {
  return {
    any: auth.requireAuth(),
    // What places without middleware are told.
    code: (req, _res, next) => {
      auth.authenticate(req).then((principal) => {
        req.auth = principal;
        next();
      }, next);
    },
    optional: auth.optionalAuth(),
    jwt: auth.requireAuth({ methods: ['jwt'] }),
    opaque: auth.requireAuth({ methods: ['opaque'] }),
    session: auth.requireAuth({ methods: ['session'] }),
    key: auth.requireAuth({ methods: ['api_key'] }),
    user: auth.requireAuth({ userOnly: true }),
    accepted: auth.requireAuth({ dpop: 'accepted' }),
    required: auth.requireAuth({ dpop: 'required' }),
    project: auth.requireAuth({ resource: 'project:42' }),
    person: auth.requireAuth({ impersonation: 'refused' }),
    'at-once': auth.requireAuth({ checkSession: true }),
    'no-cookie': auth.requireAuth({ sessionCookie: false }),
    mcp: auth.protectedResource({ path: '/mcp', audience: 'issuer' }).requireAuth(),
    'optional-bound': auth.optionalAuth({ dpop: 'accepted' }),
    'optional-jwt': auth.optionalAuth({ methods: ['jwt'] }),
  };
}

interface Parts {
  readonly auth: Auth;
  readonly origin: string;
  readonly clock: ReturnType<typeof createClock>;
  readonly issuer: Awaited<ReturnType<typeof createTestIssuer>>;
  readonly openToken: (claims: Readonly<Record<string, unknown>>) => string;
}

const notes = { amr: [], authTime: undefined, acr: undefined, device: undefined };

/** What users of ours have: Alice a token, Bob keys, Carol sessions by cookie. */
async function createOwn({ auth, origin, clock }: Parts) {
  const [alice, bob, carol] = await Promise.all(
    ['alice', 'bob', 'carol'].map((username) => auth.users.create({ id: username, username })),
  );
  if (!alice || !bob || !carol) throw new Error('a user is missing');
  const ofAlice = await auth.sessions.start(alice, { ...notes, delivery: 'body' });
  const ofCarol = await auth.sessions.start(carol, { ...notes, delivery: 'cookie' });
  const ended = await auth.sessions.start(carol, { ...notes, delivery: 'cookie' });
  await auth.sessions.revoke({ id: ended.session.id }, 'logout');
  const addKey = async (more: { resource?: string; expiresInSeconds?: number } = {}) =>
    auth.apiKeys.create({ owner: bob.id, name: 'build', ...more });
  const [key, projectKey, revoked] = [
    await addKey(),
    await addKey({ resource: 'project:42' }),
    await addKey(),
  ];
  const expiring = await addKey({ expiresInSeconds: 60 });
  await auth.apiKeys.revoke(revoked.id);
  clock.advance(60);
  const response = await fetch(`${origin}/api/auth/refresh`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ refresh_token: ofAlice.refreshToken }),
  });
  const tokens = (await response.json()) as { access_token: string; refresh_token: string };
  return {
    accessToken: tokens.access_token,
    refreshToken: tokens.refresh_token,
    session: ofCarol.refreshToken,
    endedSession: ended.refreshToken,
    keys: { good: key.key, project: projectKey.key, revoked: revoked.key, expired: expiring.key },
  };
}

const same =
  (...lines: Lines): Sent['lines'] =>
  () =>
    lines;
export const cookie = (session: string): readonly [string, string] => [
  'Cookie',
  `latchkey-session=${session}`,
];

/** A credential of each kind, good and bad. Each is a token of its own, so that none is in a cache before it is sent itself. */
async function createSent(
  { clock, issuer, openToken }: Parts,
  { accessToken, refreshToken, session, endedSession, keys }: Awaited<ReturnType<typeof createOwn>>,
) {
  const holder = await createDpopKey({ now: clock.now });
  const mint = (claims: Readonly<Record<string, unknown>>) => issuer.mint(claims);
  const boundJwt = () => mint({ sub: 'frank', cnf: holder.cnf });
  const boundOpaque = () => openToken({ sub: 'frank', cnf: holder.cnf, token_type: 'DPoP' });
  const withProof =
    (token: string, scheme = 'DPoP'): Sent['lines'] =>
    (path) => [
      ['Authorization', `${scheme} ${token}`],
      ['DPoP', holder.proof({ url: `${PUBLIC_ORIGIN}${path}`, token })],
    ];
  const jwt = () => mint({ sub: 'dave' });
  const opaque = openToken({ sub: 'erin' });
  const certificate = { 'x5t#S256': 'A'.repeat(43) };
  return {
    'own-jwt': { of: 'alice', lines: same(bearer(accessToken)) },
    'issuer-jwt': { of: 'dave', lines: same(bearer(await jwt())) },
    'client-jwt': { of: 'client-1', lines: same(bearer(await mint({ sub: 'client-1' }))) },
    'acting-jwt': {
      of: 'dave',
      lines: same(bearer(await mint({ sub: 'dave', act: { sub: 'support' } }))),
    },
    'dpop-jwt': { of: 'frank', lines: withProof(await boundJwt()) },
    'dpop-jwt-as-bearer': { lines: same(bearer(await boundJwt())) },
    'dpop-jwt-as-bearer-with-proof': { lines: withProof(await boundJwt(), 'Bearer') },
    'dpop-jwt-without-proof': { lines: same(['Authorization', `DPoP ${await boundJwt()}`]) },
    'plain-jwt-as-dpop': { lines: withProof(await jwt()) },
    'certificate-jwt': { lines: same(bearer(await mint({ cnf: certificate }))) },
    opaque: { of: 'erin', lines: same(bearer(opaque)) },
    'client-opaque': {
      of: 'robot',
      lines: same(bearer(openToken({ client_id: 'robot', sub: undefined }))),
    },
    'dpop-opaque': { of: 'frank', lines: withProof(boundOpaque()) },
    'dpop-opaque-as-bearer': { lines: same(bearer(boundOpaque())) },
    key: { of: 'bob', lines: same(apiKey(keys.good)) },
    'project-key': { of: 'bob', lines: same(apiKey(keys.project)) },
    cookie: { of: 'carol', lines: same(cookie(session)) },
    nothing: { lines: same() },
    'other-scheme': { lines: same(['Authorization', 'Basic dXNlcjpwYXNz']) },
    'ended-cookie': { lines: same(cookie(endedSession)) },
    'refresh-token-as-cookie': { lines: same(cookie(refreshToken)) },
    'expired-jwt': { lines: same(bearer(await mint({ exp: clock.now() / 1000 - 60 }))) },
    'forged-jwt': { lines: same(bearer(forged(await jwt()))) },
    'inactive-opaque': { lines: same(bearer(madeUp())) },
    'made-up-key': { lines: same(apiKey(createApiKeyFormat('dev').create().key)) },
    'revoked-key': { lines: same(apiKey(keys.revoked)) },
    'expired-key': { lines: same(apiKey(keys.expired)) },
    'empty-key': { lines: same(apiKey('')) },
  } satisfies Readonly<Record<string, Sent>>;
}

/** The token with another signature of the same length. */
export function forged(token: string): string {
  const [head, payload] = token.split('.');
  return `${head}.${payload}.${Buffer.alloc(64, 7).toString('base64url')}`;
}

/** A store that can't find keys once it is told so. */
function breakableStore(inner: Store = memoryStore()) {
  let isBroken = false;
  const store: Store = {
    ...inner,
    credentials: {
      ...inner.credentials,
      async findByHash(hash) {
        if (isBroken) throw new Error('the store is down');
        return inner.credentials.findByHash(hash);
      },
    },
  };
  return { store, breakKeys: () => void (isBroken = true) };
}
