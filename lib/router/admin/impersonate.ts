import type { Request } from 'express';
import { z } from 'zod';
import { hasToChangePassword } from '../../accounts/temporary-password.js';
import { AuthError } from '../../errors.js';
import type { ImpersonationRefusal } from '../../events/auth-events.js';
import { requestFacts } from '../../http/request-facts.js';
import { deviceLabel } from '../../sessions/device-label.js';
import { IMPERSONATE, isProtected } from '../../sessions/impersonation.js';
import type { LiveSession } from '../../sessions/sessions.js';
import type { StoredUser } from '../../stores/store.js';
import type { OwnUser } from '../caller.js';
import { replaceSession } from '../complete-sign-in.js';
import { MAX_AGE_SECONDS, requireFreshCaller } from '../fresh-sign-in.js';
import { readJsonBody } from '../request-body.js';
import type { Endpoint } from '../respond.js';
import type { RouterParts } from '../parts.js';
import { provenKeyOf } from '../proofs.js';
import type { SendTokens } from '../token-response.js';
import { type ManageContext, requireOwnUserWithScope, userIdOf } from './require-admin.js';

const MAX_REASON = 500;

interface ImpersonateBody {
  readonly reason: string;
  readonly duration_seconds: number;
  readonly delivery: 'body' | 'cookie';
}

export const impersonateSchema: z.ZodType<ImpersonateBody> = z.strictObject({
  reason: z
    .string()
    .trim()
    .refine(isOneLine, `is one line of text, of 1 to ${MAX_REASON} characters`)
    .meta({ minLength: 1, maxLength: MAX_REASON }),
  duration_seconds: z
    .number()
    .refine(isDuration, 'is a whole number of seconds, from 60 to 3600')
    .meta({ type: 'integer', minimum: 60, maximum: 3600 })
    .default(900),
  delivery: z.enum(['body', 'cookie']).default('body'),
});

/** It is read by people, in logs: it must not break the line, nor turn what follows round. */
function isOneLine(text: string): boolean {
  return (
    text !== '' &&
    text.length <= MAX_REASON &&
    !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]/u.test(text)
  );
}

function isDuration(seconds: number): boolean {
  return Number.isInteger(seconds) && seconds >= 60 && seconds <= 3600;
}

/**
 * Begins a session in which the caller acts as another user: 200 with its tokens, which say so (`act`, RFC 8693 §4.1). It ends after
 * `duration_seconds`, and with the caller's own session. Errors: INVALID_REQUEST (400), AUTH_CONTEXT_REQUIRED (401) when the caller
 * hasn't signed in within the last ten minutes, INSUFFICIENT_SCOPE and IMPERSONATION_DENIED (403), NOT_FOUND (404), CONFLICT (409) for
 * a user who must change their password first.
 */
export function impersonate(context: ManageContext, sendTokens: SendTokens): Endpoint {
  const { parts } = context;
  return async function handleImpersonate(req, res) {
    const caller = await requireOwnUserWithScope(context, req, IMPERSONATE);
    const sessionId = await requireFreshSession(parts, caller);
    const body = await readJsonBody({ req, res }, impersonateSchema);
    const user = await requireImpersonable(parts, req, caller);
    const { reason, delivery } = body;
    const notes = {
      ...{ amr: [], authTime: undefined, acr: undefined, delivery },
      device: deviceLabel(req.headers['user-agent']),
      actor: { id: caller.user.id, sessionId, reason },
      keyThumbprint: provenKeyOf(req),
    };
    const revocationCount = await parts.sessions.revocationCount(user.id);
    const lifeSeconds = body.duration_seconds;
    const begin = async (): Promise<LiveSession> =>
      (await parts.sessions.startProven(user, { notes, revocationCount, lifeSeconds })) ??
      refuse(parts, req, { caller, user, reason: 'changed', error: new AuthError('CONFLICT') });
    const live = await (delivery === 'cookie'
      ? replaceSession(parts, { req, res }, { begin, keep: sessionId })
      : begin());
    parts.events.emit('impersonation.started', {
      ...{ userId: user.id, actorId: caller.user.id, sessionId: live.session.id },
      ...{ until: live.session.expiresAt, note: reason },
      ...requestFacts(req),
    });
    await sendTokens(res, live);
  };
}

/** Returns the id of the caller's session. An API key has none, and its owner may be anywhere. */
async function requireFreshSession(
  parts: RouterParts,
  { principal: { method, sessionId } }: OwnUser,
): Promise<string> {
  if (sessionId === undefined || (method !== 'jwt' && method !== 'session'))
    throw new AuthError('AUTH_CONTEXT_REQUIRED', {
      realm: parts.verifier.realm,
      maxAgeSeconds: MAX_AGE_SECONDS,
    });
  await requireFreshCaller(parts, { sessionId });
  return sessionId;
}

/** The user that the path names. What speaks against a user who is there is for the event; the answer is the same. */
async function requireImpersonable(
  parts: RouterParts,
  req: Request,
  caller: OwnUser,
): Promise<StoredUser> {
  const user = await parts.users.findById(userIdOf(req));
  const refused = (reason: ImpersonationRefusal, error: AuthError): never =>
    refuse(parts, req, { caller, user, reason, error });
  if (!user) return refused('unknown_user', new AuthError('NOT_FOUND'));
  const denied = new AuthError('IMPERSONATION_DENIED');
  if (user.id === caller.user.id) return refused('self', denied);
  if (isProtected(parts.grantOf.scopesOf(user))) return refused('protected_user', denied);
  if (user.disabled) return refused('disabled', denied);
  if (hasToChangePassword(user, parts.config))
    return refused(
      'must_reset_password',
      new AuthError('CONFLICT', {
        detail: 'This user has a temporary password, and can do nothing before changing it.',
      }),
    );
  return user;
}

interface Refusal {
  readonly caller: OwnUser;
  readonly user: StoredUser | undefined;
  readonly reason: ImpersonationRefusal;
  readonly error: AuthError;
}

function refuse(
  { events }: RouterParts,
  req: Request,
  { caller, user, reason, error }: Refusal,
): never {
  events.emit('impersonation.refused', {
    ...{ actorId: caller.user.id, userId: user?.id, reason },
    ...requestFacts(req),
  });
  throw error;
}
