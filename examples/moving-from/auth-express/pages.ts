import { escape, page } from '../page.js';

/** What both applications show. */
export function homePage(name: string | undefined): string {
  const links =
    name === undefined
      ? '<p>Nobody is signed in.</p><a href="/auth/signin">Sign in</a>'
      : `<p>Hello ${escape(name)}</p><a href="/profile">Profile</a> <a href="/auth/signout">Sign out</a>`;
  return page('Colours', links);
}

export function profilePage(email: string, colour: string | undefined): string {
  return page(
    `Profile of ${email}`,
    `<p>Favourite colour: ${escape(colour ?? 'none')}</p>
     <form method="post" action="/colour"><label>Colour <input name="colour" required></label> <button>Save</button></form>
     <a href="/auth/signout">Sign out</a>`,
  );
}
