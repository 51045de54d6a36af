import { createSecretKey, randomBytes } from 'node:crypto';
import {
  createVerifier,
  type IssuerOptions,
  requireAnyScope,
  requireAuth,
  requireAuthContext,
  requireRoles,
  requireScopes,
} from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import { keyPair } from '../world/key-pairs.js';

const rsa = keyPair('RSA-2048');
const publicPem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const privatePem = rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const publicJwk = rsa.publicKey.export({ format: 'jwk' });
const p384 = keyPair('P-384').publicKey;
const weak = keyPair('RSA-1024').publicKey;

const base = { issuer: 'https://issuer.test', audience: 'https://api.test' };

function create(options: object): () => unknown {
  return () => createVerifier({ issuers: { ...base, ...options } as unknown as IssuerOptions });
}

describe('A3 a public key given as a secret stops the application', () => {
  it.each([
    { title: 'SPKI PEM', secret: publicPem },
    {
      title: 'PKCS1 PEM',
      secret: rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
    },
    { title: 'PEM after white space', secret: `\n  ${publicPem}` },
    { title: 'PEM after a byte order mark', secret: `\uFEFF${publicPem}` },
    { title: 'PEM after a zero-width space', secret: `\u200B${publicPem}` },
    { title: 'PEM after a comment', secret: `# the key\n${publicPem}` },
    { title: 'PEM as bytes', secret: Buffer.from(publicPem) },
    { title: 'a JWK', secret: JSON.stringify(publicJwk) },
    { title: 'a JWK Set', secret: JSON.stringify({ keys: [publicJwk] }) },
    { title: 'a list of JWKs', secret: ` ${JSON.stringify([publicJwk])}` },
  ])('$title', ({ secret }) => {
    expect(create({ keys: { secret } })).toThrow(TypeError);
  });
});

describe('A4 a weak secret stops the application', () => {
  it.each([
    { title: 'empty', secret: '' },
    { title: 'empty bytes', secret: Buffer.alloc(0) },
    { title: 'white space', secret: ' '.repeat(40) },
    { title: '31 bytes', secret: randomBytes(31) },
    { title: 'zeroes', secret: Buffer.alloc(64) },
    { title: 'two letters repeated', secret: 'ab'.repeat(32) },
    { title: 'the word secret', secret: 'secret' },
    { title: 'changeme, repeated', secret: 'changeme'.repeat(8) },
    { title: 'a long placeholder', secret: 'your-256-bit-secret-goes-here-please' },
    { title: 'a placeholder without digits', secret: 'replace-this-with-a-long-random-secret' },
    { title: 'null', secret: null },
    { title: 'a number', secret: 12_345 },
    { title: 'no secret in the list', secret: [] },
    { title: 'a weak one in the list', secret: [randomBytes(32), 'short'] },
    { title: '32 bytes for HS384', secret: randomBytes(32), algorithms: ['HS384'] },
    { title: '48 bytes for HS512', secret: randomBytes(48), algorithms: ['HS512'] },
  ])('$title', ({ secret, algorithms = ['HS256'] }) => {
    expect(create({ keys: { secret }, algorithms })).toThrow(TypeError);
  });

  it.each([
    { algorithms: ['HS256'], bytes: 32 },
    { algorithms: ['HS384'], bytes: 48 },
    { algorithms: ['HS512'], bytes: 64 },
  ])('$bytes random bytes are enough for $algorithms.0', ({ algorithms, bytes }) => {
    expect(create({ keys: { secret: randomBytes(bytes) }, algorithms })).not.toThrow();
  });

  it('the message never quotes the secret', () => {
    const secret = 'my-very-own-secret-of-31-bytes!';
    expect(create({ keys: { secret } })).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining(secret) }),
    );
  });
});

