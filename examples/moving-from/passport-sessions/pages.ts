/** What both applications show. */
export function homePage(username: string | undefined): string {
  return page(
    'Notes',
    username === undefined
      ? '<p>Nobody is signed in.</p><a href="/login">Sign in</a>'
      : `<p>Hello ${escape(username)}</p><a href="/notes">Notes</a>
         <form method="post" action="/logout"><button>Sign out</button></form>`,
  );
}

export function loginPage(message: string, returnTo = '/'): string {
  return page(
    'Sign in',
    `<p role="alert">${escape(message)}</p>
     <form method="post" action="/login/password">
       <input type="hidden" name="returnTo" value="${escape(returnTo)}">
       <label>User name <input name="username" autocomplete="username" required></label>
       <label>Password <input name="password" type="password" autocomplete="current-password" required></label>
       <button>Sign in</button>
     </form>`,
  );
}

export function notesPage(username: string, notes: readonly string[]): string {
  return page(
    `Notes of ${username}`,
    `<ul>${notes.map((note) => `<li>${escape(note)}</li>`).join('')}</ul>
     <form method="post" action="/notes"><label>Note <input name="text" required></label> <button>Add</button></form>`,
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
