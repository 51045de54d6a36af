import type { Request } from 'express';
import { type AuthError, credentialOf } from '../errors.js';
import type { EventSink } from '../events.js';
import { requestFacts } from '../http/request-facts.js';
import { optionalPrincipalOf } from '../principal.js';

/** Emits `access.denied` for a 403 and for a demand for a stronger sign-in. */
export function reportDenial(error: AuthError, req: Request, events: EventSink | undefined): void {
  if (error.status !== 403 && error.code !== 'AUTH_CONTEXT_REQUIRED') return;
  // Has been reported where it happened, with the reason.
  if (error.code === 'LOGIN_DENIED') return;
  events?.emit('access.denied', {
    code: error.code,
    subject: optionalPrincipalOf(req)?.subject ?? credentialOf(error)?.subject,
    ...requestFacts(req),
  });
}
