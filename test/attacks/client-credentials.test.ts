import { createHmac, generateKeyPairSync, randomUUID } from 'node:crypto';
import express from 'express';
import { memoryStore, type Store } from 'latchkey';
import { describe, expect, it } from 'vitest';
import { bearer, serveAuth } from '../world/auth-server.js';
import { createClock } from '../world/clock.js';
import {
  assertionOf,
  basic,
  byAssertion,
  ISSUER,
  JWT_BEARER,
  keyedWorld,
  machineWorld,
} from '../world/machine.js';
import { serve } from '../world/serve.js';
import { createTokenSigner } from '../world/token-signer.js';

const GRANT = { grant_type: 'client_credentials' };

/** What a client sees of an answer. */
async function answerOf(response: Response) {
  const { error, code } = (await response.json()) as { error?: unknown; code?: unknown };
  return { status: response.status, error, code };
}

const INVALID_CLIENT = { status: 401, error: 'invalid_client', code: 'INVALID_CLIENT' };
const INVALID_REQUEST = { status: 400, error: 'invalid_request', code: 'INVALID_REQUEST' };

describe('ways to prove a client, mixed', () => {
  const mixed = [
    { title: 'Basic and a secret in the form', form: { client_secret: 'SECRET' }, header: true },
    { title: 'Basic and an assertion', form: { client_assertion: 'a.b.c' }, header: true },
    {
      title: 'Basic and an assertion type',
      form: { client_assertion_type: JWT_BEARER },
      header: true,
    },
    {
      title: 'a secret and an assertion',
      form: { client_id: 'ID', client_secret: 'SECRET', client_assertion: 'a.b.c' },
      header: false,
    },
    { title: 'Basic and another client_id', form: { client_id: 'sa_other' }, header: true },
    { title: 'an assertion without its type', form: { client_assertion: 'a.b.c' }, header: false },
    {
      title: 'an assertion of another type',
      form: { client_assertion: 'a.b.c', client_assertion_type: 'urn:example:saml' },
      header: false,
    },
    {
      title: 'a type without an assertion',
      form: { client_assertion_type: JWT_BEARER },
      header: false,
    },
  ];

  it('are a malformed request', async () => {
    const { ask, account, secret } = await machineWorld();
    for (const { title, form, header } of mixed) {
      const filled = Object.entries({ ...GRANT, ...form }).map(
        ([name, value]) =>
          [name, value.replace(/^ID$/, account.id).replace(/^SECRET$/, secret)] as const,
      );
      const response = await ask(filled, header ? basic(account.id, secret) : {});
      expect(await answerOf(response), title).toEqual(INVALID_REQUEST);
      expect(response.headers.get('www-authenticate'), title).toBeNull();
    }
  });

  it('the same client_id beside Basic is none', async () => {
    const { ask, account, secret } = await machineWorld();
    const response = await ask({ ...GRANT, client_id: account.id }, basic(account.id, secret));
    expect(response.status).toBe(200);
  });
});

describe('a token request', () => {
  it.each(['grant_type', 'scope', 'client_id', 'client_secret'])(
    'with %s twice is malformed',
    async (name) => {
      const { ask, account, secret } = await machineWorld();
      const once = {
        ...GRANT,
        ...{ scope: 'invoices:read', client_id: account.id, client_secret: secret },
      };
      const again = Object.entries(once).filter(([each]) => each === name);
      expect((await ask(once)).status).toBe(200);
      expect(await answerOf(await ask([...Object.entries(once), ...again]))).toEqual(
        INVALID_REQUEST,
      );
    },
  );

  const wrong = [
    { title: 'no grant type', form: { grant_type: '' }, expected: INVALID_REQUEST },
    ...['password', 'refresh_token', 'authorization_code', 'Client_Credentials', '__proto__'].map(
      (grant) => ({
        title: `the grant type ${grant}`,
        form: { grant_type: grant },
        expected: { status: 400, error: 'unsupported_grant_type', code: 'UNSUPPORTED_GRANT_TYPE' },
      }),
    ),
    ...[
      'users:admin',
      'invoices:read users:admin',
      'invoices:read  invoices:write',
      ' invoices:read',
      'invoices:read\n',
      'INVOICES:READ',
      'nul\0',
      '"',
      '__proto__',
      'x'.repeat(8000),
    ].map((scope) => ({
      title: `the scope ${JSON.stringify(scope).slice(0, 40)}`,
      form: { scope },
      expected: { status: 400, error: 'invalid_scope', code: 'INVALID_SCOPE' },
    })),
  ];

  it('for another grant, or with a scope that is none, is refused', async () => {
    const { ask, account, secret } = await machineWorld();
    for (const { title, form, expected } of wrong) {
      const response = await ask({ ...GRANT, ...form }, basic(account.id, secret));
      expect(await answerOf(response), title).toEqual(expected);
      expect(response.headers.get('cache-control'), title).toBe('no-store');
    }
  });

  it('that is no form is answered in OAuth, too', async () => {
    const { post, ask } = await machineWorld({ passwordLogin: false });
    expect((await post('/api/auth/token', { ...GRANT })).status).toBe(415);
    const large = await ask({ ...GRANT, client_secret: 'x'.repeat(20_000) });
    expect(await answerOf(large)).toMatchObject({ status: 413, error: 'invalid_request' });
    const many = Array.from({ length: 50 }, (_, at) => [`p${at}`, '1'] as const);
    expect(await answerOf(await ask(many))).toEqual(INVALID_REQUEST);
  });
});

