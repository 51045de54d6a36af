import express from 'express';
import { createVerifier, errorHandler, principalOf, requireAuth, requireScopes } from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import { createDpopApp } from '../world/dpop-app.js';
import { createEventLog } from '../world/event-log.js';
import { CLIENT, serveIntrospection } from '../world/introspection-server.js';
import { API, ROBOT, startOpaqueProvider } from '../world/opaque-provider.js';
import { refusalOf } from '../world/refusal-of.js';
import { serve } from '../world/serve.js';

/** A provider with opaque tokens and an API that asks it. */
async function createWorld() {
  const provider = await startOpaqueProvider();
  const events = createEventLog();
  const jwts = await createTestIssuer({ algorithm: 'ES256' });
  const verifier = createVerifier({
    issuers: [
      jwts.policy,
      {
        issuer: provider.issuer,
        audience: API,
        keys: { introspection: { discovery: true, ...provider.api } },
      },
    ],
    events,
  });
  const app = express();
  app.get('/me', requireAuth(verifier), (req, res) => {
    const { method, subject, clientId, issuer, scopes, expiresAt } = principalOf(req);
    res.json({ method, subject, clientId, issuer, scopes, expiresAt });
  });
  app.get('/write', requireAuth(verifier), requireScopes('invoices:write'), (_req, res) => {
    res.json({});
  });
  app.get('/signed', requireAuth(verifier, { methods: ['jwt'] }), (_req, res) => {
    res.json({});
  });
  app.use(errorHandler({ events }));
  const { origin } = await serve(app);
  const get = async (token: string, path = '/me') => {
    const response = await fetch(`${origin}${path}`, {
      headers: { Authorization: `Bearer ${token}` },
    });
    return { status: response.status, headers: response.headers, body: await response.json() };
  };
  return { provider, jwts, verifier, events, get };
}

describe('one requireAuth() for JWTs and for the opaque tokens of a real provider', () => {
  it('takes both, each as what it is', async () => {
    const { provider, jwts, get, verifier } = await createWorld();
    await verifier.ready();
    expect(await get(await provider.mint())).toMatchObject({
      status: 200,
      body: {
        method: 'opaque',
        subject: ROBOT.clientId,
        clientId: ROBOT.clientId,
        issuer: provider.issuer,
        scopes: ['invoices:read'],
      },
    });
    expect(await get(await jwts.mint({ sub: 'user-1' }))).toMatchObject({
      status: 200,
      body: { method: 'jwt', subject: 'user-1' },
    });
    expect(provider.questions).toBe(1);
  });

  it('takes only JWTs with `methods: ["jwt"]`', async () => {
    const { provider, jwts, get } = await createWorld();
    expect((await get(await jwts.mint(), '/signed')).status).toBe(200);
    expect(await get(await provider.mint(), '/signed')).toMatchObject({ status: 401 });
  });

  it('asks once for 50 first uses at the same time, and not again within 30 s', async () => {
    const { provider, get, verifier } = await createWorld();
    const token = await provider.mint();
    const first = await Promise.all(Array.from({ length: 50 }, () => get(token)));
    await get(token);
    expect(new Set(first.map(({ status }) => status))).toEqual(new Set([200]));
    expect(provider.questions).toBe(1);
    expect(verifier.counters()).toMatchObject({ introspections: 1, cachedTokens: 1 });
  });

  it('judges scopes and audiences like those of a JWT', async () => {
    const { provider, get } = await createWorld();
    const elsewhere = await provider.mint({ resource: 'https://other.example/api' });
    expect((await get(await provider.mint(), '/write')).status).toBe(403);
    expect((await get(await provider.mint({ scope: 'invoices:write' }), '/write')).status).toBe(
      200,
    );
    expect(await get(elsewhere)).toMatchObject({ status: 401, body: { code: 'INVALID_TOKEN' } });
  });

  it('refuses a token that has been revoked, and one that there never was', async () => {
    const { provider, events, get } = await createWorld();
    const token = await provider.mint();
    await provider.revoke(token);
    expect((await get(token)).status).toBe(401);
    expect((await get('Never-was-such-a-token-anywhere-here')).status).toBe(401);
    expect(events.of('token.refused').map(({ reason }) => reason)).toEqual([
      'inactive',
      'inactive',
    ]);
  });

  it('answers 503 while the provider is down; a token that it has vouched for goes on', async () => {
    const { provider, jwts, get } = await createWorld();
    const [known, unknown] = [await provider.mint(), await provider.mint()];
    await get(known);
    await provider.kill();
    expect((await get(known)).status).toBe(200);
    expect((await get(await jwts.mint())).status).toBe(200);
    const refused = await get(unknown);
    expect(refused).toMatchObject({ status: 503, body: { code: 'KEYS_UNAVAILABLE' } });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  });

  it('a JWT that names it as issuer is asked about, and a provider that takes none is no failure of all', async () => {
    const { provider, events, get } = await createWorld();
    const forger = await createTestIssuer({ issuer: provider.issuer, algorithm: 'ES256' });
    for (let turn = 0; turn < 4; turn += 1)
      expect((await get(await forger.mint({ sub: `user-${turn}` }))).status).toBe(503);
    expect((await get(await provider.mint())).status).toBe(200);
    expect(events.of('introspection.failed')[0]).toMatchObject({ reason: 'status' });
  });
});

describe('signed answers of a real provider (RFC 9701)', () => {
  it('vouch for a token, and say of one that there never was that it is not active', async () => {
    const provider = await startOpaqueProvider();
    const verifier = createVerifier({
      issuers: {
        issuer: provider.issuer,
        audience: API,
        keys: {
          introspection: {
            discovery: true,
            signedResponses: { discovery: true },
            ...provider.api,
          },
        },
      },
    });
    await verifier.ready();
    expect(await verifier.verify(await provider.mint())).toMatchObject({
      method: 'opaque',
      subject: ROBOT.clientId,
    });
    const refusal = await refusalOf(verifier.verify('Never-was-such-a-token-anywhere-here'));
    expect(refusal).toMatchObject({ code: 'INVALID_TOKEN', reason: 'inactive' });
    expect(verifier.counters()).toMatchObject({ introspections: 2, signatureChecks: 2 });
  });
});

describe('an opaque token that is bound to a key (RFC 9449)', () => {
  it('needs a proof with each request, by what its issuer says of it', async () => {
    const server = await serveIntrospection({});
    const { issuer, endpoint } = server;
    const { key, call, get, outcomeOf } = await createDpopApp({
      trustedIssuers: [{ issuer, audience: API, keys: { introspection: { endpoint, ...CLIENT } } }],
    });
    const token = 'opaque-token-that-is-bound';
    server.answer = { active: true, sub: 'user-1', aud: API, token_type: 'DPoP', cnf: key.cnf };
    expect(await call({ token })).toMatchObject({ status: 200, body: { method: 'opaque' } });
    expect(await outcomeOf(get({ authorization: `Bearer ${token}` }))).toMatch(
      /^401 .* sender_constrained$/,
    );
    expect(
      await outcomeOf(call({ token: 'opaque-token-that-is-other', claims: { ath: 'x' } })),
    ).toMatch(/^401 INVALID_DPOP_PROOF/);
  });
});
