import type { Request, RequestHandler } from 'express';
import { isNavigation, refuseCrossSite } from '../http/cross-site.js';
import { redirectAway } from '../http/redirects.js';
import { ownOrigins } from '../config/own-origins.js';
import { type Callers, createCallers } from './caller.js';
import { changeEmail, createChangeEmail } from './password/change-email.js';
import { changePassword, createChangePassword } from './password/change-password.js';
import { createOneTimeCodes, exchange } from './provider/exchange.js';
import { signInWithGoogle } from './provider/google.js';
import { createPasswordSignIn, login } from './password/login.js';
import { logout } from './session/logout.js';
import { machineRoutes } from './machine/routes.js';
import type { ManageContext } from './admin/require-admin.js';
import { managementRoutes } from './admin/routes.js';
import { resetUserPassword } from './admin/users.js';
import { organisationRoutes } from './organisations/routes.js';
import { listIdentities, removeIdentity } from './session/own-identities.js';
import { keyRoutes } from './machine/key-routes.js';
import { me, session } from './session/me.js';
import { endSession, listSessions } from './session/own-sessions.js';
import { callback, formCallback } from './provider/callback.js';
import { beginLink, beginLogin } from './provider/login.js';
import { backchannelLogout, browserLogout } from './provider/logout.js';
import { noteArrival } from './arrivals.js';
import { limitAddresses } from './rate-limits.js';
import { refresh, revoke } from './session/refresh.js';
import {
  createForgotPassword,
  forgotPassword,
  type MailingOptions,
} from './password/forgot-password.js';
import { createResetPassword, resetPassword } from './password/reset-password.js';
import { createSignUp, signUp } from './password/sign-up.js';
import { createVerifyEmail, verifyEmail } from './password/verify-email.js';
import { isForm } from './request-body.js';
import { withOpenapi } from './openapi/publish.js';
import type { Endpoint } from './respond.js';
import { onPlainMounts, rightAddress } from './own-urls.js';
import { type Routes, routeTable } from './route-table.js';
import type { AuthRouterOptions, RouterParts } from './parts.js';
import {
  listProviders,
  showSignInPage,
  type SignInContext,
  submitSignInPage,
  withSignInPage,
} from './pages/sign-in.js';
import { announceActor } from './pages/actor-banner.js';
import { isStatusRequest, showStatus } from './status.js';
import { showSignedOutPage } from './pages/sign-out.js';
import {
  showAccountPage,
  submitEndOtherSessions,
  submitEndSession,
  submitRemoveIdentity,
} from './pages/account.js';
import { changeEmailPages, signUpPages, verifyEmailPages } from './pages/address-pages.js';
import { byBody } from './pages/form-page.js';
import { changePasswordPages } from './pages/change-password-page.js';
import { forgotPasswordPages, resetPasswordPages } from './pages/password-pages.js';
import { forSignedIn, showRefusals } from './pages/show-refusals.js';
import { type Binding, createBinding, createProofOf } from './proofs.js';
import { createTokenResponse, type SendTokens } from './token-response.js';
import { createTransactions } from './provider/transactions.js';

/** Joins limits, checks and routes. Options have been checked. */
export function createRoutes(given: RouterParts, options: AuthRouterOptions): RequestHandler {
  const parts = { ...given, sendMail: options.sendMail };
  const routes = routeTable(withOpenapi(parts, allRoutes(parts, options)));
  const limits = limitAddresses(parts, isFromProvider);
  const guards = inTurn([
    ...[limits, guardOrigins(parts)],
    ...(parts.config.impersonation ? [announceActor(parts)] : []),
  ]);
  const guardMost: RequestHandler = function guardMost(req, res, next) {
    // Guards count in the store, and whoever asks for the status must hear of its outage at once.
    if (isStatusRequest(req)) next();
    else guards(req, res, next);
  };
  const answer = showRefusals(
    parts,
    inTurn([noteArrival(parts.now), neverStored, guardMost, routes.handle]),
  );
  return onPlainMounts(parts, function authRouter(req, res, next) {
    // The application's own requests are no business of ours, not even where the router is mounted at the root.
    if (routes.knows(req.path)) answer(req, res, next);
    else next();
  });
}

