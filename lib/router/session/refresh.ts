import type { Request } from 'express';
import { z } from 'zod';
import { requestFacts } from '../../http/request-facts.js';
import { AuthError } from '../../errors.js';
import { endOneSession } from './end-session.js';
import { arrivalOf } from '../arrivals.js';
import { readJsonBody, readJsonOrFormBody } from '../request-body.js';
import type { Endpoint } from '../respond.js';
import type { RouterParts } from '../parts.js';
import { provenKeyOf } from '../proofs.js';
import type { SendTokens } from '../token-response.js';

interface RefreshBody {
  readonly refresh_token?: string | undefined;
}

export const refreshSchema: z.ZodType<RefreshBody> = z.strictObject({
  refresh_token: z.string().max(512).optional(),
});

/**
 * Exchanges a refresh token, from the body or the cookie, for its successor, which is delivered the same way. A failure never clears the cookie: the
 * cause may be an outage of ours. Errors: INVALID_REQUEST (400) for two tokens that differ,
 * REFRESH_INVALID and REFRESH_REUSED (401), without the proof of the session's key among it, STORE_UNAVAILABLE (503).
 */
export function refresh(parts: RouterParts, sendTokens: SendTokens): Endpoint {
  return async function handleRefresh(req, res) {
    const { refresh_token: fromBody } = await readJsonBody({ req, res }, refreshSchema);
    const fromCookie = parts.cookies.read(req, 'session');
    if (fromBody !== undefined && fromCookie !== undefined && fromBody !== fromCookie)
      throw new AuthError('INVALID_REQUEST', { reason: 'two_tokens' });
    const delivery = fromBody === undefined ? 'cookie' : 'body';
    const live = await parts.sessions
      .refresh(fromBody ?? fromCookie, arrivalOf(req), {
        delivery,
        keyThumbprint: provenKeyOf(req),
        request: requestFacts(req),
      })
      .catch((error: unknown) => report(parts, req, error));
    await sendTokens(res, live);
  };
}

function report({ events }: RouterParts, req: Request, error: unknown): never {
  if (error instanceof AuthError && error.status === 401)
    events.emit('refresh.refused', {
      reason: error.reason ?? error.code.toLowerCase(),
      ...requestFacts(req),
    });
  throw error;
}

export const revokeSchema: z.ZodType<string> = z
  .strictObject({
    refresh_token: z.string(),
    token: z.string(),
    token_type_hint: z.string(),
  })
  .partial()
  .transform(({ refresh_token: own, token }, context) => {
    const given = own ?? token;
    if (given !== undefined) return given;
    context.addIssue({ code: 'custom', path: ['token'], message: 'is missing' });
    return z.NEVER;
  });

/**
 * Ends the session of a refresh token (RFC 7009), given as JSON or form. 200 for any token, so that the answer says
 * nothing about it.
 */
export function revoke(parts: RouterParts): Endpoint {
  const { sessions } = parts;
  return async function handleRevoke(req, res) {
    const token = await readJsonOrFormBody({ req, res }, revokeSchema);
    const session = await sessions.find(token, 'body');
    if (session) await endOneSession(parts, session, { reason: 'revoked', ...requestFacts(req) });
    res.status(200).end();
  };
}
