import { describe, expect, it } from 'vitest';
import { createAuth, createVerifier } from 'latchkey';
import { readTenantRule } from '../../lib/providers/entra-tenants.js';
import * as entra from '../claims/fixtures/entra.js';
import { NOW } from '../claims/principal-facts.js';
import { BASE } from '../world/auth-server.js';
import { createClock } from '../world/clock.js';
import { expectRefusal, expectSignedIn, hostileLogin, urlOf } from '../world/hostile-login.js';
import { createTokenSigner } from '../world/token-signer.js';

const ENTRA = 'https://login.microsoftonline.com';
const { TENANT, OTHER_TENANT } = entra;
const PERSONAL = '9188040d-6c67-4c5b-b112-36a304b66dad';
const FAILED = { status: 401, code: 'LOGIN_FAILED' };
const DENIED = { status: 403, code: 'LOGIN_DENIED' };

describe('whose users may sign in with Entra', () => {
  it.each<{ title: string; issuer: string; tenants?: readonly string[] }>([
    ...['common', 'organizations', 'consumers', '{tenantid}'].map((place) => ({
      title: `everybody at ${place}, by mistake`,
      issuer: `${ENTRA}/${place}/v2.0`,
    })),
    { title: 'a template', issuer: `${ENTRA}/{tenantid}/v2.0`, tenants: ['any'] },
    { title: 'a domain', issuer: `${ENTRA}/contoso.onmicrosoft.com/v2.0` },
    { title: 'a domain of a cloud', issuer: 'https://login.microsoftonline.us/contoso.us/v2.0' },
    { title: 'domains', issuer: `${ENTRA}/common/v2.0`, tenants: ['contoso.onmicrosoft.com'] },
    { title: 'a star', issuer: `${ENTRA}/common/v2.0`, tenants: ['*'] },
    { title: 'names of endpoints', issuer: `${ENTRA}/common/v2.0`, tenants: ['organizations'] },
    { title: 'any beside one', issuer: `${ENTRA}/common/v2.0`, tenants: ['any', TENANT] },
    { title: 'any of one tenant', issuer: `${ENTRA}/${TENANT}/v2.0`, tenants: ['any'] },
    { title: 'any elsewhere', issuer: 'https://id.example.com', tenants: ['any'] },
    { title: 'another tenant alone', issuer: `${ENTRA}/${TENANT}/v2.0`, tenants: [OTHER_TENANT] },
    {
      title: 'personal accounts where they are left out',
      issuer: `${ENTRA}/organizations/v2.0`,
      tenants: [PERSONAL],
    },
    {
      title: 'a company where only personal accounts are',
      issuer: `${ENTRA}/consumers/v2.0`,
      tenants: [TENANT],
    },
    { title: 'a slash more', issuer: `${ENTRA}/common/v2.0/`, tenants: [TENANT] },
    { title: 'version 1', issuer: `${ENTRA}/common/`, tenants: [TENANT] },
    {
      title: 'many tenants of another cloud',
      issuer: 'https://login.microsoftonline.us/common/v2.0',
      tenants: [TENANT],
    },
  ])('$title ($issuer, $tenants) is refused at the start', ({ issuer, tenants }) => {
    expect(() => readTenantRule({ issuer, tenants })).toThrow(TypeError);
  });

  const upper = TENANT.toUpperCase();
  it.each<{ issuer: string; tenants?: readonly string[]; admits: string[]; denies: unknown[] }>([
    {
      issuer: `${ENTRA}/common/v2.0`,
      tenants: ['any'],
      admits: [TENANT, OTHER_TENANT, PERSONAL, upper],
      denies: [undefined, '', 'any', '{tenantid}', 7, [TENANT]],
    },
    {
      issuer: `${ENTRA}/organizations/v2.0`,
      tenants: [upper, PERSONAL],
      admits: [TENANT, upper],
      denies: [OTHER_TENANT, undefined],
    },
    {
      issuer: `${ENTRA}/consumers/v2.0`,
      tenants: [PERSONAL],
      admits: [PERSONAL],
      denies: [TENANT],
    },
    { issuer: `${ENTRA}/${upper}/v2.0`, tenants: [TENANT], admits: [TENANT], denies: [PERSONAL] },
    { issuer: `${ENTRA}/${TENANT}/v2.0`, admits: [TENANT], denies: [] },
    { issuer: 'https://id.example.com', tenants: ['Acme'], admits: ['Acme'], denies: ['acme'] },
  ])('$issuer with $tenants admits $admits', ({ issuer, tenants, admits, denies }) => {
    const rule = readTenantRule({ issuer, tenants });
    for (const tenant of admits) expect(rule.admits(tenant)).toBe(true);
    for (const tenant of denies) expect(rule.admits(tenant)).toBe(false);
  });

  it('an issuer with the tenant in capitals is spelt as Entra spells it', () => {
    expect(readTenantRule({ issuer: `${ENTRA}/${upper}/v2.0` }).issuer).toBe(
      `${ENTRA}/${TENANT}/v2.0`,
    );
    const elsewhere = `https://id.example.com/${upper}`;
    expect(readTenantRule({ issuer: elsewhere }).issuer).toBe(elsewhere);
  });
});

