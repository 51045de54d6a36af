import { hash } from 'node:crypto';
import { AuthError } from '../../errors.js';
import type { OnceStore } from '../../stores/store.js';
import { isRepeated } from '../../http/repeated-fields.js';
import type { RequestHead } from '../credentials.js';
import { noteNextNonce } from './next-nonce.js';
import { type Proof, type ProofFlaw, readProof } from './proof.js';
import { createProofKeys } from './proof-keys.js';
import type { ProofNonces } from './proof-nonces.js';
import { comparableUri, createTargets, pathOf, type PublicAddresses } from './proof-uri.js';

export interface ProofCheckOptions extends PublicAddresses {
  /** How old a proof may be. */
  readonly proofTtlSeconds: number;
  /** How far the client's clock may be ahead. */
  readonly clockToleranceSeconds: number;
  /** What proofs must hold beside. @defaultValue nothing */
  readonly nonces?: ProofNonces | undefined;
  /** Remembers proofs. What it rejects with is passed on: 503. */
  readonly once: Pick<OnceStore, 'add'>;
  /** Protection space in challenges. */
  readonly realm: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** The access token that a proof comes with. */
interface BoundToken {
  readonly token: string;
  /** The key that the token is bound to: RFC 7638, SHA-256. What is no text is no key's. */
  readonly thumbprint: unknown;
}

interface ProofUse {
  /** The access token that the proof must be for. @defaultValue none, as in a token request */
  readonly bound?: BoundToken;
  /** Path of the request, as its client knows it. @defaultValue the path that it came by */
  readonly path?: string;
}

/** Checks DPoP proofs (RFC 9449 §4.3). */
export interface ProofCheck {
  /**
   * Judges the proof of a request. Resolves with the thumbprint of its key. Rejects with INVALID_DPOP_PROOF or USE_DPOP_NONCE (401), with
   * INVALID_TOKEN (401) when the token is bound to another key, and with STORE_UNAVAILABLE (503). A proof counts for one
   * request, however many guards that passes.
   */
  check(request: RequestHead, use?: ProofUse): Promise<string>;
  /** Exact counts, for tests and measurements. */
  counters(): { readonly signatureChecks: number; readonly keyImports: number };
}

/** How much longer a proof is remembered than it counts: the clocks of two instances differ. */
const REMEMBERED_LONGER_MS = 10_000;

/**
 * Prepares the check of proofs. What costs nothing comes first: form, method, URI, time, token and nonce; then one signature, and last
 * the store, which sees only proofs that are genuine.
 */
export function createProofCheck(options: ProofCheckOptions): ProofCheck {
  const { nonces, once, realm, now, proofTtlSeconds } = options;
  const keys = createProofKeys();
  const judge = createJudge(options);
  /** The proof that a request has been admitted with. */
  const admitted = new WeakMap<RequestHead, string>();
  let signatureChecks = 0;

  function refuse(reason: ProofFlaw): AuthError {
    return new AuthError('INVALID_DPOP_PROOF', { realm, reason });
  }

  function requireNonce({ nonce, key: { thumbprint } }: Proof, request: RequestHead): void {
    if (!nonces) return;
    const worth = nonce === undefined ? 'worthless' : nonces.judge(nonce, thumbprint);
    if (worth === 'fresh') return;
    const next = nonces.issue(thumbprint);
    if (worth === 'ageing') return noteNextNonce(request, next);
    const reason = nonce === undefined ? 'nonce_missing' : 'nonce_worthless';
    throw new AuthError('USE_DPOP_NONCE', { realm, reason, nonce: next });
  }

  function requireSignature({ key, algorithm, input, signature }: Proof): void {
    const imported = keys.find(key, algorithm);
    if (!imported) throw refuse('proof_key');
    signatureChecks += 1;
    if (!imported.verifies(input, signature)) throw refuse('proof_signature');
  }

  async function requireFirstUse(
    { id, key, issuedAt }: Proof,
    request: RequestHead,
    uri: string,
  ): Promise<void> {
    const use = JSON.stringify([key.thumbprint, uri, id]);
    const name = hash('sha256', use, 'base64url');
    if (admitted.get(request) === name) return;
    const expiresAt = (issuedAt + proofTtlSeconds) * 1000 + REMEMBERED_LONGER_MS;
    const life = { now: now(), expiresAt: Math.ceil(expiresAt) };
    if (!(await once.add(`dpop:${name}`, '', life))) throw refuse('proof_replayed');
    admitted.set(request, name);
  }

  return Object.freeze({
    async check(request: RequestHead, use: ProofUse = {}): Promise<string> {
      const { bound } = use;
      const proof = readProof(proofTextOf(request, refuse));
      if (typeof proof === 'string') throw refuse(proof);
      const { thumbprint } = proof.key;
      if (bound && thumbprint !== bound.thumbprint)
        throw new AuthError('INVALID_TOKEN', { realm, reason: 'other_key' });
      const judged = judge(proof, request, use);
      if ('flaw' in judged) throw refuse(judged.flaw);
      requireNonce(proof, request);
      requireSignature(proof);
      await requireFirstUse(proof, request, judged.uri);
      return thumbprint;
    },
    counters: () => ({ signatureChecks, keyImports: keys.imports() }),
  });
}

/** The one proof of a request. Node joins several with a comma, which the form of a proof has no place for. */
function proofTextOf(
  { headers, rawHeaders }: RequestHead,
  refuse: (reason: ProofFlaw) => AuthError,
): string {
  const text = headers['dpop'];
  if (text === undefined || text === '') throw refuse('proof_missing');
  if (typeof text !== 'string' || text.includes(',') || isRepeated(rawHeaders, 'dpop'))
    throw refuse('proof_repeated');
  return text;
}

/** Whether a proof is for this request, by what it says. Returns the URI that it is for. */
function createJudge(options: ProofCheckOptions) {
  const { now, proofTtlSeconds, clockToleranceSeconds } = options;
  const targetsOf = createTargets(options);
  return (
    { method, uri: given, issuedAt, tokenHash }: Proof,
    request: RequestHead,
    { bound, path = pathOf(request) }: ProofUse,
  ): { readonly uri: string } | { readonly flaw: ProofFlaw } => {
    if (method !== request.method) return { flaw: 'proof_method' };
    const uri = comparableUri(given);
    if (uri === undefined || !targetsOf(path).includes(uri)) return { flaw: 'proof_uri' };
    const time = now() / 1000;
    if (time > issuedAt + proofTtlSeconds || issuedAt > time + clockToleranceSeconds)
      return { flaw: 'proof_time' };
    if (bound && tokenHash !== hash('sha256', bound.token, 'base64url'))
      return { flaw: 'proof_token' };
    return { uri };
  };
}