/** Header fields hold no such text unencoded. */
const ODD = ['nul\0', '\uD800half', '\u001B[31mred', '__proto__', 'constructor', ':', '%', '*'];

describe('a client id or secret that is none', () => {
  it('but odd text gets the answer of a wrong secret (W13)', async () => {
    const { ask, account, secret, events } = await machineWorld();
    const forms = ODD.flatMap((text) => [
      { client_id: text, client_secret: secret },
      { client_id: account.id, client_secret: text },
    ]);
    for (const form of forms) {
      const answer = await answerOf(await ask({ ...GRANT, ...form }));
      expect(answer, JSON.stringify(form)).toEqual(INVALID_CLIENT);
    }
    expect(events.map(({ name }) => name)).toEqual(forms.map(() => 'client.refused'));
  });

  it('a secret of 8 kB is refused like any other', async () => {
    const { ask, account } = await machineWorld();
    const long = { ...GRANT, client_id: account.id, client_secret: 'x'.repeat(8192) };
    expect(await answerOf(await ask(long))).toEqual(INVALID_CLIENT);
    expect(await answerOf(await ask(GRANT, basic(account.id, 'x'.repeat(4096))))).toEqual(
      INVALID_CLIENT,
    );
  });

  const encode = (text: string): string => Buffer.from(text).toString('base64');
  const malformed = [
    { title: 'no colon', authorization: () => `Basic ${encode('sa_x')}` },
    { title: 'bad base64', authorization: () => 'Basic !!!' },
    { title: 'nothing', authorization: () => 'Basic ' },
    {
      title: 'no id',
      authorization: (_id: string, secret: string) => `Basic ${encode(`:${secret}`)}`,
    },
    { title: 'no secret', authorization: (id: string) => `Basic ${encode(`${id}:`)}` },
    { title: 'a broken escape', authorization: (id: string) => `Basic ${encode(`${id}:%zz`)}` },
    {
      title: 'another scheme',
      authorization: (id: string, secret: string) => `Bearer ${encode(`${id}:${secret}`)}`,
    },
  ];

  it('in a malformed Authorization is refused with a challenge', async () => {
    const { ask, account, secret } = await machineWorld();
    for (const { title, authorization } of malformed) {
      const response = await ask(GRANT, { authorization: authorization(account.id, secret) });
      expect(response.headers.get('www-authenticate'), title).toMatch(/^Basic realm="token"/);
      expect(await answerOf(response), title).toEqual(INVALID_CLIENT);
    }
  });

  it('neither the hash of the account nor an id stands for a secret', async () => {
    const { ask, account } = await machineWorld();
    for (const secret of [`service-account:${account.id}`, account.id])
      expect(
        await answerOf(await ask({ ...GRANT, client_id: account.id, client_secret: secret })),
      ).toEqual(INVALID_CLIENT);
  });

  it('the secret of another account is refused', async () => {
    const world = await machineWorld();
    const { serviceAccounts } = world.auth;
    const other = await serviceAccounts.create({ org: 'acme', name: 'Other' });
    const { secret } = await serviceAccounts.createSecret(other.id);
    expect(await answerOf(await world.ask(GRANT, basic(world.account.id, secret)))).toEqual(
      INVALID_CLIENT,
    );
  });
});

/** Counts what a request asks of the credentials. */
function countedStore(): { readonly store: Store; readonly asked: string[] } {
  const inner = memoryStore();
  const asked: string[] = [];
  const { credentials } = inner;
  const store: Store = {
    ...inner,
    credentials: {
      ...credentials,
      findById: (id) => (asked.push('findById'), credentials.findById(id)),
      findByHash: (hash) => (asked.push('findByHash'), credentials.findByHash(hash)),
    },
  };
  return { store, asked };
}

