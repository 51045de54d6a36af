import type { FormFacts } from './form.js';
import type { Request } from 'express';
import { z } from 'zod';
import { AuthError } from '../../errors.js';
import { redirectWithin, withParameters } from '../../http/redirects.js';
import { html } from '../../pages/html.js';
import type { PageIn } from '../../pages/pages.js';
import type { Words } from '../../pages/words.js';
import { redirectSignedIn } from '../browser-session.js';
import { ownPath, placeOf, queryOf, returnToOf } from '../own-urls.js';
import { emailSchema, type ForgotPassword } from '../password/forgot-password.js';
import type { ResetPassword } from '../password/reset-password.js';
import { type FormPageIn, formPage, submitForm } from './form-page.js';
import { leaveNotice } from './notices.js';
import type { Endpoint } from '../respond.js';
import type { RouterParts } from '../parts.js';

export interface PageEndpoints {
  readonly show: Endpoint;
  readonly submit: Endpoint;
}

/** As long as a password that is typed with its accents apart. */
export const typed: z.ZodString = z.string().max(4096);
export const goingOn: { readonly returnTo: z.ZodOptional<z.ZodString> } = {
  returnTo: z.string().optional(),
};

/** An address as it was typed. Rejects with INVALID_REQUEST (400). */
export function readEmail(text: string): string {
  const { data } = emailSchema.safeParse(text);
  if (data !== undefined) return data;
  const errors = [{ pointer: '#/email', detail: 'is no e-mail address', code: 'email' }];
  throw new AuthError('INVALID_REQUEST', { reason: 'body', errors });
}

/** Where the page is that says to look into the mail. */
export function sentPath(req: Request, route: string, returnTo: string): string {
  return withParameters(ownPath(req, route), { sent: '1', returnTo });
}

/** Says to look into the mail, and how to go on without one. */
export function sentPage(
  text: (words: Words) => string,
  { again, signIn }: { readonly again: string; readonly signIn: string },
): PageIn {
  return (words) => {
    const title = words.say('sent.title');
    return {
      title,
      body: html`<h1>${title}</h1>
        <p>${text(words)}</p>
        <a class="button" href="${signIn}">${words.say('page.signIn')}</a>
        <a class="button plain" href="${again}">${words.say('sent.again')}</a>`,
    };
  };
}

/** Asks for the address of the account, and says to look into the mail. */
export function forgotPasswordPages(
  parts: RouterParts,
  askForReset: ForgotPassword,
  lifeSeconds: number,
): PageEndpoints {
  const page =
    (req: Request, { email = '', returnTo }: { readonly email?: string; returnTo: string }) =>
    (words: Words) => ({
      title: words.say('forgot.title'),
      intro: words.say('forgot.intro'),
      action: ownPath(req, '/forgot-password'),
      hidden: { returnTo },
      fields: [
        {
          name: 'email',
          label: words.say('form.email'),
          type: 'email' as const,
          value: email,
          autocomplete: 'username',
        },
      ],
      submit: words.say('forgot.submit'),
      links: [{ href: signInPath(req, returnTo), text: words.say('page.backToSignIn') }],
    });
  return {
    show: async (req, res) => {
      const returnTo = returnToOf(req);
      const again = withParameters(ownPath(req, '/forgot-password'), { returnTo });
      const sent = sentPage(
        (words) => words.say('forgot.sent', { life: words.length(lifeSeconds) }),
        { again, signIn: signInPath(req, returnTo) },
      );
      const isSent = queryOf(req).has('sent');
      parts.pages.send(res, 200, isSent ? sent : formPage(page(req, { returnTo })));
    },
    submit: submitForm(parts, {
      schema: z.object({ email: typed, ...goingOn }),
      page: (req, { email, returnTo }) => page(req, { email, returnTo: placeOf(req, returnTo) }),
      async submit({ req, res }, body) {
        const returnTo = placeOf(req, body.returnTo);
        await askForReset({ req, res }, { email: readEmail(body.email), returnTo });
        redirectWithin(res, sentPath(req, '/forgot-password', returnTo));
      },
    }),
  };
}

export function signInPath(req: Request, returnTo: string): string {
  return withParameters(ownPath(req, '/signin'), { returnTo });
}

/** Takes a new password for a mailed token. To open the page changes nothing: mail scanners do. */
export function resetPasswordPages(parts: RouterParts, resetByToken: ResetPassword): PageEndpoints {
  const page =
    (req: Request, { token, returnTo }: { readonly token: string; returnTo: string }): FormPageIn =>
    (words) => ({
      title: words.say('reset.title'),
      intro: words.say('reset.intro'),
      action: ownPath(req, '/reset-password'),
      hidden: { token, returnTo },
      fields: [newPasswordField(parts, words)],
      submit: words.say('reset.submit'),
      links: [
        {
          href: withParameters(ownPath(req, '/forgot-password'), { returnTo }),
          text: words.say('reset.newLink'),
        },
      ],
      hasSecretAddress: true,
    });
  return {
    show: async (req, res) => {
      const token = queryOf(req).get('token') ?? '';
      parts.pages.send(res, 200, formPage(page(req, { token, returnTo: returnToOf(req) })));
    },
    submit: submitForm(parts, {
      schema: z.object({ token: typed, new_password: typed, ...goingOn }),
      page: (req, { token, returnTo }) => page(req, { token, returnTo: placeOf(req, returnTo) }),
      async submit({ req, res }, { token, new_password: password, returnTo }) {
        const body = { token, new_password: password, delivery: 'cookie' } as const;
        const live = await resetByToken({ req, res }, body);
        leaveNotice(parts, res, 'notice.passwordChanged');
        redirectSignedIn(parts, res, { live, returnTo: placeOf(req, returnTo) });
      },
    }),
  };
}

/** The field of a password that is chosen now. */
export function newPasswordField(
  { passwords }: RouterParts,
  words: Words,
  name: string = 'new_password',
): FormFacts['fields'][number] {
  return {
    name,
    label: words.say('form.newPassword'),
    type: 'password',
    autocomplete: 'new-password',
    hint: words.say('form.passwordRule', { count: String(passwords.minLength) }),
  };
}
