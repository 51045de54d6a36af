import type { Request, Response } from 'express';
import { sendNextNonce } from '../authenticate/dpop/next-nonce.js';
import type { LiveSession } from '../sessions/sessions.js';
import { deviceLabel } from '../sessions/device-label.js';
import type { SessionNotes } from '../sessions/session-notes.js';
import { deviceTokenOf } from './password/known-device.js';
import { setSessionCookie } from './browser-session.js';
import type { RouterParts } from './parts.js';
import { provenKeyOf } from './proofs.js';

/** Sends the tokens of a session, with 200. Every route that signs in or refreshes ends with it. */
export type SendTokens = (res: Response, live: LiveSession) => Promise<void>;

/** Clients refresh after this part of a token's life, so that a slow answer still comes in time. */
const RENEW_AFTER = 0.8;

export function createTokenResponse(parts: RouterParts): SendTokens {
  const answerOf = createAccessAnswer(parts);
  return async function sendTokens(res, live) {
    const { notes, refreshToken } = live;
    const { refresh_in, must_reset_password, ...token } = await answerOf(res, live);
    const isByCookie = notes.delivery === 'cookie';
    const deviceToken = deviceTokenOf(res);
    if (isByCookie) setSessionCookie(parts, res, live);
    res.json({
      ...token,
      ...(!isByCookie && { refresh_token: refreshToken }),
      ...(!isByCookie && deviceToken !== undefined && { device_token: deviceToken }),
      ...{ refresh_in, must_reset_password },
    });
  };
}

interface AccessAnswer {
  readonly access_token: string;
  readonly token_type: 'Bearer' | 'DPoP';
  /** Seconds, here and below. */
  readonly expires_in: number;
  readonly refresh_in: number;
  readonly must_reset_password: boolean;
}

/** Signs an access token of a session, and returns what stands in an answer that has no refresh token. */
export function createAccessAnswer({
  signer,
  grantOf,
}: Pick<RouterParts, 'signer' | 'grantOf'>): (
  res: Response,
  live: Omit<LiveSession, 'refreshToken'>,
) => Promise<AccessAnswer> {
  return async function answerOf(res, live) {
    const { notes } = live;
    // A session that began without a key stays without one; the access token is bound to the key that this request proves.
    const keyThumbprint = notes.keyThumbprint ?? provenKeyOf(res.req);
    const bound = { ...live, notes: { ...notes, keyThumbprint } };
    const grant = grantOf(bound);
    const { token, expiresIn } = await signer.sign(grant);
    sendNextNonce(res.req, res);
    return {
      access_token: token,
      token_type: keyThumbprint === undefined ? 'Bearer' : 'DPoP',
      expires_in: expiresIn,
      refresh_in: Math.floor(expiresIn * RENEW_AFTER),
      must_reset_password: grant.mustResetPassword ?? false,
    };
  };
}

/** Returns what is noted of a sign-in by password. */
export function passwordNotes(
  req: Request,
  delivery: SessionNotes['delivery'],
  now: number,
): SessionNotes {
  return {
    amr: ['pwd'],
    authTime: Math.floor(now / 1000),
    acr: undefined,
    device: deviceLabel(req.headers['user-agent']),
    delivery,
    keyThumbprint: provenKeyOf(req),
  };
}
