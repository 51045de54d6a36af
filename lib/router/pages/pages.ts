import { createHash } from 'node:crypto';
import type { Response } from 'express';

/** Text that is safe in a page. */
interface Html {
  readonly html: string;
}

type Part = string | Html | undefined | readonly Html[];

/** Builds HTML. Escapes every text that is put in. */
function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const rendered = strings.map(
    (text, index) => text + (index < parts.length ? render(parts[index]) : ''),
  );
  return { html: rendered.join('') };
}

function render(part: Part): string {
  if (part === undefined) return '';
  if (typeof part === 'string') return escape(part);
  return 'html' in part ? part.html : part.map((each) => each.html).join('');
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** One style for all pages, inside the page: nothing is fetched, and the policy allows its hash alone. */
const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #f5f6f8; --card: #ffffff; --line: #6e7781; --soft: #57606a; --act: #0b57d0; --on-act: #ffffff; --bad: #a40e26; --bad-paper: #ffebe9; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --paper: #0d1117; --card: #161b22; --line: #8b949e; --soft: #9da7b3; --act: #79b8ff; --on-act: #0d1117; --bad: #ffb3ba; --bad-paper: #3c1618; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
main { width: 100%; max-width: 24rem; padding: 2rem 1.5rem; background: var(--card); border: 1px solid var(--line); border-radius: .75rem; overflow-wrap: anywhere; }
h1 { margin: 0 0 1.25rem; font-size: 1.5rem; line-height: 1.25; }
p { margin: 0 0 1rem; }
form { margin: 0; }
label { display: block; margin: 0 0 .25rem; font-weight: 600; }
input { width: 100%; margin: 0 0 1rem; padding: .625rem .75rem; font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: .375rem; }
button, .button { display: block; width: 100%; margin: 0 0 .75rem; padding: .625rem .75rem; font: inherit; font-weight: 600; text-align: center; text-decoration: none; border: 1px solid var(--act); border-radius: .375rem; cursor: pointer; color: var(--on-act); background: var(--act); }
.button.plain { color: var(--act); background: transparent; border-color: var(--line); }
:focus-visible { outline: 3px solid var(--act); outline-offset: 2px; }
.or { display: flex; align-items: center; gap: .75rem; margin: 1rem 0; color: var(--soft); }
.or::before, .or::after { content: ''; flex: 1; border-top: 1px solid var(--line); }
.error { margin: 0 0 1.25rem; padding: .75rem; color: var(--bad); background: var(--bad-paper); border: 1px solid var(--bad); border-radius: .375rem; }
:last-child { margin-bottom: 0; }
`;

/** In one piece, since its hash covers every space inside. */
const STYLE_ELEMENT: Html = { html: `<style>${STYLE}</style>` };
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/**
 * No script, no image, nothing from elsewhere, no frame around it (CSP 3). There is no `form-action`: browsers apply it
 * to every redirect after a form, and a password may be followed by a provider's stronger sign-in. All text in the page
 * is escaped, so that no foreign form gets in.
 */
const POLICY = `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; frame-ancestors 'none'`;

interface Page {
  readonly title: string;
  readonly body: Html;
  /** URL that the browser goes on to by itself. */
  readonly forward?: string;
}

/** Sends a page of ours. */
export function sendPage(res: Response, status: number, { title, body, forward }: Page): void {
  const { html: text } = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>${title}</title>
        ${
          forward === undefined
            ? undefined
            : html`<meta http-equiv="refresh" content="0;url=${forward}" />`
        }
        ${STYLE_ELEMENT}
      </head>
      <body>
        <main>${body}</main>
      </body>
    </html> `;
  res.status(status);
  res.setHeader('Content-Security-Policy', POLICY);
  res.setHeader('X-Content-Type-Options', 'nosniff');
  res.setHeader('X-Frame-Options', 'DENY');
  // The address may hold `returnTo`, which other sites must not see.
  res.setHeader('Referrer-Policy', 'same-origin');
  res.type('html').send(text);
}

export interface SignInFacts {
  /** Where the form goes. */
  readonly action: string;
  /** Has passed `safeReturnTo()`. */
  readonly returnTo: string;
  readonly providers: readonly { readonly label: string; readonly url: string }[];
  /** What happened and what to do next. */
  readonly error?: string | undefined;
  /** As typed before. */
  readonly username?: string | undefined;
}

/** The page to sign in on. Works without scripts. */
export function signInPage({ action, returnTo, providers, error, username }: SignInFacts): Page {
  const buttons = providers.map(
    ({ label, url }) => html`<a class="button plain" href="${url}">Continue with ${label}</a> `,
  );
  const isKnown = username !== undefined && username !== '';
  const focused: Html = { html: ' autofocus' };
  const describedBy: Html | undefined =
    error === undefined ? undefined : { html: ' aria-describedby="error"' };
  return {
    title: error === undefined ? 'Sign in' : 'Sign in: failed',
    body: html`<h1>Sign in</h1>
      ${error === undefined ? undefined : html`<p class="error" role="alert" id="error">${error}</p>`}
      <form method="post" action="${action}">
        <input type="hidden" name="returnTo" value="${returnTo}" />
        <label for="username">User name or e-mail</label>
        <input
          id="username"
          name="username"
          value="${username ?? ''}"
          autocomplete="username"
          autocapitalize="none"
          spellcheck="false"
          required
          maxlength="254"
          ${describedBy}${isKnown ? undefined : focused}
        />
        <label for="password">Password</label>
        <input
          id="password"
          name="password"
          type="password"
          autocomplete="current-password"
          required
          maxlength="256"
          ${isKnown ? focused : undefined}
        />
        <button type="submit">Sign in</button>
      </form>
      ${
        buttons.length > 0
          ? html`<p class="or">or</p>
              ${buttons}`
          : undefined
      }`,
  };
}

/**
 * Goes on to a provider by itself, or by its link. Replaces a redirect after a form of the application's own page, whose
 * `form-action` policy may not allow the provider.
 */
export function forwardPage(label: string, url: string): Page {
  return {
    title: `Continue with ${label}`,
    body: html`<h1>Continue with ${label}</h1>
      <p>You sign in with ${label}, then come back here.</p>
      <a class="button" href="${url}">Continue</a>`,
    forward: url,
  };
}

/** Asks before signing out. By a link, since it may lead on to the provider's log-out. */
export function signOutPage(url: string, home: string): Page {
  return {
    title: 'Sign out',
    body: html`<h1>Sign out?</h1>
      <p>You are signed in on this browser.</p>
      <a class="button" href="${url}">Sign out</a>
      <a class="button plain" href="${home}">Stay signed in</a>`,
  };
}
