import { type RequestHandler, Router } from 'express';
import { comesFromUs, isSafeMethod } from '../cross-site.js';
import { reusableError } from '../errors.js';
import { refuseUnknownOptions } from '../known-options.js';
import { ownOrigins } from '../origin-list.js';
import { createCallers } from './caller.js';
import { changePassword } from './change-password.js';
import { login } from './login.js';
import { logout } from './logout.js';
import {
  createUser,
  deleteUser,
  listUsers,
  type ManageContext,
  resetUserPassword,
  updateUser,
} from './manage-users.js';
import { me, session } from './me.js';
import { endSession, listSessions } from './own-sessions.js';
import { limitAddresses } from './rate-limits.js';
import { refresh, revoke } from './refresh.js';
import { forgotPassword, resetPassword } from './reset-password.js';
import { endpoint, onlyMethods } from './respond.js';
import { type AuthRouterOptions, routerOptionNames, type RouterParts } from './router-parts.js';
import { createTokenResponse } from './token-response.js';

/**
 * The routes for signing in and staying signed in; mount them where you like, usually under `/api/auth`. Errors go
 * to the application's error handlers. Throws a TypeError for options that cannot work.
 */
export function createAuthRouter(parts: RouterParts, options: AuthRouterOptions = {}): Router {
  refuseUnknownOptions('auth.router()', options, routerOptionNames);
  const router = Router({ caseSensitive: true, strict: true });
  const callers = createCallers(parts);
  const sendTokens = createTokenResponse(parts, options);
  router.use(neverStored, limitAddresses(parts), refuseCrossSite(parts));

  const signIn = endpoint(login(parts, sendTokens));
  router.route('/login').post(signIn).all(onlyMethods('POST'));
  router.route('/token').post(signIn).all(onlyMethods('POST'));
  router
    .route('/refresh')
    .post(endpoint(refresh(parts, sendTokens)))
    .all(onlyMethods('POST'));
  router
    .route('/revoke')
    .post(endpoint(revoke(parts)))
    .all(onlyMethods('POST'));
  router
    .route('/logout')
    .post(endpoint(logout(parts, callers)))
    .all(onlyMethods('POST'));

  router
    .route('/me')
    .get(endpoint(me(parts, callers)))
    .all(onlyMethods('GET'));
  router
    .route('/session')
    .get(endpoint(session(parts, callers)))
    .all(onlyMethods('GET'));
  router
    .route('/sessions')
    .get(endpoint(listSessions(parts, callers)))
    .all(onlyMethods('GET'));
  router
    .route('/sessions/:id')
    .delete(endpoint(endSession(parts, callers)))
    .all(onlyMethods('DELETE'));

  router
    .route('/change-password')
    .post(endpoint(changePassword(parts, { callers, sendTokens, options })))
    .all(onlyMethods('POST'));
  mountUsers(router, { parts, callers });
  mountMailed(router, { parts, callers, options, sendTokens });
  router.route('/jwks.json').get(publishKeys(parts)).all(onlyMethods('GET'));
  return router;
}

interface MailedContext extends ManageContext {
  readonly options: AuthRouterOptions;
  readonly sendTokens: ReturnType<typeof createTokenResponse>;
}

/** What cannot be done without mails. */
function mountMailed(router: Router, { options, sendTokens, ...context }: MailedContext): void {
  const { sendMail, resetPasswordPage = '/reset-password' } = options;
  const { parts } = context;
  if (!sendMail) return;
  if (parts.config.publicUrl === undefined && !URL.canParse(resetPasswordPage))
    throw new TypeError(
      'auth.router({ sendMail }) cannot write links: set AUTH_PUBLIC_URL, or `resetPasswordPage` to an absolute URL',
    );
  const mailing = { ...options, sendMail };
  router
    .route('/forgot-password')
    .post(endpoint(forgotPassword(parts, mailing)))
    .all(onlyMethods('POST'));
  router
    .route('/reset-password')
    .post(endpoint(resetPassword(parts, mailing, sendTokens)))
    .all(onlyMethods('POST'));
  router
    .route('/users/:id/reset-password')
    .post(endpoint(resetUserPassword(context, sendMail)))
    .all(onlyMethods('POST'));
}

function mountUsers(router: Router, context: ManageContext): void {
  router
    .route('/users')
    .get(endpoint(listUsers(context)))
    .post(endpoint(createUser(context)))
    .all(onlyMethods('GET', 'POST'));
  router
    .route('/users/:id')
    .patch(endpoint(updateUser(context)))
    .delete(endpoint(deleteUser(context)))
    .all(onlyMethods('PATCH', 'DELETE'));
}

const neverStored: RequestHandler = function neverStored(_req, res, next) {
  res.setHeader('Cache-Control', 'no-store');
  next();
};

/** All our unsafe routes, whether or not a cookie is on its way: log-in is worth forging, too. */
function refuseCrossSite({ config }: RouterParts): RequestHandler {
  const allowed = new Set(ownOrigins(config));
  const crossSite = reusableError('CROSS_SITE_REQUEST');
  return function refuseCrossSiteRequest(req, _res, next) {
    if (!isSafeMethod(req.method) && !comesFromUs(req, allowed)) throw crossSite;
    next();
  };
}

/** RFC 7517 §5. */
function publishKeys({ issuer }: RouterParts): RequestHandler {
  return function publishOwnKeys(_req, res) {
    res.type('application/jwk-set+json').json(issuer.jwks());
  };
}
