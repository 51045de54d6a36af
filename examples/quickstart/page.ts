/** HTML that is safe in a page. */
export interface Html {
  readonly html: string;
}

type Part = string | Html | readonly Html[];

/** Builds HTML. Escapes every text that is put in. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const rendered = strings.map(
    (text, at) => text + (at < parts.length ? render(parts[at] ?? '') : ''),
  );
  return { html: rendered.join('') };
}

function render(part: Part): string {
  if (typeof part === 'string')
    return part.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  return 'html' in part ? part.html : part.map((each) => each.html).join('');
}

const NAVIGATION = html`<nav><a href="/reports">Reports</a> <a href="/mails">Mails</a></nav>`;

/** A page with the quickstart's look, which takes no script. One of another site, such as a provider's, bears its name alone. */
export function page(title: string, body: Html, site?: string): string {
  const head =
    site === undefined
      ? html`<a class="brand" href="/">Quickstart</a>${NAVIGATION}`
      : html`<b class="brand">${site}</b>`;
  return html`<!doctype html>
    <html lang="en">
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <link rel="icon" href="data:," />
      <title>${title}</title>
      <style>
        ${{ html: STYLE }}
      </style>
      <header>${head}</header>
      <main>${body}</main>
    </html> `.html;
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #f3f4f6; --card: #fff; --rule: #d8dee4; --soft: #57606a; --act: #0b57d0; --on-act: #fff; --good: #0b5227; --good-paper: #e3f5e9; --bad: #a40e26; --bad-paper: #ffebe9; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --paper: #0d1117; --card: #161b22; --rule: #30363d; --soft: #9da7b3; --act: #79b8ff; --on-act: #0d1117; --good: #8fe3ae; --good-paper: #12311d; --bad: #ffb3ba; --bad-paper: #3c1618; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
header { display: flex; justify-content: space-between; padding: 1rem; max-width: 60rem; margin: 0 auto; }
.brand { font-weight: 700; color: inherit; text-decoration: none; }
nav a { margin-left: 1rem; }
main { display: grid; gap: 1rem; max-width: 60rem; margin: 0 auto; padding: 0 1rem 3rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); }
section { background: var(--card); border: 1px solid var(--rule); border-radius: .75rem; padding: 1.25rem; min-width: 0; }
.wide, .narrow { grid-column: 1 / -1; }
.narrow { width: 100%; max-width: 25rem; justify-self: center; }
.narrow form { display: block; margin: 0; }
.narrow button, .narrow .button { width: 100%; margin: 0 0 .75rem; text-align: center; }
.narrow > :last-child { margin-bottom: 0; }
label { display: block; margin: 0 0 .25rem; font-weight: 600; }
input:not([type=hidden]) { width: 100%; margin: 0 0 1rem; padding: .5rem .75rem; font: inherit; color: inherit; background: var(--card); border: 1px solid var(--soft); border-radius: .5rem; }
h1 { margin: 0 0 .75rem; font-size: 1.5rem; line-height: 1.25; }
h2 { margin: 0 0 .75rem; font-size: 1.125rem; }
p { margin: 0 0 .75rem; }
a { color: var(--act); }
form { display: inline-block; margin: 0 .5rem .5rem 0; }
button, .button { display: inline-block; padding: .4rem .8rem; font: inherit; font-weight: 600; text-decoration: none; color: var(--on-act); background: var(--act); border: 1px solid var(--act); border-radius: .5rem; cursor: pointer; }
.button { margin: .2rem 0; }
.plain { color: var(--act); background: transparent; border-color: var(--rule); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: 0 0 1rem; }
dt { color: var(--soft); }
dd { margin: 0; }
table { width: 100%; border-collapse: collapse; }
th { text-align: left; color: var(--soft); font-weight: 400; }
th, td { padding: .5rem .75rem .5rem 0; border-top: 1px solid var(--rule); vertical-align: top; }
thead th { border-top: 0; padding-top: 0; }
dd, pre { overflow-wrap: anywhere; min-width: 0; }
code, pre { font: .8125rem/1.5 ui-monospace, monospace; margin: 0; white-space: pre-wrap; }
.status { display: inline-block; white-space: nowrap; padding: 0 .5rem; border-radius: 1rem; font-weight: 600; font-size: .875rem; color: var(--good); background: var(--good-paper); }
.status.refused { color: var(--bad); background: var(--bad-paper); }
.soft { color: var(--soft); font-size: .875rem; }
@media (max-width: 40rem) { table, tbody, tr, td { display: block; } thead { display: none; } td { border-top: 0; padding: .125rem 0; } tr { border-top: 1px solid var(--rule); padding: .5rem 0; } }
`;
