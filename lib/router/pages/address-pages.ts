import type { Request } from 'express';
import { z } from 'zod';
import { AuthError } from '../../errors.js';
import { redirectWithin, withParameters } from '../../http/redirects.js';
import type { Words } from '../../pages/words.js';
import { redirectSignedIn } from '../browser-session.js';
import type { Callers } from '../caller.js';
import { ownPath, placeOf, queryOf, returnToOf } from '../own-urls.js';
import type { ChangeEmail } from '../password/change-email.js';
import type { SignUp } from '../password/sign-up.js';
import type { VerifyEmail } from '../password/verify-email.js';
import { type FormPageIn, formPage, submitForm } from './form-page.js';
import { leaveNotice } from './notices.js';
import {
  goingOn,
  newPasswordField,
  type PageEndpoints,
  readEmail,
  sentPage,
  sentPath,
  signInPath,
  typed,
} from './password-pages.js';
import { forSignedIn } from './show-refusals.js';
import type { RouterParts } from '../parts.js';

/** Takes an address and a password for a new account, and says to look into the mail. */
export function signUpPages(
  parts: RouterParts,
  askToSignUp: SignUp,
  lifeSeconds: number,
): PageEndpoints {
  const page =
    (req: Request, { email, returnTo }: { email?: string; returnTo: string }): FormPageIn =>
    (words) => ({
      title: words.say('signUp.title'),
      action: ownPath(req, '/sign-up'),
      hidden: { returnTo },
      fields: [
        emailField(words, email),
        { ...newPasswordField(parts, words, 'password'), label: words.say('signIn.password') },
      ],
      submit: words.say('signUp.submit'),
      links: [{ href: signInPath(req, returnTo), text: words.say('signUp.signIn') }],
    });
  return {
    show: async (req, res) => {
      const returnTo = returnToOf(req);
      const again = withParameters(ownPath(req, '/sign-up'), { returnTo });
      const sent = sentPage(
        (words) => words.say('signUp.sent', { life: words.length(lifeSeconds) }),
        {
          again,
          signIn: signInPath(req, returnTo),
        },
      );
      const isSent = queryOf(req).has('sent');
      parts.pages.send(res, 200, isSent ? sent : formPage(page(req, { returnTo })));
    },
    submit: submitForm(parts, {
      schema: z.object({ email: typed, password: typed, ...goingOn }),
      page: (req, { email, returnTo }) => page(req, { email, returnTo: placeOf(req, returnTo) }),
      async submit({ req, res }, { email, password, ...body }) {
        const returnTo = placeOf(req, body.returnTo);
        await askToSignUp({ req, res }, { email: readEmail(email), password, returnTo });
        redirectWithin(res, sentPath(req, '/sign-up', returnTo));
      },
    }),
  };
}

interface VerifyFacts {
  readonly token: string;
  readonly isSignUp: boolean;
  /** Whether the session is not enough, or there is none. */
  readonly asksPassword: boolean;
  readonly asksUsername: boolean;
  readonly returnTo: string;
}

/** Confirms an address by a mailed token. To open the page changes nothing: mail scanners do. */
export function verifyEmailPages(parts: RouterParts, verifyAddress: VerifyEmail): PageEndpoints {
  const { sessions, cookies, pages } = parts;
  return {
    show: async (req, res) => {
      const query = queryOf(req);
      const isSignUp = query.get('for') !== 'change';
      const live = isSignUp
        ? undefined
        : await sessions.recognise(cookies.read(req, 'session'), 'cookie');
      const facts = {
        token: query.get('token') ?? '',
        isSignUp,
        asksPassword: live === undefined,
        asksUsername: false,
        returnTo: returnToOf(req),
      };
      pages.send(res, 200, formPage(verifyPage(req, facts)));
    },
    submit: submitForm(parts, {
      schema: z.object({
        token: typed,
        for: z.enum(['sign_up', 'change']),
        password: typed.optional(),
        username: typed.optional(),
        ...goingOn,
      }),
      wrongPassword: 'verify.wrong',
      page: (req, body) =>
        verifyPage(req, {
          token: body.token,
          isSignUp: body.for === 'sign_up',
          asksPassword: true,
          asksUsername: body.username !== undefined,
          returnTo: placeOf(req, body.returnTo),
        }),
      async submit({ req, res }, { token, password, ...body }) {
        const given = { token, password: password === '' ? undefined : password };
        const live = await verifyAddress(
          { req, res },
          { ...given, username: body.username, delivery: 'cookie' },
        ).catch((error: unknown) => {
          throw isWithoutOwner(error) ? needsPassword : error;
        });
        leaveNotice(parts, res, 'notice.emailConfirmed');
        if (live) redirectSignedIn(parts, res, { live, returnTo: placeOf(req, body.returnTo) });
        else redirectWithin(res, ownPath(req, '/account'));
      },
    }),
  };
}

