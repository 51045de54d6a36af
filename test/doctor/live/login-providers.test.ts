import { createServer as createTlsServer } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkLoginProviders } from '../../../lib/doctor/live/login-providers.js';
import { makeCertificate } from '../../world/certificates.js';
import { type Misdeed, startHostileProvider } from '../../world/hostile-provider.js';
import { type LoginProvider, startLoginProvider } from '../../world/login-provider.js';
import { serve } from '../../world/serve.js';
import { faultOf, faultsIn, REDIRECT_URI, subjectOf } from './world.js';

type Variables = Readonly<Record<string, string>>;

function variablesOf(provider: Pick<LoginProvider, 'issuer' | 'clientId' | 'clientSecret'>) {
  return {
    AUTH_OIDC_ISSUER: provider.issuer,
    AUTH_OIDC_CLIENT_ID: provider.clientId,
    AUTH_OIDC_CLIENT_SECRET: provider.clientSecret,
  };
}

describe.each([
  { title: 'a provider that takes pushed requests', pushes: true },
  { title: 'a provider that takes none', pushes: false },
])('$title', ({ pushes }) => {
  async function check(redirectUris: readonly string[], changed: Variables = {}) {
    const provider = await startLoginProvider({ redirectUris, pushes });
    const subject = subjectOf({ ...variablesOf(provider), ...changed });
    return { provider, findings: await checkLoginProviders(subject) };
  }

  it('and knows us has no fault', async () => {
    const { findings } = await check([REDIRECT_URI]);
    expect(faultsIn(findings)).toEqual([]);
    const checks = findings.map((each) => each.check);
    expect(checks).toEqual(
      expect.arrayContaining(['live_issuer', 'live_keys', 'live_clock', 'live_redirect_uri']),
    );
  });

  it('signs nobody in', async () => {
    const { provider } = await check([REDIRECT_URI]);
    expect([provider.requests('/request'), provider.requests('/token')]).toEqual(
      pushes ? [1, 0] : [0, 1],
    );
  });

  it('does not know the redirect URI', async () => {
    const { findings } = await check(['https://elsewhere.example/callback']);
    expect(faultsIn(findings)).toEqual([`${pushes ? 'fail' : 'warn'} live_redirect_uri`]);
    expect(faultOf(findings, 'live_redirect_uri')?.fix).toContain(REDIRECT_URI);
  });

  it('has another secret', async () => {
    const wrong = 'this-is-not-the-secret-that-it-knows';
    const { findings } = await check([REDIRECT_URI], { AUTH_OIDC_CLIENT_SECRET: wrong });
    expect(faultsIn(findings)).toEqual(['fail live_login_client']);
    expect(JSON.stringify(findings)).not.toContain(wrong);
  });

  it('does not know the client', async () => {
    const { findings } = await check([REDIRECT_URI], { AUTH_OIDC_CLIENT_ID: 'somebody-else' });
    expect(faultsIn(findings)).toContain('fail live_login_client');
  });
});

describe('the name of a provider', () => {
  it.each([
    { title: 'a slash too much', ending: '/', says: 'without a slash' },
    { title: 'another case', path: '/Realm', named: '/realm', says: 'upper-case' },
    { title: 'a placeholder', named: '/{tenantid}/v2.0', says: 'placeholder' },
  ])('$title is told', async ({ ending = '', path = '', named = '', says }) => {
    const { origin } = await serve((_request, response) => {
      response.end(JSON.stringify({ issuer: `${origin}${named}` }));
    });
    const client = { clientId: 'us', clientSecret: 'a-secret-of-ours-there' };
    const subject = subjectOf(variablesOf({ issuer: `${origin}${path}${ending}`, ...client }));
    const findings = await checkLoginProviders(subject);
    expect(faultsIn(findings)).toEqual(['fail live_issuer']);
    expect(faultOf(findings, 'live_issuer')?.says).toContain(says);
  });
});