interface Told {
  readonly iss?: string;
  /** `iss` of the callback. */
  readonly named?: string;
  readonly claims?: object;
}

/** An application at Entra's endpoint for users of many tenants. */
async function sharedWorld(tenants: readonly string[]) {
  const app = await hostileLogin(({ issuer, clientId, clientSecret }) => ({
    oidc: { corp: { issuer: `${ENTRA}/common/v2.0`, clientId, clientSecret, tenants } },
    providerFetch: (input, init) =>
      fetch(urlOf(input).replace(`${ENTRA}/common/v2.0`, issuer), init),
  }));
  const issuerOf = (tenant: unknown) => `${ENTRA}/${String(tenant)}/v2.0`;
  const as = (tid: unknown, { iss = issuerOf(tid), named, claims = {} }: Told = {}) => {
    app.corp.misbehave({
      discovery: {
        issuer: `${ENTRA}/{tenantid}/v2.0`,
        authorization_response_iss_parameter_supported: named !== undefined || undefined,
      },
      callback: { iss: named },
      idTokenClaims: { iss, tid, ...claims },
    });
    return app.signIn();
  };
  return { app, issuerOf, as };
}

it.each(['common', '{tenantid}'])(
  'an application whose users sign in at %s, of which tenant is not said, does not start',
  (place) => {
    const start = () =>
      createAuth({
        ...BASE,
        publicUrl: 'https://app.example',
        oidc: { default: { issuer: `${ENTRA}/${place}/v2.0`, clientId: 'x', clientSecret: 'y' } },
      });
    expect(start).toThrow(TypeError);
  },
);

it('AUTH_OIDC_TENANTS and AUTH_TRUSTED_ISSUERS take any', () => {
  const env = {
    AUTH_OIDC_ISSUER: `${ENTRA}/organizations/v2.0`,
    AUTH_OIDC_CLIENT_ID: 'x',
    AUTH_OIDC_CLIENT_SECRET: 'y',
    AUTH_OIDC_TENANTS: 'any',
    AUTH_TRUSTED_ISSUERS: JSON.stringify([
      { issuer: entra.V2_TEMPLATE, tenants: ['any'], audience: 'a', keys: { discovery: true } },
    ]),
  };
  expect(() => createAuth({ ...BASE, publicUrl: 'https://app.example', env })).not.toThrow();
});

describe("a sign-in at Entra's shared endpoint", () => {
  it('with any tenant succeeds for each, of which the token is', async () => {
    const { app, as } = await sharedWorld(['any']);
    for (const tenant of [TENANT, OTHER_TENANT]) await expectSignedIn(app, await as(tenant));
    expect(await app.auth.users.list({ limit: 10 })).toHaveLength(1 + 1);
  });

  it('with any tenant gives nobody an address that is not verified: anybody could have written it down', async () => {
    for (const { tenants, xms_edov, email } of [
      { tenants: ['any'], xms_edov: undefined, email: undefined },
      { tenants: ['any'], xms_edov: true, email: 'boss@contoso.example' },
      { tenants: [TENANT], xms_edov: undefined, email: 'boss@contoso.example' },
    ]) {
      const { app, as } = await sharedWorld(tenants);
      await expectSignedIn(
        app,
        await as(TENANT, { claims: { email: 'boss@contoso.example', xms_edov } }),
      );
      const users = await app.auth.users.list({ limit: 2 });
      expect(users).toMatchObject([{ email, emailVerified: false }]);
    }
  });

  it.each<{ title: string; tenants: string[]; tid: unknown; iss?: string; refusal: typeof FAILED }>(
    [
      { title: 'another tenant', tenants: [TENANT], tid: OTHER_TENANT, refusal: DENIED },
      {
        title: "a tenant under another's issuer",
        tenants: ['any'],
        tid: TENANT,
        iss: `${ENTRA}/${OTHER_TENANT}/v2.0`,
        refusal: FAILED,
      },
      {
        title: 'no tenant',
        tenants: ['any'],
        tid: undefined,
        iss: `${ENTRA}/${TENANT}/v2.0`,
        refusal: FAILED,
      },
      { title: 'a tenant that is no id', tenants: ['any'], tid: 'contoso.com', refusal: DENIED },
      {
        title: 'the template itself',
        tenants: ['any'],
        tid: '{tenantid}',
        refusal: DENIED,
      },
    ],
  )('of $title is refused', async ({ tenants, tid, iss, refusal }) => {
    const { app, as } = await sharedWorld(tenants);
    expectRefusal({ app }, await as(tid, iss === undefined ? {} : { iss }), refusal);
  });

  it('names the tenant in the callback, once Entra does (RFC 9207): its own, and no other', async () => {
    const { app, as, issuerOf } = await sharedWorld([TENANT.toUpperCase()]);
    await expectSignedIn(app, await as(TENANT, { named: issuerOf(TENANT) }));
    app.events.length = 0;
    for (const named of [issuerOf(OTHER_TENANT), 'https://evil.example', issuerOf('evil')]) {
      expectRefusal({ app }, await as(TENANT, { named }), FAILED);
      app.events.length = 0;
    }
  });
});

