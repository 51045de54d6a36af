import type { Request, Response } from 'express';
import { z } from 'zod';
import { isNavigation, refuseCrossSite } from '../../http/cross-site.js';
import { AuthError } from '../../errors.js';
import { redirectWithin, safeReturnTo } from '../../http/redirects.js';
import { redirectSignedIn } from '../browser-session.js';
import { passwordLoginSchema, type PasswordSignIn } from '../password/login.js';
import { ownPath, publicUrl, queryOf, returnToOf, wishesOf } from '../own-urls.js';
import { sendPage, signInPage } from './pages.js';
import { readFormBody } from '../request-body.js';
import type { Endpoint } from '../respond.js';
import type { RouterParts } from '../parts.js';

/** Shows the page. Who is signed in already goes on at once, unless the page is asked to stay: `?again=1`. */
export function showSignInPage(parts: RouterParts): Endpoint {
  const { sessions, cookies } = parts;
  return async function handleShowSignInPage(req, res) {
    const query = queryOf(req);
    const returnTo = returnToOf(req);
    const live = query.has('again')
      ? undefined
      : await sessions.recognise(cookies.read(req, 'session'));
    if (live) redirectWithin(res, returnTo);
    else sendPage(res, 200, signInPage(factsOf(parts, req, returnTo)));
  };
}

const formSchema = z.object({
  username: z.string().max(1024),
  password: z.string().max(1024),
  returnTo: z.string().optional(),
});

/**
 * Signs in by the page's own form, and shows the page again when that fails, with the same status as an API would
 * have. CROSS_SITE_REQUEST (403) for a form that is not on a page of ours.
 */
export function submitSignInPage(parts: RouterParts, signIn: PasswordSignIn): Endpoint {
  return async function handleSubmitSignInPage(req, res) {
    // Stricter than other routes: the browser itself must say that the form stands on this origin.
    const own = new Set([new URL(publicUrl(parts, req)).origin]);
    refuseCrossSite(req, { allowed: own, proof: 'browser' });
    const { username, password, returnTo: wanted } = await readFormBody({ req, res }, formSchema);
    const returnTo = safeReturnTo(wanted);
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
      sendErrorPage(res, error, { ...factsOf(parts, req, returnTo), username });
    }
  };
}

/** Shows browsers the page with words in the place of a problem document; everybody else gets the latter. */
export function inWords(parts: RouterParts, endpoint: Endpoint): Endpoint {
  return async function handleInWords(req, res) {
    try {
      await endpoint(req, res);
    } catch (error) {
      if (!(error instanceof AuthError) || !isNavigation(req) || res.headersSent) throw error;
      sendErrorPage(res, error, factsOf(parts, req, returnToOf(req)));
    }
  };
}

function sendErrorPage(
  res: Response,
  error: AuthError,
  facts: Parameters<typeof signInPage>[0],
): void {
  for (const [name, value] of Object.entries(error.headers)) res.setHeader(name, value);
  sendPage(res, error.status, signInPage({ ...facts, error: wordsFor(error) }));
}

function factsOf({ providers }: RouterParts, req: Request, returnTo: string) {
  const wishes = { ...wishesOf(req), returnTo };
  const query = new URLSearchParams(wishes).toString();
  return {
    // The wishes stay in the address, for the page to have them again after a wrong password.
    action: ownPath(req, `/signin?${query}`),
    returnTo,
    providers: providers.all.map(({ name, label }) => ({
      label,
      url: ownPath(req, `/login/${name}?${query}`),
    })),
  };
}

/** What somebody can do about it. By reason first, then by code. */
const words: Readonly<Record<string, string>> = {
  account_exists:
    'There is an account with this e-mail address already. Sign in to it the way you are used to; then you can add this one.',
  no_account: 'There is no account for you here yet. Ask an administrator for one.',
  access_denied: 'The sign-in was cancelled.',
  acr: 'This page asks for a stronger sign-in than the one you used. Choose another way to sign in.',
  provider: 'There is no sign-in of that name here.',
  link_other_user: 'Somebody else is signed in by now. Please begin again.',
  linked_to_other: 'This sign-in belongs to another account.',
  domain: 'Accounts of this organisation cannot be used here.',
  tenant: 'Accounts of this organisation cannot be used here.',
  state: 'This sign-in has expired, or was begun in another browser. Please begin again.',
  INVALID_CREDENTIALS: 'The user name or the password is wrong.',
  CREDENTIALS_MISSING: 'Sign in first.',
  RATE_LIMITED: 'Too many attempts. Wait a little, then try again.',
  PROVIDER_ERROR: 'The other side does not answer as it should. Try again later.',
};

function wordsFor({ reason, code, problem }: AuthError): string {
  return words[reason ?? ''] ?? words[code] ?? problem.detail;
}

/** With whom users can sign in, for pages of the application's own. */
export function listProviders({ providers }: RouterParts): Endpoint {
  return async function handleListProviders(req, res) {
    res.json({
      providers: providers.all.map(({ name, label }) => ({
        name,
        label,
        login_url: ownPath(req, `/login/${name}`),
      })),
    });
  };
}
