import { createHash, randomBytes } from 'node:crypto';
import { type Request, type RequestHandler, type Response as Answer, Router } from 'express';

/** Somebody who can be signed in as. */
export interface Account {
  readonly id: number;
  readonly login: string;
  readonly email: string;
}

interface GithubStandIn {
  /** For `createAuth({ github })`. */
  readonly settings: { readonly clientId: string; readonly clientSecret: string };
  /** For `createAuth({ providerFetch })`: answers in place of github.com and api.github.com. */
  readonly fetch: typeof fetch;
  /** What a browser sees in place of github.com. Mount it at {@link PATH}. */
  readonly pages: Router;
  /** Leads browsers there that the auth router sends to github.com. Mount it before the auth router. */
  readonly divert: RequestHandler;
}

export const PATH = '/github-stand-in';

/** What a code was given out for. */
interface Grant {
  readonly account: Account;
  readonly redirectUri: string;
  readonly challenge: string;
}

/**
 * Stands for GitHub while an application has no client id there: its OAuth endpoints, and of its API what tells who the user is.
 * Everybody is let in as anybody, so it is for this machine only. An application has AUTH_GITHUB_CLIENT_ID and AUTH_GITHUB_CLIENT_SECRET
 * in its place.
 */
export function createGithubStandIn(origin: string, accounts: readonly Account[]): GithubStandIn {
  const clientId = 'stand-in';
  const clientSecret = randomBytes(20).toString('hex');
  const grants = new Map<string, Grant>();
  const tokens = new Map<string, Account>();

  function authorize({ url }: Request, res: Answer): void {
    const asked = new URL(url, origin).searchParams;
    const get = (name: string): string => asked.get(name) ?? '';
    const redirectUri = get('redirect_uri');
    // Back to the application of this origin, and nowhere else.
    if (!redirectUri.startsWith(`${origin}/`)) {
      res.status(400).type('text').send('redirect_uri is not registered');
      return;
    }
    const account = accounts.find(({ login }) => login === get('login'));
    if (!account) return void res.send(choicePage(asked, accounts));
    const code = randomBytes(10).toString('hex');
    grants.set(code, { account, redirectUri, challenge: get('code_challenge') });
    res.redirect(`${redirectUri}?${new URLSearchParams({ code, state: get('state') }).toString()}`);
  }

  function redeem(form: URLSearchParams): object {
    const code = form.get('code') ?? '';
    const grant = grants.get(code);
    grants.delete(code);
    const isClient =
      form.get('client_id') === clientId && form.get('client_secret') === clientSecret;
    const verifier = createHash('sha256').update(form.get('code_verifier') ?? '');
    const isMeant =
      grant?.redirectUri === form.get('redirect_uri') &&
      grant.challenge === verifier.digest('base64url');
    // GitHub sends its errors with status 200.
    if (!isClient) return { error: 'incorrect_client_credentials' };
    if (!grant || !isMeant) return { error: 'bad_verification_code' };
    const token = `gho_${randomBytes(18).toString('hex')}`;
    tokens.set(token, grant.account);
    return { access_token: token, token_type: 'bearer', scope: 'read:user,user:email' };
  }

  async function answer(request: globalThis.Request): Promise<Response> {
    const { host, pathname } = new URL(request.url);
    const place = `${request.method} ${host}${pathname}`;
    if (place === 'POST github.com/login/oauth/access_token')
      return Response.json(redeem(new URLSearchParams(await request.text())));
    const [, token = ''] = /^Bearer (\S+)$/.exec(request.headers.get('authorization') ?? '') ?? [];
    const account = tokens.get(token);
    if (!account) return Response.json({ message: 'Bad credentials' }, { status: 401 });
    const { id, login, email } = account;
    if (place === 'GET api.github.com/user') return Response.json({ id, login });
    if (place === 'GET api.github.com/user/emails')
      return Response.json([{ email, primary: true, verified: true, visibility: 'private' }]);
    return Response.json({ message: 'Not Found' }, { status: 404 });
  }

  const pages = Router();
  pages.get('/login/oauth/authorize', authorize);
  return {
    settings: { clientId, clientSecret },
    fetch: (input, init) => answer(new globalThis.Request(input, init)),
    pages,
    divert: divertTo(`${origin}${PATH}`),
  };
}

function divertTo(here: string): RequestHandler {
  return (_req, res, next) => {
    const setHeader = res.setHeader.bind(res);
    res.setHeader = (name, value) =>
      setHeader(
        name,
        name === 'Location' ? String(value).replace(/^https:\/\/github\.com(?=\/)/, here) : value,
      );
    next();
  };
}

function choicePage(asked: URLSearchParams, accounts: readonly Account[]): string {
  const links = accounts.map(({ login }) => {
    const to = new URLSearchParams(asked);
    to.set('login', login);
    return `<li><a href="?${to.toString().replaceAll('&', '&amp;')}">Continue as <b>${login}</b></a></li>`;
  });
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/page.css">
<title>Stand-in for GitHub</title>
<main>
<section>
<h1>Stand-in for GitHub</h1>
<p>This page is in place of github.com, because the example has no AUTH_GITHUB_CLIENT_ID. Anybody may be anybody here.</p>
<ul class="choices">${links.join('')}</ul>
</section>
</main>
</html>
`;
}
