import type { RequestHandler } from 'express';
import { optionalPrincipalOf } from 'latchkey';

/**
 * `attemptSilentLogin()`: asks the provider once in each browser whether somebody is signed in there, and shows nothing. Behind
 * `optionalAuth()`. Who is not comes back as a stranger, with `?auth_error=login_required`.
 */
export const attemptSilentLogin: RequestHandler = (req, res, next) => {
  const isPage = req.method === 'GET' && req.accepts('html') === 'html';
  const isTried = /(?:^|; )skipSilentLogin=/.test(req.headers.cookie ?? '');
  if (!isPage || isTried || optionalPrincipalOf(req)) return next();
  res.cookie('skipSilentLogin', 'true', { httpOnly: true, sameSite: 'lax', secure: req.secure });
  const question = new URLSearchParams({ prompt: 'none', returnTo: req.originalUrl });
  res.redirect(`/login?${question.toString()}`);
};
