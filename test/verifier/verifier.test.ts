import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { createVerifier, type IssuerOptions } from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';

async function createWorld(options: Partial<IssuerOptions> = {}) {
  const issuer = await createTestIssuer({ algorithm: 'ES256', profile: 'jwt' });
  const verifier = createVerifier({ issuers: { ...issuer.policy, ...options } });
  const reasonFor = async (claims: Record<string, unknown>) =>
    verifier.verify(await issuer.mint(claims)).then(
      () => 'accepted',
      ({ reason }: { reason: string }) => reason,
    );
  return { issuer, verifier, reasonFor };
}

describe('a policy asks more than the built-in rules', () => {
  it.each([
    { title: 'answers true', check: () => true, outcome: 'accepted' },
    { title: 'answers false', check: () => false, outcome: 'check' },
    {
      title: 'throws',
      check: () => {
        throw new Error('mine');
      },
      outcome: 'check',
    },
    { title: 'answers a promise', check: () => Promise.resolve(true) as never, outcome: 'check' },
    { title: 'answers something truthy', check: () => 'yes' as never, outcome: 'check' },
  ])('a check that $title: $outcome', async ({ check, outcome }) => {
    const { reasonFor } = await createWorld({ check });
    expect(await reasonFor({})).toBe(outcome);
  });

  it('a check sees frozen claims, after the signature', async () => {
    const seen: unknown[] = [];
    const { issuer, verifier } = await createWorld({
      check: (claims) => {
        seen.push(Object.isFrozen(claims), claims['sub']);
        return true;
      },
    });
    for (const { token } of await issuer.forge.foreignKey())
      await expect(verifier.verify(token)).rejects.toMatchObject({ status: 401 });
    expect(seen).toEqual([]);
    await verifier.verify(await issuer.mint());
    expect(seen).toEqual([true, 'user-1']);
  });

  it.each([
    { title: 'there', claims: { tenant: 'a' }, outcome: 'accepted' },
    { title: 'false, which is a value', claims: { tenant: false }, outcome: 'accepted' },
    { title: 'missing', claims: {}, outcome: 'missing_claim' },
    { title: 'null', claims: { tenant: null }, outcome: 'missing_claim' },
    { title: 'spelt otherwise', claims: { Tenant: 'a' }, outcome: 'missing_claim' },
  ])('a required claim that is $title: $outcome', async ({ claims, outcome }) => {
    const { reasonFor } = await createWorld({ requiredClaims: ['tenant'] });
    expect(await reasonFor(claims)).toBe(outcome);
  });

  it.each([
    { claims: { type: 'refresh' } },
    { claims: { token_type: 'refresh' } },
    { claims: { token_use: 'id' } },
    { claims: { typ: 'ID' } },
  ])('a token that says of itself $claims is no access token', async ({ claims }) => {
    const { reasonFor } = await createWorld();
    expect(await reasonFor(claims)).toBe('token_kind');
  });

  it('clientIds stand in for an audience', async () => {
    const { reasonFor } = await createWorld({ audience: null, clientIds: ['web', 'app'] });
    expect(await reasonFor({ aud: undefined, client_id: 'app' })).toBe('accepted');
    expect(await reasonFor({ aud: undefined, client_id: 'other' })).toBe('client');
    expect(await reasonFor({ aud: undefined, client_id: undefined })).toBe('client');
  });
});

