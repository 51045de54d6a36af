import type { Request } from 'express';
import { z } from 'zod';
import { AuthError } from '../../errors.js';

/** `client_assertion_type` of a JWT (RFC 7523 §2.2). */
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** How a request says which client sends it. */
export type ClientProof =
  | { readonly by: 'nothing'; readonly reason: string }
  | { readonly by: 'secret'; readonly clientId: string; readonly secret: string }
  | { readonly by: 'assertion'; readonly clientId: string | undefined; readonly assertion: string };

/** A parameter without a value counts as none, and one that is sent twice is an error (RFC 6749 §3.2). */
const parameter = z
  .custom<string>((value) => typeof value === 'string', 'is given twice')
  .meta({ type: 'string' })
  .optional()
  .transform((text) => (text === '' ? undefined : text));

/** What we read of a token request. Unknown parameters are ignored (RFC 6749 §3.2). */
interface TokenRequest {
  readonly grant_type?: string | undefined;
  readonly scope?: string | undefined;
  readonly client_id?: string | undefined;
  readonly client_secret?: string | undefined;
  readonly client_assertion?: string | undefined;
  readonly client_assertion_type?: string | undefined;
}

export const tokenRequestSchema: z.ZodType<TokenRequest> = z.object({
  grant_type: parameter,
  scope: parameter,
  client_id: parameter,
  client_secret: parameter,
  client_assertion: parameter,
  client_assertion_type: parameter,
});

/**
 * Finds how a client proves itself: `client_secret_basic`, `client_secret_post` (RFC 6749 §2.3.1) or `private_key_jwt` (RFC 7523 §2.2).
 * Throws INVALID_REQUEST (400) for more than one way at once. Proves nothing.
 */
export function findClientProof(req: Request, body: TokenRequest): ClientProof {
  const { client_id: clientId, client_secret: secret } = body;
  const { client_assertion: assertion, client_assertion_type: type } = body;
  const { authorization } = req.headers;
  const ways = [authorization, secret, assertion ?? type].filter((way) => way !== undefined);
  if (ways.length > 1 || isRepeated(req)) throw mixed();
  if (authorization !== undefined) return basicProof(authorization, clientId);
  if (secret !== undefined && clientId !== undefined) return { by: 'secret', clientId, secret };
  if (assertion === undefined && type === undefined) return { by: 'nothing', reason: 'no_proof' };
  if (assertion === undefined || type !== JWT_BEARER)
    throw new AuthError('INVALID_REQUEST', {
      detail: `client_assertion is a JWT, and client_assertion_type ${JWT_BEARER}.`,
    });
  return { by: 'assertion', clientId, assertion };
}

function mixed(): AuthError {
  return new AuthError('INVALID_REQUEST', {
    reason: 'mixed_credentials',
    detail:
      'The client proves itself in more than one way. Use Authorization: Basic, or client_secret, or client_assertion.',
  });
}

/** Node keeps the first of several lines and drops the rest; a proxy may have judged another one. */
function isRepeated({ rawHeaders }: Request): boolean {
  const names = rawHeaders.filter((_text, at) => at % 2 === 0);
  return names.filter((name) => name.toLowerCase() === 'authorization').length > 1;
}

/** RFC 7617 §2, with both parts encoded like a form (RFC 6749 §2.3.1). */
function basicProof(authorization: string, named: string | undefined): ClientProof {
  const [, encoded] = /^basic +([\w+/~-]+=*)$/i.exec(authorization) ?? [];
  const text = Buffer.from(encoded ?? '', 'base64').toString('utf8');
  const [, id, secret] = /^([^:]+):(.+)$/s.exec(text) ?? [];
  const clientId = formDecoded(id);
  const plain = formDecoded(secret);
  if (clientId === undefined || plain === undefined) return { by: 'nothing', reason: 'basic' };
  if (named !== undefined && named !== clientId) throw mixed();
  return { by: 'secret', clientId, secret: plain };
}

function formDecoded(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
