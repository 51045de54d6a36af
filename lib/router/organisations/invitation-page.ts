import type { Request } from 'express';
import { z } from 'zod';
import { type Invitation, refuseOtherAddress } from '../../accounts/invitations.js';
import { AuthError } from '../../errors.js';
import { redirectWithin, withParameters } from '../../http/redirects.js';
import { html } from '../../pages/html.js';
import type { PageIn } from '../../pages/pages.js';
import { refusalText } from '../../pages/refusal-page.js';
import type { Words } from '../../pages/words.js';
import type { StoredOrg } from '../../stores/org-store.js';
import type { StoredUser } from '../../stores/store.js';
import { ownPath, queryOf } from '../own-urls.js';
import { form } from '../pages/form.js';
import { leaveNotice } from '../pages/notices.js';
import type { PageEndpoints } from '../pages/password-pages.js';
import { readPageForm } from '../pages/read-page-form.js';
import type { SignInContext } from '../pages/sign-in.js';
import type { RouterParts } from '../parts.js';
import type { Exchange } from '../request-body.js';
import type { AcceptInvitation } from './accept-invitation.js';
import { nameOf } from './invitations.js';
import type { OrgRoutesContext } from './org-caller.js';

const PATH = '/accept-invitation';
/** A day: who has no account yet waits for a mail to make one. */
const LIFE_SECONDS = 86_400;

/**
 * Shows who invites whom, and lets the invited user join. To open the page changes nothing: mail scanners do. The token moves into a
 * cookie at once, so that neither the way to sign-in and back nor a referrer has it in its address.
 */
export function invitationPages(
  context: OrgRoutesContext,
  pageContext: SignInContext,
  accept: AcceptInvitation,
): PageEndpoints {
  const { parts, orgs } = context;
  const { cookies, pages, sessions } = parts;
  return {
    show: async (req, res) => {
      const given = queryOf(req).get('token');
      if (given !== null) return keepToken(parts, { req, res }, given);
      const [token, another] = cookies.settle(req, res, 'invitation');
      if (token === undefined || another !== undefined)
        return pages.send(
          res,
          400,
          deadPage(req, parts, new AuthError('INVALID_REQUEST', { reason: 'invitation_missing' })),
        );
      const judged = await orgs.invitations.judge(token);
      if ('refusal' in judged) return pages.send(res, 400, deadPage(req, parts, judged.refusal));
      const live = await sessions.recognise(cookies.read(req, 'session'), 'cookie');
      const state = await stateOf(context, { ...judged, token, user: live?.user });
      pages.send(res, 200, invitationPage(req, pageContext, state));
    },
    submit: async (req, res) => {
      const { token } = await readPageForm(parts, { req, res }, bodySchema);
      try {
        await accept({ req, res }, token);
      } catch (error) {
        if (!isToldByPage(error)) throw error;
        return keepToken(parts, { req, res }, token);
      }
      cookies.clear(res, 'invitation');
      leaveNotice(parts, res, 'notice.orgJoined');
      redirectWithin(res, ownPath(req, '/account'));
    },
  };
}

const bodySchema = z.object({ token: z.string().max(128) });

/** The page as it is shown without a token in its address. */
function keepToken({ cookies }: RouterParts, { req, res }: Exchange, token: string): void {
  // No token of ours, and nothing that a cookie could not hold.
  if (/^[\w-]{43}$/.test(token))
    cookies.set(res, 'invitation', { value: token, maxAgeSeconds: LIFE_SECONDS });
  else cookies.clear(res, 'invitation');
  redirectWithin(res, ownPath(req, PATH));
}

/** Whether the page itself says it when it is shown again. */
function isToldByPage(error: unknown): boolean {
  if (!(error instanceof AuthError)) return false;
  const { code, reason = '', status } = error;
  return status === 401 || code === 'ORG_FORBIDDEN' || /^invitation|^already_member$/.test(reason);
}

interface InvitationState {
  readonly token: string;
  readonly invitation: Invitation;
  readonly org: StoredOrg;
  readonly user: StoredUser | undefined;
  /** What the sender is called; undefined: the application has sent it. */
  readonly inviter: string | undefined;
  readonly isMember: boolean;
  /** Why this user can't accept it; undefined for one who can, and where there is none. */
  readonly obstacle: AuthError | undefined;
}