describe('access tokens of every tenant of Entra', () => {
  async function verifierOf(issuer: string, tenants: readonly string[]) {
    const signer = await createTokenSigner('signing-key', entra.publishedFor(entra.V2_TEMPLATE));
    const verifier = createVerifier({
      issuers: {
        issuer,
        tenants,
        audience: entra.V2_API,
        keys: { jwks: { keys: [signer.jwk] } },
        claims: 'entra',
      },
      now: createClock(NOW).now,
    });
    const { header, claims } = entra.v2AccessToken(NOW);
    return async (changes: object) =>
      verifier.verify(await signer.sign({ header, claims: { ...claims, ...changes } }));
  }

  const of = (tid: string) => ({ iss: `${ENTRA}/${tid}/v2.0`, tid });

  it('are accepted with any, each for its own tenant as organisation', async () => {
    const verify = await verifierOf(entra.V2_TEMPLATE, ['any']);
    for (const tenant of [TENANT, OTHER_TENANT]) {
      const { issuer, orgs } = await verify(of(tenant));
      expect({ issuer, orgs: orgs.map(({ id }) => id) }).toEqual({
        issuer: `${ENTRA}/${tenant}/v2.0`,
        orgs: [tenant],
      });
    }
  });

  it.each([
    { title: 'another tenant in tid', claims: { tid: OTHER_TENANT } },
    { title: 'no tid', claims: { tid: undefined } },
    { title: 'the template', claims: { iss: entra.V2_TEMPLATE, tid: '{tenantid}' } },
    { title: 'a shared endpoint', claims: of('common') },
    { title: 'a domain', claims: of('contoso.com') },
    { title: 'something before', claims: { iss: `x${entra.V2_ISSUER}` } },
    { title: 'something after', claims: { iss: `${entra.V2_ISSUER}/x` } },
    { title: 'another host', claims: { iss: `https://evil.example/${TENANT}/v2.0` } },
    { title: 'dots that are none', claims: { iss: entra.V2_ISSUER.replace('.com', 'xcom') } },
  ])('are refused with $title', async ({ claims }) => {
    const verify = await verifierOf(entra.V2_TEMPLATE, ['any']);
    await expect(verify(claims)).rejects.toMatchObject({ status: 401 });
  });

  it('are accepted of a tenant that is listed in capitals', async () => {
    const verify = await verifierOf(entra.V2_TEMPLATE, [TENANT.toUpperCase()]);
    expect((await verify({})).orgs).toMatchObject([{ id: TENANT }]);
    await expect(verify(of(OTHER_TENANT))).rejects.toMatchObject({ status: 401 });
  });

  it.each([
    { title: 'a domain for a tenant', issuer: entra.V2_TEMPLATE, tenants: ['contoso.com'] },
    { title: 'a star', issuer: entra.V2_TEMPLATE, tenants: ['*'] },
    { title: 'any beside an id', issuer: entra.V2_TEMPLATE, tenants: ['any', TENANT] },
    { title: 'any of one tenant', issuer: entra.V2_ISSUER, tenants: ['any'] },
    { title: 'no tenant', issuer: entra.V2_TEMPLATE, tenants: [] },
    { title: 'a shared endpoint', issuer: `${ENTRA}/common/v2.0`, tenants: ['any'] },
    { title: 'a shared endpoint', issuer: `${ENTRA}/organizations/v2.0`, tenants: [TENANT] },
  ])('need no list of $title: refused at the start', async ({ issuer, tenants }) => {
    await expect(verifierOf(issuer, tenants)).rejects.toThrow(TypeError);
  });

  it('of an issuer that names a domain would never come: refused at the start', () => {
    for (const issuer of [`${ENTRA}/contoso.com/v2.0`, 'https://sts.windows.net/contoso.com/'])
      expect(() =>
        createVerifier({ issuers: { issuer, audience: 'a', keys: { discovery: true } } }),
      ).toThrow(TypeError);
  });

  it('of any tenant are listed once', async () => {
    const { jwk } = await createTokenSigner('signing-key');
    const issuer = {
      issuer: entra.V2_TEMPLATE,
      tenants: ['any'],
      audience: 'a',
      keys: { jwks: { keys: [jwk] } },
    };
    expect(() => createVerifier({ issuers: [issuer, { ...issuer, audience: 'b' }] })).toThrow(
      TypeError,
    );
  });
});
