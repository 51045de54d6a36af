import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { serve } from './serve.js';

/** The main fields of GitHub's published example of `GET /user`. */
interface GithubUser {
  readonly login: string;
  readonly id: number;
  readonly node_id: string;
  readonly avatar_url: string;
  readonly gravatar_id: string;
  readonly url: string;
  readonly html_url: string;
  readonly type: string;
  readonly site_admin: boolean;
  readonly name: string | null;
  readonly company: string | null;
  readonly blog: string | null;
  readonly location: string | null;
  /** The public one only, hence `null` for most users. */
  readonly email: string | null;
  readonly bio: string | null;
  readonly public_repos: number;
  readonly followers: number;
  readonly following: number;
  readonly created_at: string;
  readonly updated_at: string;
}

/** An entry of `GET /user/emails`. */
interface GithubEmail {
  readonly email: string;
  readonly primary: boolean;
  readonly verified: boolean;
  readonly visibility: 'public' | 'private' | null;
}

/** GitHub's OAuth endpoints in their published shapes, over loopback HTTP. */
export interface GithubServer {
  /** `http://127.0.0.1:<port>`, which stands for both of GitHub's hosts. */
  readonly origin: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** The body of `GET /user`; a test may put another in its place. */
  user: GithubUser;
  /** The body of `GET /user/emails`; a test may put another list in its place. */
  emails: readonly GithubEmail[];
  /** What callbacks carry as `iss` (RFC 9207 §2): nothing before spring 2026. A test may put another value in its place. */
  iss: string | undefined;
  /** Where the browser of a user who agrees to `authorizationUrl` is sent back to. */
  authorize(authorizationUrl: string): string;
  /** Requests by path so far, e.g. `requests('/user')`. */
  requests(path: string): number;
  /** Brings requests for GitHub's two hosts here, and rejects those for any other. */
  readonly fetch: typeof fetch;
}

const CLIENT_ID = 'Iv1.8a61f9b3a7aba766';
const CLIENT_SECRET = 'c0ffee5e1ec7edba5eba11ca5caded0ddba11000';

const ISSUER = 'https://github.com/login/oauth';

const HOSTS: ReadonlySet<string> = new Set(['https://github.com', 'https://api.github.com']);

const OCTOCAT: GithubUser = {
  login: 'octocat',
  id: 583231,
  node_id: 'MDQ6VXNlcjU4MzIzMQ==',
  avatar_url: 'https://avatars.githubusercontent.com/u/583231?v=4',
  gravatar_id: '',
  url: 'https://api.github.com/users/octocat',
  html_url: 'https://github.com/octocat',
  type: 'User',
  site_admin: false,
  name: 'The Octocat',
  company: '@github',
  blog: 'https://github.blog',
  location: 'San Francisco',
  email: null,
  bio: null,
  public_repos: 8,
  followers: 20,
  following: 9,
  created_at: '2011-01-25T18:44:36Z',
  updated_at: '2024-01-22T12:13:14Z',
};

const OCTOCAT_EMAILS: readonly GithubEmail[] = [
  { email: 'octocat@github.com', primary: true, verified: true, visibility: 'private' },
  {
    email: '583231+octocat@users.noreply.github.com',
    primary: false,
    verified: true,
    visibility: null,
  },
];

interface Authorization {
  readonly redirectUri: string;
  readonly challenge: string | undefined;
  readonly scope: string;
}

