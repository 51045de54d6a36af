import { z } from 'zod';
import { AuthError, reusableError } from '../../errors.js';
import { readNotes } from '../../sessions/session-notes.js';
import { readJsonBody } from '../request-body.js';
import type { Endpoint } from '../respond.js';
import { createAccessAnswer } from '../token-response.js';
import { type OrgRoutesContext } from './org-caller.js';

interface SwitchBody {
  readonly org_id: string | null;
}

export const switchSchema: z.ZodType<SwitchBody> = z.strictObject({
  org_id: z.string().nullable(),
});

/**
 * Makes an organisation the default of the session, for `orgContext({ fallback: 'default' })`; null takes it back. 200 with a new access
 * token. The refresh token stays as it is and is not sent: who holds an access token must not get a refresh token for it.
 * Errors: ORG_FORBIDDEN (403) for an organisation that the caller is no member of.
 */
export function switchOrg(context: OrgRoutesContext): Endpoint {
  const { parts, orgs } = context;
  const { sessions, pipeline, verifier } = parts;
  const answerOf = createAccessAnswer(parts);
  return async function handleSwitchOrg(req, res) {
    const { user, principal } = await context.callers.requireUser(req);
    const { org_id: orgId } = await readJsonBody({ req, res }, switchSchema);
    if (orgId !== null) {
      const key = { orgId, userId: user.id };
      if (!(await orgs.organisations.membershipOf(key))) throw notAMember;
    }
    const { sessionId = '' } = principal;
    const present = await sessions.findById(sessionId);
    const isOwn = present?.userId === user.id;
    const defaultOrg = orgId ?? undefined;
    const session = isOwn
      ? await sessions.note(sessionId, (notes) => ({ ...notes, defaultOrg }))
      : undefined;
    if (!session)
      throw new AuthError('TOKEN_REVOKED', { realm: verifier.realm, reason: 'session' });
    pipeline.forgetSession?.(sessionId);
    res.json(await answerOf(res, { session, notes: readNotes(session.data), user }));
  };
}

const notAMember = reusableError('ORG_FORBIDDEN');
