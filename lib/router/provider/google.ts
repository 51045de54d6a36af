import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Request } from 'express';
import { AuthError } from '../../errors.js';
import { GOOGLE } from '../../providers/google-id-token.js';
import type { LiveSession } from '../../sessions/sessions.js';
import { redirectSignedIn } from '../browser-session.js';
import { completeSignIn } from '../complete-sign-in.js';
import { homePath, publicOrigin } from '../own-urls.js';
import { admitIdentity, providerSessionFacts, reported } from './sign-in.js';
import { type Exchange, isForm, readFormBody, readJsonBody } from '../request-body.js';
import type { Endpoint } from '../respond.js';
import type { RouterParts } from '../parts.js';
import type { SendTokens } from '../token-response.js';

interface GoogleBody {
  readonly id_token: string;
  readonly delivery: 'body' | 'cookie';
}

export const googleSchema: z.ZodType<GoogleBody> = z.strictObject({
  id_token: z.string(),
  delivery: z.enum(['body', 'cookie']).default('body'),
});

/** As Google's button posts it, with more members beside. */
const formSchema = z.object({ credential: z.string(), g_csrf_token: z.string() });

/**
 * Signs in by an ID token that Google's client library has handed to a page, or has posted here by itself (One Tap
 * with `data-login_uri`), which is answered with a redirect. Errors: INVALID_REQUEST (400), LOGIN_FAILED (401),
 * LOGIN_DENIED and CROSS_SITE_REQUEST (403), NOT_FOUND (404) without AUTH_GOOGLE_CLIENT_ID, KEYS_UNAVAILABLE (503).
 */
export function signInWithGoogle(parts: RouterParts, sendTokens: SendTokens): Endpoint {
  return async function handleSignInWithGoogle(req, res) {
    const exchange = { req, res };
    if (isForm(req)) {
      const { credential, g_csrf_token: token } = await readFormBody(exchange, formSchema);
      // Google's own double submit: its script has set the cookie on our origin. A sub-domain could, too, hence the origin.
      const own = publicOrigin(parts, req);
      // A page with `Referrer-Policy: no-referrer` posts with `Origin: null`; the browser says otherwise that it is ours.
      const isOwn = req.headers['sec-fetch-site'] === 'same-origin';
      const isExpected = isOwn || [undefined, GOOGLE, own].includes(req.headers.origin);
      if (!isExpected || token === '' || token !== csrfCookie(req))
        throw new AuthError('CROSS_SITE_REQUEST');
      const live = await signIn(parts, exchange, { idToken: credential, delivery: 'cookie' });
      return redirectSignedIn(parts, res, { live, returnTo: homePath(req) });
    }
    const { id_token: idToken, delivery } = await readJsonBody(exchange, googleSchema);
    await sendTokens(res, await signIn(parts, exchange, { idToken, delivery }));
  };
}

interface GoogleLogin {
  readonly idToken: string;
  readonly delivery: 'body' | 'cookie';
}

async function signIn(
  parts: RouterParts,
  exchange: Exchange,
  { idToken, delivery }: GoogleLogin,
): Promise<LiveSession> {
  const { req } = exchange;
  const { providers, sessions, store, now } = parts;
  const provider = 'google';
  if (!providers.readGoogleIdToken) throw new AuthError('NOT_FOUND', { reason: 'provider' });
  try {
    const { signedIn, expiresAt } = await providers.readGoogleIdToken(idToken);
    const digest = createHash('sha256').update(idToken).digest('base64url');
    const life = { now: now(), expiresAt: expiresAt * 1000 };
    if (!(await store.once.add(`google:${digest}`, '', life)))
      throw new AuthError('LOGIN_FAILED', { reason: 'replayed' });
    const admitted = await admitIdentity(parts, req, { signedIn });
    const facts = await providerSessionFacts(parts, req, { signedIn, admitted, delivery });
    const begin = () => sessions.startAfterSignIn(admitted.user, facts);
    return await completeSignIn(parts, exchange, { begin, provider });
  } catch (error) {
    throw reported(parts, req, { error, provider });
  }
}

/** Undefined also for two that differ: one of them was planted. */
function csrfCookie({ headers }: Request): string | undefined {
  const found = (headers.cookie ?? '').matchAll(/(?:^|;\s*)g_csrf_token=([^;]*)/g);
  const values = new Set([...found].map(([, value]) => value));
  return values.size === 1 ? [...values][0] : undefined;
}
