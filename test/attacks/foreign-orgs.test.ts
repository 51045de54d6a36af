import express from 'express';
import { createAuth, createVerifier, type IssuerOptions } from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import * as entra from '../claims/fixtures/entra.js';
import { policies } from '../claims/policies.js';
import { NOW, principalOf } from '../claims/principal-facts.js';
import { serve } from '../world/serve.js';

const orgs = { 'tenant-a': ['admin'], 'tenant-b': ['admin'] };

/** A partner's issuer, trusted with these options, and a server that opens organisations. */
async function createWorld(trust: Partial<IssuerOptions> = {}, isResolved = false) {
  const partner = await createTestIssuer({ algorithm: 'ES256', issuer: 'https://partner.test' });
  const policy = { ...partner.policy, ...trust };
  const auth = createAuth({
    env: {
      AUTH_PUBLIC_URL: 'https://app.test',
      AUTH_JWT_SECRET: 'k3Jf9x2mQp7vR4tY8wZ1bN6cH5gD0sLa',
    },
    onWarning: () => {},
    ...(isResolved
      ? { resolveIssuer: (iss: string) => (iss === policy.issuer ? policy : undefined) }
      : { issuers: [policy] }),
  });
  const app = express();
  app.get(
    '/org',
    auth.requireAuth(),
    auth.orgContext(),
    auth.requireRoles('admin', { of: 'org' }),
    (req, res) => void res.json({ org: req.org?.id }),
  );
  app.use(auth.errorHandler());
  const { origin } = await serve(app);
  const open = async (org: string, claims: Record<string, unknown> = { orgs }) =>
    (
      await fetch(`${origin}/org`, {
        headers: { Authorization: `Bearer ${await partner.mint(claims)}`, 'X-Org-Id': org },
      })
    ).status;
  return { auth, partner, open };
}

describe("another issuer's token that names organisations", () => {
  it.each([
    { title: 'configured', isResolved: false },
    { title: 'found at run time', isResolved: true },
  ])('opens none of them by default, from an issuer that was $title', async ({ isResolved }) => {
    const { open } = await createWorld({}, isResolved);
    expect([await open('tenant-a'), await open('tenant-b')]).toEqual([403, 403]);
  });

  it('opens those that its issuer may name, and no other, by id or by fallback', async () => {
    const { open, auth, partner } = await createWorld({ allowedOrgs: ['tenant-a'] });
    expect([await open('tenant-a'), await open('tenant-b')]).toEqual([200, 403]);
    const token = await partner.mint({ orgs });
    const principal = await auth.authenticate({ headers: { authorization: `Bearer ${token}` } });
    expect(principal.orgs).toEqual([{ id: 'tenant-a', roles: ['admin'], isDefault: false }]);
  });

  it("opens all of them where the policy says 'any'", async () => {
    const { open } = await createWorld({ allowedOrgs: 'any' });
    expect([await open('tenant-a'), await open('tenant-b')]).toEqual([200, 200]);
  });

  it.each<{ form: string; claims: Record<string, unknown>; mapping?: IssuerOptions['claims'] }>([
    { form: 'a text', claims: { orgs: 'tenant-b' } },
    { form: 'a list', claims: { orgs: ['tenant-b'] } },
    { form: 'a list of objects', claims: { orgs: [{ id: 'tenant-b', roles: ['admin'] }] } },
    {
      form: 'another claim, mapped',
      claims: { mine: { 'tenant-b': ['admin'] } },
      mapping: { orgs: 'mine' },
    },
    { form: 'its tenant (Entra)', claims: { tid: 'tenant-b' }, mapping: 'entra' },
    { form: 'its domain (Google)', claims: { hd: 'tenant-b' }, mapping: 'google' },
    { form: 'its organisation (Auth0)', claims: { org_id: 'tenant-b' }, mapping: 'auth0' },
    {
      form: 'its organisations (Keycloak)',
      claims: { organization: { 'tenant-b': {} } },
      mapping: 'keycloak',
    },
  ])('opens none as $form', async ({ claims, mapping = 'generic' }) => {
    const { open } = await createWorld({ claims: mapping, allowedOrgs: ['tenant-a'] });
    expect(await open('tenant-b', claims)).toBe(403);
  });

  it('names its own tenant where the policy has tenants, and no other', async () => {
    const policy = { ...policies.entraTenants, claims: { orgs: ['tid', 'orgs'] } };
    const { header, claims } = entra.v2AccessToken(NOW);
    const principal = await principalOf(policy, {
      header,
      claims: { ...claims, orgs: [entra.OTHER_TENANT, entra.TENANT] },
    });
    expect(principal.orgs.map(({ id }) => id)).toEqual([entra.TENANT]);
  });

  it.each<{ allowedOrgs: unknown }>([
    { allowedOrgs: 'all' },
    { allowedOrgs: [7] },
    { allowedOrgs: [''] },
    { allowedOrgs: { 0: 'tenant-a' } },
  ])('is a TypeError at start-up with allowedOrgs $allowedOrgs', async ({ allowedOrgs }) => {
    const { policy } = await createTestIssuer({ algorithm: 'ES256' });
    const issuers = { ...policy, allowedOrgs: allowedOrgs as 'any' };
    expect(() => createVerifier({ issuers })).toThrow(/allowedOrgs/);
  });
});

it('the main issuer of an application that only verifies speaks for every organisation', async () => {
  const main = await createTestIssuer({ algorithm: 'ES256', issuer: 'https://id.test' });
  const [key] = main.jwks().keys;
  const auth = createAuth({
    env: {
      AUTH_JWT_ISSUER: main.issuer,
      AUTH_JWT_AUDIENCE: main.audience,
      AUTH_JWT_PUBLIC_KEY: JSON.stringify(key),
    },
    onWarning: () => {},
  });
  const authorization = `Bearer ${await main.mint({ orgs })}`;
  const { orgs: opened } = await auth.authenticate({ headers: { authorization } });
  expect(opened.map(({ id }) => id)).toEqual(['tenant-a', 'tenant-b']);
});