it('unknown, disabled and deleted accounts, and wrong, ended and expired secrets are the same to the byte, and to the store', async () => {
  const clock = createClock();
  const { store, asked } = countedStore();
  const { ask, account, secret, auth } = await machineWorld({ store, now: clock.now });
  const { serviceAccounts } = auth;
  const accountWith = async (expiresAt?: number) => {
    const { id } = await serviceAccounts.create({ org: 'acme', name: 'Another' });
    const made = await serviceAccounts.createSecret(
      id,
      expiresAt === undefined ? {} : { expiresAt },
    );
    return { id, secret: made.secret, secretId: made.id };
  };
  const disabled = await accountWith();
  await serviceAccounts.update(disabled.id, { disabled: true });
  const deleted = await accountWith();
  await serviceAccounts.delete(deleted.id);
  const ended = await accountWith();
  await serviceAccounts.endSecret(ended.id, ended.secretId);
  const expired = await accountWith(clock.now() + 60_000);
  clock.advance(60);
  const wrong = { id: account.id, secret: ended.secret };
  const unknown = { id: 'sa_0000000000000000000000', secret };
  const answers = new Set<string>();
  for (const { id, secret: given } of [unknown, disabled, deleted, wrong, ended, expired]) {
    asked.length = 0;
    const response = await ask({ ...GRANT, client_id: id, client_secret: given });
    const headers = [...response.headers].filter(([name]) => !/^(date|ratelimit)/.test(name));
    const calls = asked.toSorted();
    answers.add(JSON.stringify([response.status, headers, await response.text(), calls]));
  }
  expect([...answers]).toHaveLength(1);
  expect([...answers][0]).toMatch(/^\[401,.*"findByHash","findById"\]\]$/);
});

it('no number of wrong secrets keeps the client itself out: its id is no secret, and its secret cannot be guessed', async () => {
  const { ask, account, secret } = await machineWorld({
    loginLimit: { max: 2, windowSeconds: 900 },
  });
  for (let tries = 0; tries < 5; tries += 1)
    expect((await ask(GRANT, basic(account.id, 'guess'))).status).toBe(401);
  expect((await ask(GRANT, basic(account.id, secret))).status).toBe(200);
});

it('requests count for the limit of their address', async () => {
  const { ask, account, secret } = await machineWorld({
    rateLimit: { max: 2, windowSeconds: 60 },
  });
  const statuses: number[] = [];
  for (let tries = 0; tries < 3; tries += 1)
    statuses.push((await ask(GRANT, basic(account.id, secret))).status);
  expect(statuses).toEqual([200, 200, 429]);
});

it('a store that is down is 503, not a refusal of the client', async () => {
  const { store } = countedStore();
  const { account, secret } = await machineWorld({ store });
  const down: Store = {
    ...store,
    credentials: { ...store.credentials, findByHash: () => Promise.reject(new Error('down')) },
  };
  const { origin } = await serveAuth({ store: down, serviceAccounts: true });
  const response = await fetch(`${origin}/api/auth/token`, {
    method: 'POST',
    headers: basic(account.id, secret),
    body: new URLSearchParams(GRANT),
  });
  expect(response.status).toBe(503);
  expect(response.headers.get('content-type')).toBe('application/problem+json');
});

interface Flawed {
  readonly title: string;
  readonly header?: Readonly<Record<string, unknown>>;
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly reason: string;
}

