import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createRootKeys } from '../../lib/secrets/derived-keys.js';
import { secretBytes } from '../../lib/secrets/secret-bytes.js';
import { publicSecretFlaw, secretFlaw } from '../../lib/secrets/strength.js';

/** From tutorials and default configurations; each is in jwt.secrets.list of wallarm/jwt-secrets. */
const leaked = [
  '!ChangeThisMercureHubJWTSecretKey!',
  '09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7',
  'ad5b102595dc54d979a07579c4615c8778f9077d8cd443ab9d91abb80c75c0e1',
];
/** In the list, it is base64 of 55 bytes. */
const encoded =
  '1bHO0iXdu2GfRE1Lj0GMSTrcv5U2Xqy0+VDViviWOh4QS9t1q69NOWD20nZO5/o6UyKUKS7w8pkpygfN9XF1vg==';

describe('a leaked secret is recognised', () => {
  it.each(leaked)('as it is: %s', (secret) => {
    expect(publicSecretFlaw(secret)).toContain('leaked');
    expect(publicSecretFlaw(Buffer.from(secret))).toContain('leaked');
  });

  it.each(leaked)('with white space around it: %s', (secret) => {
    expect(publicSecretFlaw(` ${secret}\n`)).toContain('leaked');
  });

  it.each(leaked)('encoded in base64, announced or not: %s', (secret) => {
    const base64 = Buffer.from(secret).toString('base64');
    expect(publicSecretFlaw(base64)).toContain('leaked');
    expect(publicSecretFlaw(`base64:${base64}`)).toContain('leaked');
    expect(publicSecretFlaw(Buffer.from(secret).toString('base64url'))).toContain('leaked');
  });

  it('decoded from base64, where the list has it encoded', () => {
    expect(publicSecretFlaw(encoded)).toContain('leaked');
    expect(publicSecretFlaw(`base64:${encoded}`)).toContain('leaked');
    expect(publicSecretFlaw(Buffer.from(encoded, 'base64'))).toContain('leaked');
  });
});

describe('one word, repeated, is recognised', () => {
  it.each([
    'hunter22hunter22hunter22hunter22',
    'Hunter22hunter22HUNTER22hunter22',
    'correct-horse correct-horse correct-horse',
    'monkeydragonmonkeydragonmonkeydragonmonkeydr',
    'banana1banana2banana3banana4banana5',
    Buffer.from('hunter22hunter22hunter22hunter22').toString('base64'),
    `base64:${Buffer.from('hunter22hunter22hunter22hunter22').toString('base64')}`,
  ])('%s', (secret) => {
    expect(publicSecretFlaw(secret)).toContain('repeated');
  });
});

it('nothing is known against random secrets', () => {
  for (let count = 0; count < 2000; count += 1) {
    const bytes = randomBytes(32);
    for (const encoding of ['base64', 'hex', 'base64url'] as const) {
      const secret = bytes.toString(encoding);
      expect([secret, publicSecretFlaw(secret)]).toEqual([secret, undefined]);
    }
    const hex = bytes.toString('hex');
    expect([hex, publicSecretFlaw(bytes)]).toEqual([hex, undefined]);
    expect([hex, publicSecretFlaw(`base64:${bytes.toString('base64')}`)]).toEqual([hex, undefined]);
  }
  expect(publicSecretFlaw('correct-horse-battery-staple-and-more-horses')).toBeUndefined();
});

describe('base64:', () => {
  const bytes = randomBytes(32);

  it.each([
    { title: 'padded', text: bytes.toString('base64') },
    { title: 'not padded', text: bytes.toString('base64').replace('=', '') },
    { title: 'of the URL alphabet', text: bytes.toString('base64url') },
  ])('stands for bytes, $title', ({ text }) => {
    expect(secretBytes(`base64:${text}`)).toEqual(bytes);
    expect(secretFlaw(`base64:${text}`, 32)).toBeUndefined();
    expect(secretFlaw(`base64:${text}`, 33)).toContain('shorter');
  });

  it.each(['', '====', 'a', 'not base64!', 'AAAA AAAA', '=AAAA'])('refuses %j after it', (text) => {
    expect(secretFlaw(`base64:${text}`, 0)).toContain('no base64');
    expect(() => secretBytes(`base64:${text}`)).toThrow(TypeError);
  });

  it('hides no placeholder and no key', () => {
    const announce = (text: string) => `base64:${Buffer.from(text).toString('base64')}`;
    expect(secretFlaw(announce('your-super-secret-jwt-key-change-this-in-production'), 32)).toBe(
      'is a placeholder',
    );
    expect(secretFlaw(announce('-----BEGIN PUBLIC KEY-----'), 0)).toContain('is a key');
  });

  it('is the same root as its bytes, and another one than its text', () => {
    const kidOf = (root: string) => createRootKeys([root]).current.kid;
    const text = 'vT3kq9Zr1LwXb7NfYc5JhGm2PdSa8EuQ';
    const announced = `base64:${Buffer.from(text).toString('base64')}`;
    expect(kidOf(announced)).toBe(kidOf(text));
    expect(kidOf(announced.slice('base64:'.length))).not.toBe(kidOf(text));
  });
});
