import { randomBytes } from 'node:crypto';
import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import { type AuthOptions, createAuth, openStore } from 'latchkey';
import { createDpopKey, createTestIssuer } from 'latchkey/testing';
import { type DestinationStream, type Logger, pino } from 'pino';
import { pinoHttp } from 'pino-http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createLogger, logEvents, logRequests } from '../../../examples/recipes/pino/logging.js';
import { addUser, BASE, bearer, createClient, PASSWORD, SECRET } from '../../world/auth-server.js';
import { createHttpBrowser } from '../../world/http-browser.js';
import { reservePort } from '../../world/login-app.js';
import { signInAt, startLoginProvider } from '../../world/login-provider.js';
import { clientAt } from '../../world/signed-in.js';
import { freePort } from '../../world/free-port.js';

type Line = Readonly<Record<string, unknown>>;

/** How an application logs. */
interface Way {
  readonly logger: (destination: DestinationStream) => Logger;
  readonly requests: (logger: Logger) => RequestHandler;
}

const RECIPE: Way = { logger: createLogger, requests: logRequests };
const DEFAULTS: Way = {
  logger: (destination) => pino({}, destination),
  requests: (logger) => pinoHttp({ logger }),
};
/** What the application hands to `req.log`, by pino's own serializers, and nothing else. */
const ERRORS_ONLY: Way = {
  ...DEFAULTS,
  requests: (logger) => pinoHttp({ logger, autoLogging: false, quietReqLogger: true }),
};

const madeUp = (): string => randomBytes(24).toString('base64url');

/** As axios throws it: with the request that failed. */
function upstreamError(token: string): Error {
  const config = { headers: { authorization: `Bearer ${token}` } };
  const cause = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET', config });
  return Object.assign(new Error('Request failed', { cause }), { config });
}

// oxlint-disable max-params -- Express tells error handlers by their four parameters
const logError: ErrorRequestHandler = (error, req, _res, next) => {
  req.log.error(error);
  next(error);
};
const answer500: ErrorRequestHandler = (_error, _req, res, _next) => void res.sendStatus(500);
// oxlint-enable max-params

/** An application whose users sign in with a password or at a provider, and that logs. */
async function start({ logger: create, requests }: Way, options: AuthOptions = {}) {
  const port = await reservePort();
  const { origin } = port;
  const corp = await startLoginProvider({ redirectUris: [`${origin}/api/auth/callback/corp`] });
  const auth = createAuth({
    ...BASE,
    publicUrl: origin,
    oidc: { corp: { ...clientAt(corp), scope: 'openid offline_access' } },
    cookieSessions: true,
    acceptApiKeys: true,
    serviceAccounts: true,
    dpop: { mode: 'accepted' },
    ...options,
  });
  onTestFinished(() => auth.close());
  const written: string[] = [];
  const logger = create({ write: (line) => void written.push(line) });
  logEvents(auth, logger);
  const upstreamToken = madeUp();
  const app = express();
  app.use(auth.securityHeaders());
  app.use(requests(logger));
  app.use('/api/auth', auth.router());
  app.post('/own', express.json(), (_req, res) => res.json({}));
  app.get('/me', auth.requireAuth(), (_req, res) => res.json({}));
  app.get('/users', (_req, res, next) => {
    auth.users.list({ limit: 1 }).then(() => res.json({}), next);
  });
  app.get('/tokens', auth.requireAuth(), (req, res, next) => {
    auth.upstreamToken(req, { force: true }).then(() => res.json({}), next);
  });
  app.get('/upstream', () => {
    throw upstreamError(upstreamToken);
  });
  app.use(logError, auth.errorHandler(), answer500);
  port.serve(app);
  return {
    ...createClient({ auth, origin }),
    corp,
    logger,
    upstreamToken,
    text: () => written.join(''),
    lines: () => written.map((line) => JSON.parse(line) as Line),
  };
}

