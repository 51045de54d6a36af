import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyPairKeyObjectResult,
} from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const makers = {
  'RSA-2048': (name) => keptRsaPair(name, 2048),
  'RSA-1024': (name) => keptRsaPair(name, 1024),
  'P-256': () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'P-384': () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  Ed25519: () => generateKeyPairSync('ed25519'),
} satisfies Record<string, (name: string) => KeyPairKeyObjectResult>;

const made = new Map<string, KeyPairKeyObjectResult>();

/** A key pair. Within a process a name always stands for the same one. */
export function keyPair(kind: keyof typeof makers, name = 'first'): KeyPairKeyObjectResult {
  const known = made.get(`${kind} ${name}`) ?? makers[kind](name);
  made.set(`${kind} ${name}`, known);
  return known;
}

const folder = path.resolve(import.meta.dirname, '../../node_modules/.cache/latchkey/keys');

/** RSA pairs take long to make, so all processes of tests use the same ones. */
function keptRsaPair(name: string, modulusLength: number): KeyPairKeyObjectResult {
  const file = path.join(folder, `rsa-${modulusLength}-${encodeURIComponent(name)}.pem`);
  const pem = readOptional(file);
  if (pem !== undefined)
    return { privateKey: createPrivateKey(pem), publicKey: createPublicKey(pem) };
  const pair = generateKeyPairSync('rsa', { modulusLength });
  mkdirSync(folder, { recursive: true });
  const unfinished = `${file}.${process.pid}`;
  const text = pair.privateKey.export({ format: 'pem', type: 'pkcs8' });
  writeFileSync(unfinished, text, { mode: 0o600 });
  renameSync(unfinished, file);
  return pair;
}

function readOptional(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
