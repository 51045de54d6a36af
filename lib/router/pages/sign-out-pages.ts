import { html } from '../../pages/html.js';
import type { PageIn } from '../../pages/pages.js';

/** Asks before signing out. By a link, since it may lead on to the provider's log-out. */
export function signOutPage(url: string, home: string): PageIn {
  return (words) => {
    const title = words.say('signOut.title');
    return {
      title,
      body: html`<h1>${title}</h1>
        <p>${words.say('signOut.text')}</p>
        <a class="button" href="${url}">${words.say('signOut.submit')}</a>
        <a class="button plain" href="${home}">${words.say('signOut.stay')}</a>`,
    };
  };
}

/** Says that nobody is signed in, and what can be done. */
export function signedOutPage(signIn: string, home: string): PageIn {
  return (words) => {
    const title = words.say('signedOut.title');
    return {
      title,
      body: html`<h1>${title}</h1>
        <p>${words.say('signedOut.text')}</p>
        <a class="button" href="${signIn}">${words.say('signedOut.again')}</a>
        <a class="button plain" href="${home}">${words.say('page.home')}</a>`,
    };
  };
}
