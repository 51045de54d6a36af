import { inspect } from 'node:util';
import type { AuthOptions, ProviderAccess } from 'latchkey';
import { describe, expect, it } from 'vitest';
import { addUser } from '../world/auth-server.js';
import {
  type GithubApplication,
  type GithubMembership,
  type GithubServer,
  startGithubServer,
} from '../world/github-server.js';
import { openSocialWorld } from '../world/social-login.js';
import { accessTokenOf, refusalOn, userOf } from '../world/signed-in.js';

const WITHOUT_PERMISSIONS: GithubApplication = { kind: 'app', permissions: [] };
const WITH_EMAILS: GithubApplication = { kind: 'app', permissions: ['emails'] };

interface Setting extends Omit<AuthOptions, 'github'> {
  readonly github?: AuthOptions['github'];
  readonly arrange?: (github: GithubServer) => void;
}

async function world({ github: settings, arrange, ...options }: Setting = {}) {
  const github = await startGithubServer();
  arrange?.(github);
  const { clientId, clientSecret } = github;
  const all = await openSocialWorld(
    {
      name: 'github',
      site: 'https://github.com',
      server: github,
      authorize: (url) => ({ url: github.authorize(url) }),
    },
    { ...options, github: { clientId, clientSecret, ...settings } },
  );
  return { ...all, github };
}

describe('an application that may not read addresses', () => {
  it.each([
    { title: 'a GitHub App without the permission', application: WITHOUT_PERMISSIONS },
    {
      title: 'an OAuth app whose user left the scope out',
      application: { kind: 'oauth' } as const,
    },
  ])('$title signs users in without one', async ({ application }) => {
    const all = await world({ arrange: (github) => void (github.application = application) });
    const url = await all.begin();
    url.searchParams.set('scope', 'read:user');
    const page = await all.comeBack({ url: all.github.authorize(url.href) });
    expect(page.url).toBe(`${all.origin}/inside`);
    const user = await all.user();
    expect(user).toMatchObject({ username: 'octocat' });
    expect(user).not.toHaveProperty('email');
    expect((await all.visit())?.id).toBe(user?.id);
  });

  it('a GitHub App with the permission gets the address', async () => {
    const { visit } = await world({
      arrange: (github) => void (github.application = WITH_EMAILS),
    });
    expect(await visit()).toMatchObject({ email: 'octocat@github.com' });
  });

  it('the primary address is found wherever it stands in the list', async () => {
    const { visit, github } = await world({
      arrange: (server) => {
        const others = Array.from({ length: 130 }, (_, index) => ({
          email: `alias-${index}@github.com`,
          primary: false,
          verified: true,
          visibility: null,
        }));
        server.emails = [...others, ...server.emails];
      },
    });
    expect(await visit()).toMatchObject({ email: 'octocat@github.com' });
    expect(github.requests('/user/emails')).toBe(2);
  });
});

describe('an address that GitHub has verified', () => {
  const ALICE = { username: 'alice', email: 'octocat@github.com', emailVerified: true };

  it('joins nobody by itself', async () => {
    const all = await world();
    await addUser(all, ALICE);
    expect(refusalOn(await all.signIn())).toEqual({ status: 403, code: 'LOGIN_DENIED' });
    expect(await all.user()).toBeUndefined();
  });

  it('joins the account that has it where it is trusted', async () => {
    const all = await world({ github: { trustEmail: true } });
    const alice = await addUser(all, ALICE);
    expect((await all.visit())?.id).toBe(alice.id);
  });

  it('joins nobody by trust when it is not verified', async () => {
    const all = await world({
      github: { trustEmail: true },
      arrange: (github) => {
        github.emails = [
          { email: 'octocat@github.com', primary: true, verified: false, visibility: null },
        ];
      },
    });
    const alice = await addUser(all, ALICE);
    expect((await all.visit())?.id).not.toBe(alice.id);
  });
});

function membership(login: string, state: GithubMembership['state'] = 'active'): GithubMembership {
  return { state, role: 'member', organization: { login, id: 1 } };
}

/** More than one page of organisations before the one that counts. */
const MANY = Array.from({ length: 230 }, (_, index) => membership(`org-${index}`));

