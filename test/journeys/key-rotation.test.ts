import { type AuthOptions, memoryStore } from 'latchkey';
import { describe, expect, it } from 'vitest';
import {
  addUser,
  type AuthServer,
  bearer,
  PASSWORD,
  SECRET,
  serveAuth,
  type Tokens,
} from '../world/auth-server.js';
import { keyPair } from '../world/key-pairs.js';

const NEW_SECRET = 'hT7yW2pLq9Zx4Nc6Vb8Mf3Kd5Gs1Rj0EuAoIiXvB';
const rsa = keyPair('RSA-2048').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
const ec = keyPair('P-256').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();

interface Step {
  readonly title: string;
  readonly before: AuthOptions;
  /** The new key is known everywhere before anybody signs with it. */
  readonly announced: AuthOptions;
  readonly after: AuthOptions;
}

const rotations: readonly Step[] = [
  {
    title: 'AUTH_JWT_SECRET, which is also the root of refresh tokens',
    before: { jwt: { secret: SECRET } },
    announced: { jwt: { secret: SECRET, secretPrevious: [NEW_SECRET] } },
    after: { jwt: { secret: NEW_SECRET, secretPrevious: [SECRET] } },
  },
  {
    title: 'AUTH_JWT_PRIVATE_KEY, from RSA to EC',
    before: { secret: SECRET, jwt: { privateKey: rsa } },
    announced: { secret: SECRET, jwt: { privateKey: rsa, privateKeyPrevious: [ec] } },
    after: { secret: SECRET, jwt: { privateKey: ec, privateKeyPrevious: [rsa] } },
  },
  {
    title: 'AUTH_SECRET alone',
    before: { secret: SECRET, jwt: { privateKey: ec } },
    announced: { secret: SECRET, secretPrevious: [NEW_SECRET], jwt: { privateKey: ec } },
    after: { secret: NEW_SECRET, secretPrevious: [SECRET], jwt: { privateKey: ec } },
  },
];

const refresh = async (server: AuthServer, tokens: Tokens): Promise<Tokens> => {
  const answer = await server.post('/api/auth/refresh', { refresh_token: tokens.refresh_token });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Tokens;
};

describe.each(rotations)('rotating $title', ({ before, announced, after }) => {
  it('logs nobody out: access tokens, refresh tokens and cookies go on', async () => {
    const store = memoryStore();
    const old = await serveAuth({ ...before, store });
    await addUser(old);
    const tokens = await old.signIn('alice');
    const byCookie = await old.post('/api/auth/login', {
      username: 'alice',
      password: PASSWORD,
      delivery: 'cookie',
    });
    const cookie = byCookie.headers.getSetCookie()[0]?.split(';')[0] ?? '';

    const young = await serveAuth({ ...after, store });
    expect((await young.get('/api/me', bearer(tokens))).status).toBe(200);
    expect((await young.post('/api/auth/refresh', {}, { cookie, 'x-csrf': '1' })).status).toBe(200);
    const next = await refresh(young, tokens);
    expect((await young.get('/api/me', bearer(next))).status).toBe(200);
    // Within the grace, also for who still has the former token.
    expect((await refresh(young, tokens)).refresh_token).toBe(next.refresh_token);
  });

  it('while instances with the old and the new settings run side by side, everybody can go to either', async () => {
    const store = memoryStore();
    const old = await serveAuth({ ...announced, store });
    const young = await serveAuth({ ...after, store });
    await addUser(old);
    let tokens = await young.signIn('alice');
    for (const server of [old, young, old, old, young, young]) {
      expect((await server.get('/api/me', bearer(tokens))).status).toBe(200);
      tokens = await refresh(server, tokens);
    }
  });

  it('after the overlap, what the former key has signed is 401', async () => {
    const store = memoryStore();
    const old = await serveAuth({ ...before, store });
    await addUser(old);
    const tokens = await old.signIn('alice');
    const { secretPrevious: _former, ...rest } = after;
    const young = await serveAuth({
      ...rest,
      jwt: { ...rest.jwt, secretPrevious: [], privateKeyPrevious: [] },
      store,
    });
    const statuses = [
      (await young.get('/api/me', bearer(tokens))).status,
      (await young.post('/api/auth/refresh', { refresh_token: tokens.refresh_token })).status,
    ];
    expect(statuses).toContain(401);
    expect(statuses.every((status) => status === 401 || status === 200)).toBe(true);
  });
});

it('an instance that has not heard of a new AUTH_SECRET answers a token of it with 401, and leaves the session alone', async () => {
  const store = memoryStore();
  const old = await serveAuth({ secret: SECRET, jwt: { privateKey: ec }, store });
  const young = await serveAuth({
    secret: NEW_SECRET,
    secretPrevious: [SECRET],
    jwt: { privateKey: ec },
    store,
  });
  await addUser(old);
  const first = await old.signIn('alice');
  const tokens = await refresh(young, first);
  const answer = await old.post('/api/auth/refresh', { refresh_token: tokens.refresh_token });
  expect(answer.status).toBe(401);
  // Whose token it knows, but not the successor's key: our trouble, and not the client's.
  expect((await old.post('/api/auth/refresh', { refresh_token: first.refresh_token })).status).toBe(
    503,
  );
  await refresh(young, tokens);
});

it('the published keys are the current and the previous ones', async () => {
  const server = await serveAuth({
    secret: SECRET,
    jwt: { privateKey: ec, privateKeyPrevious: [rsa] },
  });
  const answer = await server.get('/api/auth/jwks.json');
  expect(answer.headers.get('content-type')).toContain('application/jwk-set+json');
  const { keys } = (await answer.json()) as { keys: { kty: string; d?: string }[] };
  expect(keys.map(({ kty }) => kty)).toEqual(['EC', 'RSA']);
  expect(keys.some((key) => 'd' in key)).toBe(false);
});
