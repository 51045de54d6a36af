import type { Request } from 'express';
import { z } from 'zod';
import type { Invitation } from '../../accounts/invitations.js';
import { mayChangeRoles } from '../../accounts/org-rules.js';
import { AuthError } from '../../errors.js';
import { requestFacts } from '../../http/request-facts.js';
import type { StoredUser } from '../../stores/store.js';
import type { RouterParts } from '../parts.js';
import { afterReply } from '../password/after-reply.js';
import { emailSchema, type MailingOptions } from '../password/forgot-password.js';
import { sendQuietly } from '../password/mail.js';
import { digestOf, mailedLink } from '../password/mailed-tokens.js';
import { limitReached } from '../rate-limits.js';
import { readJsonBody } from '../request-body.js';
import type { Endpoint } from '../respond.js';
import { notAllowed, type OrgRoutesContext, parameterOf, requireManager } from './org-caller.js';

function describe({ id, email, roles, invitedBy, createdAt, expiresAt }: Invitation) {
  return {
    id,
    email,
    roles,
    invited_by: invitedBy ?? null,
    created_at: new Date(createdAt).toISOString(),
    expires_at: new Date(expiresAt).toISOString(),
  };
}

/** Lists the open invitations of an organisation, the newest first. For owners and admins. */
export function listInvitations(context: OrgRoutesContext): Endpoint {
  const { organisations } = context.orgs;
  return async function handleListInvitations(req, res) {
    const { orgId } = await requireManager(context, req);
    res.json({ invitations: (await organisations.invitations(orgId)).map(describe) });
  };
}

interface InvitationBody {
  /** Normalised. */
  readonly email: string;
  readonly roles: readonly string[];
}

export const invitationSchema: z.ZodType<InvitationBody> = z.strictObject({
  email: emailSchema,
  roles: z.array(z.string()).default([]),
});

/**
 * Invites an address by mail: 201, whether or not there is an account with it. For owners and admins; only an owner makes an owner.
 * Errors: INVALID_REQUEST (400), INSUFFICIENT_ROLE (403), CONFLICT (409) for too many open ones, RATE_LIMITED (429).
 */
export function invite(context: OrgRoutesContext, options: MailingOptions): Endpoint {
  const { parts, orgs } = context;
  const { sendMail, acceptInvitationPage: page } = options;
  return async function handleInvite(req, res) {
    const { user, membership, orgId, actor } = await requireManager(context, req);
    const { email, roles } = await readJsonBody({ req, res }, invitationSchema);
    const change = { before: undefined, after: roles };
    if (!mayChangeRoles(membership.roles, change)) throw notAllowed;
    await spendMail(parts, req, { orgId, userId: user.id, email });
    const given = { orgId, email, roles, invitedBy: user.id };
    const { invitation, token } = await orgs.organisations.invite(given, actor);
    const { id, name } = membership.org;
    const data = {
      url: mailedLink(parts, { page, own: '/accept-invitation', token, query: {} }),
      token,
      expiresAt: new Date(invitation.expiresAt).toISOString(),
      org: { id, name },
      invitedBy: { id: user.id, name: nameOf(user) },
    };
    afterReply(parts, res, () =>
      sendQuietly(sendMail, { kind: 'invitation', to: email, data }, parts.events),
    );
    res.status(201).json(describe(invitation));
  };
}

/** What others call a user. */
export function nameOf({ username, email, id }: StoredUser): string {
  return username ?? email ?? id;
}

const DAY_MS = 86_400_000;
/** Mails a day. A stranger may make many organisations, and an address must not be flooded from several. */
const limits = { org: 100, sender: 100, address: 10 };

async function spendMail(
  { store: { once }, events, now }: RouterParts,
  req: Request,
  { orgId, userId, email }: { orgId: string; userId: string; email: string },
): Promise<void> {
  const spent = { org: orgId, sender: userId, address: digestOf(email) };
  for (const kind of ['org', 'sender', 'address'] as const) {
    const key = `limit:invite-${kind}:${spent[kind]}`;
    // The next one is not spent where this one is over.
    // oxlint-disable-next-line no-await-in-loop
    const { count, resetAt } = await once.incr(key, { now: now(), windowMs: DAY_MS });
    if (count <= limits[kind]) continue;
    events.emit('rate.limited', { limit: 'account', ...requestFacts(req) });
    throw limitReached(resetAt, now());
  }
}

/** Takes an open invitation back: 204. For owners and admins. Errors: NOT_FOUND (404). */
export function withdrawInvitation(context: OrgRoutesContext): Endpoint {
  const { organisations } = context.orgs;
  return async function handleWithdrawInvitation(req, res) {
    const { orgId, actor } = await requireManager(context, req);
    const key = { orgId, id: parameterOf(req, 'invitation') };
    if (!(await organisations.withdrawInvitation(key, actor))) throw new AuthError('NOT_FOUND');
    res.status(204).end();
  };
}
