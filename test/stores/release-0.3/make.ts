/**
 * Writes the data of this folder: what release 0.3.1 left in each store, made by that release itself. From a checkout of it:
 *
 *   git worktree add /tmp/latchkey-0.3 2169779 && npm ci --prefix /tmp/latchkey-0.3
 *   npx tsx test/stores/release-0.3/make.ts /tmp/latchkey-0.3
 *
 * Needs the PostgreSQL (with `pg_dump`) and the Redis of the tests. Writes for each store its contents, the tokens and names
 * that a test must know, and the statements that an instance of 0.3.1 sends when it runs beside newer ones.
 */
import { once } from 'node:events';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import express from 'express';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { Mail, Store } from 'latchkey';
import { emptyPlaces, json, type Place, type Release, write } from './places.js';

const SECRET = 'Wm4fQ0tB8sXw2kL6tR1yN5uH9cE3gP7dFaVoIqTz';
const PASSWORD = 'plenty of words to sign in with';
const GOOGLE_CLIENT = '1234567890-abcdef.apps.googleusercontent.com';
const BEGIN = Date.parse('2026-11-25T08:00:00Z');
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

const [checkout] = process.argv.slice(2);
if (checkout === undefined) throw new TypeError('name the folder of a checkout of release 0.3.1');
const release: Release = await import(pathToFileURL(join(checkout, 'lib/index.ts')).href);

/** Google's keys, of which this process has the private half. */
async function createGoogle(now: () => number) {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
  const keys = [{ ...(await exportJWK(publicKey)), kid: 'google-1', alg: 'RS256', use: 'sig' }];
  return {
    fetch: async () => Response.json({ keys }),
    idToken: () =>
      new SignJWT({
        azp: GOOGLE_CLIENT,
        email: 'ada@allowed.com',
        email_verified: true,
        name: 'Ada',
      })
        .setProtectedHeader({ alg: 'RS256', kid: 'google-1', typ: 'JWT' })
        .setIssuer('https://accounts.google.com')
        .setAudience(GOOGLE_CLIENT)
        .setSubject('110169484474386276334')
        .setIssuedAt(now() / 1000)
        .setExpirationTime(now() / 1000 + 3600)
        .sign(privateKey),
  };
}

interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
}

