import type { JsonWebKey } from 'node:crypto';
import { AUDIENCE, type BenchAlgorithm, ISSUER, type Signer } from './tokens.js';

/** What a guard needs to know of the issuer. Plain data, because it travels to the server's process. */
export interface Trust {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithm: BenchAlgorithm;
  readonly keys:
    | { readonly jwks: { readonly keys: readonly JsonWebKey[] } }
    | { readonly secret: string }
    | { readonly jwksUri: string };
  /** Most tokens our verifier remembers. @defaultValue its own */
  readonly maxEntries?: number;
}

/** Trust in a signer's own key, with nothing to fetch. */
export function trustIn(signer: Signer): Trust {
  return {
    issuer: ISSUER,
    audience: AUDIENCE,
    algorithm: signer.algorithm,
    keys: signer.secret === undefined ? { jwks: signer.jwks } : { secret: signer.secret },
  };
}

/** Trust in whatever keys are published at an address. */
export function trustInKeysAt(jwksUri: string, signer: Signer): Trust {
  return { ...trustIn(signer), keys: { jwksUri } };
}
