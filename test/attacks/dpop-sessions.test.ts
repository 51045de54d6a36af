import { decodeJwt } from 'jose';
import type { AuthOptions } from 'latchkey';
import { createDpopKey, type DpopKey, type ProofRequest } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import {
  addUser,
  type AuthServer,
  bearer,
  PASSWORD,
  serveAuth,
  type Tokens,
} from '../world/auth-server.js';
import { basic, machineWorld } from '../world/machine.js';

const PUBLIC = 'http://localhost:3000';
const credentials = { username: 'alice', password: PASSWORD };

/** Alice's application, and two clients with a key of their own. */
async function createWorld(options: AuthOptions = {}) {
  const server = await serveAuth({ dpop: { mode: 'accepted' }, ...options });
  await addUser(server);
  const key = await createDpopKey();
  const thief = await createDpopKey();

  const post = async (
    path: string,
    body: unknown,
    proof?: { readonly by: DpopKey } & Partial<ProofRequest>,
  ) => {
    const url = `${PUBLIC}/api/auth${path}`;
    const headers = proof && { dpop: proof.by.proof({ method: 'POST', url, ...proof }) };
    const response = await server.post(`/api/auth${path}`, body, headers);
    const answer = (await response.json()) as Tokens & { readonly code?: string };
    return { status: response.status, headers: response.headers, ...answer };
  };
  const get = (path: string, by: DpopKey, { access_token: token }: Tokens) =>
    server.get(path, {
      authorization: `DPoP ${token}`,
      dpop: by.proof({ url: `${PUBLIC}${path}`, token }),
    });
  const login = (by?: DpopKey) => post('/login', credentials, by && { by });
  const refresh = (tokens: Tokens, by?: DpopKey) =>
    post('/refresh', { refresh_token: tokens.refresh_token }, by && { by });
  return { server, key, thief, post, get, login, refresh };
}

const reasonsOf = ({ events }: AuthServer, name: string) =>
  events
    .filter((entry) => entry.name === name)
    .map(({ event }) => (event as { reason?: string }).reason);

describe('a log-in with a proof', () => {
  it('gives a token that is bound to the key, and works with proofs of it only', async () => {
    const { server, key, thief, get, login } = await createWorld();
    const tokens = await login(key);
    expect(tokens).toMatchObject({ status: 200, token_type: 'DPoP' });
    expect(decodeJwt(tokens.access_token)['cnf']).toEqual(key.cnf);
    expect((await get('/api/me', key, tokens)).status).toBe(200);
    expect((await get('/api/auth/me', key, tokens)).status).toBe(200);
    expect((await get('/api/me', thief, tokens)).status).toBe(401);
    expect((await server.get('/api/me', bearer(tokens))).status).toBe(401);
  });

  it('gives a bearer token without one, and where DPoP is off', async () => {
    const { login, server } = await createWorld();
    const tokens = await login();
    expect(tokens.token_type).toBe('Bearer');
    expect((await server.get('/api/me', bearer(tokens))).status).toBe(200);
    const off = await createWorld({ dpop: { mode: 'off' } });
    expect((await off.login(off.key)).token_type).toBe('Bearer');
  });

  it('is refused without one where it is required', async () => {
    const { key, get, login, server } = await createWorld({ dpop: { mode: 'required' } });
    expect(await login()).toMatchObject({ status: 401, code: 'INVALID_DPOP_PROOF' });
    const tokens = await login(key);
    expect((await get('/api/me', key, tokens)).status).toBe(200);
    expect(reasonsOf(server, 'token.refused')).toEqual(['proof_missing']);
  });

  it('is refused, before anything is tried, when the proof is not for it', async () => {
    const { key, post, server } = await createWorld();
    const wrong = [
      { url: `${PUBLIC}/api/auth/refresh` },
      { url: `${server.origin}/api/auth/login` },
      { method: 'PUT' },
      { claims: { jti: '' } },
      { header: { alg: 'none' } },
    ];
    for (const proof of wrong) {
      const refused = await post('/login', credentials, { by: key, ...proof });
      expect(refused).toMatchObject({ status: 401, code: 'INVALID_DPOP_PROOF' });
      expect(refused.headers.get('www-authenticate')).toMatch(
        /^DPoP realm="api", error="invalid_dpop_proof", algs="/,
      );
    }
    expect(server.events.filter(({ name }) => name.startsWith('login'))).toEqual([]);
  });

  it('counts once', async () => {
    const { key, server } = await createWorld();
    const url = `${PUBLIC}/api/auth/login`;
    const dpop = key.proof({ method: 'POST', url });
    const send = () => server.post('/api/auth/login', credentials, { dpop });
    const replies = await Promise.all([send(), send(), send()]);
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(replies.filter(({ status }) => status === 401)).toHaveLength(2);
  });

  it('asks for a nonce where the application has them', async () => {
    const { key, post } = await createWorld({ dpop: { mode: 'accepted', nonceTtlSeconds: 60 } });
    const refused = await post('/login', credentials, { by: key });
    expect(refused).toMatchObject({ status: 401, code: 'USE_DPOP_NONCE' });
    const nonce = refused.headers.get('dpop-nonce') ?? '';
    expect((await post('/login', credentials, { by: key, nonce })).token_type).toBe('DPoP');
  });
});