describe('A5 to A7 keys and algorithms that do not belong together stop the application', () => {
  const secret = randomBytes(64);
  it.each([
    { title: 'no keys', options: {} },
    { title: 'keys null', options: { keys: null } },
    { title: 'keys without a source', options: { keys: {} } },
    { title: 'two sources', options: { keys: { secret, publicKey: publicPem } } },
    { title: 'an empty public key', options: { keys: { publicKey: '' } } },
    { title: 'a private key as the public one', options: { keys: { publicKey: privatePem } } },
    {
      title: 'a private JWK as the public one',
      options: { keys: { publicKey: rsa.privateKey.export({ format: 'jwk' }) } },
    },
    {
      title: 'a secret KeyObject as the public one',
      options: { keys: { publicKey: createSecretKey(secret) } },
    },
    { title: 'A8 RSA of 1024 bits', options: { keys: { publicKey: weak } } },
    {
      title: 'A6 a P-384 key for ES256',
      options: { keys: { publicKey: p384 }, algorithms: ['ES256'] },
    },
    {
      title: 'A6 a JWK for RS512 where RS256 is allowed',
      options: { keys: { publicKey: { ...publicJwk, alg: 'RS512' } }, algorithms: ['RS256'] },
    },
    {
      title: 'a JWK Set without a usable key',
      options: { keys: { jwks: { keys: [{ kty: 'oct', k: 'AA' }] } } },
    },
    { title: 'a JWK Set that is none', options: { keys: { jwks: [] } } },
    {
      title: 'A7 HS256 with a public key',
      options: { keys: { publicKey: publicPem }, algorithms: ['HS256'] },
    },
    {
      title: 'A7 HS256 beside RS256',
      options: { keys: { publicKey: publicPem }, algorithms: ['RS256', 'HS256'] },
    },
    { title: 'A7 RS256 with a secret', options: { keys: { secret }, algorithms: ['RS256'] } },
    {
      title: 'two algorithms for one secret',
      options: { keys: { secret }, algorithms: ['HS256', 'HS512'] },
    },
    { title: 'no algorithm', options: { keys: { secret }, algorithms: [] } },
    { title: 'the algorithm none', options: { keys: { secret }, algorithms: ['none'] } },
    {
      title: 'an inherited name as algorithm',
      options: { keys: { secret }, algorithms: ['constructor'] },
    },
  ])('$title', ({ options }) => {
    expect(create(options)).toThrow(TypeError);
  });
});

