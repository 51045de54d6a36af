import { createHmac, timingSafeEqual } from 'node:crypto';
import type { RootKeys } from '../../secrets/derived-keys.js';

/** Nonces that proofs must hold (RFC 9449 §8, §9), so that none can be made in advance. */
export interface ProofNonces {
  /** A nonce for the proofs of one key, from now on. */
  issue(thumbprint: string): string;
  /** What a nonce is worth in a proof of this key: `ageing` still counts, and its client should get the next one. */
  judge(nonce: string, thumbprint: string): 'fresh' | 'ageing' | 'worthless';
}

interface NonceOptions {
  /** Keys derived from these make nonces; those of previous roots still count. */
  readonly rootKeys: RootKeys;
  readonly lifeSeconds: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const PURPOSE = 'dpop nonce';
/** How far the clock of another instance that made a nonce may be ahead. */
const AHEAD_SECONDS = 5;

/**
 * Nonces without memory: the time and a MAC over it and the thumbprint of the client's key. Every instance knows those of the others,
 * and none of another client's is of any use.
 */
export function createProofNonces({ rootKeys, lifeSeconds, now }: NonceOptions): ProofNonces {
  const seconds = (): number => Math.floor(now() / 1000);
  return Object.freeze({
    issue(thumbprint: string): string {
      const time = seconds().toString(36);
      const mac = macOf(rootKeys.current, `${time} ${thumbprint}`);
      return `${time}.${mac.toString('base64url')}`;
    },
    judge(nonce: string, thumbprint: string) {
      const [, time, mac] = /^([a-z\d]{6,8})\.([\w-]{43})$/.exec(nonce) ?? [];
      if (time === undefined || mac === undefined) return 'worthless';
      const age = seconds() - Number.parseInt(time, 36);
      if (age < -AHEAD_SECONDS || age >= lifeSeconds) return 'worthless';
      const given = Buffer.from(mac, 'base64url');
      const isOurs = rootKeys.all.some((root) =>
        timingSafeEqual(macOf(root, `${time} ${thumbprint}`), given),
      );
      if (!isOurs) return 'worthless';
      return age < lifeSeconds / 2 ? 'fresh' : 'ageing';
    },
  });
}

function macOf(root: RootKeys['current'], text: string): Buffer {
  return createHmac('sha256', root.derive(PURPOSE)).update(text).digest();
}
