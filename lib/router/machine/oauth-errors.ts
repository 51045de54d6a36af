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
      sendRefusal(res, error, { word, challenges: error.status === 401 && hasTriedHeader });
    }
  };
}

interface Refusal {
  readonly word: string;
  /** Whether the client tried `Authorization`, which is answered with a challenge. Clients read one before the body. */
  readonly challenges: boolean;
}

function sendRefusal(res: Response, error: AuthError, { word, challenges }: Refusal): void {
  const { detail, code, errors } = error.problem;
  if (challenges) res.setHeader('WWW-Authenticate', 'Basic realm="token", charset="UTF-8"');
  res.status(error.status).json({
    error: word,
    error_description: detail.replace(/[^\x20-\x21\x23-\x5B\x5D-\x7E]/g, "'"),
    code,
    ...(errors && { errors }),
  });
}
