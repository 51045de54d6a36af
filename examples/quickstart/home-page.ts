import type { RequestHandler } from 'express';
import { optionalPrincipalOf, type Principal } from 'latchkey';
import { html, type Html, page } from './page.js';
import { type Answer, callOwnApi } from './own-api.js';

/** The routes of api.ts that the page calls, and what stands before each. */
const ROUTES = [
  { path: '/api/hello', guards: 'optionalAuth()' },
  { path: '/api/auth/me', guards: 'the router’s own' },
  { path: '/api/reports', guards: "requireAuth(), requireScopes('reports:read')" },
  { path: '/api/datasets', guards: 'requireAuth(), orgContext()' },
  { path: '/api/auth/users', guards: 'the router’s own: scope users:admin' },
] as const;

/** Shows who is signed in and where, and what the guarded routes answer to them. */
export const homePage: RequestHandler = async (req, res) => {
  const principal = optionalPrincipalOf(req);
  const answers = await Promise.all(ROUTES.map(({ path }) => callOwnApi(req, path)));
  const sessions = principal && (await callOwnApi(req, '/api/auth/sessions'));
  const { body } = await callOwnApi(req, '/api/auth/providers');
  const { providers } = body as { providers: readonly Provider[] };
  const users = principal?.scopes.has('users:admin') ? answers.at(-1) : undefined;
  const parts = [
    principal ? whoSection(principal) : strangerSection(providers),
    ...(sessions ? [sessionsSection(sessions), waysSection(providers)] : []),
    ...(users ? [usersSection(users)] : []),
    routesSection(answers),
  ];
  res.type('html').send(page('Quickstart', html`${parts}`));
};

interface Provider {
  readonly name: string;
  readonly label: string;
  readonly login_url: string;
}

function strangerSection(providers: readonly Provider[]): Html {
  const buttons = providers.map(
    ({ label, login_url: url }) =>
      html`<a class="button plain" href="${url}">Continue with ${label}</a> `,
  );
  return html`<section class="wide">
    <h1>You are not signed in</h1>
    <p>
      Sign in as <b>alice</b>, an analyst, or <b>bob</b>, an administrator. Their passwords stand
      where you started the quickstart. Or sign in with a provider on this machine, which lets
      everybody in under any name.
    </p>
    <a class="button" href="/api/auth/signin?returnTo=/">Sign in</a> ${buttons}
  </section>`;
}

function whoSection({ user, orgs, scopes, method }: Principal): Html {
  const list = (texts: Iterable<string>): string => [...texts].join(', ') || 'none';
  return html`<section>
    <h1 id="who">Hello ${user.username ?? user.email ?? user.id}</h1>
    <dl>
      <dt>E-mail</dt>
      <dd>${user.email ?? 'none'}</dd>
      <dt>Roles</dt>
      <dd>${list(user.roles)}</dd>
      <dt>Organisations</dt>
      <dd>${list(orgs.map(({ id, roles }) => `${id} (${list(roles)})`))}</dd>
      <dt>Scopes</dt>
      <dd>${list(scopes)}</dd>
      <dt>Known by</dt>
      <dd>${method === 'session' ? 'the session cookie' : 'an access token'}</dd>
    </dl>
    <a class="button" href="/api/auth/account">Your account</a>
    <a class="button plain" href="/api/auth/logout">Sign out</a>
  </section>`;
}

interface ListedSession {
  readonly device?: string;
  readonly created_at: string;
  readonly last_used_at: string;
  readonly current: boolean;
}

function sessionsSection({ body }: Answer): Html {
  const { sessions } = body as { sessions: readonly ListedSession[] };
  const time = (text: string): string => `${text.slice(0, 10)} ${text.slice(11, 16)} UTC`;
  const rows = sessions.map(
    ({ device, created_at: begun, last_used_at: used, current }) =>
      html`<tr>
        <td>
          ${device ?? 'An unknown device'}${current ? html` <span class="status">this one</span>` : ''}
        </td>
        <td>${time(begun)}</td>
        <td>${time(used)}</td>
      </tr>`,
  );
  return html`<section>
    <h2>Your sessions</h2>
    <p class="soft">
      Sign in with a second browser, or by curl, and reload this page. Your account has a button to
      end each.
    </p>
    <table id="sessions">
      <thead>
        <tr>
          <th>Device</th>
          <th>Since</th>
          <th>Last used</th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </section>`;
}

function waysSection(providers: readonly Provider[]): Html {
  const forms = providers.map(
    ({ name, label }) =>
      html`<form method="post" action="/api/auth/link/${name}">
        <input type="hidden" name="returnTo" value="/" /><button class="plain">Add ${label}</button>
      </form>`,
  );
  return html`<section>
    <h2>Further ways to sign in</h2>
    <p class="soft">The next time you can sign in to this account with the provider, too.</p>
    ${forms}
  </section>`;
}

function usersSection({ body }: Answer): Html {
  const { users } = body as {
    users: readonly { id: string; username?: string; email?: string }[];
  };
  const rows = users.map(
    ({ id, username, email }) =>
      html`<tr>
        <td>${username ?? ''}<br /><span class="soft">${email ?? ''}</span></td>
        <td>
          <form method="post" action="/users/${id}/temporary-password">
            <button class="plain">Mail a temporary password</button>
          </form>
        </td>
      </tr>`,
  );
  return html`<section>
    <h2>Users, since you are an administrator</h2>
    <table id="users">
      <tbody>
        ${rows}
      </tbody>
    </table>
  </section>`;
}

const MOST_SHOWN = 300;

/** Of a refusal what it says, else the whole answer in one line. */
function shorten(body: unknown): string {
  const { code, detail } = body as { code?: string; detail?: string };
  if (code !== undefined) return `${code}: ${detail ?? ''}`;
  const text = JSON.stringify(body);
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)} …` : text;
}

function routesSection(answers: readonly Answer[]): Html {
  const rows = ROUTES.map(({ path, guards }, at) => {
    const { status = 0, body } = answers[at] ?? {};
    return html`<tr>
      <td><code>GET ${path}</code><br /><span class="soft">${guards}</span></td>
      <td><span class="${status < 400 ? 'status' : 'status refused'}">${String(status)}</span></td>
      <td><pre>${shorten(body)}</pre></td>
    </tr>`;
  });
  return html`<section class="wide">
    <h2>What the API answers you</h2>
    <table id="routes">
      <thead>
        <tr>
          <th>Route and guards</th>
          <th>Status</th>
          <th>Answer</th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </section>`;
}
