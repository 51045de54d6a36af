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

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(title)}</title>
<h1>${escape(title)}</h1>
${body}
</html>
`;
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
