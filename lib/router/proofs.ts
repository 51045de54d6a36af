import type { Request } from 'express';
import { schemesOf } from '../authenticate/dpop/guard-proofs.js';
import { AuthError, challenged } from '../errors.js';
import { requestFacts } from '../http/request-facts.js';
import { isRecord } from '../is-record.js';
import type { Principal } from '../principal.js';
import { ownPath } from './own-urls.js';
import type { RouterParts } from './parts.js';
import type { Endpoint } from './respond.js';

const provenKeys = new WeakMap<Request, string>();

/** Thumbprint of the key that a request has proven to hold (RFC 9449 §5): what it gets is bound to it. Undefined without a proof. */
export function provenKeyOf(req: Request): string | undefined {
  return provenKeys.get(req);
}

/** Binds what a request gets to the key of the access token that its caller has been authenticated by. */
export function keepKeyOf({ claims }: Principal, req: Request): void {
  const { jkt } = isRecord(claims['cnf']) ? claims['cnf'] : {};
  if (typeof jkt === 'string') provenKeys.set(req, jkt);
}

type ProofParts = Pick<RouterParts, 'pipeline' | 'verifier' | 'events' | 'basePath'>;

/**
 * Judges the proof of a request for tokens, and resolves with the thumbprint of its key: undefined without a proof, unless AUTH_DPOP is
 * `required`, and with AUTH_DPOP off, where proofs are ignored. Rejects with INVALID_DPOP_PROOF or USE_DPOP_NONCE (401).
 */
export type ProofOf = (req: Request) => Promise<string | undefined>;

export function createProofOf({ pipeline, verifier, events, basePath }: ProofParts): ProofOf {
  const { dpop: mode = 'off', proofs } = pipeline;
  if (mode === 'off' || !proofs) return async () => undefined;
  const { realm } = verifier;
  const proofCheck = proofs();
  const challenge = { realm, ...schemesOf('required'), tried: 'DPoP' } as const;
  return async function proofOf(req) {
    if (mode === 'accepted' && req.headers['dpop'] === undefined) return undefined;
    // Where the application has said where the router is, a proxy may have changed the path of the request.
    const use = basePath === undefined ? {} : { path: ownPath(req, req.path) };
    try {
      const thumbprint = await proofCheck.check(req, use);
      provenKeys.set(req, thumbprint);
      return thumbprint;
    } catch (error) {
      if (error instanceof AuthError && error.status === 401) {
        const { code, reason } = error;
        events.emit('token.refused', { code, reason, ...requestFacts(req) });
      }
      throw challenged(error, challenge);
    }
  };
}

/** Makes an endpoint that gives out tokens judge the proof first, before anything is used up or begun. */
export type Binding = (endpoint: Endpoint) => Endpoint;

export function createBinding(proofOf: ProofOf): Binding {
  return (endpoint) =>
    async function handleWithProof(req, res) {
      await proofOf(req);
      await endpoint(req, res);
    };
}