function allRoutes(parts: RouterParts, options: AuthRouterOptions): Routes {
  const callers = createCallers(parts);
  const sendTokens = createTokenResponse(parts);
  const binding = createBinding(createProofOf(parts));
  const managing: ManageContext = { parts, callers };
  const canReset = options.sendMail !== undefined;
  const canSignUp = canReset && parts.config.passwordSignUp;
  const pageContext: SignInContext = { parts, canReset, canSignUp };
  const signInWithPassword = parts.config.passwordLogin ? createPasswordSignIn(parts) : undefined;
  const signIn = signInWithPassword && binding(login(signInWithPassword, sendTokens));
  return {
    '/refresh': { POST: binding(refresh(parts, sendTokens)) },
    '/revoke': { POST: revoke(parts) },
    '/me': { GET: me(parts, callers) },
    '/session': { GET: session(parts, callers) },
    '/sessions': {
      GET: listSessions(parts, callers),
      POST: submitEndOtherSessions(parts, callers),
    },
    '/sessions/:id': {
      DELETE: endSession(parts, callers),
      POST: submitEndSession(parts, callers),
    },
    '/account': { GET: forSignedIn(showAccountPage(pageContext, callers)) },
    '/identities': { GET: listIdentities(parts, callers) },
    '/identities/:provider': {
      DELETE: removeIdentity(parts, callers),
      POST: submitRemoveIdentity(parts, callers),
    },
    ...managementRoutes(managing, sendTokens),
    ...keyRoutes(parts, callers),
    ...(parts.orgs &&
      organisationRoutes({ parts, callers, orgs: parts.orgs }, pageContext, options)),
    '/status': { GET: showStatus(parts) },
    '/jwks.json': { GET: publishKeys(parts) },
    ...(signIn && passwordRoutes({ parts, callers, sendTokens, binding, signIn }, options)),
    ...providerRoutes({ parts, callers, sendTokens, binding, signIn }, pageContext),
    // After the routes of passwords, whose `/token` it takes over.
    ...machineRoutes(managing, signIn),
    '/signin': {
      GET: showSignInPage(pageContext),
      ...(signInWithPassword && {
        POST: withSignInPage(pageContext, submitSignInPage(pageContext, signInWithPassword)),
      }),
    },
  };
}

interface RoutesContext {
  readonly parts: RouterParts;
  readonly callers: Callers;
  readonly sendTokens: SendTokens;
  /** For routes that give out tokens. */
  readonly binding: Binding;
  /** Log-in with a password: the same path, by another method. Undefined with AUTH_PASSWORDS=off. */
  readonly signIn: Endpoint | undefined;
}

/** Routes of identity providers. */
function providerRoutes(
  { parts, callers, sendTokens, binding, signIn }: RoutesContext,
  pageContext: SignInContext,
): Routes {
  const transactions = createTransactions(parts);
  const codes = createOneTimeCodes(parts);
  const google = signInWithGoogle(parts, sendTokens);
  const begin = withSignInPage(pageContext, beginLogin(parts, transactions));
  const answer = {
    GET: withSignInPage(pageContext, callback({ parts, transactions, codes })),
    POST: withSignInPage(pageContext, formCallback()),
  };
  return {
    '/login': { ...(signIn && { POST: signIn }), GET: begin },
    '/login/:provider': { GET: begin },
    '/link/:provider': { POST: withSignInPage(pageContext, beginLink(parts, transactions)) },
    '/callback': answer,
    '/callback/:provider': answer,
    '/exchange': { POST: binding(exchange(parts, codes, sendTokens)) },
    '/signed-out': { GET: showSignedOutPage(parts) },
    '/logout': { POST: logout(parts, callers), GET: browserLogout(parts) },
    '/logout/:provider': { GET: browserLogout(parts) },
    '/backchannel/:provider': { POST: backchannelLogout(parts) },
    '/google': { POST: withSignInPage(pageContext, byBody(google, binding(google))) },
    '/providers': { GET: listProviders(parts) },
  };
}

/** Routes of log-in by password. Those that need mails are there with `sendMail` only. */
function passwordRoutes(
  { parts, callers, sendTokens, binding, signIn }: RoutesContext & { readonly signIn: Endpoint },
  options: AuthRouterOptions,
): Routes {
  const { sendMail } = options;
  const change = createChangePassword(parts, { callers, options });
  const canReset = sendMail !== undefined;
  const pages = changePasswordPages(parts, callers, { change, canReset });
  return {
    '/token': { POST: signIn },
    '/change-password': {
      GET: pages.show,
      POST: byBody(pages.submit, changePassword(change, sendTokens)),
    },
    ...(sendMail &&
      mailedRoutes({ parts, callers, sendTokens, binding }, { ...options, sendMail })),
  };
}

