import type { AsymmetricAlgorithm } from '../../verifier/trusted-issuers/options.js';
import { decodeJsonObject, hasTokenShape } from '../../verifier/tokens/shape.js';
import { isRecord } from '../../is-record.js';
import { isProofAlgorithm, type NamedKey, nameKey } from './proof-keys.js';

/** Longest proof that is read, in characters. One with an RSA key of 4096 bits has about 1700. */
const MAX_PROOF_LENGTH = 4096;
/** Longest `jti`, in characters. RFC 9449 §4.2 asks for 96 random bits, or a UUID. */
const MAX_ID_LENGTH = 256;

/** Why a proof is refused, in one word for logs and events. */
export type ProofFlaw =
  | 'proof_missing'
  | 'proof_repeated'
  | 'proof_malformed'
  | 'proof_type'
  | 'proof_algorithm'
  | 'proof_key'
  | 'proof_claims'
  | 'proof_method'
  | 'proof_uri'
  | 'proof_time'
  | 'proof_token'
  | 'proof_signature'
  | 'proof_replayed';

/** A DPoP proof (RFC 9449 §4.2) that has the right form. Its signature has not been checked. */
export interface Proof {
  readonly algorithm: AsymmetricAlgorithm;
  readonly key: NamedKey;
  /** Unique for each proof. 1 to 256 characters. */
  readonly id: string;
  /** `htm`: the method of the request that it is for. */
  readonly method: string;
  /** `htu`: the URI of that request. */
  readonly uri: string;
  /** Seconds since 1970. */
  readonly issuedAt: number;
  readonly nonce: string | undefined;
  /** `ath`: the hash of the access token that it goes with. */
  readonly tokenHash: string | undefined;
  /** What was signed. */
  readonly input: string;
  readonly signature: Buffer;
}

/** Reads a proof as far as it can be judged by itself. Returns its flaw for one that is not of the form of RFC 9449 §4.2. */
export function readProof(text: string): Proof | ProofFlaw {
  if (!hasTokenShape(text, MAX_PROOF_LENGTH)) return 'proof_malformed';
  const [head = '', payload = '', signature = ''] = text.split('.');
  const header = decodeJsonObject(head);
  if (!header) return 'proof_malformed';
  if (header['typ'] !== 'dpop+jwt') return 'proof_type';
  const { alg } = header;
  if (!isProofAlgorithm(alg)) return 'proof_algorithm';
  // An extension that must be understood (RFC 7515 §4.1.11): there is none for proofs.
  if (header['crit'] !== undefined) return 'proof_malformed';
  const key = isRecord(header['jwk']) ? nameKey(header['jwk']) : undefined;
  if (!key) return 'proof_key';
  const claims = decodeJsonObject(payload);
  if (!claims) return 'proof_malformed';
  const facts = readClaims(claims);
  if (!facts) return 'proof_claims';
  return {
    ...facts,
    ...{ algorithm: alg, key },
    input: `${head}.${payload}`,
    signature: Buffer.from(signature, 'base64url'),
  };
}

function readClaims(claims: Readonly<Record<string, unknown>>) {
  const { jti, htm, htu, iat, nonce, ath } = claims;
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_ID_LENGTH) return undefined;
  if (typeof htm !== 'string' || typeof htu !== 'string') return undefined;
  if (typeof iat !== 'number' || !Number.isFinite(iat)) return undefined;
  if (!isTextOrAbsent(nonce) || !isTextOrAbsent(ath)) return undefined;
  return { id: jti, method: htm, uri: htu, issuedAt: iat, nonce, tokenHash: ath };
}

function isTextOrAbsent(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}
