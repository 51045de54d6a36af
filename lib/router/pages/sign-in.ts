import type { Request, Response } from 'express';
import { z } from 'zod';
import { isNavigation, refuseCrossSite } from '../../http/cross-site.js';
import { AuthError } from '../../errors.js';
import { redirectWithin } from '../../http/redirects.js';
import { redirectSignedIn } from '../browser-session.js';
import { passwordLoginSchema, type PasswordSignIn } from '../password/login.js';
import { ownPath, placeOf, publicOrigin, queryOf, returnToOf, wishesOf } from '../own-urls.js';
import { sendPage, type SignInFacts, signInPage } from './pages.js';
import { readFormBody } from '../request-body.js';
import type { Endpoint } from '../respond.js';
import type { RouterParts } from '../parts.js';

/** Shows the page. Redirects a signed-in user on at once, unless asked to stay: `?again=1`. */
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
 * Signs in by the page's own form. Shows the page again when that fails, with the status of the error.
 * CROSS_SITE_REQUEST (403) for a form that is not on a page of ours.
 */
export function submitSignInPage(parts: RouterParts, signIn: PasswordSignIn): Endpoint {
  return async function handleSubmitSignInPage(req, res) {
    // Stricter than other routes: the browser itself must say that the form stands on this origin.
    const own = new Set([publicOrigin(parts, req)]);
    refuseCrossSite(req, { allowed: own, proof: 'browser' });
    const { username, password, returnTo: wanted } = await readFormBody({ req, res }, formSchema);
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
      sendErrorPage(res, error, { ...factsOf(parts, req, returnTo), username });
    }
  };
}

/** Shows a refusal as the sign-in page to a browser that navigates. Scripts and other clients get the problem document. */
export function withErrorPage(parts: RouterParts, endpoint: Endpoint): Endpoint {
  return async function handleWithErrorPage(req, res) {
    try {
      await endpoint(req, res);
    } catch (error) {
      if (!(error instanceof AuthError) || !isNavigation(req) || res.headersSent) throw error;
      const facts = factsOf(parts, req, returnToOf(req));
      const { provider } = req.params;
      const label = parts.providers.all.find(({ name }) => name === provider)?.label;
      sendErrorPage(res, error, { ...facts, label });
    }
  };
}

function sendErrorPage(
  res: Response,
  error: AuthError,
  { label, ...facts }: SignInFacts & { readonly label?: string | undefined },
): void {
  for (const [name, value] of Object.entries(error.headers)) res.setHeader(name, value);
  sendPage(res, error.status, signInPage({ ...facts, error: messageOf(error, label) }));
}

function factsOf({ providers }: RouterParts, req: Request, returnTo: string) {
  const wishes = { ...wishesOf(req), returnTo };
  const query = new URLSearchParams(wishes).toString();
  return {
    // The parameters stay in the address, so that the page still has them after a wrong password.
    action: ownPath(req, `/signin?${query}`),
    returnTo,
    providers: providers.all.map(({ name, label }) => ({
      label,
      url: ownPath(req, `/login/${name}?${query}`),
    })),
  };
}

interface MessageFacts {
  /** Of the provider, or words in its place. */
  readonly provider: string;
  /** How long to wait, with its unit. */
  readonly wait: string;
}

/** What happened and what to do next, by reason, then by code. */
const messages: Readonly<Record<string, (facts: MessageFacts) => string>> = {
  account_exists: ({ provider }) =>
    `There is already an account with this e-mail address. Sign in to it as before; then you can add ${provider}.`,
  no_account: () => 'You have no account here yet. Ask an administrator for one.',
  not_provisioned: () => 'Your account may not sign in here. Ask an administrator.',
  access_denied: ({ provider }) => `Signing in with ${provider} was cancelled. You can try again.`,
  acr: () => 'This page needs a stronger sign-in. Choose another way to sign in.',
  provider: () => 'There is no such way to sign in. Choose one of those on this page.',
  link_other_user: () =>
    'Another user has signed in meanwhile. Sign in again, then add the account.',
  linked_to_other: ({ provider }) =>
    `This account of ${provider} belongs to another user here. Sign in with it, or choose another one.`,
  domain: () => 'Accounts of this organisation can’t sign in here. Choose another account.',
  tenant: () => 'Accounts of this organisation can’t sign in here. Choose another account.',
  state: () => 'This sign-in has expired, or was begun in another browser. Sign in again.',
  INVALID_CREDENTIALS: () => 'The user name or the password is wrong.',
  CREDENTIALS_MISSING: () => 'Sign in to see this page.',
  AUTH_CONTEXT_REQUIRED: () => 'This needs a recent sign-in. Sign in again.',
  CROSS_SITE_REQUEST: () => 'This form was sent from another site. Sign in here.',
  RATE_LIMITED: ({ wait }) => `Too many attempts. Try again in ${wait}.`,
  SERVER_BUSY: ({ wait }) => `This service is busy. Try again in ${wait}.`,
  STORE_UNAVAILABLE: ({ wait }) => `Signing in doesn’t work at the moment. Try again in ${wait}.`,
  KEYS_UNAVAILABLE: ({ provider, wait }) =>
    `We can’t reach ${provider} at the moment. Try again in ${wait}.`,
  PROVIDER_ERROR: ({ provider }) =>
    `We can’t sign you in with ${provider} at the moment. Try again in a few minutes, or sign in another way.`,
};

function messageOf({ reason, code, problem, headers }: AuthError, label?: string): string {
  const message = messages[reason ?? ''] ?? messages[code];
  const facts = {
    provider: label ?? 'the provider',
    wait: inWords(Number(headers['Retry-After'] ?? 60)),
  };
  return message?.(facts) ?? problem.detail;
}

/** A time to wait, rounded up. */
function inWords(seconds: number): string {
  if (seconds === 1) return 'a second';
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.ceil(seconds / 60);
  return minutes === 1 ? 'a minute' : `${minutes} minutes`;
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