async function stateOf(
  { parts: { users }, orgs }: OrgRoutesContext,
  given: Pick<InvitationState, 'token' | 'invitation' | 'org' | 'user'>,
): Promise<InvitationState> {
  const { invitation, user } = given;
  const { invitedBy, orgId } = invitation;
  const sender = invitedBy === undefined ? undefined : await users.findById(invitedBy);
  const membership = user && (await orgs.organisations.membershipOf({ orgId, userId: user.id }));
  return {
    ...given,
    inviter: sender && nameOf(sender),
    isMember: membership !== undefined,
    obstacle: user && obstacleOf(invitation, user),
  };
}

function obstacleOf(invitation: Invitation, user: StoredUser): AuthError | undefined {
  try {
    refuseOtherAddress(invitation, user);
    return undefined;
  } catch (error) {
    if (error instanceof AuthError) return error;
    throw error;
  }
}

interface Step {
  readonly href: string;
  readonly text: string;
}

/** Who invites to what, and the one thing to do next. */
function invitationPage(
  req: Request,
  { parts, canSignUp }: SignInContext,
  state: InvitationState,
): PageIn {
  const { token, invitation, org, user, inviter, isMember, obstacle } = state;
  const { email } = invitation;
  const leadingTo = (page: string): string =>
    withParameters(ownPath(req, page), { returnTo: ownPath(req, PATH) });
  return (words) => {
    const title = words.say('invitation.title', { org: org.name });
    const signIn = { href: leadingTo('/signin?again=1'), text: words.say('page.signIn') };
    const signUp = canSignUp
      ? [{ href: leadingTo('/sign-up'), text: words.say('signIn.signUp') }]
      : [];
    const account = { href: ownPath(req, '/account'), text: words.say('page.account') };
    const confirm = { href: ownPath(req, '/change-email'), text: words.say('verify.title') };
    const home = { href: parts.pages.home, text: words.say('page.home') };
    const from =
      inviter === undefined
        ? words.say('invitation.fromApp', { org: org.name })
        : words.say('invitation.from', { inviter, org: org.name });
    const page = (text: string, steps: readonly Step[]) => ({
      title,
      body: stepsOf(title, [from, text], steps),
    });
    if (!user) return page(words.say('invitation.signIn', { email }), [signIn, ...signUp]);
    if (isMember) return page(words.say('invitation.member', { org: org.name }), [home, account]);
    if (obstacle?.reason === 'invitation_unproven')
      return page(words.say('invitation.unproven', { email }), [
        canSignUp ? confirm : account,
        home,
      ]);
    if (obstacle)
      return page(words.say('invitation.otherAddress', { email, user: nameOf(user) }), [
        signIn,
        ...signUp,
      ]);
    return {
      title,
      body: html`<h1>${title}</h1>
        <p>${from}</p>
        ${form({
          action: ownPath(req, PATH),
          hidden: { token },
          fields: [],
          submit: words.say('invitation.join', { org: org.name }),
        })}
        <p class="links"><a href="${home.href}">${words.say('invitation.notNow')}</a></p>`,
    };
  };
}

/** An invitation that does not work, and what to do about it. */
function deadPage(req: Request, { pages }: Pick<RouterParts, 'pages'>, refusal: AuthError): PageIn {
  return (words: Words) => {
    const title = words.say('invitation.dead');
    const account = { href: ownPath(req, '/account'), text: words.say('page.account') };
    const home = { href: pages.home, text: words.say('page.home') };
    return {
      title,
      isError: true,
      body: stepsOf(title, [refusalText(words, refusal)], [account, home]),
    };
  };
}

function stepsOf(title: string, texts: readonly string[], steps: readonly Step[]) {
  return html`<h1>${title}</h1>
    ${texts.map((text) => html`<p>${text}</p> `)}
    ${steps.map(
      ({ href, text }, at) =>
        html`<a class="${at === 0 ? 'button' : 'button plain'}" href="${href}">${text}</a> `,
    )}`;
}
