import { decodeJwt } from 'jose';
import * as openid from 'openid-client';
import { describe, expect, it } from 'vitest';
import { addUser, bearer, PASSWORD, serveAuth } from '../../world/auth-server.js';
import { createClock } from '../../world/clock.js';
import { keyPair } from '../../world/key-pairs.js';
import {
  assertionOf,
  basic,
  byAssertion,
  ISSUER,
  keyedWorld,
  machineWorld,
} from '../../world/machine.js';

const GRANT = { grant_type: 'client_credentials' };

describe('client_credentials', () => {
  it('gives a token of the account with its organisation, its roles there and its scopes, and no refresh token', async () => {
    const world = await machineWorld();
    const { account, secret, get } = world;
    const response = await world.ask(GRANT, basic(account.id, secret));
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('pragma')).toBe('no-cache');
    const answer = (await response.json()) as { access_token: string };
    expect(answer).toEqual({
      access_token: expect.any(String) as string,
      token_type: 'Bearer',
      expires_in: 300,
      scope: 'invoices:read invoices:write',
    });
    const caller = await get('/api/me', bearer(answer));
    expect(await caller.json()).toMatchObject({
      subject: account.id,
      clientId: account.id,
      scopes: ['invoices:read', 'invoices:write'],
      orgs: [{ id: 'acme', roles: ['exporter'], isDefault: true }],
      user: { id: account.id, roles: [] },
    });
    const claims = decodeJwt(answer.access_token);
    expect(claims).toMatchObject({ sub: account.id, client_id: account.id });
    expect(claims).not.toHaveProperty('sid');
    expect(decodeJwt(await world.accessToken()).jti).not.toBe(claims.jti);
  });

  it.each([
    { title: 'no wish', scope: undefined, granted: 'invoices:read invoices:write' },
    { title: 'an empty wish', scope: '', granted: 'invoices:read invoices:write' },
    { title: 'one of its scopes', scope: 'invoices:read', granted: 'invoices:read' },
    { title: 'one twice', scope: 'invoices:read invoices:read', granted: 'invoices:read' },
  ])('$title gets $granted', async ({ scope, granted }) => {
    const { ask, account, secret } = await machineWorld();
    const response = await ask(
      { ...GRANT, ...(scope !== undefined && { scope }) },
      basic(account.id, secret),
    );
    expect(await response.json()).toMatchObject({ scope: granted });
  });

  it('an account without scopes gets a token without any', async () => {
    const world = await machineWorld({}, { scopes: [] });
    const response = await world.ask(GRANT, basic(world.account.id, world.secret));
    expect(await response.json()).not.toHaveProperty('scope');
    expect(decodeJwt(await world.accessToken())).not.toHaveProperty('scope');
  });

  it.each([
    { tokenSeconds: 60, accessTtlSeconds: 900, expected: 60 },
    { tokenSeconds: undefined, accessTtlSeconds: 120, expected: 120 },
    { tokenSeconds: undefined, accessTtlSeconds: 900, expected: 300 },
  ])(
    'a token lives $expected s with $tokenSeconds of its own and AUTH_ACCESS_TTL=$accessTtlSeconds',
    async ({ tokenSeconds, accessTtlSeconds, expected }) => {
      const { ask, account, secret } = await machineWorld({ accessTtlSeconds }, { tokenSeconds });
      const response = await ask(GRANT, basic(account.id, secret));
      expect(await response.json()).toMatchObject({ expires_in: expected });
    },
  );

  it('changed scopes count with the next token, and a disabled or deleted account gets none', async () => {
    const { ask, account, secret, auth } = await machineWorld();
    const next = () => ask(GRANT, basic(account.id, secret));
    await auth.serviceAccounts.update(account.id, { scopes: ['reports:read'] });
    expect(await (await next()).json()).toMatchObject({ scope: 'reports:read' });
    await auth.serviceAccounts.update(account.id, { disabled: true });
    expect((await next()).status).toBe(401);
    await auth.serviceAccounts.update(account.id, { disabled: false });
    expect((await next()).status).toBe(200);
    await auth.serviceAccounts.delete(account.id);
    expect((await next()).status).toBe(401);
  });

  it('two secrets work side by side until the older one is ended, or its time is over', async () => {
    const clock = createClock();
    const { ask, account, secret, auth } = await machineWorld({ now: clock.now });
    const { serviceAccounts } = auth;
    const statusWith = async (given: string) => (await ask(GRANT, basic(account.id, given))).status;
    clock.advance(1);
    const fresh = await serviceAccounts.createSecret(account.id, {
      expiresAt: clock.now() + 3_600_000,
    });
    expect([await statusWith(secret), await statusWith(fresh.secret)]).toEqual([200, 200]);
    const [, older] = await serviceAccounts.listSecrets(account.id);
    expect(await serviceAccounts.endSecret(account.id, older?.id ?? '')).toBe(true);
    expect([await statusWith(secret), await statusWith(fresh.secret)]).toEqual([401, 200]);
    clock.advance(3600);
    expect(await statusWith(fresh.secret)).toBe(401);
    expect(await serviceAccounts.listSecrets(account.id)).toEqual([]);
  });

  it('tells of tokens and refusals, without the secret', async () => {
    const { ask, account, secret, events } = await machineWorld();
    await ask(GRANT, basic(account.id, secret));
    await ask(GRANT, basic(account.id, secret.slice(0, -1)));
    await ask(GRANT, basic('sa_nobody', secret));
    await ask(GRANT);
    expect(events).toMatchObject([
      { name: 'token.issued', event: { clientId: account.id, org: 'acme' } },
      { name: 'client.refused', event: { clientId: account.id, reason: 'malformed_secret' } },
      { name: 'client.refused', event: { clientId: undefined, reason: 'unknown_client' } },
      { name: 'client.refused', event: { clientId: undefined, reason: 'no_proof' } },
    ]);
    expect(JSON.stringify(events)).not.toContain(secret.slice(0, 20));
  });
});

