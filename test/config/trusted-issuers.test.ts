import { createSecretKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { configOf, load, SECRET } from './world.js';

/** What an issuer's keys have under these names. Some of them show to nothing that lists members. */
const membersOf = (keys: object | undefined, names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, keys && Reflect.get(keys, name)]));

const issuer = { issuer: 'https://a.example', audience: 'api', keys: { discovery: true } };

const introspection = {
  discovery: true,
  clientId: 'api',
  authMethod: 'client_secret_post',
  cacheSeconds: 0,
  negativeCacheSeconds: 0,
  maxEntries: 5,
  timeoutMs: 100,
  tokenPrefix: 'x_',
  signedResponses: { jwksUri: 'https://a.example/jwks', cacheSeconds: 60 },
};

describe('AUTH_TRUSTED_ISSUERS', () => {
  const { publicKey } = generateKeyPairSync('ed25519');
  const jwk = publicKey.export({ format: 'jwk' });

  it.each([
    { title: 'discovery', keys: { discovery: true } },
    {
      title: 'a key set URL',
      keys: { jwksUri: 'https://a.example/jwks', cacheSeconds: 60, staleSeconds: 0, timeoutMs: 1 },
    },
    { title: 'a key set', keys: { jwks: { keys: [jwk] } } },
    { title: 'a public key', keys: { publicKey: 'PEM' } },
    { title: 'several public keys', keys: { publicKey: ['PEM', jwk] } },
    { title: 'a secret', keys: { secret: SECRET } },
    { title: 'several secrets', keys: { secret: [SECRET, 'other'] } },
  ])('takes $title', ({ keys }) => {
    const AUTH_TRUSTED_ISSUERS = JSON.stringify([{ ...issuer, keys }]);
    const [read] = configOf({ env: { AUTH_TRUSTED_ISSUERS } }).trustedIssuers;
    expect(membersOf(read?.keys, Object.keys(keys))).toEqual(keys);
  });

  it('takes introspection', () => {
    const given = { ...introspection, clientSecret: SECRET };
    const AUTH_TRUSTED_ISSUERS = JSON.stringify([{ ...issuer, keys: { introspection: given } }]);
    const [read] = configOf({ env: { AUTH_TRUSTED_ISSUERS } }).trustedIssuers;
    const { introspection: asked } = membersOf(read?.keys, ['introspection']);
    expect(asked).toEqual(introspection);
    expect(Reflect.get(Object(asked), 'clientSecret')).toBe(SECRET);
  });

  it.each([
    ['no secret', {}, '0.keys.introspection.clientSecret'],
    [
      'a secret with a line end',
      { clientSecret: 'hunter2\n' },
      '0.keys.introspection.clientSecret',
    ],
    [
      'an unknown option',
      { clientSecret: 'hunter2', secret: 'hunter2' },
      '0.keys.introspection.secret',
    ],
    [
      'an endpoint as well',
      { clientSecret: 'hunter2', endpoint: 'https://b' },
      '0.keys.introspection',
    ],
    [
      'an http endpoint',
      { clientSecret: 'hunter2', endpoint: 'http://b', discovery: undefined },
      '0.keys',
    ],
    [
      'http keys of answers',
      { clientSecret: 'hunter2', signedResponses: { jwksUri: 'http://b/jwks' } },
      '0.keys',
    ],
    [
      'a secret as key of answers',
      { clientSecret: 'hunter2', signedResponses: { secret: 'hunter2' } },
      '0.keys.introspection.signedResponses',
    ],
  ])('refuses introspection with %s', (_title, change, place) => {
    const keys = { introspection: { ...introspection, ...change } };
    const AUTH_TRUSTED_ISSUERS = JSON.stringify([{ ...issuer, keys }]);
    const { settings: names, output } = load({ env: { AUTH_TRUSTED_ISSUERS } });
    expect(names).toEqual(['AUTH_TRUSTED_ISSUERS']);
    expect(output).toContain(place);
    expect(output).not.toContain('hunter2');
  });

  it('takes every option', () => {
    const full = {
      issuer: 'https://login.example/{tenantid}/v2.0',
      tenants: ['t'],
      audience: ['a', 'b'],
      clientIds: ['c'],
      keys: { discovery: true },
      algorithms: ['RS256', 'PS384'],
      profile: 'rfc9068',
      claims: { preset: 'entra', roles: 'roles', clientId: 'azp' },
      clockToleranceSeconds: 10,
      maxTokenAgeSeconds: 3600,
      requiredClaims: ['oid'],
    };
    const AUTH_TRUSTED_ISSUERS = JSON.stringify([
      full,
      { ...issuer, audience: null, claims: 'okta' },
    ]);
    expect(configOf({ env: { AUTH_TRUSTED_ISSUERS } }).trustedIssuers[0]).toEqual(full);
  });

  it('takes functions, bytes and key objects in code, and copies what can change', () => {
    const check = () => true;
    const secret = Buffer.from(SECRET);
    const config = configOf({
      overrides: {
        trustedIssuers: [
          { issuer: 'a', audience: 'x', keys: { secret }, check },
          { issuer: 'b', audience: 'x', keys: { publicKey } },
          { issuer: 'c', audience: 'x', keys: { publicKey: jwk } },
          { issuer: 'd', audience: 'x', keys: { discovery: true, fetch } },
        ],
      },
    });
    secret.fill(0);
    jwk['x'] = 'changed';
    const [first, second, third, fourth] = config.trustedIssuers;
    expect(first?.check).toBe(check);
    expect(membersOf(first?.keys, ['secret'])).toEqual({
      secret: new Uint8Array(Buffer.from(SECRET)),
    });
    expect(membersOf(second?.keys, ['publicKey'])).toEqual({ publicKey });
    expect(membersOf(third?.keys, ['publicKey'])).toMatchObject({
      publicKey: { x: expect.not.stringContaining('changed') },
    });
    expect(fourth?.keys).toMatchObject({ fetch });
    expect(Object.isFrozen(jwk)).toBe(false);
  });

  it('takes one issuer without a list around it', () => {
    const AUTH_TRUSTED_ISSUERS = JSON.stringify(issuer);
    expect(configOf({ env: { AUTH_TRUSTED_ISSUERS } }).trustedIssuers).toEqual([issuer]);
  });

  it.each([
    ['an unknown option', { isuer: 'x' }, '0.isuer'],
    ['an unknown option of keys', { keys: { discovery: true, cache: 1 } }, '0.keys.cache'],
    ['no issuer', { issuer: undefined }, '0.issuer'],
    ['an issuer with a password', { issuer: 'https://u:hunter2@a.example' }, '0.issuer'],
    ['no audience', { audience: undefined }, '0.audience'],
    ['an empty audience', { audience: [] }, '0.audience'],
    ['no keys', { keys: {} }, '0.keys'],
    ['two key sources', { keys: { discovery: true, secret: 'hunter2' } }, '0.keys'],
    ['an http key set', { keys: { jwksUri: 'http://a.example/hunter2' } }, '0.keys'],
    ['an unknown algorithm', { algorithms: ['none'] }, '0.algorithms.0'],
    ['an unknown profile', { profile: 'hunter2' }, '0.profile'],
    ['an unknown preset', { claims: 'hunter2' }, '0.claims'],
    ['an unknown mapping', { claims: { role: 'x' } }, '0.claims'],
    ['a large tolerance', { clockToleranceSeconds: 301 }, '0.clockToleranceSeconds'],
    ['a check that is no function', { check: 'hunter2' }, '0.check'],
    ['a polluting key', { ['__proto__']: { issuer: 'x' } }, '__proto__'],
  ])('refuses %s', (_title, change, place) => {
    const AUTH_TRUSTED_ISSUERS = JSON.stringify([{ ...issuer, ...change }]);
    const { settings: names, output } = load({ env: { AUTH_TRUSTED_ISSUERS } });
    expect(names).toEqual(['AUTH_TRUSTED_ISSUERS']);
    expect(output).toContain(place);
    expect(output).not.toContain('hunter2');
  });

  it('reports everything that is wrong with several issuers at once', () => {
    const wrong = [
      { ...issuer, audience: undefined, profile: 'x' },
      { ...issuer, isuer: 'y', keys: { jwksUri: 'x' } },
    ];
    const { problems } = load({ env: { AUTH_TRUSTED_ISSUERS: JSON.stringify(wrong) } });
    const places = problems.map((problem) => / at ([\w.]+):/.exec(problem)?.[1]);
    expect(places).toEqual(['0.audience', '0.profile', '1.isuer', '1.keys.jwksUri']);
  });

  it.each(['[', '"text"', '[1]', 'null'])('refuses %j', (AUTH_TRUSTED_ISSUERS) => {
    expect(load({ env: { AUTH_TRUSTED_ISSUERS } }).settings).toEqual(['AUTH_TRUSTED_ISSUERS']);
  });

  it('refuses a key object that it cannot be', () => {
    const keys: object = { secret: createSecretKey(Buffer.from(SECRET)) };
    const overrides: object = { trustedIssuers: [{ ...issuer, keys }] };
    expect(load({ overrides }).settings).toEqual(['the option trustedIssuers']);
  });
});