type World = Awaited<ReturnType<typeof start>>;

/** Sends every kind of secret, where it belongs and where it doesn't. Answers them by name. */
async function sendSecrets(server: World): Promise<Readonly<Record<string, string>>> {
  const { auth, origin, get, post, upstreamToken } = server;
  const { id } = await addUser(server);
  const { access_token, refresh_token } = await server.signIn('alice');
  await get('/me', bearer({ access_token }));
  await get('/me', bearer({ access_token: `${access_token}x` }));
  await post('/api/auth/refresh', { refresh_token });
  const { key } = await auth.apiKeys.create({ owner: id, name: 'build' });
  await get('/me', { 'x-api-key': key });
  const proof = (await createDpopKey()).proof({ url: `${origin}/me`, token: access_token });
  await get('/me', { authorization: `DPoP ${access_token}`, dpop: proof });
  const [wrong, broken, mailed, referer] = [madeUp(), madeUp(), madeUp(), madeUp()];
  // So short that the message of the parser quotes it as a whole.
  const quoted = 'Zq7.Xw2p';
  await post('/api/auth/login', { username: 'alice', password: wrong });
  await post('/own', `{"password":"${broken}"`);
  await post('/own', `{"p":${quoted}}`);
  await get(`/reset-password?token=${mailed}`, { referer: `${origin}/back?code=${referer}` });
  await get('/upstream');
  const account = await auth.serviceAccounts.create({ org: 'acme', name: 'Export' });
  const { secret } = await auth.serviceAccounts.createSecret(account.id);
  const basic = Buffer.from(`${account.id}:${secret}`).toString('base64');
  await fetch(`${origin}/api/auth/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${basic}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  });
  return {
    ...{
      access_token,
      refresh_token,
      key,
      proof,
      password: PASSWORD,
      wrong,
      broken,
      quoted,
      mailed,
    },
    ...{ referer, upstreamToken, secret, basic },
    ...(await signInAtProvider(server)),
  };
}

/** In a browser, with cookies; and once more with the same code, which is refused. */
async function signInAtProvider({ origin }: World): Promise<Readonly<Record<string, string>>> {
  const browser = createHttpBrowser();
  const { visited } = await signInAt(browser, `${origin}/api/auth/login/corp`, {
    login: 'ada',
    until: (url) => url.pathname.includes('/callback/'),
  });
  const callback = visited.at(-1) ?? '';
  const [transaction = ''] = browser.cookies('localhost').values();
  await browser.open(callback);
  const session = browser.cookies('localhost').get('latchkey-session') ?? '';
  await browser.open(callback);
  const { searchParams } = new URL(callback);
  const [code, state] = [searchParams.get('code') ?? '', searchParams.get('state') ?? ''];
  return { code, state, transaction, session };
}

/** The forms in which a secret may turn up. */
function formsOf(secret: string): readonly string[] {
  const encoded = Buffer.from(secret).toString('base64').replaceAll('=', '');
  const forURLs = Buffer.from(secret).toString('base64url');
  return [
    secret,
    encoded,
    forURLs,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
  ];
}

function leaked(text: string, secrets: Readonly<Record<string, string>>): readonly string[] {
  const found = Object.entries(secrets).filter(([, secret]) => {
    expect(secret.length).toBeGreaterThan(7);
    return formsOf(secret).some((form) => text.includes(form));
  });
  return found.map(([name]) => name);
}

describe('the pino recipe', () => {
  it('logs no secret, whatever a request, an answer or an error held', async () => {
    const server = await start(RECIPE);
    const secrets = await sendSecrets(server);
    expect(leaked(server.text(), secrets)).toEqual([]);
    const paths = server.lines().map(({ req }) => (req as { path?: string } | undefined)?.path);
    expect(paths).toEqual(expect.arrayContaining(['/api/auth/callback/corp', '/reset-password']));
  });

  it('keeps out what pino-http logs by itself', async () => {
    const server = await start(DEFAULTS);
    const secrets = await sendSecrets(server);
    expect(leaked(server.text(), secrets)).toEqual([
      ...['access_token', 'key', 'proof', 'broken', 'quoted', 'mailed', 'referer'],
      ...['upstreamToken', 'basic', 'code', 'state', 'transaction', 'session'],
    ]);
  });

  it('joins events, answers and own lines of a request by its id', async () => {
    const server = await start(RECIPE);
    await server.get('/me', { ...bearer({ access_token: 'junk' }), 'x-request-id': 'request-7' });
    await expect.poll(() => server.lines().length).toBe(3);
    expect(server.lines()).toMatchObject([
      { event: 'token.refused', code: 'INVALID_TOKEN', level: 30, requestId: 'request-7' },
      {
        err: { type: 'AuthError', code: 'INVALID_TOKEN', reason: 'opaque' },
        requestId: 'request-7',
      },
      { req: { method: 'GET', path: '/me' }, res: { statusCode: 401 }, requestId: 'request-7' },
    ]);
  });

  it('logs at the level of what has happened', async () => {
    const { auth, logger, lines } = await start(RECIPE);
    const { events } = auth.verifier;
    events.emit('login.succeeded', { userId: 'u', sessionId: 's' });
    events.emit('refresh.reused', { userId: 'u', sessionId: 's' });
    events.emit('store.failed', { operation: 'users.find', reason: 'timeout' });
    logger.error({ err: upstreamError('token') });
    logger.error({ err: null });
    const { info, warn, error } = logger.levels.values;
    expect(lines().map(({ level }) => level)).toEqual([info, warn, error, error, error]);
    expect(lines()[3]).toMatchObject({
      err: { type: 'Error', message: 'Request failed', cause: { code: 'ECONNRESET' } },
    });
  });
});

describe("in the hands of pino's own serializers", () => {
  it('outages of issuers and providers, with what caused them, hold no secret', async () => {
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    issuer.goDown();
    const server = await start(ERRORS_ONLY, {
      trustedIssuers: [issuer.policy],
    });
    const { origin, get, corp } = server;
    const browser = createHttpBrowser();
    const { visited } = await signInAt(browser, `${origin}/api/auth/login/corp`, { login: 'ada' });
    const callback = visited.find((url) => url.includes('code=')) ?? '';
    const session = browser.cookies('localhost').get('latchkey-session') ?? '';
    await corp.kill();
    expect((await browser.open(`${origin}/tokens`)).status).toBe(502);
    const access_token = await issuer.mint();
    expect((await get('/me', bearer({ access_token }))).status).toBe(503);
    expect(server.lines().filter(({ err }) => err)).toHaveLength(2);
    const code = new URL(callback).searchParams.get('code') ?? '';
    const secrets = { access_token, session, code, client: corp.clientSecret };
    expect(leaked(server.text(), secrets)).toEqual([]);
  });

  it.each(['postgres://app:PASSWORD@HOST/shop', 'redis://app:PASSWORD@HOST/0'])(
    'an outage of %s holds no password',
    async (place) => {
      const password = madeUp();
      const host = `127.0.0.1:${await freePort()}`;
      const url = place.replace('PASSWORD', password).replace('HOST', host);
      const server = await start(ERRORS_ONLY, { store: openStore(url) });
      expect((await server.get('/users')).status).toBe(503);
      expect(server.lines().filter(({ err }) => err)).toHaveLength(1);
      expect(leaked(server.text(), { password })).toEqual([]);
    },
  );

  it('settings hold no secret', async () => {
    const { auth, corp, logger, text } = await start(ERRORS_ONLY);
    logger.info({ config: auth.config });
    expect(text()).toContain('[redacted]');
    expect(leaked(text(), { jwt: SECRET, client: corp.clientSecret })).toEqual([]);
  });
});
