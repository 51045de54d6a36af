import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { createVerifier, type IssuerOptions, type SignatureAlgorithm } from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import { readJwk } from '../../lib/verifier/keys/verification-keys.js';
import { keyPair } from '../world/key-pairs.js';
import { refusalOf } from '../world/refusal-of.js';

const rsa = keyPair('RSA-2048');
const rsaJwk = rsa.publicKey.export({ format: 'jwk' });
const ecJwk = keyPair('P-256').publicKey.export({ format: 'jwk' });

function create(publicKey: unknown, algorithms: readonly SignatureAlgorithm[]): () => unknown {
  const options = {
    ...{ issuer: 'https://issuer.test', audience: 'https://api.test' },
    ...{ algorithms, keys: { publicKey } },
  };
  return () => createVerifier({ issuers: options as unknown as IssuerOptions });
}

describe('a configured public key', () => {
  const keyObject = (jwk: JsonWebKey) => createPublicKey({ key: jwk, format: 'jwk' });
  const pem = (jwk: JsonWebKey) =>
    keyObject(jwk).export({ type: 'spki', format: 'pem' }).toString();

  it.each([
    { title: 'a JWK', form: (jwk: JsonWebKey) => jwk },
    { title: 'a JWK as text', form: (jwk: JsonWebKey) => JSON.stringify(jwk) },
    {
      title: 'a JWK as text between line breaks',
      form: (jwk: JsonWebKey) => `\n ${JSON.stringify(jwk)}\n`,
    },
    { title: 'a KeyObject', form: keyObject },
    { title: 'PEM', form: pem },
    { title: 'PEM between line breaks', form: (jwk: JsonWebKey) => `\n${pem(jwk)}\n\n` },
  ])('may be $title', async ({ form }) => {
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    const [jwk = {}] = issuer.jwks().keys;
    const verifier = createVerifier({
      issuers: { ...issuer.policy, keys: { publicKey: [form(jwk)] } },
    });
    await verifier.verify(await issuer.mint());
  });

  it.each([
    { title: 'a text', publicKey: 'key', message: /could not be read/ },
    { title: 'half a JWK', publicKey: '{"kty":"RSA"', message: /could not be read/ },
    { title: 'a JWK without members', publicKey: {}, message: /could not be read/ },
    { title: 'a JSON text', publicKey: '"key"', message: /could not be read/ },
    { title: 'a number', publicKey: 5, message: /could not be read/ },
    { title: 'null', publicKey: null, message: /could not be read/ },
    { title: 'true', publicKey: true, message: /could not be read/ },
    { title: 'an empty list', publicKey: [], message: /empty/ },
    { title: 'a private JWK', publicKey: { ...rsaJwk, d: 'AQAB' }, message: /not public/ },
    {
      title: 'a private JWK as text',
      publicKey: JSON.stringify({ ...rsaJwk, d: 'AQAB' }),
      message: /not public/,
    },
    { title: 'a private KeyObject', publicKey: rsa.privateKey, message: /not public/ },
    {
      title: 'a private PEM',
      publicKey: rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }),
      message: /not public/,
    },
    {
      title: 'RSA of 1024 bits',
      publicKey: keyPair('RSA-1024').publicKey,
      message: /fewer than 2048/,
    },
    { title: 'RSA with exponent 1', publicKey: { ...rsaJwk, e: 'AQ' }, message: /exponent/ },
    { title: 'a key of another kind', publicKey: ecJwk, message: /`algorithms`/ },
    {
      title: 'a key of another algorithm',
      publicKey: { ...rsaJwk, alg: 'RS512' },
      message: /`algorithms`/,
    },
  ])('may not be $title: $message', ({ publicKey, message }) => {
    const start = create(publicKey, ['RS256']);
    expect(start).toThrow(TypeError);
    expect(start).toThrow(message);
  });

  it('is found by its `kid`', async () => {
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    const keys = issuer.jwks().keys.map((key) => ({ ...key, kid: 'one' }));
    const verifier = createVerifier({ issuers: { ...issuer.policy, keys: { publicKey: keys } } });
    await verifier.verify(await issuer.mint({}, { kid: 'one' }));
    const refusal = await refusalOf(verifier.verify(await issuer.mint({}, { kid: 'other' })));
    expect(refusal.reason).toBe('unknown_key');
  });
});

describe('a member of a JWK Set', () => {
  it.each([
    { title: 'a text', kid: 'one', read: 'one' },
    { title: 'an empty text, which names nothing', kid: '', read: undefined },
    { title: 'a number, which names nothing', kid: 5, read: undefined },
    { title: 'a list, which names nothing', kid: ['one'], read: undefined },
    { title: 'absent', kid: undefined, read: undefined },
  ])('whose `kid` is $title', ({ kid, read }) => {
    expect(readJwk({ ...ecJwk, kid }, ['ES256'])).toMatchObject([{ kid: read }]);
    expect(readJwk({ ...ecJwk, kid, use: 'enc' }, ['ES256'])).toEqual({ kid: read, reason: 'use' });
  });

  it.each([
    { title: 'a text', issuer: 'https://issuer.test', read: 'https://issuer.test' },
    { title: 'a list', issuer: ['https://issuer.test'], read: undefined },
    { title: 'absent', issuer: undefined, read: undefined },
  ])('whose `issuer` is $title', ({ issuer, read }) => {
    expect(readJwk({ ...ecJwk, issuer }, ['ES256'])).toMatchObject([{ issuer: read }]);
  });

  it.each([
    { members: { use: 'sig' }, reason: undefined },
    { members: { use: 'SIG' }, reason: 'use' },
    { members: { use: '' }, reason: 'use' },
    { members: { key_ops: ['verify'] }, reason: undefined },
    { members: { key_ops: ['sign'] }, reason: 'use' },
    { members: { key_ops: 'verify' }, reason: undefined },
    { members: { use: 'sig', key_ops: ['encrypt'] }, reason: 'use' },
    { members: { use: 'enc', key_ops: ['verify'] }, reason: 'use' },
    { members: { d: 'AQ' }, reason: 'private' },
    { members: { kty: 'oct' }, reason: 'private' },
    { members: { x: 'AQ' }, reason: 'malformed' },
    { members: { alg: 'ES384' }, reason: 'algorithm' },
    { members: { alg: 'ES256' }, reason: undefined },
    { members: { alg: null }, reason: 'algorithm' },
  ])('with $members: $reason', ({ members, reason }) => {
    const read = readJwk({ ...ecJwk, kid: 'one', ...members }, ['ES256']);
    const flaw = 'reason' in read ? read : undefined;
    expect(flaw).toEqual(reason && { kid: 'one', reason });
  });

  it.each([[null], [undefined], ['key'], [5], [[]]])('that is %j is malformed', (jwk) => {
    expect(readJwk(jwk, ['ES256'])).toEqual({ kid: undefined, reason: 'malformed' });
  });
});