describe('openid-client', () => {
  const methods = {
    client_secret_basic: (secret: string) => openid.ClientSecretBasic(secret),
    client_secret_post: (secret: string) => openid.ClientSecretPost(secret),
  };

  function clientOf(origin: string, id: string, method: openid.ClientAuth): openid.Configuration {
    const server = { issuer: ISSUER, token_endpoint: `${origin}/api/auth/token` };
    const client = new openid.Configuration(server, id, {}, method);
    openid.allowInsecureRequests(client);
    return client;
  }

  it.each(['client_secret_basic', 'client_secret_post'] as const)(
    'gets a token by %s',
    async (method) => {
      const { origin, account, secret } = await machineWorld();
      const client = clientOf(origin, account.id, methods[method](secret));
      const tokens = await openid.clientCredentialsGrant(client, { scope: 'invoices:read' });
      expect(tokens).toMatchObject({
        token_type: 'bearer',
        expires_in: 300,
        scope: 'invoices:read',
      });
    },
  );

  it.each(['RSA-2048', 'P-256', 'Ed25519'] as const)(
    'gets a token by private_key_jwt with %s',
    async (kind) => {
      const { publicKey, privateKey } = keyPair(kind, 'machine');
      const jwk = publicKey.export({ format: 'jwk' });
      const { origin, account } = await machineWorld({}, { jwks: { keys: [jwk] } });
      const algorithm = {
        'RSA-2048': { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
        'P-256': { name: 'ECDSA', namedCurve: 'P-256' },
        Ed25519: { name: 'Ed25519' },
      }[kind];
      const key = await crypto.subtle.importKey(
        'pkcs8',
        privateKey.export({ format: 'der', type: 'pkcs8' }),
        algorithm,
        false,
        ['sign'],
      );
      const client = clientOf(origin, account.id, openid.PrivateKeyJwt(key));
      const first = await openid.clientCredentialsGrant(client);
      const second = await openid.clientCredentialsGrant(client);
      expect(second.access_token).not.toBe(first.access_token);
    },
  );

  it('understands why it gets none', async () => {
    const { origin, account, secret } = await machineWorld();
    const client = clientOf(origin, account.id, openid.ClientSecretPost(secret));
    await expect(
      openid.clientCredentialsGrant(client, { scope: 'users:admin' }),
    ).rejects.toMatchObject({ error: 'invalid_scope', status: 400 });
    const stranger = clientOf(origin, account.id, openid.ClientSecretPost('wrong'));
    await expect(openid.clientCredentialsGrant(stranger)).rejects.toMatchObject({
      error: 'invalid_client',
      status: 401,
    });
    const challenged = clientOf(origin, account.id, openid.ClientSecretBasic('wrong'));
    await expect(openid.clientCredentialsGrant(challenged)).rejects.toMatchObject({
      cause: [{ scheme: 'basic', parameters: { realm: 'token' } }],
    });
  });
});

it('an assertion may name the token endpoint at AUTH_PUBLIC_URL in place of the issuer', async () => {
  const world = await keyedWorld();
  const assertion = await assertionOf(world, { claims: { aud: `${ISSUER}/api/auth/token` } });
  expect((await world.ask(byAssertion(assertion))).status).toBe(200);
});

describe('beside the log-in with a password', () => {
  it('a JSON body at /token still signs a user in, and a form does not', async () => {
    const { auth, post, ask } = await machineWorld();
    await addUser({ auth });
    const signedIn = await post('/api/auth/token', { username: 'alice', password: PASSWORD });
    expect(await signedIn.json()).toHaveProperty('refresh_token');
    const form = await ask({ username: 'alice', password: PASSWORD });
    expect(await form.json()).toMatchObject({ error: 'invalid_request', code: 'INVALID_REQUEST' });
  });

  it('with AUTH_PASSWORDS=off the route is there for machines alone', async () => {
    const { ask, post, account, secret } = await machineWorld({ passwordLogin: false });
    expect((await ask(GRANT, basic(account.id, secret))).status).toBe(200);
    const response = await post('/api/auth/token', { username: 'alice', password: PASSWORD });
    expect(response.status).toBe(415);
    expect(await response.json()).toMatchObject({ error: 'invalid_request' });
  });

  it('with AUTH_SERVICE_ACCOUNTS=off a form is refused as before, and there are no other routes', async () => {
    const { auth, origin } = await serveAuth();
    const send = (path: string) =>
      fetch(`${origin}/api/auth${path}`, { method: 'POST', body: new URLSearchParams(GRANT) });
    expect((await send('/token')).status).toBe(415);
    expect((await send('/service-accounts')).status).toBe(404);
    expect(() => auth.serviceAccounts).toThrow(/AUTH_SERVICE_ACCOUNTS=on/);
    expect(Object.keys(auth)).not.toContain('serviceAccounts');
  });
});
