import {
  calculateJwkThumbprint,
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  decodeJwt,
  decodeProtectedHeader,
  errors,
  jwtVerify,
} from 'jose';
import { describe, expect, it } from 'vitest';
import { createTestIssuer, type TestIssuer } from '../../lib/testing/index.js';

const NOW = Date.UTC(2030, 0, 1);
const expectations = {
  issuer: 'https://issuer.test',
  audience: 'https://api.test',
  typ: 'at+jwt',
  requiredClaims: ['sub', 'client_id', 'jti', 'iat', 'exp'],
};

function verify(issuer: TestIssuer, token: string, currentDate = new Date()) {
  const { keys } = issuer.policy;
  const options = { ...expectations, algorithms: [issuer.algorithm], currentDate };
  if ('secret' in keys && keys.secret[0] instanceof Uint8Array)
    return jwtVerify(token, keys.secret[0], options);
  return jwtVerify(token, createLocalJWKSet(issuer.jwks()), options);
}

describe('createTestIssuer', () => {
  it.each(['RS256', 'PS256', 'ES256', 'EdDSA', 'HS256'] as const)(
    'mints access tokens that an independent library verifies with %s',
    async (algorithm) => {
      const issuer = await createTestIssuer({ algorithm });
      const { payload, protectedHeader } = await verify(issuer, await issuer.mint());
      expect(protectedHeader).toMatchObject({ alg: algorithm, typ: 'at+jwt' });
      expect(payload).toMatchObject({ sub: 'user-1', client_id: 'client-1' });
      expect(issuer.policy).toMatchObject({ algorithms: [algorithm], profile: 'rfc9068' });
    },
  );

  it('takes issuer, audience and clock from its options', async () => {
    const issuer = await createTestIssuer({
      issuer: 'https://idp.example/tenant',
      audience: 'urn:api',
      now: () => NOW,
    });
    expect(decodeJwt(await issuer.mint())).toMatchObject({
      iss: 'https://idp.example/tenant',
      aud: 'urn:api',
      iat: NOW / 1000,
      exp: NOW / 1000 + 900,
    });
    expect(issuer.jwksUri).toBe('https://idp.example/tenant/jwks.json');
  });

  it('lets claims and header members be replaced, added and removed', async () => {
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    const token = await issuer.mint(
      { sub: 'ann', scope: 'a b', jti: undefined },
      { typ: 'JWT', kid: undefined },
    );
    expect(decodeJwt(token)).toMatchObject({ sub: 'ann', scope: 'a b' });
    expect(decodeJwt(token)).not.toHaveProperty('jti');
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'ES256', typ: 'JWT' });
  });

  it('makes every token a different one', async () => {
    const issuer = await createTestIssuer({ algorithm: 'HS256' });
    expect(await issuer.mint()).not.toBe(issuer.mintSync());
  });

  it('names its keys by their RFC 7638 thumbprint', async () => {
    const issuer = await createTestIssuer();
    const [jwk] = issuer.jwks().keys;
    const { n = '', e = '' } = jwk ?? {};
    expect(jwk).toMatchObject({ kid: issuer.kid, alg: 'RS256', use: 'sig' });
    expect(issuer.kid).toBe(await calculateJwkThumbprint({ kty: 'RSA', n, e }));
  });

  it.each(['RS256', 'ES256', 'EdDSA'] as const)(
    'shows no private part of its %s key',
    async (algorithm) => {
      const issuer = await createTestIssuer({ algorithm });
      for (const jwk of issuer.jwks().keys)
        for (const part of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k'])
          expect(jwk).not.toHaveProperty(part);
    },
  );

  it('publishes no secret', async () => {
    const issuer = await createTestIssuer({ algorithm: 'HS256' });
    expect(issuer.jwks()).toEqual({ keys: [] });
  });

  it('gives two issuers different keys', async () => {
    const [a, b] = await Promise.all([createTestIssuer(), createTestIssuer()]);
    expect(a.kid).not.toBe(b.kid);
  });

  it('never gives one issuer the same RSA key twice, however often it rotates', async () => {
    const issuer = await createTestIssuer();
    const kids = [issuer.kid];
    for (let turn = 0; turn < 9; turn += 1) kids.push(await issuer.rotate());
    expect(new Set(kids).size).toBe(10);
  }, 30_000);
});

describe('rotate and withdraw', () => {
  it('signs with a new key and keeps the old one published', async () => {
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    const old = await issuer.mint();
    const kid = await issuer.rotate();
    const fresh = await issuer.mint();
    expect(decodeProtectedHeader(fresh).kid).toBe(kid);
    expect(issuer.jwks().keys).toHaveLength(2);
    await expect(verify(issuer, old)).resolves.toBeDefined();
    await expect(verify(issuer, fresh)).resolves.toBeDefined();
  });

  it('drops the old key at once when asked', async () => {
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    const old = await issuer.mint();
    await issuer.rotate({ keepOld: false });
    await expect(verify(issuer, old)).rejects.toThrow(errors.JWKSNoMatchingKey);
  });

  it('withdraws a key, also the one that signs', async () => {
    const issuer = await createTestIssuer({ algorithm: 'EdDSA' });
    issuer.withdraw(issuer.kid);
    expect(issuer.jwks().keys).toEqual([]);
    await expect(verify(issuer, await issuer.mint())).rejects.toThrow(errors.JWKSNoMatchingKey);
    expect(() => issuer.withdraw(issuer.kid)).toThrow(TypeError);
  });

  it('rotates secrets through its policy', async () => {
    const issuer = await createTestIssuer({ algorithm: 'HS256' });
    const first = issuer.kid;
    await issuer.rotate();
    expect(issuer.policy.keys).toMatchObject({ secret: { length: 2 } });
    issuer.withdraw(first);
    expect(issuer.policy.keys).toMatchObject({ secret: { length: 1 } });
    await expect(verify(issuer, await issuer.mint())).resolves.toBeDefined();
  });
});

describe('the issuer as a key source', () => {
  it('serves keys to a library that fetches them', async () => {
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    const remote = createRemoteJWKSet(new URL(issuer.jwksUri), { [customFetch]: issuer.fetch });
    await jwtVerify(await issuer.mint(), remote, expectations);
    await jwtVerify(await issuer.mint(), remote, expectations);
    expect(issuer.fetchCounts).toEqual({ discovery: 0, jwks: 1, other: 0 });
  });
});
