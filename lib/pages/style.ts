/**
 * One style for all pages, inside the page: nothing is fetched, and the policy allows its hash alone. The properties at the top are
 * documented: a style sheet of the application's own may set them.
 */
export const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #f3f4f6; --card: #ffffff; --line: #6e7781; --rule: #d8dee4; --soft: #57606a; --act: #0b57d0; --on-act: #ffffff; --bad: #a40e26; --bad-paper: #ffebe9; --good: #0b5227; --good-paper: #e3f5e9; --round: .5rem; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --paper: #0d1117; --card: #161b22; --line: #8b949e; --rule: #30363d; --soft: #9da7b3; --act: #79b8ff; --on-act: #0d1117; --bad: #ffb3ba; --bad-paper: #3c1618; --good: #8fe3ae; --good-paper: #12311d; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: flex; flex-direction: column; align-items: center; justify-content: center; gap: 1.25rem; padding: 1.5rem 1rem; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
header, main { width: 100%; max-width: 25rem; }
.wide header, .wide main { max-width: 38rem; }
.brand { display: flex; align-items: center; justify-content: center; gap: .625rem; min-height: 2.5rem; color: inherit; font-size: 1.125rem; font-weight: 600; text-align: center; text-decoration: none; }
.brand img { max-width: 100%; max-height: 3rem; }
main { padding: 1.75rem 1.5rem; background: var(--card); border: 1px solid var(--rule); border-radius: calc(var(--round) * 1.5); box-shadow: 0 1px 3px #0001; }
h1 { margin: 0 0 1.25rem; font-size: 1.5rem; line-height: 1.25; }
h2 { margin: 2rem 0 .5rem; font-size: 1.125rem; line-height: 1.25; }
p, ul { margin: 0 0 1rem; }
form { margin: 0; }
form + form { margin-top: .75rem; }
a { color: var(--act); }
label { display: block; margin: 0 0 .25rem; font-weight: 600; }
.check { display: flex; align-items: flex-start; gap: .625rem; margin: 0 0 1rem; font-weight: 400; }
.check input { flex: none; width: 1.125rem; height: 1.125rem; margin: .2rem 0 0; accent-color: var(--act); }
.hint { margin: -.625rem 0 1rem; color: var(--soft); font-size: .875rem; }
input, select { width: 100%; margin: 0 0 1rem; padding: .625rem .75rem; font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: var(--round); }
.key { display: block; padding: .625rem .75rem; font: 1rem/1.5 ui-monospace, monospace; border: 1px solid var(--line); border-radius: var(--round); user-select: all; }
fieldset { margin: 0 0 1rem; padding: 0; border: 0; }
legend { margin: 0 0 .25rem; padding: 0; font-weight: 600; }
[aria-invalid=true] { border: 2px solid var(--bad); padding: calc(.625rem - 1px) calc(.75rem - 1px); }
button, .button { display: flex; align-items: center; justify-content: center; gap: .625rem; width: 100%; min-height: 2.75rem; margin: 0 0 .75rem; padding: .5rem .75rem; font: inherit; font-weight: 600; text-align: center; text-decoration: none; border: 1px solid var(--act); border-radius: var(--round); cursor: pointer; color: var(--on-act); background: var(--act); }
.plain { color: var(--act); background: transparent; border-color: var(--line); }
button:hover, .button:hover { text-decoration: underline; }
:focus-visible { outline: 3px solid var(--act); outline-offset: 2px; }
.icon { flex: none; width: 1.25rem; height: 1.25rem; }
.or { display: flex; align-items: center; gap: .75rem; margin: 1rem 0; color: var(--soft); }
.or::before, .or::after { content: ''; flex: 1; border-top: 1px solid var(--rule); }
.error, .notice { margin: 0 0 1.25rem; padding: .75rem; border: 1px solid; border-radius: var(--round); }
.error { color: var(--bad); background: var(--bad-paper); }
.notice { color: var(--good); background: var(--good-paper); }
.links { margin: 1.25rem 0 0; text-align: center; }
.links a { display: inline-block; padding: .25rem .5rem; }
.rows { padding: 0; list-style: none; border-top: 1px solid var(--rule); }
.rows li { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: .25rem 1rem; padding: .625rem 0; border-bottom: 1px solid var(--rule); }
.rows button, .rows .button { width: auto; min-height: 2.25rem; margin: 0; padding: .25rem .75rem; font-size: .875rem; }
.soft { color: var(--soft); font-size: .875rem; }
.rows .soft { display: block; }
:last-child { margin-bottom: 0; }
.acting { position: sticky; top: 0; z-index: 1; align-self: stretch; display: flex; flex-wrap: wrap; align-items: center; justify-content: center; gap: .5rem 1rem; margin: -1.5rem -1rem auto; padding: .625rem 1rem; background: var(--ink); color: var(--card); }
.acting p { margin: 0; }
.acting .button { width: auto; min-height: 2.25rem; margin: 0; padding: .25rem .75rem; border-color: var(--card); background: var(--card); color: var(--ink); }
.acting :focus-visible { outline-color: var(--card); }
.acting ~ main { margin-bottom: auto; }
`;
