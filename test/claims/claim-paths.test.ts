import { createAuth, createVerifier, type ClaimsMapping } from 'latchkey';
import { describe, expect, it } from 'vitest';
import { NOW, principalOf } from './principal-facts.js';

const policy = { issuer: 'https://id.test', audience: 'https://api.test' } as const;

const claims = {
  iss: policy.issuer,
  aud: policy.audience,
  sub: 'user-1',
  exp: NOW + 300,
  resource_access: { 'my.app': { roles: ['editor'] }, api: { roles: ['viewer'] } },
  'https://hasura.io/jwt/claims': { 'x-hasura-allowed-roles': ['user'] },
  'kubernetes.io': { namespace: 'shop', serviceaccount: { name: 'worker' } },
  'back\\slash': { roles: ['odd'] },
  'a.b': ['whole'],
  a: { b: ['nested'] },
  role: 'flat',
};

async function userWith(mapping: ClaimsMapping) {
  const { user } = await principalOf({ ...policy, claims: mapping }, { header: {}, claims });
  return user;
}

describe('a path to a claim whose name has dots', () => {
  it.each<{ title: string; roles: ClaimsMapping['roles']; found: string[] }>([
    { title: 'a list of names', roles: ['resource_access', 'my.app', 'roles'], found: ['editor'] },
    {
      title: 'a text with a backslash',
      roles: 'resource_access.my\\.app.roles',
      found: ['editor'],
    },
    {
      title: 'a list of lists',
      roles: [['resource_access', 'my.app', 'roles'], ['role']],
      found: ['editor', 'flat'],
    },
    {
      title: 'a list whose items are paths',
      roles: ['resource_access.api.roles', 'role'],
      found: ['viewer', 'flat'],
    },
    {
      title: 'a URL and a step, in text',
      roles: 'https://hasura\\.io/jwt/claims.x-hasura-allowed-roles',
      found: ['user'],
    },
    { title: 'a text with a backslash of its own', roles: 'back\\\\slash.roles', found: ['odd'] },
    {
      title: 'a lone backslash, which stands for itself',
      roles: 'back\\slash.roles',
      found: ['odd'],
    },
    { title: 'a whole name before a path', roles: 'a.b', found: ['whole'] },
    { title: 'a list, never a whole name', roles: [['a', 'b']], found: ['nested'] },
    { title: 'a list of one name with a dot', roles: [['a.b']], found: ['whole'] },
    { title: 'an escaped dot, never a path', roles: 'role\\.x', found: [] },
  ])('is written as $title', async ({ roles, found }) => {
    expect((await userWith({ ...(roles && { roles }) })).roles).toEqual(found);
  });

  it('serves single facts, too', async () => {
    const user = await userWith({
      userId: ['kubernetes.io', 'serviceaccount', 'name'],
      username: 'kubernetes\\.io.namespace',
    });
    expect(user).toMatchObject({ id: 'worker', username: 'shop' });
  });

  it('reads nothing where it is an empty list', async () => {
    expect((await userWith({ roles: [] })).roles).toEqual([]);
  });

  it('names an attribute without its backslashes; a list is several attributes', async () => {
    const { attributes } = await userWith({
      attributes: ['role', 'a', 'kubernetes\\.io.namespace'],
    });
    expect(attributes).toEqual({ role: 'flat', b: ['nested'], 'kubernetes.io.namespace': 'shop' });
  });

  it.each<{ title: string; path: unknown }>([
    { title: 'an empty text', path: '' },
    { title: 'an empty name', path: ['a', ''] },
    { title: 'a list beside a text', path: ['a', ['b']] },
    { title: 'an empty list in a list', path: [[]] },
    { title: 'a number', path: 7 },
  ])('is a TypeError at start-up as $title', ({ path }) => {
    const issuers = {
      ...policy,
      keys: { secret: 'k3Jf9x2mQp7vR4tY8wZ1bN6cH5gD0sLa' },
      claims: { roles: path as string },
    };
    expect(() => createVerifier({ issuers })).toThrow(/claim path/);
  });

  it.each([
    { text: 'resource_access.my\\.app.roles', path: 'resource_access.my\\.app.roles' },
    { text: 'a.b, role', path: ['a.b', 'role'] },
    { text: '["resource_access","my.app","roles"]', path: ['resource_access', 'my.app', 'roles'] },
    { text: '[["a","b.c"],["role"]]', path: [['a', 'b.c'], ['role']] },
  ])('is $path in AUTH_CLAIMS_ROLES=$text', ({ text, path }) => {
    const env = {
      AUTH_PUBLIC_URL: 'https://app.test',
      AUTH_JWT_SECRET: 'k3Jf9x2mQp7vR4tY8wZ1bN6cH5gD0sLa',
      AUTH_CLAIMS_ROLES: text,
    };
    const { config } = createAuth({ env, onWarning: () => {} });
    expect(config.claims.roles).toEqual(path);
  });
});

describe('lone surrogates', () => {
  it('in claims, in attributes and in paths are text like any other', async () => {
    const lone = '\uD800';
    const { user } = await principalOf(
      { ...policy, claims: { username: [['a', lone]], attributes: [lone, `x\\.${lone}`] } },
      { header: {}, claims: { ...claims, sub: lone, a: { [lone]: lone }, [lone]: lone } },
    );
    expect(user).toMatchObject({ id: lone, username: lone, attributes: { [lone]: lone } });
  });
});