describe('a session that is bound to a key', () => {
  it('is refreshed with a proof of that key only, and survives every other try', async () => {
    const { key, thief, login, refresh, get, server } = await createWorld();
    const tokens = await login(key);
    for (const by of [undefined, thief])
      expect(await refresh(tokens, by)).toMatchObject({ status: 401, code: 'REFRESH_INVALID' });
    expect(reasonsOf(server, 'refresh.refused')).toEqual(['other_key', 'other_key']);
    const renewed = await refresh(tokens, key);
    expect(renewed).toMatchObject({ status: 200, token_type: 'DPoP' });
    expect(decodeJwt(renewed.access_token)['cnf']).toEqual(key.cnf);
    // Two generations ago is reuse, but a thief without the key can end nothing with it.
    const latest = await refresh(renewed, key);
    expect((await refresh(tokens, thief)).code).toBe('REFRESH_INVALID');
    expect((await get('/api/strict', key, latest)).status).toBe(200);
    expect((await refresh(tokens, key)).code).toBe('REFRESH_REUSED');
  });

  it('has one successor for 20 refreshes at once, each with a proof', async () => {
    const { key, login, refresh } = await createWorld();
    const tokens = await login(key);
    const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(tokens, key)));
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect(new Set(answers.map((answer) => answer.refresh_token)).size).toBe(1);
  });

  it('stays bound through a change of password', async () => {
    const { server, key, thief, login, refresh } = await createWorld();
    const { access_token: token } = await login(key);
    const url = `${PUBLIC}/api/auth/change-password`;
    const response = await server.post(
      '/api/auth/change-password',
      { old_password: PASSWORD, new_password: 'quite another set of words' },
      { authorization: `DPoP ${token}`, dpop: key.proof({ method: 'POST', url, token }) },
    );
    const changed = (await response.json()) as Tokens;
    expect(changed.token_type).toBe('DPoP');
    expect(decodeJwt(changed.access_token)['cnf']).toEqual(key.cnf);
    expect((await refresh(changed, thief)).code).toBe('REFRESH_INVALID');
    expect((await refresh(changed, key)).status).toBe(200);
  });

  it('can be ended without a proof', async () => {
    const { key, login, refresh, server } = await createWorld();
    const tokens = await login(key);
    const body = { token: tokens.refresh_token };
    expect((await server.post('/api/auth/revoke', body)).status).toBe(200);
    expect((await refresh(tokens, key)).code).toBe('REFRESH_INVALID');
  });

  it('has a cookie that is no credential without the key', async () => {
    const { key, post, server } = await createWorld({ cookieSessions: true });
    const bound = await post('/login', { ...credentials, delivery: 'cookie' }, { by: key });
    const plain = await post('/login', { ...credentials, delivery: 'cookie' });
    const get = ({ headers }: { readonly headers: Headers }) =>
      server.get('/api/me', { cookie: (headers.get('set-cookie') ?? '').split(';')[0] ?? '' });
    expect((await get(bound)).status).toBe(401);
    expect((await get(plain)).status).toBe(200);
  });
});

describe('a session that is bound to no key', () => {
  it('stays so, and a refresh with a proof binds its access token alone', async () => {
    const { key, thief, login, refresh, get } = await createWorld();
    const tokens = await login();
    const bound = await refresh(tokens, key);
    expect(bound.token_type).toBe('DPoP');
    expect((await get('/api/me', key, bound)).status).toBe(200);
    expect((await refresh(bound)).token_type).toBe('Bearer');
    expect((await refresh(bound, thief)).token_type).toBe('DPoP');
  });
});

describe('client_credentials with a proof', () => {
  it('gives a service account a bound token, and says in OAuth what is wrong with the proof', async () => {
    const world = await machineWorld({ dpop: { mode: 'accepted', nonceTtlSeconds: 60 } });
    const { account, secret, auth } = world;
    const key = await createDpopKey();
    const url = `${auth.config.publicUrl ?? ''}/api/auth/token`;
    const ask = (request: Partial<ProofRequest>) =>
      world.ask(
        { grant_type: 'client_credentials' },
        { ...basic(account.id, secret), dpop: key.proof({ method: 'POST', url, ...request }) },
      );
    const refused = await ask({});
    expect([refused.status, await refused.json()]).toEqual([
      400,
      expect.objectContaining({ error: 'use_dpop_nonce', code: 'USE_DPOP_NONCE' }),
    ]);
    expect(refused.headers.get('www-authenticate')).toBeNull();
    const nonce = refused.headers.get('dpop-nonce') ?? '';
    const tokens = (await (await ask({ nonce })).json()) as Tokens;
    expect(tokens.token_type).toBe('DPoP');
    expect(decodeJwt(tokens.access_token)['cnf']).toEqual(key.cnf);
    const forged = await ask({ nonce, claims: { htm: 'GET' } });
    expect([forged.status, await forged.json()]).toEqual([
      400,
      expect.objectContaining({ error: 'invalid_dpop_proof' }),
    ]);
  });
});
