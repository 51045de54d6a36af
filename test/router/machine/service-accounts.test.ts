import { describe, expect, it } from 'vitest';
import { addUser, bearer, serveAuth, type Tokens } from '../../world/auth-server.js';
import { basic } from '../../world/machine.js';
import { createTokenSigner } from '../../world/token-signer.js';

async function world() {
  const server = await serveAuth({ serviceAccounts: true });
  await addUser(server, { username: 'root', roles: ['admin'] });
  const tokens = await server.signIn('root');
  const { call, json } = callerOf(server.origin, tokens);
  const getToken = (id: string, secret: string) =>
    fetch(`${server.origin}/api/auth/token`, {
      method: 'POST',
      headers: basic(id, secret),
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    });
  return { ...server, call, json, getToken };
}

function callerOf(origin: string, tokens?: Tokens) {
  const call = (request: string, body?: unknown): Promise<Response> => {
    const [method = '', path = ''] = request.split(' ');
    return fetch(`${origin}/api/auth${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...(tokens && bearer(tokens)) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  };
  return {
    call,
    json: async (request: string, body?: unknown) =>
      (await (await call(request, body)).json()) as Record<string, string>,
  };
}

const NEW = { org: 'acme', name: 'Nightly export', scopes: ['invoices:read'], roles: ['exporter'] };

describe('service accounts', () => {
  it('are added, given a secret, listed, changed and deleted', async () => {
    const { call, json, getToken, events } = await world();
    const added = await call('POST /service-accounts', NEW);
    expect(added.status).toBe(201);
    const account = (await added.json()) as { id: string };
    expect(account).toMatchObject({ ...NEW, disabled: false, jwks: null, token_seconds: 300 });
    expect(account.id).toMatch(/^sa_[0-9A-Za-z]{22}$/);
    const path = `/service-accounts/${account.id}`;

    const made = await call(`POST ${path}/secrets`, { expires_in: 3600 });
    expect(made.status).toBe(201);
    const secret = (await made.json()) as { id: string; client_secret: string };
    expect(secret.client_secret).toMatch(/^lks_[0-9A-Za-z]{49}$/);
    expect((await getToken(account.id, secret.client_secret)).status).toBe(200);

    await json('POST /service-accounts', { org: 'globex', name: 'Other' });
    expect(await json('GET /service-accounts?org=acme')).toEqual({ service_accounts: [account] });
    expect((await json('GET /service-accounts'))['service_accounts']).toHaveLength(2);
    const shown = await call(`GET ${path}`);
    const text = await shown.text();
    expect(text).not.toContain(secret.client_secret);
    expect(JSON.parse(text)).toMatchObject({
      id: account.id,
      secrets: [{ id: secret.id, last_used_at: expect.any(String) as string }],
    });

    const change = { scopes: ['reports:read'], disabled: true, token_seconds: 60 };
    expect(await json(`PATCH ${path}`, change)).toMatchObject({ ...NEW, ...change });
    expect(await json(`PATCH ${path}`, { token_seconds: null, disabled: false })).toMatchObject({
      token_seconds: 300,
    });
    expect((await call(`DELETE ${path}/secrets/${secret.id}`)).status).toBe(204);
    expect((await call(`DELETE ${path}/secrets/${secret.id}`)).status).toBe(404);
    expect((await getToken(account.id, secret.client_secret)).status).toBe(401);
    expect((await call(`DELETE ${path}`)).status).toBe(204);
    for (const request of [`GET ${path}`, `DELETE ${path}`, `POST ${path}/secrets`])
      expect((await call(request)).status, request).toBe(404);

    const changes = events.filter(({ name }) => name === 'service_account.changed');
    expect(changes.map(({ event }) => event)).toMatchObject(
      ['created', 'secret_added', 'created', 'disabled', 'enabled', 'secret_ended', 'deleted'].map(
        (each) => ({ change: each, by: expect.any(String) as string }),
      ),
    );
    expect(JSON.stringify(events)).not.toContain(secret.client_secret);
  });

  it('have two secrets at most: a third is a conflict that names the older one', async () => {
    const { call, json } = await world();
    const { id = '' } = await json('POST /service-accounts', NEW);
    const first = await json(`POST /service-accounts/${id}/secrets`);
    await json(`POST /service-accounts/${id}/secrets`);
    const third = await call(`POST /service-accounts/${id}/secrets`);
    expect(third.status).toBe(409);
    const { detail } = (await third.json()) as { detail: string };
    expect(detail).toContain(first['id']);
    await call(`DELETE /service-accounts/${id}/secrets/${first['id']}`);
    expect((await call(`POST /service-accounts/${id}/secrets`)).status).toBe(201);
  });

  it('register public keys, and null takes them away', async () => {
    const { json } = await world();
    const { jwk } = await createTokenSigner('client-key');
    const added = await json('POST /service-accounts', { ...NEW, jwks: { keys: [jwk] } });
    expect(added['jwks']).toMatchObject({ keys: [{ kid: 'client-key', kty: 'RSA' }] });
    expect(await json(`PATCH /service-accounts/${added['id']}`, { jwks: null })).toMatchObject({
      jwks: null,
    });
  });

  it('that cannot be are refused with 400, and nothing is kept of them (W13)', async () => {
    const { call, auth } = await world();
    const flawed = [
      { title: 'no organisation', body: { org: undefined } },
      { title: 'an empty organisation', body: { org: '' } },
      { title: 'a name with a control character', body: { name: '\u001B[31m' } },
      { title: 'a name with a NUL', body: { name: 'a\0' } },
      { title: 'half a character as name', body: { name: '\uD800' } },
      { title: 'a long organisation', body: { org: 'x'.repeat(257) } },
      { title: 'the scope of administrators', body: { scopes: ['users:admin'] } },
      { title: 'two scopes as one', body: { scopes: ['a b'] } },
      { title: 'an empty scope', body: { scopes: [''] } },
      { title: 'a long scope', body: { scopes: ['x'.repeat(129)] } },
      { title: 'many scopes', body: { scopes: Array.from({ length: 101 }, (_, at) => `s${at}`) } },
      { title: 'a role with a NUL', body: { roles: ['a\0'] } },
      { title: 'tokens that live too long', body: { token_seconds: 901 } },
      { title: 'tokens that live too short', body: { token_seconds: 29 } },
      { title: 'a broken number of seconds', body: { token_seconds: 60.5 } },
      { title: 'a secret', body: { secret: 'mine' } },
      { title: 'keys that are none', body: { jwks: { keys: [{}] } } },
    ];
    for (const { title, body } of flawed)
      expect((await call('POST /service-accounts', { ...NEW, ...body })).status, title).toBe(400);
    expect(await auth.serviceAccounts.list()).toEqual([]);
  });

  it('are not found under ids that are none', async () => {
    const { call } = await world();
    for (const id of ['%00', '%ED%A0%80', '__proto__', 'x'.repeat(3000)]) {
      expect((await call(`GET /service-accounts/${id}`)).status).toBe(404);
      expect((await call(`PATCH /service-accounts/${id}`, { name: 'x' })).status).toBe(404);
      expect((await call(`DELETE /service-accounts/${id}/secrets/${id}`)).status).toBe(404);
      expect((await call(`GET /service-accounts?org=${id}`)).status).toBe(200);
    }
  });

  it('are for administrators', async () => {
    const { auth, origin, signIn, json } = await world();
    await addUser({ auth });
    const { id = '' } = await json('POST /service-accounts', NEW);
    const user = callerOf(origin, await signIn('alice'));
    const stranger = callerOf(origin);
    for (const request of [
      'GET /service-accounts',
      'POST /service-accounts',
      `GET /service-accounts/${id}`,
      `PATCH /service-accounts/${id}`,
      `DELETE /service-accounts/${id}`,
      `POST /service-accounts/${id}/secrets`,
      `DELETE /service-accounts/${id}/secrets/x`,
    ]) {
      expect((await user.call(request)).status, request).toBe(403);
      expect((await stranger.call(request)).status, request).toBe(401);
    }
    expect(await auth.serviceAccounts.list()).toHaveLength(1);
  });
});
