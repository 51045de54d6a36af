import { describe, expect, it } from 'vitest';
import { checkTrustedIssuers } from '../../../lib/doctor/live/trusted-issuers.js';
import { startOpenIdProvider } from '../../world/openid-provider.js';
import { serve } from '../../world/serve.js';
import { faultOf, faultsIn, subjectOf } from './world.js';

function trusting(issuer: object) {
  const trusted = [{ audience: 'https://api.example', ...issuer }];
  return { AUTH_TRUSTED_ISSUERS: JSON.stringify(trusted) };
}

/** An application that only verifies the tokens of one issuer. */
function verifyingOnly(issuer: string, jwksUrl: string) {
  const none = { AUTH_JWT_SECRET: '', AUTH_PUBLIC_URL: '' };
  return { ...none, AUTH_JWT_ISSUER: issuer, AUTH_JWKS_URL: jwksUrl };
}

const DISCOVERY = { keys: { discovery: true } };

describe('a trusted issuer', () => {
  it.each(['', '/'] as const)('has no fault with "%s" at the end of its name', async (ending) => {
    const { issuer } = await startOpenIdProvider({ issuerEnding: ending });
    const findings = await checkTrustedIssuers(subjectOf(trusting({ issuer, ...DISCOVERY })));
    expect(faultsIn(findings)).toEqual([]);
    expect(findings.map(({ check }) => check)).toEqual(['live_issuer', 'live_keys', 'live_clock']);
  });

  it('is called with a slash too much', async () => {
    const { issuer } = await startOpenIdProvider();
    const variables = trusting({ issuer: `${issuer}/`, ...DISCOVERY });
    const findings = await checkTrustedIssuers(subjectOf(variables));
    expect(faultsIn(findings)).toEqual(['fail live_issuer']);
    expect(faultOf(findings, 'live_issuer')?.says).toContain(`"${issuer}"`);
  });

  it('signs with another algorithm than is accepted', async () => {
    const { issuer } = await startOpenIdProvider();
    const variables = trusting({ issuer, ...DISCOVERY, algorithms: ['RS256'] });
    const findings = await checkTrustedIssuers(subjectOf(variables));
    expect(faultsIn(findings)).toEqual(['fail live_keys']);
    expect(faultOf(findings, 'live_keys')?.says).toContain('algorithm');
  });

  it('is down', async () => {
    const provider = await startOpenIdProvider();
    await provider.kill();
    const variables = trusting({ issuer: provider.issuer, ...DISCOVERY });
    expect(faultsIn(await checkTrustedIssuers(subjectOf(variables)))).toEqual([
      'fail live_discovery',
    ]);
  });

  it('has a clock that its tolerance does not cover', async () => {
    const { issuer } = await startOpenIdProvider();
    const variables = trusting({ issuer, ...DISCOVERY });
    const now = () => Date.now() + 30_000;
    const findings = await checkTrustedIssuers(subjectOf(variables, { now }));
    expect(faultsIn(findings)).toEqual(['warn live_clock']);
    expect(faultOf(findings, 'live_clock')?.why).toContain('tolerance is 5 seconds');
  });
});

describe('the main issuer of an application that only verifies', () => {
  it('has no fault', async () => {
    const { issuer } = await startOpenIdProvider();
    const subject = subjectOf(verifyingOnly(issuer, `${issuer}/jwks`));
    const findings = await checkTrustedIssuers(subject);
    expect(faultsIn(findings)).toEqual([]);
    expect(findings.map(({ check }) => check)).toEqual(['live_keys', 'live_clock']);
  });

  it.each([
    { title: 'nothing there', path: '/missing', says: '404' },
    { title: 'a document that is no key set', path: '/.well-known/openid-configuration', says: '' },
  ])('has $title at AUTH_JWKS_URL', async ({ path, says }) => {
    const { issuer } = await startOpenIdProvider();
    const findings = await checkTrustedIssuers(subjectOf(verifyingOnly(issuer, issuer + path)));
    expect(faultsIn(findings)).toEqual(['fail live_keys']);
    expect(faultOf(findings, 'live_keys')?.says).toContain(says);
  });
});

describe('an issuer that is asked about its tokens', () => {
  async function check(status: number, body: object) {
    const { origin: issuer } = await serve((_request, response) => {
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    });
    const client = { clientId: 'api', clientSecret: 'only-ever-known-on-this-loopback' };
    const introspection = { endpoint: `${issuer}/introspect`, ...client };
    const variables = trusting({ issuer, keys: { introspection } });
    return checkTrustedIssuers(subjectOf(variables));
  }

  it.each([
    { title: 'takes our client', status: 200, body: { active: false }, found: [] },
    { title: 'refuses our client', status: 401, body: {}, found: ['fail live_introspection'] },
    { title: 'answers with nonsense', status: 200, body: [], found: ['fail live_introspection'] },
    { title: 'fails', status: 500, body: {}, found: ['fail live_introspection'] },
  ])('$title', async ({ status, body, found }) => {
    const findings = await check(status, body);
    expect(faultsIn(findings)).toEqual(found);
    expect(JSON.stringify(findings)).not.toContain('only-ever-known');
  });
});
