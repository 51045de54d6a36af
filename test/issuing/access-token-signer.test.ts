import type { KeyObject } from 'node:crypto';
import { calculateJwkThumbprint, createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { createVerifier, loadConfig } from 'latchkey';
import { describe, expect, it } from 'vitest';
import { createAccessTokenSigner } from '../../lib/issuing/access-token-signer.js';
import { jwkThumbprint } from '../../lib/verifier/keys/jwk-thumbprint.js';
import { SECRET } from '../world/auth-server.js';
import { keyPair } from '../world/key-pairs.js';
import { serve } from '../world/serve.js';

const PUBLIC_URL = 'http://localhost:3000';

const pem = (key: KeyObject): string => key.export({ format: 'pem', type: 'pkcs8' }).toString();
const rsa = (): string => pem(keyPair('RSA-2048').privateKey);
const ec = (name = 'first'): string => pem(keyPair('P-256', name).privateKey);
const ed25519 = (): string => pem(keyPair('Ed25519').privateKey);
const pkcs1 = (): string =>
  keyPair('RSA-2048').privateKey.export({ format: 'pem', type: 'pkcs1' }).toString();
const jwk = (): string => JSON.stringify(keyPair('P-256').privateKey.export({ format: 'jwk' }));

function signerOf(
  jwt: NonNullable<NonNullable<Parameters<typeof loadConfig>[0]>['overrides']>['jwt'],
) {
  const config = loadConfig({
    env: {},
    overrides: { publicUrl: PUBLIC_URL, secret: SECRET, jwt },
    onWarning: () => undefined,
  });
  return createAccessTokenSigner(config, { now: Date.now });
}

const longSecret = `${SECRET}${SECRET}`.slice(0, 72);

describe('access tokens', () => {
  it.each([
    { algorithm: 'HS256', jwt: { secret: SECRET } },
    { algorithm: 'HS384', jwt: { secret: longSecret, algorithm: 'HS384' as const } },
    { algorithm: 'HS512', jwt: { secret: longSecret, algorithm: 'HS512' as const } },
    { algorithm: 'RS256', jwt: { privateKey: rsa() } },
    { algorithm: 'RS256', jwt: { privateKey: pkcs1() } },
    { algorithm: 'PS256', jwt: { privateKey: rsa(), algorithm: 'PS256' as const } },
    { algorithm: 'ES256', jwt: { privateKey: ec() } },
    { algorithm: 'ES256', jwt: { privateKey: jwk() } },
    { algorithm: 'EdDSA', jwt: { privateKey: ed25519() } },
  ])(
    'of $algorithm are accepted by our verifier with one signature check',
    async ({ algorithm, jwt }) => {
      const signer = signerOf(jwt);
      const verifier = createVerifier({ issuers: signer.issuerOptions() });
      const { token, expiresIn } = await signer.sign({
        subject: 'user-1',
        sessionId: 'session-1',
        authTime: 1_700_000_000,
        amr: ['pwd'],
        scopes: ['a', 'b'],
        user: {
          username: 'alice',
          email: 'alice@example.com',
          emailVerified: true,
          roles: ['analyst'],
          groups: ['emea'],
          attributes: { region: 'eu' },
          orgs: [{ id: 'acme', roles: ['owner'], isDefault: true }],
        },
      });
      expect(expiresIn).toBe(900);
      const principal = await verifier.verify(token);
      expect(decodeProtectedHeader(token)).toEqual({
        alg: algorithm,
        typ: 'at+jwt',
        kid: expect.stringMatching(/^[\w-]{8,43}$/) as string,
      });
      expect(principal).toMatchObject({
        subject: 'user-1',
        sessionId: 'session-1',
        clientId: 'first-party',
        authTime: 1_700_000_000,
        user: {
          username: 'alice',
          email: 'alice@example.com',
          emailVerified: true,
          roles: ['analyst'],
          groups: ['emea'],
          attributes: { region: 'eu' },
        },
        orgs: [{ id: 'acme', roles: ['owner'], isDefault: true }],
      });
      expect([...principal.scopes]).toEqual(['a', 'b']);
      expect(verifier.counters().signatureChecks).toBe(1);
    },
  );

  it('have every claim of RFC 9068 §2.2', async () => {
    const signer = signerOf({ privateKey: ec() });
    const verifier = createVerifier({ issuers: { ...signer.issuerOptions(), profile: 'rfc9068' } });
    const { token } = await signer.sign({ subject: 'user-1' });
    expect(Object.keys((await verifier.verify(token)).claims)).toEqual(
      expect.arrayContaining(['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti']),
    );
  });

  it('take further claims of the application', async () => {
    const signer = signerOf({ secret: SECRET });
    const verifier = createVerifier({ issuers: signer.issuerOptions() });
    const { token } = await signer.sign({ subject: 'user-1', extraClaims: { role: 'flat' } });
    expect((await verifier.verify(token)).claims).toMatchObject({ sub: 'user-1', role: 'flat' });
  });

  it.each([
    ...['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti'],
    ...['client_id', 'sid', 'auth_time', 'amr', 'acr', 'scope', 'must_reset_password'],
    ...['cnf', 'act', 'may_act', 'nonce', 'events'],
    ...['username', 'email', 'roles', 'groups', 'attributes', 'orgs'],
    ...['__proto__', 'constructor', 'prototype'],
  ])('say nothing of what the application says under %s', async (name) => {
    const signer = signerOf({ secret: SECRET });
    const extraClaims = Object.fromEntries([[name, 'forged']]);
    const { token } = await signer.sign({ subject: 'user-1', extraClaims });
    const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
    expect(payload).not.toContain('forged');
    const verifier = createVerifier({ issuers: signer.issuerOptions() });
    expect((await verifier.verify(token)).subject).toBe('user-1');
  });

  it.each([
    { title: 'a secret', jwt: { secret: SECRET } },
    { title: 'a private key', jwt: { privateKey: ec() } },
  ])('signed with $title are at+jwt, whatever they say', async ({ jwt }) => {
    const extraClaims = { typ: 'JWT', header: { typ: 'JWT' } };
    const { token } = await signerOf(jwt).sign({ subject: 'user-1', extraClaims });
    expect(decodeProtectedHeader(token)['typ']).toBe('at+jwt');
  });

  it('end no later than they are told', async () => {
    const signer = signerOf({ secret: SECRET });
    const { expiresIn } = await signer.sign({ subject: 'x', notAfter: Date.now() / 1000 + 60 });
    expect(expiresIn).toBeGreaterThanOrEqual(59);
    expect(expiresIn).toBeLessThanOrEqual(60);
  });
});

describe('published keys', () => {
  it('are the public halves of the current and the previous keys, and nothing more', () => {
    const signer = signerOf({ privateKey: ec(), privateKeyPrevious: [rsa()] });
    const { keys } = signer.jwks();
    expect(keys.map(({ kty, alg, use }) => ({ kty, alg, use }))).toEqual([
      { kty: 'EC', alg: 'ES256', use: 'sig' },
      { kty: 'RSA', alg: 'RS256', use: 'sig' },
    ]);
    for (const key of keys)
      for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k'])
        expect(key).not.toHaveProperty(member);
  });

  it('are none with a secret, whose name tells nothing of it', async () => {
    const signer = signerOf({ secret: SECRET });
    expect(signer.jwks()).toEqual({ keys: [] });
    const { token } = await signer.sign({ subject: 'x' });
    const { kid } = decodeProtectedHeader(token);
    const published = await calculateJwkThumbprint({
      kty: 'oct',
      k: Buffer.from(SECRET).toString('base64url'),
    });
    expect(kid).not.toBe(published);
  });

  it('are named by their RFC 7638 thumbprint', async () => {
    // RFC 7638 §3.1.
    const example = {
      kty: 'RSA',
      n: '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw',
      e: 'AQAB',
      alg: 'RS256',
      kid: '2011-04-29',
    };
    expect(jwkThumbprint(example)).toBe('NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs');
    for (const privateKey of [rsa(), ec(), ed25519()]) {
      const [key] = signerOf({ privateKey }).jwks().keys;
      expect(key?.['kid']).toBe(await calculateJwkThumbprint(key as object));
    }
  });

  it('are all that others need to verify our tokens', async () => {
    const signer = signerOf({ privateKey: ec() });
    const { origin } = await serve((_req, res) => {
      res.setHeader('content-type', 'application/json');
      res.end(JSON.stringify(signer.jwks()));
    });
    const { token } = await signer.sign({ subject: 'user-1' });
    const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(origin)), {
      issuer: PUBLIC_URL,
      audience: PUBLIC_URL,
      typ: 'at+jwt',
    });
    expect(payload.sub).toBe('user-1');
  });
});

