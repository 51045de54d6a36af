import express from 'express';
import { createVerifier, errorHandler, requireAuth, requireScopes } from 'latchkey';
import { describe, expect, it } from 'vitest';
import { createClock } from '../world/clock.js';
import { serve } from '../world/serve.js';
import { createTokenSigner, type UnsignedToken } from '../world/token-signer.js';
import * as b2c from './fixtures/azure-b2c.js';
import { identityServer, pingOne } from './fixtures/clients-without-sub.js';
import * as keycloak from './fixtures/keycloak.js';
import { policies, type Policy } from './policies.js';
import { NOW, principalOf } from './principal-facts.js';

function withClaims({ header, claims }: UnsignedToken, changes: object): UnsignedToken {
  return { header, claims: { ...claims, ...changes } };
}

/** A route for everybody, one for users only, and one that asks for a scope. */
async function statusesOf(policy: Policy, token: UnsignedToken) {
  const signer = await createTokenSigner('signing-key');
  const verifier = createVerifier({
    issuers: { ...policy, keys: { jwks: { keys: [signer.jwk] } } },
    now: createClock(NOW).now,
  });
  const app = express();
  const answer: express.RequestHandler = (_req, res) => void res.json({});
  app.get('/any', requireAuth(verifier), answer);
  app.get('/users', requireAuth(verifier, { userOnly: true }), answer);
  app.get('/scope', requireAuth(verifier), requireScopes('invoices:read'), answer);
  app.use(errorHandler());
  const { origin } = await serve(app);
  const headers = { Authorization: `Bearer ${await signer.sign(token)}` };
  const statusOf = async (path: string) => (await fetch(origin + path, { headers })).status;
  return {
    any: await statusOf('/any'),
    users: await statusOf('/users'),
    scope: await statusOf('/scope'),
  };
}

const b2cPolicy = { issuer: b2c.ISSUER, audience: b2c.API, claims: { scopes: 'scp' } } as const;
const nonce = { nonce: '2b1c9f0e-3d4a-4b5c-8d6e-7f8091a2b3c4' };
const ours = { issuer: 'https://id.test', audience: 'https://api.test' } as const;

function tokenOf(claims: object, header: object = { typ: 'JWT' }): UnsignedToken {
  const base = { iss: ours.issuer, aud: ours.audience, sub: 'user-1', exp: NOW + 300 };
  return { header: { ...header }, claims: { ...base, ...claims } };
}

describe('an access token with a nonce', () => {
  it.each<{ of: string; policy: Policy; token: UnsignedToken }>([
    {
      of: 'Keycloak before 25, or with its compatibility mapper',
      policy: policies.keycloak,
      token: withClaims(keycloak.accessToken(NOW), nonce),
    },
    {
      of: 'Keycloak without a scope claim',
      policy: policies.keycloak,
      token: withClaims(keycloak.accessToken(NOW), { ...nonce, scope: undefined }),
    },
    { of: 'Azure AD B2C', policy: b2cPolicy, token: b2c.accessToken(NOW) },
    { of: 'an issuer that writes at+jwt', policy: ours, token: tokenOf(nonce, { typ: 'at+jwt' }) },
    { of: 'an issuer that lists scopes', policy: ours, token: tokenOf({ ...nonce, scope: ['a'] }) },
  ])('of $of is accepted', async ({ policy, token }) => {
    expect(await statusesOf(policy, token)).toMatchObject({ any: 200, users: 200 });
  });

  it.each<{ what: string; policy: Policy; token: UnsignedToken }>([
    {
      what: "Keycloak's ID token",
      policy: { ...policies.keycloak, audience: keycloak.CLIENT_ID },
      token: withClaims(keycloak.idToken(NOW), nonce),
    },
    {
      what: "Keycloak's ID token with a scope",
      policy: { ...policies.keycloak, audience: keycloak.CLIENT_ID },
      token: withClaims(keycloak.idToken(NOW), { ...nonce, scope: 'openid' }),
    },
    {
      what: "Keycloak's refresh token",
      policy: { ...policies.keycloak, audience: null },
      token: withClaims(keycloak.refreshToken(NOW), nonce),
    },
    {
      what: "Azure AD B2C's ID token",
      policy: { ...b2cPolicy, audience: [b2c.API, b2c.CLIENT_ID] },
      token: b2c.idToken(NOW),
    },
    { what: 'a token that says nothing else', policy: ours, token: tokenOf(nonce) },
    { what: 'a token with an empty scope', policy: ours, token: tokenOf({ ...nonce, scope: '' }) },
    {
      what: 'a token with no scope in its list',
      policy: ours,
      token: tokenOf({ ...nonce, scp: [] }),
    },
    {
      what: 'a token whose scope is an object',
      policy: ours,
      token: tokenOf({ ...nonce, scope: {} }),
    },
    {
      what: 'an ID token with a scope and a hash of its access token',
      policy: ours,
      token: tokenOf({ ...nonce, scope: 'openid', at_hash: 'LDktKdoQak3Pk0cnXxCltA' }),
    },
  ])('is an ID token otherwise: $what is refused', async ({ policy, token }) => {
    await expect(principalOf(policy, token)).rejects.toMatchObject({
      code: 'INVALID_TOKEN',
      reason: 'token_kind',
    });
  });
});

