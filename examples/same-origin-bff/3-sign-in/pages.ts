/** A page. Whatever is text goes through `escape()`. */
export function page(title: string, body: string, script?: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/page.css">
<title>${escape(title)}</title>
<header>
  <nav><a href="/">Products</a> <a href="/reports">Reports</a> <a href="/explorer">API explorer</a></nav>
  <span><span id="who"></span> <a id="sign"></a></span>
</header>
<main>
  <h1>${escape(title)}</h1>
  ${body}
</main>
<script type="module" src="/assets/labels.js"></script>
${script === undefined ? '' : `<script type="module" src="${script}"></script>`}
</html>
`;
}

export function list(items: readonly string[]): string {
  return `<ul>${items.map((item) => `<li>${escape(item)}</li>`).join('')}</ul>`;
}

/** What the API refuses, and what to do. */
export function problem(detail: string): string {
  return `<p>${escape(detail)} <a href="/api/auth/logout">Sign in as another user</a>.</p>`;
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