describe('sign-in limited to organisations', () => {
  it.each([
    { title: 'a member', memberships: [membership('acme')] },
    { title: 'a member, spelt otherwise', memberships: [membership('ACME')] },
    { title: 'a member of the other one', memberships: [membership('globex')] },
    { title: 'a member, on the third page', memberships: [...MANY, membership('Acme')] },
  ])('lets in $title', async ({ memberships }) => {
    const { signIn, origin } = await world({
      github: { allowedOrgs: ['Acme', 'Globex'] },
      arrange: (github) => void (github.memberships = memberships),
    });
    expect((await signIn()).url).toBe(`${origin}/inside`);
  });

  it.each([
    { title: 'a stranger', memberships: [] },
    { title: 'a member of other organisations', memberships: MANY },
    { title: 'a name that only begins like it', memberships: [membership('acme-labs')] },
    { title: 'who has not accepted the invitation', memberships: [membership('acme', 'pending')] },
  ])('refuses $title, and makes no account', async ({ memberships }) => {
    const all = await world({
      github: { allowedOrgs: ['acme'] },
      arrange: (github) => void (github.memberships = memberships),
    });
    expect(refusalOn(await all.signIn())).toEqual({ status: 403, code: 'LOGIN_DENIED' });
    expect(all.reasons()).toEqual(['organization']);
    expect(await all.auth.users.list({ limit: 10 })).toEqual([]);
  });

  it.each([
    { title: 'a GitHub App without "Members: read"', application: WITH_EMAILS },
    { title: 'a user who left read:org out', application: { kind: 'oauth' } as const },
  ])('refuses what cannot be looked up: $title', async ({ application }) => {
    const { begin, comeBack, reasons, github } = await world({
      github: { allowedOrgs: ['acme'] },
      arrange: (server) => {
        server.application = application;
        server.memberships = [membership('acme')];
      },
    });
    const url = await begin();
    url.searchParams.set('scope', 'read:user user:email');
    const page = await comeBack({ url: github.authorize(url.href) });
    expect(refusalOn(page)).toEqual({ status: 403, code: 'LOGIN_DENIED' });
    expect(reasons()).toEqual(['organizations_hidden']);
  });

  it('asks for read:org, and only then', async () => {
    const limited = await world({ github: { allowedOrgs: ['acme'] } });
    expect((await limited.begin()).searchParams.get('scope')).toBe('read:user user:email read:org');
    const open = await world();
    expect((await open.begin()).searchParams.get('scope')).toBe('read:user user:email');
    expect(open.github.requests('/user/memberships/orgs')).toBe(0);
  });

  it('ends at a list without an end, and believes no invitation that it was not to see', async () => {
    let pages = 0;
    const { signIn, reasons, github } = await world({
      github: { allowedOrgs: ['acme'] },
      arrange: (server) => void (server.memberships = []),
      providerFetch: async (input, init) => {
        const url = new URL(input instanceof Request ? input.url : input);
        if (url.pathname !== '/user/memberships/orgs') return github.fetch(input, init);
        pages += 1;
        const link = '<https://evil.example/next>; rel="next"';
        return Response.json([membership('acme', 'pending')], { headers: { link } });
      },
    });
    expect(refusalOn(await signIn())).toEqual({ status: 403, code: 'LOGIN_DENIED' });
    expect(reasons()).toEqual(['organization']);
    expect(pages).toBe(20);
  });
});

