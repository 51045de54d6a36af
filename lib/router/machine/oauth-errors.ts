import type { Response } from 'express';
import { AuthError, type AuthErrorCode } from '../../errors.js';
import type { Endpoint } from '../respond.js';

/** `error` of a token response (RFC 6749 §5.2). */
const oauthErrors: Readonly<Partial<Record<AuthErrorCode, string>>> = {
  INVALID_REQUEST: 'invalid_request',
  PAYLOAD_TOO_LARGE: 'invalid_request',
  UNSUPPORTED_MEDIA_TYPE: 'invalid_request',
  INVALID_CLIENT: 'invalid_client',
  INVALID_SCOPE: 'invalid_scope',
  UNSUPPORTED_GRANT_TYPE: 'unsupported_grant_type',
  INVALID_DPOP_PROOF: 'invalid_dpop_proof',
  USE_DPOP_NONCE: 'use_dpop_nonce',
};

/**
 * Makes an endpoint answer its refusals as RFC 6749 §5.2 has it, whatever shape the application gives its errors: OAuth clients know
 * no other. What that section has no word for, such as an outage, goes to the error handlers.
 */
export function answeringInOAuth(endpoint: Endpoint): Endpoint {
  return async function handleOAuth(req, res) {
    try {
      await endpoint(req, res);
    } catch (error) {
      const word = error instanceof AuthError ? oauthErrors[error.code] : undefined;
      if (!(error instanceof AuthError) || word === undefined) throw error;
      const hasTriedHeader = req.headers.authorization !== undefined;
      // RFC 9449 §5, §8: at a token endpoint what is wrong with a proof is 400.
      const status = word.endsWith('_proof') || word.endsWith('_nonce') ? 400 : error.status;
      sendRefusal(res, error, { word, status, challenges: status === 401 && hasTriedHeader });
    }
  };
}

interface Refusal {
  readonly word: string;
  readonly status: number;
  /** Whether the client tried `Authorization`, which is answered with a challenge. Clients read one before the body. */
  readonly challenges: boolean;
}

function sendRefusal(res: Response, error: AuthError, { word, status, challenges }: Refusal): void {
  const { detail, code, errors } = error.problem;
  if (challenges) res.setHeader('WWW-Authenticate', 'Basic realm="token", charset="UTF-8"');
  const nonce = error.headers['DPoP-Nonce'];
  if (nonce !== undefined) res.setHeader('DPoP-Nonce', nonce);
  res.status(status).json({
    error: word,
    error_description: detail.replace(/[^\x20-\x21\x23-\x5B\x5D-\x7E]/g, "'"),
    code,
    ...(errors && { errors }),
  });
}
