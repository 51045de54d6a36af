import type { AuthScheme } from '../../errors/challenges.js';
import { proofAlgorithms } from './proof-keys.js';
import type { ProofCheck } from './proof-check.js';

/** Whether access tokens may be, or must be, bound to a key of their client (RFC 9449). */
export type DpopMode = 'off' | 'accepted' | 'required';

const modes: readonly DpopMode[] = ['off', 'accepted', 'required'];

/** What `createAuth()` knows of proofs, and a verifier alone doesn't. */
export interface ProofSurroundings {
  /** For guards that don't say. @defaultValue `'off'` */
  readonly dpop?: DpopMode;
  /** Returns the check, made at the first call. Throws a TypeError where no public address is known. */
  readonly proofs?: () => ProofCheck;
}

/** How a guard treats DPoP. */
export interface GuardProofs {
  readonly mode: DpopMode;
  /** Undefined with the mode `off`. */
  readonly check: ProofCheck | undefined;
}

/** Reads the option of a guard. Throws a TypeError for another word, and where there is nothing to check proofs with. */
export function guardProofs(
  option: DpopMode | undefined,
  { dpop, proofs }: ProofSurroundings,
): GuardProofs {
  const mode = option ?? dpop ?? 'off';
  if (!modes.includes(mode)) throw new TypeError("`dpop` is 'off', 'accepted' or 'required'");
  if (mode === 'off') return { mode, check: undefined };
  if (proofs) return { mode, check: proofs() };
  throw new TypeError(
    '`dpop` needs a store that remembers proofs, and the public address: use auth.requireAuth() of a createAuth() with AUTH_PUBLIC_URL',
  );
}

/** What challenges say of a guard that treats DPoP in this way. */
export function schemesOf(mode: DpopMode): {
  readonly schemes: readonly AuthScheme[];
  readonly proofAlgorithms?: readonly string[];
} {
  if (mode === 'off') return { schemes: ['Bearer'] };
  return { schemes: mode === 'required' ? ['DPoP'] : ['Bearer', 'DPoP'], proofAlgorithms };
}
