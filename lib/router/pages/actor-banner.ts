import type { Request, RequestHandler } from 'express';
import { isNavigation } from '../../http/cross-site.js';
import { noteBanner } from '../../pages/banner.js';
import { type Html, html } from '../../pages/html.js';
import type { Words } from '../../pages/words.js';
import type { LiveSession } from '../../sessions/sessions.js';
import { logoutUrl } from '../provider/logout.js';
import type { RouterParts } from '../parts.js';
import { nameOf } from '../session/actor.js';

/** Makes every page of the router say who acts for whom, in the session of a support person. */
export function announceActor(parts: RouterParts): RequestHandler {
  return async function announceActorMiddleware(req, _res, next) {
    const live = isNavigation(req) ? await sessionOf(parts, req) : undefined;
    const actor = live?.notes.actor && (await parts.users.findById(live.notes.actor.id));
    if (live && actor) {
      const facts = {
        actor: nameOf(actor),
        user: nameOf(live.user),
        endsInSeconds: (live.session.expiresAt - parts.now()) / 1000,
        end: logoutUrl(parts, req, live.session.id),
      };
      noteBanner(req, (words) => actorBanner(words, facts));
    }
    next();
  };
}

async function sessionOf(
  { cookies, sessions }: RouterParts,
  req: Request,
): Promise<LiveSession | undefined> {
  let token: string | undefined;
  try {
    token = cookies.read(req, 'session');
  } catch {
    // Of two that differ neither counts; the page says what it has to say of that.
    return undefined;
  }
  return token === undefined ? undefined : sessions.recognise(token, 'cookie');
}

interface BannerFacts {
  readonly actor: string;
  readonly user: string;
  readonly endsInSeconds: number;
  /** Ends the session. */
  readonly end: string;
}

function actorBanner(words: Words, { actor, user, endsInSeconds, end }: BannerFacts): Html {
  const when = words.fromNow(endsInSeconds);
  return html`<aside class="acting" aria-label="${words.say('acting.label')}">
    <p role="status">
      <strong>${words.say('acting.who', { actor, user })}</strong>
      ${words.say('acting.until', { when })}
    </p>
    <a class="button" href="${end}">${words.say('acting.end')}</a>
  </aside>`;
}
