import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import {
  type Asked,
  authorizationOf,
  createCodes,
  json,
  type Json,
  type ReplayServer,
  startReplayServer,
} from './replay-server.js';

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

/** An entry of `GET /user/memberships/orgs`. */
export interface GithubMembership {
  readonly state: 'active' | 'pending';
  readonly role: 'member' | 'admin';
  readonly organization: { readonly login: string; readonly id: number };
}

/**
 * What is registered at GitHub: an OAuth app, whose tokens have scopes, no end and no refresh token; or a GitHub App, whose
 * tokens have permissions, end after eight hours and come with a refresh token that works once.
 */
export type GithubApplication =
  | { readonly kind: 'oauth' }
  | {
      readonly kind: 'app';
      /** "Email addresses: read" and "Members: read". */
      readonly permissions: readonly ('emails' | 'members')[];
    };

/** GitHub's OAuth endpoints in their published shapes, over loopback HTTP, which stands for both of its hosts. */
export interface GithubServer extends ReplayServer {
  readonly clientId: string;
  readonly clientSecret: string;
  /** The body of `GET /user`; a test may put another in its place. */
  user: GithubUser;
  /** The body of `GET /user/emails`; a test may put another list in its place. */
  emails: readonly GithubEmail[];
  /** The body of `GET /user/memberships/orgs`, of which GitHub answers 100 a page. */
  memberships: readonly GithubMembership[];
  /** @defaultValue an OAuth app */
  application: GithubApplication;
  /** What the token endpoint answers in place of a token. @defaultValue none */
  tokenError: string | undefined;
  /** What callbacks carry as `iss` (RFC 9207 §2): nothing before spring 2026. A test may put another value in its place. */
  iss: string | undefined;
  /** Where the browser of a user who agrees to `authorizationUrl` is sent back to. */
  authorize(authorizationUrl: string): string;
  /** The scope that was granted for an access token; undefined for one that GitHub has not given out, or has replaced. */
  scopeOf(accessToken: string): string | undefined;
}

const CLIENT_ID = 'Iv1.8a61f9b3a7aba766';
const CLIENT_SECRET = 'c0ffee5e1ec7edba5eba11ca5caded0ddba11000';

const ISSUER = 'https://github.com/login/oauth';

const HOSTS = ['https://github.com', 'https://api.github.com'] as const;

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

/** Seconds. */
const TOKEN_LIFE = 28_800;
const REFRESH_TOKEN_LIFE = 15_897_600;