/** Starts a server that runs until the test that asked for it has finished. */
export async function startGithubServer(): Promise<GithubServer> {
  const counts = new Map<string, number>();
  const codes = new Map<string, Authorization>();
  const scopes = new Map<string, string>();
  let user = OCTOCAT;
  let emails = OCTOCAT_EMAILS;
  let iss: string | undefined = ISSUER;

  const { origin } = await serve((request, response) => {
    const { pathname } = new URL(`http://localhost${request.url ?? ''}`);
    counts.set(pathname, requests(pathname) + 1);
    answer(request, response, pathname).catch((error: unknown) => {
      response.destroy();
      // A mistake in here must not pass for a refusal over there. A client that went away is no mistake.
      if (request.errored === null) throw error;
    });
  });

  function requests(path: string): number {
    return counts.get(path) ?? 0;
  }

  async function answer(
    request: IncomingMessage,
    response: ServerResponse,
    pathname: string,
  ): Promise<void> {
    const endpoint = `${request.method} ${pathname}`;
    if (endpoint === 'POST /login/oauth/access_token') {
      const body = redeem(new URLSearchParams(await text(request)));
      return answerToken(request, response, body);
    }
    answerApi(request, response, endpoint);
  }

  /** Returns the parameters of the token response. GitHub sends an error with status 200, too. */
  function redeem(form: URLSearchParams): Readonly<Record<string, string>> {
    if (form.get('client_id') !== CLIENT_ID || form.get('client_secret') !== CLIENT_SECRET)
      return INCORRECT_CLIENT_CREDENTIALS;
    const code = form.get('code') ?? '';
    const authorization = codes.get(code);
    codes.delete(code);
    if (authorization === undefined) return BAD_VERIFICATION_CODE;
    const { challenge, redirectUri, scope } = authorization;
    if (challenge !== undefined && challengeOf(form.get('code_verifier') ?? '') !== challenge)
      return BAD_VERIFICATION_CODE;
    if ((form.get('redirect_uri') ?? redirectUri) !== redirectUri) return REDIRECT_URI_MISMATCH;
    const token = `gho_${randomBytes(18).toString('hex')}`;
    scopes.set(token, scope);
    return { access_token: token, scope, token_type: 'bearer' };
  }

  function answerApi(request: IncomingMessage, response: ServerResponse, endpoint: string): void {
    const { authorization = '', 'user-agent': userAgent = '' } = request.headers;
    if (userAgent === '') {
      response.writeHead(403, { 'Content-Type': 'text/html; charset=utf-8' });
      response.end('Request forbidden by administrative rules. A User-Agent header is required.\n');
      return;
    }
    const [, token = ''] = /^(?:bearer|token) +(\S+)$/i.exec(authorization) ?? [];
    const scope = scopes.get(token);
    if (scope === undefined) return json(response, 401, errorOf('401', 'Bad credentials'));
    response.setHeader('X-OAuth-Scopes', scope.replaceAll(',', ', '));
    if (endpoint === 'GET /user') return json(response, 200, user);
    if (endpoint === 'GET /user/emails' && mayReadEmails(scope)) return json(response, 200, emails);
    json(response, 404, errorOf('404', 'Not Found'));
  }

  return Object.freeze({
    origin,
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    get user() {
      return user;
    },
    set user(replacement) {
      user = replacement;
    },
    get emails() {
      return emails;
    },
    set emails(replacement) {
      emails = replacement;
    },
    get iss() {
      return iss;
    },
    set iss(replacement) {
      iss = replacement;
    },
    authorize(authorizationUrl: string) {
      const { searchParams } = new URL(authorizationUrl);
      const authorization = authorizationOf(searchParams);
      const code = randomBytes(10).toString('hex');
      codes.set(code, authorization);
      const callback = new URL(authorization.redirectUri);
      callback.searchParams.set('code', code);
      const state = searchParams.get('state');
      if (state !== null) callback.searchParams.set('state', state);
      if (iss !== undefined) callback.searchParams.set('iss', iss);
      return callback.href;
    },
    requests,
    fetch: createFetch(origin),
  });
}

function authorizationOf(parameters: URLSearchParams): Authorization {
  const redirectUri = parameters.get('redirect_uri');
  const challenge = parameters.get('code_challenge') ?? undefined;
  if (parameters.get('client_id') !== CLIENT_ID) throw new Error('client_id is not of this client');
  if (redirectUri === null) throw new Error('redirect_uri is missing');
  if (challenge !== undefined && parameters.get('code_challenge_method') !== 'S256')
    throw new Error('code_challenge_method is not S256');
  // Asked for with spaces between, granted with commas.
  const scope = (parameters.get('scope') ?? '').split(/[ ,]+/).filter(Boolean).join(',');
  return { redirectUri, challenge, scope };
}

function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url');
}

/** To a token without the scope, the list does not exist. */
function mayReadEmails(scope: string): boolean {
  return scope.split(',').some((granted) => granted === 'user' || granted === 'user:email');
}

const TROUBLESHOOTING = '/apps/managing-oauth-apps/troubleshooting-';

const INCORRECT_CLIENT_CREDENTIALS = {
  error: 'incorrect_client_credentials',
  error_description: 'The client_id and/or client_secret passed are incorrect.',
  error_uri: `${TROUBLESHOOTING}oauth-app-access-token-request-errors/#incorrect-client-credentials`,
};

const BAD_VERIFICATION_CODE = {
  error: 'bad_verification_code',
  error_description: 'The code passed is incorrect or expired.',
  error_uri: `${TROUBLESHOOTING}oauth-app-access-token-request-errors/#bad-verification-code`,
};

const REDIRECT_URI_MISMATCH = {
  error: 'redirect_uri_mismatch',
  error_description:
    'The redirect_uri MUST match the registered callback URL for this application.',
  error_uri: `${TROUBLESHOOTING}authorization-request-errors/#redirect-uri-mismatch2`,
};

/** As a form unless the client asks for JSON. */
function answerToken(
  { headers }: IncomingMessage,
  response: ServerResponse,
  body: Readonly<Record<string, string>>,
): void {
  if (/\bapplication\/json\b/i.test(headers.accept ?? '')) return json(response, 200, body);
  response
    .writeHead(200, { 'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8' })
    .end(new URLSearchParams(body).toString());
}

function errorOf(status: string, message: string): object {
  return { message, documentation_url: 'https://docs.github.com/rest', status };
}

function json(response: ServerResponse, status: number, body: object): void {
  response
    .writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' })
    .end(JSON.stringify(body));
}

function createFetch(origin: string): typeof fetch {
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    if (!HOSTS.has(url.origin)) throw new TypeError(`${url.origin} is not GitHub`);
    // Joined as text: resolving a path that begins with two slashes would lead to another host.
    const here = `${origin}${url.pathname}${url.search}`;
    return fetch(input instanceof Request ? new Request(here, input) : here, init);
  };
}
