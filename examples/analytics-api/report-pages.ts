import { type RequestHandler, Router } from 'express';
import { type Auth, principalOf } from 'latchkey';
import type { Project } from './project.js';
import { openableReports, openReport, type Report } from './reports.js';
import { securityContext, type SecurityContext } from './security-context.js';

/** The project's pages for people, who sign in on the way. */
export function createReportPages(auth: Auth, project: Project): RequestHandler {
  const pages = Router();
  const signedIn = auth.requireAuth({ redirect: true });
  pages.get('/', signedIn, (req, res) => {
    const { user } = principalOf(req);
    const caller = securityContext(principalOf(req));
    const title = `Hello ${user.username ?? user.id}`;
    res.send(page({ path: '/', title, body: facts(caller) }, openableReports(project, caller)));
  });
  pages.get('/pages/:name', signedIn, (req, res) => {
    const caller = securityContext(principalOf(req));
    const report = openReport(project, String(req.params['name']), caller);
    const content = { path: req.path, title: report.title, body: table(report) };
    res.send(page(content, openableReports(project, caller)));
  });
  return pages;
}

interface Content {
  readonly path: string;
  readonly title: string;
  readonly body: string;
}

function page(
  { path, title, body }: Content,
  reports: readonly { readonly name: string; readonly title: string }[],
): string {
  const links = [
    { to: '/', label: 'Start' },
    ...reports.map((report) => ({ to: `/pages/${report.name}`, label: report.title })),
  ].map(
    ({ to, label }) =>
      `<a href="${escape(to)}"${to === path ? ' aria-current="page"' : ''}>${escape(label)}</a>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>${escape(title)}</title>
<style>${STYLE}</style>
<header><nav aria-label="Pages">${links.join(' ')}</nav> <a href="/api/v1/auth/logout">Sign out</a></header>
<main><h1>${escape(title)}</h1>
${body}
</main>
</html>
`;
}

function facts({ roles, groups, attributes, email }: SecurityContext): string {
  const described = Object.entries(attributes).map(
    ([name, value]) => `${name}: ${[value].flat().join(', ')}`,
  );
  const rows = Object.entries({
    'E-mail': [email ?? 'none'],
    Roles: roles,
    Groups: groups,
    Attributes: described,
  }).map(([term, texts]) => `<dt>${term}</dt><dd>${escape(texts.join(', ') || 'none')}</dd>`);
  return `<p>What you see follows from your account. Sign in as somebody else to see something else.</p>
<dl>${rows.join('\n')}</dl>`;
}

const MASKS = { email: 'shortened', round: 'rounded', hidden: 'hidden' } as const;

function table({ columns, rows, total }: Report): string {
  if (rows.length === 0)
    return '<p>Your account sees no rows here. An administrator can change that.</p>';
  const head = columns.map(({ name, mask }) => {
    const isNumeric = rows.every((row) => typeof row[name] === 'number');
    const note = mask ? ` <small>${MASKS[mask]}</small>` : '';
    return `<th scope="col"${isNumeric ? ' class="number"' : ''}>${escape(name)}${note}</th>`;
  });
  const body = rows.map((row) => `<tr>${columns.map(({ name }) => cell(row[name])).join('')}</tr>`);
  const sum = total && `<p>Sum of ${escape(total.column)}: <b>${text(total.value)}</b></p>`;
  return `<table><thead><tr>${head.join('')}</tr></thead>
<tbody>${body.join('\n')}</tbody></table>
${sum ?? ''}`;
}

function cell(value: unknown): string {
  return `<td${typeof value === 'number' ? ' class="number"' : ''}>${text(value)}</td>`;
}

function text(value: unknown): string {
  if (typeof value === 'number') return value.toLocaleString('en');
  if (value === null) return '<span class="soft">hidden</span>';
  // Not every row has every column.
  if (value === undefined) return '';
  return escape(typeof value === 'string' ? value : JSON.stringify(value));
}

function escape(value: string): string {
  return value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #f3f4f6; --card: #fff; --rule: #d8dee4; --soft: #57606a; --act: #0b57d0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --paper: #0d1117; --card: #161b22; --rule: #30363d; --soft: #9da7b3; --act: #79b8ff; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
header, main { max-width: 48rem; margin: 1rem auto; padding: 0 1rem; }
header { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .5rem 1.5rem; }
nav { display: flex; flex-wrap: wrap; gap: .5rem 1.25rem; }
a { color: var(--act); }
main { background: var(--card); border: 1px solid var(--rule); border-radius: .75rem; padding: 1.25rem; }
@media (max-width: 50rem) { main { margin: 1rem; } }
@media (max-width: 30rem) { main { padding: 1rem; } table { font-size: .8125rem; } }
h1 { margin: 0 0 1rem; font-size: 1.5rem; line-height: 1.25; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .5rem 0 .5rem .75rem; border-top: 1px solid var(--rule); text-align: left; vertical-align: baseline; overflow-wrap: break-word; }
:is(th, td):first-child { padding-left: 0; }
thead th { border-top: 0; font-weight: 600; overflow-wrap: normal; }
small, .soft, dt { color: var(--soft); font-weight: 400; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
[aria-current] { color: inherit; font-weight: 600; text-decoration: none; }
p { margin: 0 0 1rem; }
table + p { margin: 1rem 0 0; text-align: right; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: 0; }
dd { margin: 0; overflow-wrap: anywhere; }
`;
