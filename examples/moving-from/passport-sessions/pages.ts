import { escape, page } from '../page.js';

/** What both applications show. */
export function homePage(username: string | undefined): string {
  return page(
    'Notes',
    username === undefined
      ? '<p>Nobody is signed in.</p><a href="/login">Sign in</a> <a href="/signup">Sign up</a>'
      : `<p>Hello ${escape(username)}</p><a href="/notes">Notes</a>
         <form method="post" action="/logout"><button>Sign out</button></form>`,
  );
}

export function loginPage(message: string, returnTo = '/'): string {
  return page(
    'Sign in',
    `${message && `<p role="alert">${escape(message)}</p>`}
     <form method="post" action="/login/password">
       <input type="hidden" name="returnTo" value="${escape(returnTo)}">
       <label>User name <input name="username" autocomplete="username" required></label>
       <label>Password <input name="password" type="password" autocomplete="current-password" required></label>
       <button>Sign in</button>
     </form>`,
  );
}

export function signUpPage(message = ''): string {
  return page(
    'Sign up',
    `${message && `<p role="alert">${escape(message)}</p>`}
     <form method="post" action="/signup">
       <label>User name <input name="username" autocomplete="username" required></label>
       <label>Password <input name="password" type="password" autocomplete="new-password" required></label>
       <button>Sign up</button>
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