describe('an assertion', () => {
  const NOW = Math.floor(Date.now() / 1000);

  const flawed: readonly Flawed[] = [
    { title: 'for another audience', claims: { aud: 'https://other.example' }, reason: 'audience' },
    {
      title: 'for two audiences',
      claims: { aud: [ISSUER, 'https://other.example'] },
      reason: 'audience',
    },
    { title: 'for an audience within a list', claims: { aud: [[ISSUER]] }, reason: 'audience' },
    { title: 'for the issuer with a slash', claims: { aud: `${ISSUER}/` }, reason: 'audience' },
    { title: 'for no audience', claims: { aud: undefined }, reason: 'audience' },
    { title: 'of another issuer', claims: { iss: 'sa_other' }, reason: 'subject' },
    { title: 'without an issuer', claims: { iss: undefined }, reason: 'subject' },
    { title: 'that has expired', claims: { exp: NOW - 60 }, reason: 'times' },
    { title: 'that ends in an hour', claims: { exp: NOW + 3600 }, reason: 'times' },
    { title: 'that never ends', claims: { exp: undefined }, reason: 'times' },
    { title: 'that ends as text', claims: { exp: String(NOW + 60) }, reason: 'times' },
    { title: 'of the future by nbf', claims: { nbf: NOW + 120 }, reason: 'times' },
    { title: 'of the future by iat', claims: { iat: NOW + 120 }, reason: 'times' },
    { title: 'without an id', claims: { jti: undefined }, reason: 'id' },
    { title: 'with an empty id', claims: { jti: '' }, reason: 'id' },
    { title: 'with a long id', claims: { jti: 'x'.repeat(300) }, reason: 'id' },
    { title: 'that is an access token', header: { typ: 'at+jwt' }, reason: 'type' },
    { title: 'that is a DPoP proof', header: { typ: 'dpop+jwt' }, reason: 'type' },
    { title: 'with a critical header', header: { crit: ['b64'], b64: true }, reason: 'malformed' },
  ];

  it('for others, of another time, without an id or of another type is refused', async () => {
    const world = await keyedWorld();
    for (const { title, header, claims, reason } of flawed) {
      const parts = { ...(header && { header }), ...(claims && { claims }) };
      const form = byAssertion(await assertionOf(world, parts));
      expect(await answerOf(await world.ask(form)), title).toEqual(INVALID_CLIENT);
      expect(world.events.at(-1), title).toMatchObject({
        event: { reason: `assertion_${reason}` },
      });
    }
    expect(world.events).toHaveLength(flawed.length);
  });

  it('with an id of odd text is good once', async () => {
    const world = await keyedWorld();
    for (const jti of ['nul\0', '\u001B[31m', 'a'.repeat(256)]) {
      const form = byAssertion(await assertionOf(world, { claims: { jti } }));
      expect((await world.ask(form)).status).toBe(200);
      expect((await world.ask(form)).status).toBe(401);
    }
  });

  it('sent 20 times at once gets one token', async () => {
    const world = await keyedWorld();
    const form = byAssertion(await assertionOf(world));
    const answers = await Promise.all(Array.from({ length: 20 }, () => world.ask(form)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const refused = world.events.filter(({ name }) => name === 'client.refused');
    expect(refused).toHaveLength(19);
    expect(refused[0]).toMatchObject({ event: { reason: 'assertion_replayed' } });
  });

  it('is remembered for as long as it would be accepted', async () => {
    const clock = createClock();
    const world = await keyedWorld({ now: clock.now, clockToleranceSeconds: 30 });
    const form = byAssertion(await assertionOf(world, {}, clock.now()));
    expect((await world.ask(form)).status).toBe(200);
    clock.advance(89);
    await world.ask(form);
    clock.advance(1);
    await world.ask(form);
    expect(
      world.events.flatMap(({ event }) =>
        typeof event === 'object' && event !== null && 'reason' in event ? [event.reason] : [],
      ),
    ).toEqual(['assertion_replayed', 'assertion_times']);
  });

  it('signed with another key, by another client, with the public key as secret or not at all is refused', async () => {
    const world = await keyedWorld();
    const { account, signer, ask, auth } = world;
    const { serviceAccounts } = auth;
    const other = await createTokenSigner('other-key', { use: 'sig', alg: 'RS256' });
    const stranger = await serviceAccounts.create({
      ...{ org: 'acme', name: 'Stranger', jwks: { keys: [other.jwk] } },
    });
    const good = await assertionOf(world);
    const [, payload = ''] = good.split('.');
    const part = (value: unknown): string =>
      Buffer.from(JSON.stringify(value)).toString('base64url');
    const hmacInput = `${part({ alg: 'HS256', kid: signer.jwk.kid })}.${payload}`;
    const pem = JSON.stringify(signer.jwk);
    const hmac = createHmac('sha256', pem).update(hmacInput).digest('base64url');
    const forged = [
      await assertionOf({ account, signer: other }),
      await assertionOf({ account: stranger, signer }),
      `${hmacInput}.${hmac}`,
      `${part({ alg: 'none' })}.${payload}.`,
      `${part({ alg: 'none' })}.${payload}.AA`,
      `${part({ alg: 'RS256', kid: signer.jwk.kid, jwk: other.jwk })}.${payload}.${good.split('.')[2] ?? ''}`,
      `${good}AA`,
      'a.b.c',
      good.slice(0, -4),
    ];
    for (const assertion of forged)
      expect(await answerOf(await ask(byAssertion(assertion)))).toEqual(INVALID_CLIENT);
    // And the good one, which none of them has used up.
    expect((await ask(byAssertion(good))).status).toBe(200);
  });

  it('is only for the client that it is of, and only while the key is registered', async () => {
    const world = await keyedWorld();
    const named = { ...byAssertion(await assertionOf(world)), client_id: 'sa_other' };
    expect(await answerOf(await world.ask(named))).toEqual(INVALID_CLIENT);
    await world.auth.serviceAccounts.update(world.account.id, { jwks: undefined });
    const late = byAssertion(await assertionOf(world));
    expect(await answerOf(await world.ask(late))).toEqual(INVALID_CLIENT);
  });
});

describe('a key set', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
  const good = publicKey.export({ format: 'jwk' });

  const unfit = [
    { title: 'a private key', keys: [privateKey.export({ format: 'jwk' })] },
    { title: 'a secret', keys: [{ kty: 'oct', k: 'AAAA' }] },
    { title: 'a short RSA key', keys: [small.export({ format: 'jwk' })] },
    { title: 'a key for encryption', keys: [{ ...good, use: 'enc' }] },
    { title: 'a key for HS256', keys: [{ ...good, alg: 'HS256' }] },
    { title: 'a key id that is no text', keys: [{ ...good, kid: { a: 1 } }] },
    { title: 'no key', keys: [] },
    { title: 'eleven keys', keys: Array.from({ length: 11 }, () => good) },
    { title: 'an unusable key beside a good one', keys: [good, { kty: 'EC' }] },
  ];

  it('that is none, or holds what is no public key for signatures, is refused', async () => {
    const { auth } = await machineWorld();
    for (const { title, keys } of unfit)
      await expect(
        auth.serviceAccounts.create({ org: 'acme', name: 'Keyed', jwks: { keys } }),
        title,
      ).rejects.toMatchObject({
        code: 'INVALID_REQUEST',
        problem: { errors: [{ pointer: '#/jwks' }] },
      });
  });

  it('is kept without what is no part of a public key', async () => {
    const { auth } = await machineWorld();
    const jwks = { keys: [{ ...good, note: randomUUID(), x5u: 'https://evil.example' }] };
    const account = await auth.serviceAccounts.create({ org: 'acme', name: 'Keyed', jwks });
    expect(account.jwks).toEqual({ keys: [good] });
  });
});

describe('D9 the token of a machine', () => {
  it('is refused with 403 by a guard for users, and so is its API key', async () => {
    const { auth, account, accessToken } = await machineWorld({ acceptApiKeys: true });
    const app = express();
    app.get('/users', auth.requireAuth({ userOnly: true }), (_req, res) => void res.end());
    app.get('/all', auth.requireAuth(), (_req, res) => void res.end());
    app.use(auth.errorHandler());
    const { origin } = await serve(app);
    const { key } = await auth.apiKeys.create({ owner: account.id, name: 'bot' });
    const token = bearer({ access_token: await accessToken() });
    for (const headers of [token, { 'x-api-key': key }]) {
      const refused = await fetch(`${origin}/users`, { headers });
      expect(refused.status).toBe(403);
      expect(await refused.json()).toMatchObject({ code: 'INSUFFICIENT_ROLE' });
      expect((await fetch(`${origin}/all`, { headers })).status).toBe(200);
    }
  });

  it('opens none of the routes of users and administrators, whatever the application grants to users', async () => {
    const { origin, accessToken } = await machineWorld({ tokenScopes: () => ['users:admin'] });
    const headers = bearer({ access_token: await accessToken() });
    const reads = ['GET /sessions', 'GET /users', 'GET /identities', 'GET /service-accounts'];
    const changes = ['POST /service-accounts', 'DELETE /sessions/x', 'DELETE /users/x'];
    for (const route of [...reads, ...changes]) {
      const [method = '', path = ''] = route.split(' ');
      const response = await fetch(`${origin}/api/auth${path}`, { method, headers });
      expect(response.status, route).toBe(401);
    }
  });

  it('is refused at once by a guard with checkSession when its account is disabled', async () => {
    const { auth, accessToken, account, get } = await machineWorld();
    const headers = bearer({ access_token: await accessToken() });
    const statuses = async () => [
      (await get('/api/strict', headers)).status,
      (await get('/api/me', headers)).status,
    ];
    expect(await statuses()).toEqual([200, 200]);
    await auth.serviceAccounts.update(account.id, { disabled: true });
    expect(await statuses()).toEqual([401, 200]);
    await auth.serviceAccounts.update(account.id, { disabled: false });
    expect(await statuses()).toEqual([200, 200]);
    await auth.serviceAccounts.delete(account.id);
    expect(await statuses()).toEqual([401, 200]);
  });
});
