import { z } from 'zod';
import type { Membership } from '../../stores/org-store.js';
import type { OwnUser } from '../caller.js';
import { reportRefusedToken } from '../password/mailed-tokens.js';
import { type Exchange, readJsonBody } from '../request-body.js';
import type { Endpoint } from '../respond.js';
import { actorOf, type OrgRoutesContext } from './org-caller.js';
import { describeMembership } from './orgs.js';

/**
 * Makes the signed-in user a member by a mailed token. Rejects with CREDENTIALS_MISSING (401), INVALID_REQUEST (400) for a token that
 * doesn't work any more, ORG_FORBIDDEN (403) for a user whose proven address is another one, CONFLICT (409) for a member.
 */
export type AcceptInvitation = (
  exchange: Exchange,
  token: string,
) => Promise<OwnUser & { readonly membership: Membership }>;

export function createAcceptInvitation(context: OrgRoutesContext): AcceptInvitation {
  const { organisations } = context.orgs;
  return async function acceptByToken({ req }, token) {
    const caller = await context.callers.requireUser(req);
    const actor = actorOf(req, caller.user);
    const { user } = caller;
    const membership = await organisations
      .acceptInvitation(token, user, actor)
      .catch((error: unknown) =>
        reportRefusedToken(context.parts, req, { kind: 'invitation', userId: user.id, error }),
      );
    return { ...caller, membership };
  };
}

interface AcceptBody {
  readonly token: string;
}

export const acceptSchema: z.ZodType<AcceptBody> = z.strictObject({ token: z.string().max(128) });

/** 200 with the organisation. */
export function acceptInvitation(accept: AcceptInvitation): Endpoint {
  return async function handleAcceptInvitation(req, res) {
    const { token } = await readJsonBody({ req, res }, acceptSchema);
    const { membership, principal } = await accept({ req, res }, token);
    res.json(describeMembership(membership, principal));
  };
}
