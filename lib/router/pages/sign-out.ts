import { pageSession } from '../browser-session.js';
import { ownPath } from '../own-urls.js';
import { logoutUrl } from '../provider/logout.js';
import type { Endpoint } from '../respond.js';
import type { RouterParts } from '../parts.js';
import { takeNotice } from './notices.js';
import { signedOutPage, signOutPage } from './sign-out-pages.js';

/** Says that nobody is signed in, or asks whether to sign out. */
export function showSignedOutPage(parts: RouterParts): Endpoint {
  const { sessions, pages } = parts;
  return async function handleShowSignedOutPage(req, res) {
    // The page says it by itself.
    takeNotice(parts, { req, res });
    const live = await sessions.recognise(pageSession(parts, { req, res }), 'cookie');
    const page = live
      ? signOutPage(logoutUrl(parts, req, live.session.id), pages.home)
      : signedOutPage(ownPath(req, '/signin'), pages.home);
    pages.send(res, 200, page);
  };
}
