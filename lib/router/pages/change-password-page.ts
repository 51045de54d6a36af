import type { Request } from 'express';
import { z } from 'zod';
import { redirectWithin, withParameters } from '../../http/redirects.js';
import { setSessionCookie } from '../browser-session.js';
import type { Callers } from '../caller.js';
import { ownPath, placeOf, queryOf } from '../own-urls.js';
import type { ChangePassword } from '../password/change-password.js';
import { type FormPageIn, formPage, submitForm } from './form-page.js';
import { leaveNotice } from './notices.js';
import { goingOn, newPasswordField, type PageEndpoints, typed } from './password-pages.js';
import { forSignedIn } from './show-refusals.js';
import type { RouterParts } from '../parts.js';

/** Takes a new password from a user who knows the old one, a temporary one among them. */
export function changePasswordPages(
  parts: RouterParts,
  callers: Callers,
  { change, canReset }: ChangeContext,
): PageEndpoints {
  const page = changePage(parts, canReset);
  return {
    show: forSignedIn(async (req, res) => {
      const { user } = await callers.requireAnyUser(req);
      const asked = queryOf(req).get('returnTo');
      const returnTo = asked === null ? ownPath(req, '/account') : placeOf(req, asked);
      // A user without a password gets one by mail.
      if (user.passwordHash === undefined && canReset)
        return redirectWithin(res, withParameters(ownPath(req, '/forgot-password'), { returnTo }));
      const { mustResetPassword: mustReset, username, email } = user;
      const facts = { mustReset, login: username ?? email, returnTo };
      parts.pages.send(res, 200, formPage(page(req, facts)));
    }),
    submit: submitForm(parts, {
      schema: z.object({
        old_password: typed,
        new_password: typed,
        must: z.string().max(1).optional(),
        remove_identities: z.literal('on').optional(),
        login: typed.optional(),
        ...goingOn,
      }),
      wrongPassword: 'change.wrong',
      page: (req, { must, login, returnTo }) =>
        page(req, { mustReset: must === '1', login, returnTo: placeOf(req, returnTo) }),
      async submit({ req, res }, { returnTo, ...body }) {
        const live = await change(
          { req, res },
          {
            old_password: body.old_password,
            new_password: body.new_password,
            remove_identities: body.remove_identities === 'on',
          },
        );
        setSessionCookie(parts, res, live);
        leaveNotice(parts, res, 'notice.passwordChanged');
        redirectWithin(res, placeOf(req, returnTo));
      },
    }),
  };
}

interface ChangeContext {
  readonly change: ChangePassword;
  /** Whether a forgotten password can be replaced by mail. */
  readonly canReset: boolean;
}

interface ChangeFacts {
  readonly mustReset: boolean;
  readonly login: string | undefined;
  readonly returnTo: string;
}

function changePage(parts: RouterParts, canReset: boolean) {
  return (req: Request, { mustReset, login, returnTo }: ChangeFacts): FormPageIn =>
    (words) => ({
      title: words.say('change.title'),
      intro: mustReset ? words.say('change.must') : undefined,
      action: ownPath(req, '/change-password'),
      hidden: { returnTo, must: mustReset ? '1' : '' },
      login,
      fields: [
        {
          name: 'old_password',
          label: words.say(mustReset ? 'change.temporary' : 'change.old'),
          type: 'password',
          autocomplete: 'current-password',
        },
        newPasswordField(parts, words),
      ],
      checks:
        parts.providers.all.length > 0
          ? [{ name: 'remove_identities', label: words.say('change.removeIdentities') }]
          : [],
      submit: words.say('change.submit'),
      links: canReset
        ? [{ href: ownPath(req, '/forgot-password'), text: words.say('signIn.forgot') }]
        : [],
    });
}