describe("a client's own token without `sub`", () => {
  it.each<{ of: string; policy: Policy; token: UnsignedToken; client: string; scope: number }>([
    {
      of: 'IdentityServer',
      policy: { issuer: identityServer.issuer, audience: identityServer.api },
      token: identityServer.token(NOW),
      client: 'm2m',
      scope: 200,
    },
    {
      of: 'PingOne',
      policy: { issuer: pingOne.issuer, audience: pingOne.api },
      token: pingOne.token(NOW),
      client: '8d2f6b1e-3c4a-4f5b-9e6d-7a8b9c0d1e2f',
      scope: 200,
    },
    ...['client_id', 'azp', 'appid', 'cid'].map((name) => ({
      of: `an issuer that names the client ${name}`,
      policy: ours,
      token: tokenOf({ sub: undefined, [name]: 'job-7' }),
      client: 'job-7',
      scope: 403,
    })),
  ])('of $of is accepted, except where users are asked for', async (row) => {
    const principal = await principalOf(row.policy, row.token);

    expect(principal).toMatchObject({
      subject: row.client,
      clientId: row.client,
      user: { id: row.client },
    });
    expect(await statusesOf(row.policy, row.token)).toEqual({
      any: 200,
      users: 403,
      scope: row.scope,
    });
  });

  it.each<{ what: string; policy?: Partial<Policy>; claims: object; header?: object }>([
    { what: 'neither subject nor client', claims: { sub: undefined } },
    { what: 'an empty client', claims: { sub: undefined, client_id: '' } },
    { what: 'a client that is an object', claims: { sub: undefined, client_id: { id: 'a' } } },
    { what: 'an empty subject', claims: { sub: '', client_id: 'job-7' } },
    { what: 'null for a subject', claims: { sub: null, client_id: 'job-7' } },
    { what: 'a number for a subject', claims: { sub: 7, client_id: 'job-7' } },
    {
      what: 'no subject, under the profile of RFC 9068',
      policy: { profile: 'rfc9068' },
      claims: { sub: undefined, client_id: 'job-7', iat: NOW, jti: 'a' },
      header: { typ: 'at+jwt' },
    },
  ])('is refused with $what', async ({ policy, claims, header }) => {
    await expect(
      principalOf({ ...ours, ...policy }, tokenOf(claims, header)),
    ).rejects.toMatchObject({ code: 'INVALID_TOKEN', reason: 'subject' });
  });

  it('does not count for a listed client that only another claim names', async () => {
    const policy = { issuer: ours.issuer, audience: null, clientIds: ['job-7'] } as const;
    await expect(
      principalOf(policy, tokenOf({ sub: undefined, cid: 'job-7' })),
    ).rejects.toMatchObject({ reason: 'client' });
    const listed = await principalOf(policy, tokenOf({ sub: undefined, client_id: 'job-7' }));
    expect(listed.subject).toBe('job-7');
  });
});

describe('scopes', () => {
  it.each<{ title: string; claims: object; scopes: string[]; mapping?: Policy['claims'] }>([
    { title: 'a text', claims: { scope: 'a b' }, scopes: ['a', 'b'] },
    {
      title: 'a list (Duende, Spring Authorization Server)',
      claims: { scope: ['a', 'b'] },
      scopes: ['a', 'b'],
    },
    { title: 'a list with one of two words', claims: { scope: ['a b', 'c'] }, scopes: ['c'] },
    {
      title: 'a list of other things',
      claims: { scope: [['a'], { value: 'b' }, 7, null, ''] },
      scopes: [],
    },
    { title: 'an object', claims: { scope: { a: true } }, scopes: [] },
    { title: 'another claim, which nobody maps', claims: { scp: ['admin'] }, scopes: [] },
    {
      title: 'another claim, mapped, as an object of lists',
      claims: { scp: { admin: ['a'] } },
      mapping: { scopes: 'scp' },
      scopes: [],
    },
  ])('in $title are $scopes', async ({ claims, scopes, mapping = 'generic' }) => {
    const principal = await principalOf({ ...ours, claims: mapping }, tokenOf(claims));
    expect([...principal.scopes]).toEqual(scopes);
  });
});
