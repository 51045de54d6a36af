import { AuthError } from '../errors.js';
import { isRecord } from '../is-record.js';
import { isEmail, normaliseLogin } from '../accounts/logins.js';
import type { Identity } from '../accounts/identity.js';
import { unverifiable } from './errors.js';
import type { ProviderFetch } from './fetch.js';

/** Our key for GitHub's accounts, kept in every store. It doesn't follow what GitHub calls itself. */
export const GITHUB_ACCOUNTS = 'https://github.com';

/** https://docs.github.com/en/rest/users/users#get-the-authenticated-user */
const USER = 'https://api.github.com/user';
/** https://docs.github.com/en/rest/users/emails#list-email-addresses-for-the-authenticated-user */
const EMAILS = 'https://api.github.com/user/emails?per_page=100';
/** https://docs.github.com/en/rest/orgs/members#list-organization-memberships-for-the-authenticated-user */
const MEMBERSHIPS = 'https://api.github.com/user/memberships/orgs?state=active&per_page=100';

const TIMEOUT_MS = 10_000;
/** Of 100 entries. Nobody has more addresses or organisations; a server that never ends its list does. */
const MOST_PAGES = 20;

/** Asks GitHub's API in the name of one user. */
export interface GithubApi {
  /** The user, with the primary address if the application may read it and GitHub has verified it. */
  fetchIdentity(options: { readonly trustEmail: boolean }): Promise<Identity>;
  /**
   * Rejects with LOGIN_DENIED (403) unless the user is an active member of one of these organisations, given in lower case:
   * `organization`, or `organizations_hidden` when GitHub doesn't tell.
   */
  requireMembership(organizations: readonly string[]): Promise<void>;
}

export function createGithubApi(accessToken: string, fetch: ProviderFetch): GithubApi {
  const ask = (url: string): Promise<Answer> => askGithub(url, accessToken, fetch);
  return {
    async fetchIdentity({ trustEmail }) {
      const [user, email] = await Promise.all([ask(USER), findPrimaryEmail(ask)]);
      return identityOf(user.body, { email, trustEmail });
    },
    async requireMembership(organizations) {
      for await (const entry of entriesOf(MEMBERSHIPS, ask, hiddenOrganizations))
        if (isMemberOf(entry, organizations)) return;
      throw new AuthError('LOGIN_DENIED', { reason: 'organization' });
    },
  };
}

interface Answer {
  /** Undefined when the application may not read it. */
  readonly body: unknown;
  readonly hasNext: boolean;
}

type Ask = (url: string) => Promise<Answer>;

async function askGithub(url: string, accessToken: string, fetch: ProviderFetch): Promise<Answer> {
  const response = await fetch(url, {
    headers: {
      authorization: `Bearer ${accessToken}`,
      accept: 'application/vnd.github+json',
      'x-github-api-version': '2022-11-28',
      // GitHub refuses requests without one with 403.
      'user-agent': 'latchkey',
    },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const body: unknown = await response.json();
  if (response.status === 200 && body !== undefined)
    return { body, hasNext: /\brel="?next\b/.test(response.headers.get('link') ?? '') };
  if (isWithheld(response, body)) return { body: undefined, hasNext: false };
  throw failed();
}

/**
 * Whether GitHub doesn't show this to our application: 403 without the permission of a GitHub App, 404 without the scope.
 * A 403 for too many requests is an outage: who sees no address then would get an account without one.
 * https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api
 */
function isWithheld({ status, headers }: Response, body: unknown): boolean {
  if (!isRecord(body) || (status !== 403 && status !== 404)) return false;
  const isLimited =
    headers.get('retry-after') ||
    headers.get('x-ratelimit-remaining') === '0' ||
    /rate limit|abuse detection/i.test(String(body['message']));
  return !isLimited;
}

/** The entries of a list, page by page. The pages are counted: an address that an answer names is never followed. */
async function* entriesOf(url: string, ask: Ask, withheld: () => AuthError | undefined) {
  for (let page = 1; page <= MOST_PAGES; page += 1) {
    const { body, hasNext } = await ask(page === 1 ? url : `${url}&page=${page}`);
    if (body === undefined) {
      const error = withheld();
      if (error) throw error;
      return;
    }
    if (!Array.isArray(body)) throw failed();
    const entries: readonly unknown[] = body;
    yield* entries;
    if (!hasNext) return;
  }
}

/** Only the primary address, and only if GitHub has verified it. */
async function findPrimaryEmail(ask: Ask): Promise<string | undefined> {
  for await (const entry of entriesOf(EMAILS, ask, () => undefined)) {
    if (!isRecord(entry) || entry['primary'] !== true) continue;
    const login = entry['verified'] === true ? normaliseLogin(entry['email']) : undefined;
    return login !== undefined && isEmail(login) ? login : undefined;
  }
  return undefined;
}

function isMemberOf(membership: unknown, organizations: readonly string[]): boolean {
  if (!isRecord(membership) || membership['state'] !== 'active') return false;
  const { organization } = membership;
  const login = isRecord(organization) ? organization['login'] : undefined;
  return typeof login === 'string' && organizations.includes(login.toLowerCase());
}

function identityOf(
  user: unknown,
  { email, trustEmail }: { readonly email: string | undefined; readonly trustEmail: boolean },
): Identity {
  if (user === undefined) throw failed();
  if (!isRecord(user) || !Number.isSafeInteger(user['id'])) throw unverifiable('subject');
  return Object.freeze({
    provider: 'github',
    issuer: GITHUB_ACCOUNTS,
    subject: String(user['id']),
    email,
    emailVerified: email !== undefined,
    emailVouched: email !== undefined && trustEmail,
    username: typeof user['login'] === 'string' ? user['login'] : undefined,
    roles: [],
    groups: [],
    attributes: {},
    orgs: [],
    claims: user,
  });
}

function hiddenOrganizations(): AuthError {
  return new AuthError('LOGIN_DENIED', { reason: 'organizations_hidden' });
}

function failed(): AuthError {
  return new AuthError('PROVIDER_ERROR', { reason: 'userinfo' });
}
