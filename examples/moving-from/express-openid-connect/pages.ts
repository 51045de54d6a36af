import { escape, page } from '../page.js';

/** What both applications show. */
export function homePage(isSignedIn: boolean): string {
  const links = isSignedIn
    ? '<a href="/profile">Profile</a> <a href="/logout">Sign out</a>'
    : '<p>Nobody is signed in.</p><a href="/login">Sign in</a>';
  return page('Colours', links);
}

export function profilePage(email: string | undefined, colour: string | undefined): string {
  return page(
    `Profile of ${email ?? 'somebody'}`,
    `<p>Favourite colour: ${escape(colour ?? 'none')}</p>
     <form method="post" action="/colour"><label>Colour <input name="colour" required></label> <button>Save</button></form>
     <a href="/logout">Sign out</a>`,
  );
}