function mailedRoutes(
  { parts, callers, sendTokens, binding }: Omit<RoutesContext, 'signIn'>,
  options: MailingOptions,
): Routes {
  const { sendMail, resetTokenSeconds = 3600 } = options;
  const askForReset = createForgotPassword(parts, options);
  const reset = createResetPassword(parts, options);
  const forgotPages = forgotPasswordPages(parts, askForReset, resetTokenSeconds);
  const resetPages = resetPasswordPages(parts, reset);
  return {
    '/forgot-password': {
      GET: forgotPages.show,
      POST: byBody(forgotPages.submit, forgotPassword(askForReset)),
    },
    '/reset-password': {
      GET: resetPages.show,
      POST: byBody(resetPages.submit, binding(resetPassword(reset, sendTokens))),
    },
    '/users/:id/reset-password': { POST: resetUserPassword({ parts, callers }, sendMail) },
    ...(parts.config.passwordSignUp &&
      signUpRoutes({ parts, callers, sendTokens, binding }, options)),
  };
}

function signUpRoutes(
  { parts, callers, sendTokens, binding }: Omit<RoutesContext, 'signIn'>,
  options: MailingOptions,
): Routes {
  const askToSignUp = createSignUp(parts, options);
  const verifyAddress = createVerifyEmail(parts, { callers, options });
  const askToChangeEmail = createChangeEmail(parts, { callers, options });
  const signUpForm = signUpPages(parts, askToSignUp, options.verifyTokenSeconds ?? 86_400);
  const verifyForm = verifyEmailPages(parts, verifyAddress);
  const changeForm = changeEmailPages(parts, callers, askToChangeEmail);
  return {
    '/sign-up': { GET: signUpForm.show, POST: byBody(signUpForm.submit, signUp(askToSignUp)) },
    '/verify-email': {
      GET: verifyForm.show,
      POST: byBody(verifyForm.submit, binding(verifyEmail(verifyAddress, sendTokens))),
    },
    '/change-email': {
      GET: changeForm.show,
      POST: byBody(changeForm.submit, changeEmail(askToChangeEmail)),
    },
  };
}

/** Runs middlewares one after another. Passes on what one throws: Express 4 doesn't catch it in asynchronous code. */
function inTurn([first, ...rest]: readonly RequestHandler[]): RequestHandler {
  if (!first) return (_req, _res, next) => next();
  const others = inTurn(rest);
  return async function inTurnMiddleware(req, res, next) {
    const goOn = (error?: unknown): void => {
      if (error === undefined) void others(req, res, next);
      else next(error);
    };
    try {
      await first(req, res, goOn);
    } catch (error) {
      next(error);
    }
  };
}

const neverStored: RequestHandler = function neverStored(_req, res, next) {
  res.setHeader('Cache-Control', 'no-store');
  next();
};

/** Covers all unsafe routes, with or without a cookie: a forged log-in is an attack, too. */
function guardOrigins(parts: RouterParts): RequestHandler {
  const rule = { allowed: new Set(ownOrigins(parts.config)) };
  return function refuseCrossSiteRequest(req, res, next) {
    if (isFromProvider(req)) return next();
    try {
      refuseCrossSite(req, rule);
    } catch (error) {
      // The page has been opened by another name of this server. The form is sent again, by the person, where it counts.
      const address = isNavigation(req) && isPage(req) ? rightAddress(parts, req) : undefined;
      if (!address) throw error;
      return redirectAway(res, address);
    }
    next();
  };
}

/** Whether the path shows a form to a GET. */
function isPage({ path }: Request): boolean {
  return /^\/(?:signin|sign-up|forgot-password|reset-password|verify-email|accept-invitation|change-password|change-email|account)$/.test(
    path,
  );
}

/** Whether an identity provider posts here, from its own site. Such requests prove themselves: by state, signature or double submit. */
function isFromProvider(req: Request): boolean {
  return (
    /^\/(?:callback(?:\/|$)|backchannel\/)/.test(req.path) ||
    (req.path === '/google' && isForm(req))
  );
}

/** Sends our public keys (RFC 7517 §5). */
function publishKeys({ signer }: RouterParts): Endpoint {
  return async function handleJwks(_req, res) {
    res.type('application/jwk-set+json').json(signer.jwks());
  };
}
