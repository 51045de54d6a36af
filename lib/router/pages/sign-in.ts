import type { Request, Response } from 'express';
import { z } from 'zod';
import { hasToChangePassword } from '../../accounts/temporary-password.js';
import { isNavigation } from '../../http/cross-site.js';
import { AuthError } from '../../errors.js';
import { redirectWithin, withParameters } from '../../http/redirects.js';
import { refusalText } from '../../pages/refusal-page.js';
import { changePasswordPath, pageSession, redirectSignedIn } from '../browser-session.js';
import { passwordLoginSchema, type PasswordSignIn } from '../password/login.js';
import { ownPath, placeOf, queryOf, returnToOf, wishesOf } from '../own-urls.js';
import { takeNotice } from './notices.js';
import { readPageForm } from './read-page-form.js';
import { type SignInFacts, signInPage } from './sign-in-page.js';
import type { Endpoint } from '../respond.js';
import type { RouterParts } from '../parts.js';

/** What the sign-in page needs to know of the other pages. */
export interface SignInContext {
  readonly parts: RouterParts;
  /** Whether a forgotten password can be replaced by mail. */
  readonly canReset: boolean;
  /** Whether strangers may make an account with a password. */
  readonly canSignUp: boolean;
}

/** Shows the page. Redirects a signed-in user on at once, unless asked to stay: `?again=1`. */
export function showSignInPage(context: SignInContext): Endpoint {
  const { parts } = context;
  const { sessions, pages } = parts;
  return async function handleShowSignInPage(req, res) {
    const token = pageSession(parts, { req, res });
    const live = token === undefined ? undefined : await sessions.recognise(token, 'cookie');
    const returnTo = returnToOf(req);
    if (live && hasToChangePassword(live.user, parts.config))
      return redirectWithin(res, changePasswordPath(req, returnTo));
    if (live && !queryOf(req).has('again')) return redirectWithin(res, returnTo);
    // A user who has just signed out knows that the session has ended.
    const notice = takeNotice(parts, { req, res });
    const hasEnded = token !== undefined && !live && notice === undefined;
    const facts = factsOf(context, req, { returnTo });
    const error = hasEnded ? pages.wordsFor(req).say('signIn.ended') : undefined;
    pages.send(res, 200, signInPage({ ...facts, notice: notice ?? error }));
  };
}

const formSchema = z.object({
  username: z.string().max(1024),
  password: z.string().max(4096),
  returnTo: z.string().optional(),
});

/**
 * Signs in by the page's own form. Shows the page again when that fails, with the status of the error.
 * CROSS_SITE_REQUEST (403) for a form that is not on a page of ours.
 */
export function submitSignInPage(context: SignInContext, signIn: PasswordSignIn): Endpoint {
  const { parts } = context;
  return async function handleSubmitSignInPage(req, res) {
    const {
      username,
      password,
      returnTo: wanted,
    } = await readPageForm(parts, { req, res }, formSchema);
    const returnTo = placeOf(req, wanted);
    const { data: body } = passwordLoginSchema.safeParse({
      username,
      password,
      delivery: 'cookie',
    });
    try {
      if (!body) throw new AuthError('INVALID_CREDENTIALS');
      const live = await signIn({ req, res }, body);
      redirectSignedIn(parts, res, { live, returnTo });
    } catch (error) {
      if (!(error instanceof AuthError)) throw error;
      const facts = factsOf(context, req, { returnTo, username });
      sendRefusal(context, res, { error, facts });
    }
  };
}

/** Shows a refusal as the sign-in page to a browser that navigates. Scripts and other clients get the problem document. */
export function withSignInPage(context: SignInContext, endpoint: Endpoint): Endpoint {
  const { parts } = context;
  return async function handleWithSignInPage(req, res) {
    try {
      await endpoint(req, res);
    } catch (error) {
      if (!(error instanceof AuthError) || !isNavigation(req) || res.headersSent) throw error;
      const { all } = parts.providers;
      const [only] = all.length === 1 ? all : [];
      const { provider: asked = only?.name } = req.params;
      const label = all.find(({ name }) => name === asked)?.label;
      const facts = factsOf(context, req, { returnTo: returnToOf(req) });
      const isOnlyWay = !facts.password && all.every(({ name }) => name === asked);
      sendRefusal(context, res, { error, facts, label, isOnlyWay });
    }
  };
}

interface Refusal {
  readonly error: AuthError;
  readonly facts: SignInFacts;
  readonly label?: string | undefined;
  readonly isOnlyWay?: boolean;
}

function sendRefusal(
  { parts }: SignInContext,
  res: Response,
  { error, facts, label, isOnlyWay }: Refusal,
): void {
  for (const [name, value] of Object.entries(error.headers)) res.setHeader(name, value);
  const isWrong = error.code === 'INVALID_CREDENTIALS';
  const text = refusalText(parts.pages.wordsFor(res.req), error, {
    provider: label,
    isOnlyWay,
  });
  const password = facts.password && { ...facts.password, isWrong };
  parts.pages.send(res, error.status, signInPage({ ...facts, password, error: text }));
}

function factsOf(
  { parts: { providers, config }, canReset, canSignUp }: SignInContext,
  req: Request,
  { returnTo, username }: { readonly returnTo: string; readonly username?: string },
): SignInFacts {
  const wishes = { ...wishesOf(req), returnTo };
  const query = new URLSearchParams(wishes).toString();
  const leadingTo = (page: string): string => withParameters(ownPath(req, page), { returnTo });
  return {
    password: config.passwordLogin
      ? {
          // The parameters stay in the address, so that the page still has them after a wrong password.
          action: ownPath(req, `/signin?${query}`),
          returnTo,
          username,
          forgot: canReset ? leadingTo('/forgot-password') : undefined,
          signUp: canSignUp ? leadingTo('/sign-up') : undefined,
        }
      : undefined,
    providers: providers.all.map(({ name, label }) => ({
      name,
      label,
      url: ownPath(req, `/login/${name}?${query}`),
    })),
  };
}

/** Lists the providers that users can sign in with, for pages of the application's own. */
export function listProviders({ providers, config }: RouterParts): Endpoint {
  return async function handleListProviders(req, res) {
    res.json({
      passwords: config.passwordLogin,
      sign_up: config.passwordSignUp,
      providers: providers.all.map(({ name, label }) => ({
        name,
        label,
        login_url: ownPath(req, `/login/${name}`),
      })),
    });
  };
}
