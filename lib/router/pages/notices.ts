import type { Request, Response } from 'express';
import type { TextKey } from '../../pages/texts/texts.js';
import type { Exchange } from '../request-body.js';
import type { RouterParts } from '../parts.js';

/** What has just been done, said once on the next page of ours. */
export type Notice = Extract<TextKey, `notice.${string}`>;

const LIFE_SECONDS = 60;

/** Leaves a notice for the next page. By a cookie, so that no link can put words on a page. */
export function leaveNotice(
  { cookies }: Pick<RouterParts, 'cookies'>,
  res: Response,
  notice: Notice,
): void {
  cookies.set(res, 'notice', { value: notice, maxAgeSeconds: LIFE_SECONDS });
}

/** The words of the notice that was left, which is gone then. */
export function takeNotice(
  { cookies, pages }: Pick<RouterParts, 'cookies' | 'pages'>,
  { req, res }: Exchange,
): string | undefined {
  const left = readNotice(cookies, req);
  if (left === undefined) return undefined;
  cookies.clear(res, 'notice');
  return left.startsWith('notice.') ? pages.wordsFor(req).find(left) : undefined;
}

function readNotice(cookies: RouterParts['cookies'], req: Request): string | undefined {
  try {
    return cookies.read(req, 'notice');
  } catch {
    // Two that differ: a planted one is no reason to refuse the page.
    return undefined;
  }
}
