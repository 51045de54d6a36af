/** A page, with text where HTML is wanted already made safe. */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${escape(title)}</title>
<nav><a href="/">Start</a> <a href="/reports">Reports</a> <a href="/token-page">Tokens</a> <span id="who"></span></nav>
<h1>${escape(title)}</h1>
${body}
<script src="/who.js"></script>
</html>
`;
}

export function list(items: readonly string[]): string {
  return `<ul>${items.map((item) => `<li>${escape(item)}</li>`).join('')}</ul>`;
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Labels every page. It asks who is there and parses no token; nobody at all is an answer, too. */
export const WHO_SCRIPT = `const session = await (await fetch('/api/auth/session')).json();
const who = document.querySelector('#who');
who.textContent = session.authenticated ? session.user.username ?? session.user.email : 'nobody';
who.insertAdjacentHTML('afterend', session.authenticated ? ' <a id="out">Sign out</a>' : ' <a href="/api/auth/signin?returnTo=' + encodeURIComponent(location.pathname) + '">Sign in</a>');
const out = document.querySelector('#out');
if (out) out.href = session.logout_url;
`;

/** For a page that keeps tokens itself: the log-in comes back with a one-time code, which only this browser can redeem. */
export const TOKEN_SCRIPT = `const answer = new URLSearchParams(location.search);
const code = answer.get('auth_code');
const data = document.querySelector('#data');
history.replaceState(null, '', location.pathname);
if (answer.has('auth_error')) data.textContent = 'Not signed in: ' + answer.get('auth_error');
else if (code === null) location.href = '/api/auth/login?mode=code&returnTo=/token-page';
else {
  const response = await fetch('/api/auth/exchange', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ code }),
  });
  const { access_token } = await response.json();
  const headers = { Authorization: 'Bearer ' + access_token };
  data.textContent = await (await fetch('/api/data', { headers })).text();
}
`;
