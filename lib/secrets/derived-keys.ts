import { hkdfSync } from 'node:crypto';
import { secretBytes } from './secret-bytes.js';

/** One root secret, of which only keys for a single purpose are ever used. */
interface RootKey {
  /** Names the root in what it protects. Derived like a key, so it reveals nothing of the root. */
  readonly kid: string;
  /** 32 bytes, different for every purpose (HKDF-SHA-256, RFC 5869). */
  derive(purpose: string): Buffer;
}

export interface RootKeys {
  /** Protects what is made now. */
  readonly current: RootKey;
  /** The current or a previous root; undefined for any other name. */
  find(kid: string): RootKey | undefined;
  /** The current one first. */
  readonly all: readonly RootKey[];
}

/** Prepares AUTH_SECRET and AUTH_SECRET_PREVIOUS: the first makes, all of them are recognised. */
export function createRootKeys([current, ...previous]: readonly [string, ...string[]]): RootKeys {
  const first = createRootKey(current);
  const all = [first, ...previous.map(createRootKey)];
  const byKid = new Map(all.map((root) => [root.kid, root]));
  return Object.freeze({ current: first, find: (kid: string) => byKid.get(kid), all });
}

function createRootKey(root: string): RootKey {
  const keys = new Map<string, Buffer>();
  const bytes = secretBytes(root);
  const derive = (purpose: string): Buffer => {
    const known = keys.get(purpose);
    if (known) return known;
    const key = Buffer.from(hkdfSync('sha256', bytes, '', `latchkey ${purpose}`, 32));
    keys.set(purpose, key);
    return key;
  };
  return Object.freeze({ kid: derive('kid').toString('base64url', 0, 6), derive });
}