/** Nobody is signed in, or somebody else: the account's password proves as much. */
function isWithoutOwner(error: unknown): boolean {
  return error instanceof AuthError && error.status === 401 && error.code !== 'INVALID_CREDENTIALS';
}

const needsPassword = new AuthError('INVALID_REQUEST', { reason: 'verify_password' });

function verifyPage(req: Request, facts: VerifyFacts): FormPageIn {
  const { token, isSignUp, asksPassword, asksUsername, returnTo } = facts;
  return (words) => ({
    title: words.say('verify.title'),
    intro: words.say(introOf(facts)),
    action: ownPath(req, '/verify-email'),
    hidden: { token, for: isSignUp ? 'sign_up' : 'change', returnTo },
    fields: [
      ...(asksUsername
        ? [{ name: 'username', label: words.say('form.username'), autocomplete: 'username' }]
        : []),
      ...(asksPassword
        ? [
            {
              name: 'password',
              label: words.say('signIn.password'),
              type: 'password' as const,
              autocomplete: 'current-password',
            },
          ]
        : []),
    ],
    submit: words.say('verify.submit'),
    links: [{ href: signInPath(req, returnTo), text: words.say('page.backToSignIn') }],
    hasSecretAddress: true,
  });
}

function introOf({ isSignUp, asksPassword }: VerifyFacts) {
  if (isSignUp) return 'verify.signUp';
  return asksPassword ? 'verify.changeByPassword' : 'verify.change';
}

/** Takes another address for the account. */
export function changeEmailPages(
  parts: RouterParts,
  callers: Callers,
  askToChangeEmail: ChangeEmail,
): PageEndpoints {
  const page =
    (req: Request, { email, hasPassword }: { email?: string; hasPassword: boolean }): FormPageIn =>
    (words) => ({
      title: words.say('changeEmail.title'),
      intro: words.say('changeEmail.intro'),
      action: ownPath(req, '/change-email'),
      fields: [
        { ...emailField(words, email), label: words.say('changeEmail.new') },
        ...(hasPassword
          ? [
              {
                name: 'password',
                label: words.say('change.old'),
                type: 'password' as const,
                autocomplete: 'current-password',
              },
            ]
          : []),
      ],
      submit: words.say('forgot.submit'),
      links: [{ href: ownPath(req, '/account'), text: words.say('page.account') }],
    });
  return {
    show: forSignedIn(async (req, res) => {
      const { user } = await callers.requireUser(req);
      const facts = { hasPassword: user.passwordHash !== undefined };
      parts.pages.send(res, 200, formPage(page(req, facts)));
    }),
    submit: submitForm(parts, {
      schema: z.object({ email: typed, password: typed.optional() }),
      wrongPassword: 'change.wrong',
      page: (req, { email, password }) => page(req, { email, hasPassword: password !== undefined }),
      async submit({ req, res }, { email, password }) {
        await askToChangeEmail({ req, res }, { email: readEmail(email), password });
        leaveNotice(parts, res, 'notice.emailSent');
        redirectWithin(res, ownPath(req, '/account'));
      },
    }),
  };
}

function emailField(words: Words, value: string | undefined) {
  const label = words.say('form.email');
  return { name: 'email', label, type: 'email' as const, value, autocomplete: 'email' };
}
