import express from 'express';
import { createAuth, createVerifier, memoryStore, optionalAuth, requireAuth } from 'latchkey';
import { createDpopKey, createTestIssuer } from 'latchkey/testing';
import { describe, expect, it, vi } from 'vitest';
import { createProofCheck } from '../../lib/authenticate/dpop/proof-check.js';
import { addUser, serveAuth } from '../world/auth-server.js';
import { createDpopApp, PUBLIC_ORIGIN, sendLines, slowStore } from '../world/dpop-app.js';
import { serve } from '../world/serve.js';

const ALGS = 'algs="ES256 ES384 ES512 Ed25519 EdDSA PS256 PS384 PS512 RS256 RS384 RS512"';

describe('the challenges of a guard that accepts DPoP', () => {
  it('are both, without an error, for a request without a credential', async () => {
    const { get } = await createDpopApp();
    const { status, headers } = await get({});
    expect(status).toBe(401);
    expect(headers.get('www-authenticate')).toBe(`Bearer realm="api", DPoP realm="api", ${ALGS}`);
  });

  it('name the error at the scheme that was tried', async () => {
    const { call, get } = await createDpopApp();
    const bearer = await get({ authorization: 'Bearer x' });
    expect(bearer.headers.get('www-authenticate')).toBe(
      `Bearer realm="api", error="invalid_token", DPoP realm="api", ${ALGS}`,
    );
    const dpop = await call({ claims: { htm: 'PUT' } });
    expect(dpop.headers.get('www-authenticate')).toBe(
      `Bearer realm="api", DPoP realm="api", error="invalid_dpop_proof", ${ALGS}`,
    );
    const scope = await call({ url: `${PUBLIC_ORIGIN}/v1/admin` }, '/v1/admin');
    expect([scope.status, scope.headers.get('www-authenticate')]).toEqual([
      403,
      `Bearer realm="api", scope="admin", DPoP realm="api", error="insufficient_scope", scope="admin", ${ALGS}`,
    ]);
  });

  it('come with the check that failed in the problem document, outside production', async () => {
    const { call } = await createDpopApp();
    const { body } = await call({ claims: { htm: 'PUT' } });
    expect(body).toMatchObject({
      code: 'INVALID_DPOP_PROOF',
      reason: 'proof_method',
    });
  });

  it('name it at both for two Authorization headers, with 400', async () => {
    const { origin, token, proof } = await createDpopApp();
    const lines = [
      ['Host', 'api.example'],
      ['Authorization', `DPoP ${token}`],
      ['Authorization', 'Bearer x'],
      ['DPoP', proof()],
    ] as const;
    expect(await sendLines(origin, '/v1/invoices', lines)).toBe(400);
    const { auth } = await createDpopApp();
    const error = await auth
      .authenticate({
        headers: { authorization: `DPoP ${token}` },
        rawHeaders: lines.flat(),
      })
      .catch((refusal: unknown) => refusal);
    expect(error).toMatchObject({
      status: 400,
      headers: {
        'WWW-Authenticate': `Bearer realm="api", error="invalid_request", DPoP realm="api", error="invalid_request", ${ALGS}`,
      },
    });
  });

  it('are those of a guard without a word of its own where AUTH_DPOP is off', async () => {
    const { get } = await createDpopApp({ dpop: {}, guard: { dpop: 'required' } });
    expect((await get({})).headers.get('www-authenticate')).toBe(`DPoP realm="api", ${ALGS}`);
    expect((await get({}, '/v1/open')).status).toBe(200);
  });
});

describe('a guard', () => {
  it('that accepts DPoP takes plain tokens as before', async () => {
    const { get, issuer } = await createDpopApp();
    const headers = { authorization: `Bearer ${await issuer.mint()}`, dpop: 'not ours' };
    expect((await get(headers)).status).toBe(200);
  });

  it('may be optional', async () => {
    const { call, get, proof, outcomeOf } = await createDpopApp();
    const url = `${PUBLIC_ORIGIN}/v1/open`;
    expect(await get({ dpop: proof({ url }) }, '/v1/open')).toMatchObject({ body: {} });
    expect((await call({ url }, '/v1/open')).body).toMatchObject({ subject: 'user-1' });
    const forged = call({ url, claims: { jti: '' } }, '/v1/open');
    expect(await outcomeOf(forged)).toBe('401 INVALID_DPOP_PROOF proof_claims');
  });

  it('behind another one takes the proof that the request has come with', async () => {
    const { call, get, proof, token, outcomeOf } = await createDpopApp();
    const url = `${PUBLIC_ORIGIN}/v1/twice`;
    expect(await outcomeOf(call({ url }, '/v1/twice'))).toBe('200');
    const headers = { authorization: `DPoP ${token}`, dpop: proof({ url }) };
    expect(await outcomeOf(get(headers, '/v1/twice'))).toBe('200');
    expect(await outcomeOf(get(headers, '/v1/twice'))).toBe(
      '401 INVALID_DPOP_PROOF proof_replayed',
    );
  });

  it('takes proofs by every algorithm that its challenge names', async () => {
    const { clock, get, issuer, url } = await createDpopApp();
    for (const algorithm of ['ES256', 'Ed25519', 'EdDSA', 'PS256', 'RS256'] as const) {
      const key = await createDpopKey({ algorithm, now: clock.now });
      const token = await issuer.mint({ cnf: key.cnf });
      const dpop = key.proof({ url, token });
      expect((await get({ authorization: `dpop  ${token}`, dpop })).status).toBe(200);
    }
  });

  it('costs one signature and one operation of the store a request, and an import a key', async () => {
    const { store, added } = slowStore(memoryStore());
    const { call, auth, clock, proof } = await createDpopApp({ store });
    for (let turn = 0; turn < 3; turn += 1) expect((await call()).status).toBe(200);
    expect(added()).toBe(3);
    expect(auth.verifier.counters().signatureChecks).toBe(1);

    const check = createProofCheck({
      ...{ publicUrl: PUBLIC_ORIGIN, origins: [], proofTtlSeconds: 60, clockToleranceSeconds: 5 },
      ...{ once: store.once, realm: 'api', now: clock.now },
    });
    const send = (dpop: string) =>
      check.check({ headers: { dpop }, method: 'GET', url: '/v1/invoices' });
    for (let turn = 0; turn < 3; turn += 1) await send(proof());
    expect(check.counters()).toEqual({ signatureChecks: 3, keyImports: 1 });
    await expect(send(proof({ claims: { htm: 'PUT' } }))).rejects.toThrow('DPoP proof');
    expect(check.counters()).toEqual({ signatureChecks: 3, keyImports: 1 });
    expect(added()).toBe(6);
  });

  it('authenticates outside a middleware, too', async () => {
    const { auth, token, proof, url } = await createDpopApp();
    const headers = { authorization: `DPoP ${token}`, dpop: proof({ url }) };
    const request = { headers, method: 'GET', url: '/v1/invoices?page=1' };
    expect(await auth.authenticate(request)).toMatchObject({ subject: 'user-1' });
    const replayed = auth.authenticate({ ...request }).catch((error: unknown) => error);
    expect(await replayed).toMatchObject({ code: 'INVALID_DPOP_PROOF', reason: 'proof_replayed' });
    const noRequest = auth.authenticate({ headers }).catch((error: unknown) => error);
    expect(await noRequest).toMatchObject({ code: 'INVALID_DPOP_PROOF', reason: 'proof_method' });
  });
});

