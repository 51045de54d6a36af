import { redirectWithin } from '../../http/redirects.js';
import { ownPath } from '../own-urls.js';
import type { Exchange } from '../request-body.js';
import type { RouterParts } from '../parts.js';
import { leaveNotice, type Notice } from './notices.js';

/** Goes back to the account page after one of its buttons, which then says what was done. */
export function backToAccount(parts: RouterParts, { req, res }: Exchange, notice: Notice): void {
  leaveNotice(parts, res, notice);
  redirectWithin(res, ownPath(req, '/account'));
}