describe('a provider that is not as it should be', () => {
  const faults: readonly {
    readonly title: string;
    readonly misdeed: Misdeed;
    readonly found: readonly string[];
    readonly variables?: Variables;
  }[] = [
    {
      title: 'a page in the place of metadata',
      misdeed: { discovery: 'html' },
      found: ['fail live_discovery'],
    },
    {
      title: 'a redirect in their place',
      misdeed: { discovery: 'redirect' },
      found: ['fail live_discovery'],
    },
    { title: 'more than 1 MB', misdeed: { discovery: 'huge' }, found: ['fail live_discovery'] },
    { title: 'no keys', misdeed: { jwks: 'empty' }, found: ['fail live_keys'] },
    { title: 'a page in the place of keys', misdeed: { jwks: 'html' }, found: ['fail live_keys'] },
    {
      title: 'PKCE without S256',
      misdeed: { discovery: { code_challenge_methods_supported: ['plain'] } },
      found: ['fail live_pkce'],
    },
    {
      title: 'no word of PKCE',
      misdeed: { discovery: { code_challenge_methods_supported: undefined } },
      found: ['warn live_pkce'],
    },
    {
      title: 'no form post',
      misdeed: { discovery: { response_modes_supported: ['query'] } },
      found: ['fail live_login_flow'],
      variables: { AUTH_OIDC_RESPONSE_MODE: 'form_post' },
    },
    {
      title: 'no code flow',
      misdeed: { discovery: { response_types_supported: ['id_token'] } },
      found: ['fail live_login_flow'],
    },
    {
      title: 'private_key_jwt alone',
      misdeed: { discovery: { token_endpoint_auth_methods_supported: ['private_key_jwt'] } },
      found: ['fail live_login_flow'],
    },
    {
      title: 'answers without the issuer that it promises',
      misdeed: { callback: { code: undefined, error: 'login_required', iss: undefined } },
      found: ['fail live_redirect_uri'],
    },
    {
      title: 'a client that may not use codes',
      misdeed: { callback: { code: undefined, error: 'unauthorized_client' } },
      found: ['fail live_login_client'],
    },
    {
      title: 'a token endpoint that says nothing',
      misdeed: { token: 'empty' },
      found: ['fail live_login_client'],
    },
  ];

  it('has no fault when it is honest', async () => {
    const provider = await startHostileProvider();
    expect(faultsIn(await checkLoginProviders(subjectOf(variablesOf(provider))))).toEqual([]);
  });

  it.each(faults)('$title', async ({ misdeed, found, variables }) => {
    const provider = await startHostileProvider();
    provider.misbehave(misdeed);
    const subject = subjectOf({ ...variablesOf(provider), ...variables });
    expect(faultsIn(await checkLoginProviders(subject))).toEqual(found);
  });

  it.each([
    { ahead: 20, outcome: 'warn live_clock', says: '20 seconds behind' },
    { ahead: -90, outcome: 'fail live_clock', says: '90 seconds ahead' },
  ])('a clock that differs from ours by $ahead s: $outcome', async ({ ahead, outcome, says }) => {
    const time = 1_800_000_000_000;
    const provider = await startHostileProvider({ date: new Date(time).toUTCString() });
    // The header has no parts of a second: in the middle of it, nothing is rounded.
    const now = () => time + 500 + ahead * 1000;
    const findings = await checkLoginProviders(subjectOf(variablesOf(provider), { now }));
    expect(faultsIn(findings)).toEqual([outcome]);
    expect(faultOf(findings, 'live_clock')?.says).toContain(says);
  });
});

describe('a provider that cannot be reached', () => {
  const client = { clientId: 'us', clientSecret: 'a-secret-of-ours-there' };

  async function check(issuer: string) {
    const findings = await checkLoginProviders(subjectOf(variablesOf({ issuer, ...client })));
    expect(faultsIn(findings)).toEqual(['fail live_discovery']);
    return faultOf(findings, 'live_discovery');
  }

  it('nothing listens', async () => {
    const served = await serve(() => undefined);
    await served.close();
    expect((await check(served.origin))?.says).toContain('ECONNREFUSED');
  });

  it('its name is not known', async () => {
    const finding = await check('https://no-such-host.invalid');
    expect(finding?.says).toMatch(/ENOTFOUND|EAI_AGAIN/);
    expect(finding?.fix).toContain('DNS');
  });

  it('its certificate is not trusted', async () => {
    const { pem, key } = makeCertificate('id.example');
    const server = createTlsServer({ cert: pem, key }).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const finding = await check(`https://127.0.0.1:${port}`);
    expect(finding?.says).toContain('SELF_SIGNED');
    expect(finding?.fix).toContain('NODE_EXTRA_CA_CERTS');
  });
});

describe('providers that are no OpenID providers like others', () => {
  /** Answers for the provider's hosts. */
  function elsewhere(answers: Readonly<Record<string, object>>): typeof fetch {
    return async (input) => {
      const { origin, pathname } = new URL(new Request(input).url);
      const answer = answers[`${origin}${pathname}`];
      return answer ? Response.json(answer) : new Response('', { status: 404 });
    };
  }

  const GITHUB = 'https://github.com/login/oauth/access_token';

  it.each([
    { error: 'bad_verification_code', found: [] },
    { error: 'incorrect_client_credentials', found: ['fail live_login_client'] },
  ])('GitHub says $error', async ({ error, found }) => {
    const providerFetch = elsewhere({ [GITHUB]: { error } });
    const variables = { AUTH_GITHUB_CLIENT_ID: 'us', AUTH_GITHUB_CLIENT_SECRET: 'its-own-secret' };
    const findings = await checkLoginProviders(subjectOf(variables, { providerFetch }));
    expect(faultsIn(findings)).toEqual(found);
  });

  it('a redirect URI is not tried while the address of the application is unknown', async () => {
    const provider = await startHostileProvider();
    const subject = subjectOf({
      ...variablesOf(provider),
      ...{ AUTH_PUBLIC_URL: '', AUTH_JWT_ISSUER: 'https://api.example' },
    });
    expect(faultsIn(await checkLoginProviders(subject))).toEqual(['warn live_redirect_uri']);
    expect(provider.requests('/authorize')).toBe(0);
  });
});