describe("a GitHub App's tokens", () => {
  it('are renewed when eight hours are over, each refresh token once', async () => {
    let added = 0;
    const all = await world({
      arrange: (github) => void (github.application = WITH_EMAILS),
      refreshIdleTtlSeconds: 86_400,
      now: () => Date.now() + added,
    });
    await all.signIn();
    const ask = async (): Promise<string> => {
      const token = await accessTokenOf(all.browser, all.origin);
      const headers = { authorization: `Bearer ${token}` };
      const response = await fetch(`${all.origin}/api/upstream`, { headers });
      expect(response.status).toBe(200);
      return ((await response.json()) as { readonly token: string }).token;
    };
    const tokens = [await ask(), await ask()];
    for (const hours of [8, 16]) {
      added = hours * 3_600_000;
      tokens.push(await ask());
    }
    const [first, again, second, third] = tokens;
    expect(again).toBe(first);
    expect(new Set(tokens).size).toBe(3);
    expect([first, second, third].map((token) => all.github.scopeOf(token ?? ''))).toEqual([
      undefined,
      undefined,
      '',
    ]);
  });

  it.each([
    { tokenError: 'bad_refresh_token', status: 401, code: 'AUTH_CONTEXT_REQUIRED' },
    { tokenError: 'incorrect_client_credentials', status: 502, code: 'PROVIDER_ERROR' },
  ])('that end with $tokenError are $status', async ({ tokenError, ...refusal }) => {
    let added = 0;
    const all = await world({
      arrange: (github) => void (github.application = WITH_EMAILS),
      now: () => Date.now() + added,
    });
    await all.signIn();
    added = 9 * 3_600_000;
    all.github.tokenError = tokenError;
    const token = await accessTokenOf(all.browser, all.origin);
    const response = await fetch(`${all.origin}/api/upstream`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const { status } = response;
    expect(refusalOn({ status, body: await response.text() })).toEqual(refusal);
  });
});

describe("the token endpoint's errors", () => {
  it.each([
    { error: 'incorrect_client_credentials', reason: 'invalid_client', status: 502 },
    { error: 'redirect_uri_mismatch', reason: 'invalid_redirect_uri', status: 502 },
    { error: 'bad_verification_code', reason: 'invalid_grant', status: 401 },
    { error: 'unverified_user_email', reason: 'email_unverified', status: 403 },
    { error: 'unsupported_grant_type', reason: 'unsupported_grant_type', status: 502 },
    { error: 'of_tomorrow <script>', reason: 'token_endpoint', status: 502 },
  ])('$error is $status, and $reason in the event', async ({ error, reason, status }) => {
    const { signIn, reasons, user } = await world({
      arrange: (github) => void (github.tokenError = error),
    });
    const page = await signIn();
    expect(page.status).toBe(status);
    expect(page.body).not.toContain('script');
    expect(reasons()).toEqual([reason]);
    expect(await user()).toBeUndefined();
  });

  it('a wrong client secret is invalid_client in the event', async () => {
    const { signIn, reasons } = await world({ github: { clientSecret: 'of-another-application' } });
    expect(refusalOn(await signIn())).toEqual({ status: 502, code: 'PROVIDER_ERROR' });
    expect(reasons()).toEqual(['invalid_client']);
  });

  it.each([
    { error: 'application_suspended', reason: 'unauthorized_client', status: 403 },
    { error: 'redirect_uri_mismatch', reason: 'invalid_redirect_uri', status: 401 },
  ])('a callback of $error is $status, and $reason in the event', async (given) => {
    const { begin, comeBack, reasons, github } = await world();
    const callback = new URL(github.authorize((await begin()).href));
    callback.searchParams.delete('code');
    callback.searchParams.set('error', given.error);
    const page = await comeBack({ url: callback.href });
    expect(page.status).toBe(given.status);
    expect(reasons()).toEqual([given.reason]);
  });
});

describe('what the provision hook gets', () => {
  it("is GitHub's access token, which it can ask the API with, and which nothing prints", async () => {
    const given: ProviderAccess[] = [];
    const { signIn, browser, origin, github } = await world({
      arrange: (server) => void (server.memberships = [membership('acme')]),
      github: { allowedOrgs: ['acme'] },
      provision: async (_identity, _user, access) => {
        given.push(access);
        const answer = await github.fetch('https://api.github.com/user/memberships/orgs', {
          headers: { authorization: `Bearer ${access.accessToken}`, 'user-agent': 'invoices' },
        });
        const [first] = (await answer.json()) as readonly GithubMembership[];
        return { roles: [first?.organization.login ?? 'none'] };
      },
    });
    await signIn();
    expect(await userOf(browser, origin)).toMatchObject({ roles: ['acme'] });
    const [access] = given;
    const token = access?.accessToken ?? '';
    expect(github.scopeOf(token)).toBe('read:user,user:email,read:org');
    const printed = [inspect(access, { showHidden: true }), JSON.stringify({ ...access })];
    expect([...printed, JSON.stringify(access)].join()).not.toContain(token);
  });
});