/** An application of release 0.3.1 over HTTP. */
async function serveRelease(store: Store, clock: { now: number }) {
  const mails: Mail[] = [];
  const google = await createGoogle(() => clock.now);
  const auth = release.createAuth({
    env: {},
    store,
    jwt: { secret: SECRET },
    rateLimit: { max: 1000, windowSeconds: 900 },
    loginLimit: { max: 10, windowSeconds: 3600 },
    publicUrl: 'http://localhost:3000',
    google: { clientId: GOOGLE_CLIENT },
    fetch: google.fetch,
    now: () => clock.now,
    onWarning: () => undefined,
  });
  const app = express();
  app.use('/api/auth', auth.router({ sendMail: (mail) => mails.push(mail) }));
  app.use(auth.errorHandler());
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const post = async (path: string, body: unknown, status = 200): Promise<Response> => {
    const response = await fetch(`http://127.0.0.1:${address.port}/api/auth${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (response.status !== status)
      throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response;
  };
  const tokens = async (path: string, body: unknown): Promise<Tokens> =>
    (await (await post(path, body)).json()) as Tokens;
  return {
    auth,
    mails,
    post,
    signIn: async (username: string) =>
      (await tokens('/login', { username, password: PASSWORD })).refresh_token,
    signInByCookie: async (username: string) => {
      const body = { username, password: PASSWORD, delivery: 'cookie' };
      return (await post('/login', body)).headers.getSetCookie()[0]?.split(';')[0];
    },
    signInWithGoogle: async () =>
      (await tokens('/google', { id_token: await google.idToken() })).refresh_token,
    refresh: async (token: string) =>
      (await tokens('/refresh', { refresh_token: token })).refresh_token,
    async close() {
      server.close();
      server.closeAllConnections();
      await auth.close();
    },
  };
}

type Application = Awaited<ReturnType<typeof serveRelease>>;

async function addUsers({ auth }: Application) {
  const passwordHash = await auth.passwords.hash(PASSWORD);
  const add = async (user: Parameters<typeof auth.users.create>[0]) =>
    (await auth.users.create({ passwordHash, ...user })).id;
  return {
    alice: await add({ username: 'Alice', email: 'Alice@Example.COM', emailVerified: true }),
    // Full-width letters, which are stored in their plain form.
    bob: await add({ username: 'ＢＯＢ' }),
    zoe: await add({
      username: 'ZOË',
      roles: ['admin'],
      groups: ['staff', 'night shift'],
      attributes: { region: 'eu', level: 3, lead: true, none: null, list: ['a', 1] },
      orgs: [{ id: 'acme', roles: ['owner'], isDefault: true }],
    }),
    carol: await add({ email: 'carol@example.com' }),
    disabled: await add({ username: 'disabled', disabled: true }),
    mustReset: await add({ username: 'must-reset', mustResetPassword: true }),
    limited: await add({ username: 'limited' }),
  };
}

/** Sessions of every kind, values and counters. */
async function fill(app: Application, clock: { now: number }) {
  const { auth, post, mails } = app;
  clock.now = BEGIN - 60 * DAY;
  const users = await addUsers(app);
  const expired = await app.signIn('alice');
  clock.now = BEGIN - DAY;
  const fresh = await app.signIn('alice');
  const cookie = await app.signInByCookie('zoë');
  const spelling = await app.signIn('bob');
  const byMail = await app.signIn('carol@example.com');
  const mustReset = await app.signIn('must-reset');
  const provider = await app.signInWithGoogle();
  const loggedOut = await app.signIn('alice');
  await post('/revoke', { refresh_token: loggedOut });
  clock.now = BEGIN;
  const grandparent = await app.signIn('alice');
  const parent = await app.refresh(grandparent);
  const current = await app.refresh(parent);
  const stolenParent = await app.signIn('zoë');
  const stolen = await app.refresh(stolenParent);
  const revokedByUser = await app.signIn('limited');
  await auth.sessions.revoke({ userId: users.limited }, 'ended_by_administrator');
  await post('/forgot-password', { email: 'carol@example.com' }, 202);
  await failUntilLimited(app);
  await auth.store.once.add('a value', 'kept', { now: clock.now, expiresAt: BEGIN + DAY });
  // Mails leave behind their reply.
  while (mails.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  const [mail] = mails;
  if (mail?.kind !== 'password_reset') throw new Error('no mail');
  return {
    users,
    cookie,
    tokens: { fresh, spelling, byMail, mustReset, provider, current },
    parents: { parent: [parent, current], stolenParent: [stolenParent, stolen] },
    ended: { expired, loggedOut, revokedByUser, grandparent },
    resetToken: mail.data.token,
  };
}

async function failUntilLimited({ post }: Pick<Application, 'post'>): Promise<void> {
  const wrong = { username: 'limited', password: 'wrong' };
  const isLimited = await post('/login', wrong, 401).then(
    () => false,
    (error: unknown) => String(error).includes('429'),
  );
  if (!isLimited) await failUntilLimited({ post });
}

/** What an instance of 0.3.1 sends when it goes on beside newer ones. */
async function goOn(app: Application, place: Place, fresh: string) {
  const signIn = await app.signIn('bob');
  const signingIn = place.sent();
  const refresh = await app.refresh(fresh);
  const refreshing = place.sent();
  const loggedOut = await app.signIn('bob');
  await app.post('/revoke', { refresh_token: loggedOut });
  const loggingOut = place.sent();
  const { id } = await app.auth.users.create({ username: 'late', email: 'late@example.com' });
  await app.auth.users.update(id, () => ({ email: 'later@example.com' }));
  const addingUser = place.sent();
  return {
    tokens: { signIn, refresh },
    ended: { loggedOut },
    userId: id,
    sent: { signingIn, refreshing, loggingOut, addingUser },
  };
}

for (const place of await emptyPlaces(release)) {
  const clock = { now: BEGIN };
  const app = await serveRelease(place.store, clock);
  const before = await fill(app, clock);
  await place.save();
  clock.now = BEGIN + 10 * MINUTE;
  const { sent, ...after } = await goOn(app, place, before.tokens.fresh);
  const known = { secret: SECRET, password: PASSWORD, savedAt: BEGIN, before, after };
  write(`${place.name}-known.json`, json(known));
  write(`${place.name}-sent.json`, json(sent));
  await app.close();
  await place.end();
}
