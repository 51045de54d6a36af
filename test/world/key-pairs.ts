import { generateKeyPairSync, type KeyPairKeyObjectResult } from 'node:crypto';

const makers = {
  'RSA-2048': () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  'RSA-1024': () => generateKeyPairSync('rsa', { modulusLength: 1024 }),
  'P-256': () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'P-384': () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  Ed25519: () => generateKeyPairSync('ed25519'),
} satisfies Record<string, () => KeyPairKeyObjectResult>;

const made = new Map<string, KeyPairKeyObjectResult>();

/** A key pair. RSA pairs take long to make, so within a process a name always stands for the same one. */
export function keyPair(kind: keyof typeof makers, name = 'first'): KeyPairKeyObjectResult {
  const known = made.get(`${kind} ${name}`) ?? makers[kind]();
  made.set(`${kind} ${name}`, known);
  return known;
}