describe('rotation', () => {
  it.each([
    {
      title: 'secrets',
      before: { secret: SECRET },
      after: { secret: longSecret, secretPrevious: [SECRET] },
    },
    ...[
      { old: rsa(), young: ec() },
      { old: ec(), young: ed25519() },
    ].map(({ old, young }) => ({
      title: 'private keys of different types',
      before: { privateKey: old },
      after: { privateKey: young, privateKeyPrevious: [old] },
    })),
  ])(
    'of $title: tokens of the former key go on, those of the new one need one check',
    async ({ before, after }) => {
      const [old, young] = [signerOf(before), signerOf(after)];
      const verifier = createVerifier({ issuers: young.issuerOptions() });
      await verifier.verify((await young.sign({ subject: 'x' })).token);
      expect(verifier.counters().signatureChecks).toBe(1);
      await verifier.verify((await old.sign({ subject: 'x' })).token);
    },
  );

  it('an instance that was not told of the new key refuses its tokens with 401', async () => {
    const [old, young] = [signerOf({ privateKey: ec() }), signerOf({ privateKey: ec('second') })];
    const verifier = createVerifier({ issuers: old.issuerOptions() });
    const { token } = await young.sign({ subject: 'x' });
    await expect(verifier.verify(token)).rejects.toMatchObject({
      code: 'INVALID_TOKEN',
      status: 401,
    });
  });
});

it.each([
  {
    title: 'no key',
    overrides: {
      publicUrl: PUBLIC_URL,
      jwt: { jwksUrl: 'https://idp.example/jwks', issuer: 'x', audience: ['y'] },
    },
  },
])('an issuer with $title is a TypeError', ({ overrides }) => {
  const config = loadConfig({ env: {}, overrides, onWarning: () => undefined });
  expect(() => createAccessTokenSigner(config, { now: Date.now })).toThrow(TypeError);
});