describe('a guard that requires DPoP', () => {
  it.each([
    { options: {}, status: 401 },
    { options: { methods: ['jwt'] }, status: 401 },
    { options: { methods: ['jwt', 'session'] }, status: 200 },
    { options: { sessionCookie: true }, status: 200 },
    { options: { dpop: 'accepted' }, status: 200 },
  ] as const)('answers a session cookie with $status when it says $options', async (given) => {
    const { auth } = await serveAuth({ dpop: { mode: 'required' }, cookieSessions: true });
    const user = await addUser({ auth });
    const { refreshToken } = await auth.sessions.start(user, {
      ...{ amr: ['pwd'], authTime: 1, acr: undefined, device: undefined, delivery: 'cookie' },
    });
    const app = express();
    app.get('/me', auth.requireAuth(given.options), (req, res) => void res.json(req.auth));
    app.use(auth.errorHandler());
    const { origin } = await serve(app);
    const headers = { cookie: `latchkey-session=${refreshToken}` };
    expect((await fetch(`${origin}/me`, { headers })).status).toBe(given.status);
  });
});

it.each([
  { mode: 'off', said: {} },
  {
    mode: 'accepted',
    said: { dpop_signing_alg_values_supported: expect.arrayContaining(['ES256']) },
  },
  { mode: 'required', said: { dpop_bound_access_tokens_required: true } },
] as const)('the metadata of a protected resource says of DPoP what $mode means', async (given) => {
  const { policy } = await createTestIssuer();
  const { mode, said } = given;
  const auth = createAuth({
    ...{ env: {}, trustedIssuers: [policy], publicUrl: PUBLIC_ORIGIN, dpop: { mode } },
  });
  const app = express();
  app.use(auth.protectedResource().metadata());
  const { origin } = await serve(app);
  const response = await fetch(`${origin}/.well-known/oauth-protected-resource`);
  const document = (await response.json()) as object;
  expect(document).toMatchObject(said);
  expect('dpop_signing_alg_values_supported' in document).toBe(mode !== 'off');
  expect('dpop_bound_access_tokens_required' in document).toBe(mode === 'required');
});

describe('start-up', () => {
  it('refuses DPoP without what it needs, in words', async () => {
    const { policy } = await createTestIssuer();
    const verifier = createVerifier({ issuers: policy });
    const usesAuth = /use auth\.requireAuth\(\)/;
    expect(() => requireAuth(verifier, { dpop: 'accepted' })).toThrow(usesAuth);
    expect(() => optionalAuth(verifier, { dpop: 'accepted' })).toThrow(usesAuth);
    expect(() => requireAuth(verifier, { dpop: 'off' })).not.toThrow();
    expect(() => requireAuth(verifier, { dpop: 'on' as never })).toThrow(TypeError);
    const auth = createAuth({ env: {}, trustedIssuers: [policy] });
    expect(() => auth.requireAuth({ dpop: 'accepted' })).toThrow(/AUTH_PUBLIC_URL/);
    expect(() => createAuth({ env: { AUTH_DPOP: 'required' }, trustedIssuers: [policy] })).toThrow(
      /AUTH_DPOP is on, but no address is known/,
    );
    expect(() =>
      createAuth({
        env: { AUTH_PUBLIC_URL: PUBLIC_ORIGIN, AUTH_DPOP_NONCE_TTL: '5m' },
        trustedIssuers: [policy],
      }),
    ).toThrow(/AUTH_DPOP_NONCE_TTL is given without a secret/);
  });

  it('warns in production of a memory that other instances do not share', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const { policy } = await createTestIssuer();
    const env = { NODE_ENV: 'production', AUTH_PUBLIC_URL: PUBLIC_ORIGIN };
    const verifyOnly = createAuth({ env, trustedIssuers: [policy] });
    expect(warn).not.toHaveBeenCalled();
    verifyOnly.requireAuth({ dpop: 'accepted' });
    expect(String(warn.mock.calls[0]?.[0])).toContain('takes a DPoP proof that was used before');
    warn.mockRestore();
    await verifyOnly.close();
  });
});