describe('what a principal says', () => {
  it('its scopes are a set in every way but one: nobody can add to it', async () => {
    const { issuer, verifier } = await createWorld();
    const { scopes } = await verifier.verify(await issuer.mint({ scope: 'read write read' }));
    const heard: unknown[] = [];
    scopes.forEach((value, key, set) => heard.push([value, key, set === scopes]));
    expect(heard).toEqual([
      ['read', 'read', true],
      ['write', 'write', true],
    ]);
    expect([scopes.size, scopes.has('read'), scopes.has('admin')]).toEqual([2, true, false]);
    expect([...scopes, ...scopes.keys(), ...scopes.values()]).toHaveLength(6);
    expect([...scopes.entries()]).toEqual([
      ['read', 'read'],
      ['write', 'write'],
    ]);
    expect(JSON.stringify({ scopes })).toBe('{"scopes":["read","write"]}');
    expect(inspect(scopes)).toBe("Set(2) { 'read', 'write' }");
    expect('add' in scopes).toBe(false);
  });

  it('a mapping of one\u2019s own finds flat roles, numeric ids, dotted paths and names with dots', async () => {
    const { issuer, verifier } = await createWorld({
      claims: {
        preset: 'keycloak',
        userId: 'user_id',
        roles: ['role', 'resource_access.api.roles', 'https://app.test/roles'],
        groups: 'member_of',
        attributes: ['department', 'limits'],
        scopes: ['scope', 'permissions'],
        username: ['nickname', 'name'],
      },
    });
    const token = await issuer.mint({
      user_id: 42,
      role: 'admin',
      resource_access: { api: { roles: ['editor', 7, null] } },
      'https://app.test/roles': [{ value: 'scim' }, { display: 'none' }],
      member_of: ['a', 'a', ''],
      department: 'north',
      limits: { rows: 10, tags: ['x', 1], nested: { no: 1 }, nothing: null },
      scope: 'read',
      permissions: ['write', 'not a scope'],
      name: 'Ada',
    });
    const { user, scopes } = await verifier.verify(token);
    expect(user).toEqual({
      id: '42',
      email: undefined,
      emailVerified: false,
      username: 'Ada',
      roles: ['admin', 'editor', 'scim'],
      groups: ['a'],
      attributes: { department: 'north', rows: 10, tags: ['x', 1], nothing: null },
    });
    expect([...scopes]).toEqual(['read', 'write']);
  });

  it('many different scopes do not pile up: what is shared is bounded and stays right', async () => {
    const { issuer, verifier } = await createWorld();
    const tokens = Array.from({ length: 1200 }, (_, count) =>
      issuer.mintSync({ scope: `s${count}` }),
    );
    for (const [count, token] of tokens.entries())
      expect([...(await verifier.verify(token)).scopes]).toEqual([`s${count}`]);
    expect([...(await verifier.verify(tokens[0] ?? '')).scopes]).toEqual(['s0']);
  });
});

describe('beside jose, an independent judge', () => {
  it('accepts nothing that jose refuses, over thousands of damaged tokens', async () => {
    const { issuer, verifier } = await createWorld();
    const jwks = createLocalJWKSet(issuer.jwks());
    const josesVerdict = (token: string) =>
      jwtVerify(token, jwks, {
        issuer: issuer.issuer,
        audience: issuer.audience,
        algorithms: ['ES256'],
        clockTolerance: 5,
        requiredClaims: ['exp', 'sub'],
      }).then(
        () => true,
        () => false,
      );
    const good = await issuer.mint({ scope: 'read', nbf: Math.floor(Date.now() / 1000) });
    expect(await josesVerdict(good)).toBe(true);
    await verifier.verify(good);
    const surprises: string[] = [];
    let refused = 0;
    for (let count = 0; count < 3000; count += 1) {
      const damaged = damage(good, count);
      if (damaged === good) continue;
      const ours = await verifier.verify(damaged).then(
        () => true,
        () => false,
      );
      if (!ours) refused += 1;
      if (ours && !(await josesVerdict(damaged))) surprises.push(`damage ${count}`);
    }
    expect(surprises).toEqual([]);
    expect(refused).toBeGreaterThan(2900);
  });
});

/** Changes a token in one of many ways: characters replaced, swapped, removed, added; segments exchanged. */
function damage(token: string, kind: number): string {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const at = randomBytes(4).readUInt32LE() % token.length;
  const character = randomBytes(1).toString('base64url').charAt(0);
  const ways = [
    () => token.slice(0, at) + character + token.slice(at + 1),
    () => token.slice(0, at) + token.slice(at + 1),
    () => token.slice(0, at) + character + token.slice(at),
    () => `${header}.${payload}.${randomBytes(64).toString('base64url')}`,
    () => `${header}.${signature}.${payload}`,
    () => `${payload}.${header}.${signature}`,
    () => token + character,
    () => token.slice(0, at),
    () =>
      token.slice(0, at) +
      token
        .slice(at, at + 2)
        .split('')
        .toReversed()
        .join('') +
      token.slice(at + 2),
    () => token.toUpperCase(),
  ];
  return ways[kind % ways.length]?.() ?? token;
}