describe('other options that cannot be safe stop the application', () => {
  const keys = { secret: randomBytes(32) };
  it.each([
    { title: 'no issuer', options: { keys, issuer: undefined } },
    { title: 'an empty issuer', options: { keys, issuer: '' } },
    { title: 'D8 a RegExp as issuer', options: { keys, issuer: /issuer/ } },
    { title: 'D8 a RegExp as audience', options: { keys, audience: /api/ } },
    { title: 'no audience', options: { keys, audience: undefined } },
    { title: 'an empty audience', options: { keys, audience: '' } },
    { title: 'an empty list of audiences', options: { keys, audience: [] } },
    { title: 'an empty list of clients', options: { keys, clientIds: [] } },
    { title: 'D3 a NaN tolerance', options: { keys, clockToleranceSeconds: Number.NaN } },
    {
      title: 'D3 an infinite tolerance',
      options: { keys, clockToleranceSeconds: Number.POSITIVE_INFINITY },
    },
    { title: 'D3 a negative tolerance', options: { keys, clockToleranceSeconds: -1 } },
    { title: 'a tolerance of an hour', options: { keys, clockToleranceSeconds: 3600 } },
    { title: 'a tolerance as text', options: { keys, clockToleranceSeconds: '5' } },
    { title: 'a greatest age of 0', options: { keys, maxTokenAgeSeconds: 0 } },
    { title: 'required claims that are no list', options: { keys, requiredClaims: 'tenant' } },
    { title: 'a check that is no function', options: { keys, check: true } },
    { title: 'an unknown profile', options: { keys, profile: 'legacy' } },
    { title: 'an unknown preset', options: { keys, claims: 'constructor' } },
    { title: 'an unknown member of claims', options: { keys, claims: { role: 'role' } } },
    { title: 'a misspelt option', options: { keys, audiences: ['x'] } },
    {
      title: 'Entra’s common issuer',
      options: { keys, issuer: 'https://login.microsoftonline.com/common/v2.0' },
    },
    {
      title: 'the template as a tenant',
      options: { keys, issuer: 'https://login.test/{tenantid}/v2.0', tenants: ['{tenantid}'] },
    },
    { title: 'tenants without a template', options: { keys, tenants: ['t'] } },
    {
      title: 'a template without tenants',
      options: { keys, issuer: 'https://login.test/{tenantid}/v2.0' },
    },
    {
      title: 'a remote key set with a wrong limit',
      options: { keys: { jwksUri: 'https://a.test', timeoutMs: 0 } },
    },
    { title: 'a key URL that is none', options: { keys: { jwksUri: '/jwks' } } },
    { title: 'a key URL over http', options: { keys: { jwksUri: 'http://a.test/jwks' } } },
  ])('$title', ({ options }) => {
    expect(create(options)).toThrow(TypeError);
  });

  it('a verifier without issuers, with one twice, or with an unknown option', () => {
    expect(() => createVerifier({})).toThrow(TypeError);
    expect(() => createVerifier({ issuers: [] })).toThrow(TypeError);
    const issuer: IssuerOptions = { ...base, keys };
    expect(() => createVerifier({ issuers: [issuer, issuer] })).toThrow(/twice/);
    expect(() => createVerifier({ issuers: issuer, isRevokd: () => false } as object)).toThrow(
      /isRevokd/,
    );
  });

  it.each([
    { maxEntries: Number.NaN },
    { maxEntries: 0 },
    { maxEntries: Number.POSITIVE_INFINITY },
    { maxBytes: Number.NaN },
    { maxBytes: '64 MiB' },
    { maxAgeSeconds: 0 },
    { maxAgeSeconds: 86_400 },
    { maxEntry: 5 },
    true,
  ])('F4 a cache without a true bound: %j', (cache) => {
    const issuers: IssuerOptions = { ...base, keys };
    expect(() => createVerifier({ issuers, tokenCache: cache as object })).toThrow(TypeError);
  });

  it('guards that ask for nothing, or for what no token can grant', async () => {
    const { policy } = await createTestIssuer({ algorithm: 'ES256' });
    const verifier = createVerifier({ issuers: policy });
    const mistakes: (() => unknown)[] = [
      () => requireScopes(),
      () => requireScopes(''),
      () => requireScopes('read write'),
      () => requireScopes('re"ad'),
      () => requireScopes(['read'] as unknown as string),
      () => requireAnyScope(),
      () => requireRoles(...([] as unknown as [string])),
      () => requireRoles(''),
      () => requireRoles({ of: 'org' } as unknown as string),
      () => requireRoles('admin', { of: 'team' as 'org' }),
      () => requireRoles('admin', { match: 'none' as 'all' }),
      () => requireRoles('admin', { off: 'org' } as object),
      () => requireRoles('admin', {}, 'user'),
      () => requireAuthContext({}),
      () => requireAuthContext({ acrValues: [] }),
      () => requireAuthContext({ acrValues: ['a b'] }),
      () => requireAuthContext({ maxAgeSeconds: -1 }),
      () => requireAuthContext({ maxAgeSeconds: 1.5 }),
      () => requireAuthContext({ maxAge: 5 } as object),
      () => requireAuth(verifier, { required: false } as object),
      () => requireAuth(verifier, { loadPrincipal: {} as never }),
      () => requireAuth(verifier, { loadPrincipal: { load: () => ({}), ttlSeconds: 0 } }),
      () =>
        requireAuth(verifier, {
          loadPrincipal: { load: () => ({}), ttlSeconds: 5, maxEntries: 0 },
        }),
    ];
    for (const mistake of mistakes) expect(mistake, String(mistake)).toThrow(TypeError);
  });
});
