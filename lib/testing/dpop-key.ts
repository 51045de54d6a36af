import { createHash, randomUUID } from 'node:crypto';
import { encodeSegment, type JsonObject } from './minter.js';
import { createKeyLender, type TestAlgorithm } from './signing-keys.js';
import type { JsonWebKey } from '../verifier/keys/json-web-key.js';

export interface DpopKeyOptions {
  /** What the key signs with. @defaultValue `'ES256'` */
  readonly algorithm?: Exclude<TestAlgorithm, 'HS256'>;
  /** The clock, in milliseconds since 1970. @defaultValue `Date.now` */
  readonly now?: () => number;
}

/** The request that a proof is for. */
export interface ProofRequest {
  /** @defaultValue `'GET'` */
  readonly method?: string;
  /** At the public address of the application. A query and a fragment are left out of the proof. */
  readonly url: string;
  /** The access token that the request brings. @defaultValue none, as for a token request */
  readonly token?: string;
  /** What `DPoP-Nonce` has said. @defaultValue none */
  readonly nonce?: string;
  /** Claims that replace those of a valid proof; undefined removes one. */
  readonly claims?: JsonObject;
  /** Members that replace those of its header; undefined removes one. */
  readonly header?: JsonObject;
}

/** A client's key for DPoP (RFC 9449). */
export interface DpopKey {
  /** The public half. */
  readonly jwk: JsonWebKey;
  /** Binds a token to this key: `issuer.mint({ cnf: key.cnf })`. */
  readonly cnf: {
    /** Thumbprint of the public half (RFC 7638, SHA-256). */
    readonly jkt: string;
  };
  /** Returns the value of a `DPoP` header, another one at each call. */
  proof(request: ProofRequest): string;
}

/**
 * Creates a client's key, to test guards that take bound tokens.
 *
 * @example
 * const key = await createDpopKey();
 * const token = await issuer.mint({ cnf: key.cnf });
 * const url = 'https://api.example.com/me';
 * const proof = key.proof({ url, token });
 * await fetch(url, { headers: { authorization: `DPoP ${token}`, dpop: proof } });
 */
export async function createDpopKey({
  algorithm = 'ES256',
  now = Date.now,
}: DpopKeyOptions = {}): Promise<DpopKey> {
  const key = await createKeyLender(algorithm)();
  const jwk: JsonWebKey = key.published?.publicKey.export({ format: 'jwk' }) ?? {};
  return Object.freeze({
    jwk: Object.freeze(jwk),
    cnf: Object.freeze({ jkt: key.kid }),
    proof({ method = 'GET', url, token, nonce, claims = {}, header = {} }: ProofRequest): string {
      const head = { typ: 'dpop+jwt', alg: algorithm, jwk, ...header };
      const payload = {
        jti: randomUUID(),
        htm: method,
        htu: url.replace(/[?#].*$/s, ''),
        iat: Math.floor(now() / 1000),
        ...(token !== undefined && {
          ath: createHash('sha256').update(token).digest('base64url'),
        }),
        nonce,
        ...claims,
      };
      const input = `${encodeSegment(head)}.${encodeSegment(payload)}`;
      return `${input}.${encodeSegment(key.sign(input))}`;
    },
  });
}