/** Starts a server that runs until the test that asked for it has finished. */
export async function startGithubServer(): Promise<GithubServer> {
  const codes = createCodes();
  const scopes = new Map<string, string>();
  /** Refresh tokens, and the access token that each of them replaces. */
  const refreshTokens = new Map<string, string>();
  const state: {
    user: GithubUser;
    emails: readonly GithubEmail[];
    memberships: readonly GithubMembership[];
    application: GithubApplication;
    iss: string | undefined;
    tokenError: string | undefined;
  } = {
    user: OCTOCAT,
    emails: OCTOCAT_EMAILS,
    memberships: [],
    application: { kind: 'oauth' },
    iss: ISSUER,
    tokenError: undefined,
  };

  const replay = await startReplayServer(HOSTS, async (asked) => {
    if (asked.endpoint !== 'POST /login/oauth/access_token') return answerApi(asked);
    const form = new URLSearchParams(await text(asked.request));
    answerToken(asked.request, asked.response, grant(form));
  });

  /** Returns the parameters of the token response. GitHub sends an error with status 200, too. */
  function grant(form: URLSearchParams): Json {
    if (state.tokenError !== undefined) return errorBody(state.tokenError);
    if (form.get('client_id') !== CLIENT_ID || form.get('client_secret') !== CLIENT_SECRET)
      return errorBody('incorrect_client_credentials');
    if (form.get('grant_type') === 'refresh_token') return refresh(form);
    const authorization = codes.redeem(form);
    if (authorization === undefined) return errorBody('bad_verification_code');
    if (authorization === 'redirect_uri') return errorBody('redirect_uri_mismatch');
    // Asked for with spaces between, granted with commas.
    return tokens(authorization.scope.split(/[ ,]+/).filter(Boolean).join(','));
  }

  function refresh(form: URLSearchParams): Json {
    const token = form.get('refresh_token') ?? '';
    const replaced = refreshTokens.get(token);
    if (replaced === undefined) return errorBody('bad_refresh_token');
    refreshTokens.delete(token);
    scopes.delete(replaced);
    return tokens('');
  }

  function tokens(scope: string): Json {
    const isApp = state.application.kind === 'app';
    const token = `${isApp ? 'ghu' : 'gho'}_${randomBytes(18).toString('hex')}`;
    const granted = isApp ? '' : scope;
    scopes.set(token, granted);
    const answer = { access_token: token, scope: granted, token_type: 'bearer' };
    if (!isApp) return answer;
    const refreshToken = `ghr_${randomBytes(38).toString('hex')}`;
    refreshTokens.set(refreshToken, token);
    return {
      ...answer,
      expires_in: TOKEN_LIFE,
      refresh_token: refreshToken,
      refresh_token_expires_in: REFRESH_TOKEN_LIFE,
    };
  }

  function answerApi({ request, response, url, endpoint }: Asked): void {
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
    if (endpoint === 'GET /user') return json(response, 200, state.user);
    const right = RIGHTS.get(endpoint);
    if (right === undefined) return json(response, 404, errorOf('404', 'Not Found'));
    const { application } = state;
    if (application.kind === 'app' && !application.permissions.includes(right.permission))
      return json(response, 403, errorOf('403', 'Resource not accessible by integration'));
    // To a token without the scope, the list does not exist.
    if (
      application.kind === 'oauth' &&
      !right.scopes.some((each) => scope.split(',').includes(each))
    )
      return json(response, 404, errorOf('404', 'Not Found'));
    const active = state.memberships.filter(
      (entry) => (url.searchParams.get('state') ?? entry.state) === entry.state,
    );
    answerPage(response, url, right.permission === 'emails' ? state.emails : active);
  }

  return Object.assign(state, {
    ...replay,
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    scopeOf: (accessToken: string) => scopes.get(accessToken),
    authorize(authorizationUrl: string) {
      const authorization = authorizationOf(authorizationUrl, CLIENT_ID);
      const callback = new URL(authorization.redirectUri);
      callback.searchParams.set('code', codes.issue(authorization));
      if (authorization.state !== undefined)
        callback.searchParams.set('state', authorization.state);
      if (state.iss !== undefined) callback.searchParams.set('iss', state.iss);
      return callback.href;
    },
  });
}

/** What a token needs to read a list: one of the scopes, or the permission. */
const RIGHTS: ReadonlyMap<
  string,
  { readonly scopes: readonly string[]; readonly permission: 'emails' | 'members' }
> = new Map([
  ['GET /user/emails', { scopes: ['user', 'user:email'], permission: 'emails' as const }],
  [
    'GET /user/memberships/orgs',
    { scopes: ['read:org', 'write:org', 'admin:org'], permission: 'members' as const },
  ],
]);

/** 30 entries unless more are asked for, at most 100, and a `Link` to those that follow. */
function answerPage(response: ServerResponse, url: URL, entries: readonly object[]): void {
  const size = Math.min(Number(url.searchParams.get('per_page') ?? 30), 100);
  const page = Number(url.searchParams.get('page') ?? 1);
  const next = new URL(url.pathname + url.search, 'https://api.github.com');
  next.searchParams.set('page', String(page + 1));
  const hasNext = entries.length > page * size;
  const link = `<${next.href}>; rel="next", <${next.href}>; rel="last"`;
  if (hasNext) response.setHeader('Link', link);
  json(response, 200, entries.slice((page - 1) * size, page * size));
}

/** The token endpoint's errors as GitHub documents them; the fragment is the place in its documentation. */
function errorBody(error: string): Json {
  const page = '/apps/managing-oauth-apps/troubleshooting-oauth-app-access-token-request-errors/';
  return {
    error,
    error_description: 'What GitHub says of it in words.',
    error_uri: `${page}#${error.replaceAll('_', '-')}`,
  };
}

/** As a form unless the client asks for JSON. */
function answerToken({ headers }: IncomingMessage, response: ServerResponse, body: Json): void {
  if (/\bapplication\/json\b/i.test(headers.accept ?? '')) return json(response, 200, body);
  response
    .writeHead(200, { 'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8' })
    .end(
      new URLSearchParams(
        Object.entries(body).map(([name, value]): [string, string] => [name, String(value)]),
      ).toString(),
    );
}

function errorOf(status: string, message: string): object {
  return { message, documentation_url: 'https://docs.github.com/rest', status };
}
