import { generateKeyPairSync } from 'node:crypto';
import { format, inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Config } from '../../lib/config/config.js';
import { settings } from '../../lib/config/setting-table.js';
import { configOf, fileWith, load, OTHER_SECRET, SECRET } from './world.js';

const MARKER = 'kTv3q9Zr1LwXb7NfYc5JhGm2PdSa8EuQ-marker';
const jwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
const keyText = JSON.stringify(jwk);
const privatePart = String(jwk.d);

/** For each secret setting: an environment in which it is fine, and the text that must never be seen. */
const worlds: Readonly<Record<string, { env: Record<string, string>; secret: string }>> = {
  'store.url': {
    env: { AUTH_STORE_URL: `postgres://user:${MARKER}@db/auth` },
    secret: MARKER,
  },
  'jwt.secret': { env: { AUTH_JWT_SECRET: MARKER }, secret: MARKER },
  'jwt.secretPrevious': {
    env: { AUTH_JWT_SECRET: SECRET, AUTH_JWT_SECRET_PREVIOUS: `${OTHER_SECRET},${MARKER}` },
    secret: MARKER,
  },
  'jwt.privateKey': {
    env: { AUTH_JWT_PRIVATE_KEY: keyText, AUTH_SECRET: SECRET },
    secret: privatePart,
  },
  'jwt.privateKeyPrevious': {
    env: {
      AUTH_JWT_PRIVATE_KEY: keyText,
      AUTH_SECRET: SECRET,
      AUTH_JWT_PRIVATE_KEY_PREVIOUS: keyText,
    },
    secret: privatePart,
  },
  secret: { env: { AUTH_SECRET: MARKER }, secret: MARKER },
  secretPrevious: { env: { AUTH_SECRET: SECRET, AUTH_SECRET_PREVIOUS: MARKER }, secret: MARKER },
  'oidc.*.clientSecret': {
    env: {
      AUTH_OIDC_A_ISSUER: 'https://a.example',
      AUTH_OIDC_A_CLIENT_ID: 'a',
      AUTH_OIDC_A_CLIENT_SECRET: MARKER,
    },
    secret: MARKER,
  },
  'google.clientSecret': {
    env: { AUTH_GOOGLE_CLIENT_ID: 'a', AUTH_GOOGLE_CLIENT_SECRET: MARKER },
    secret: MARKER,
  },
  'github.clientSecret': {
    env: { AUTH_GITHUB_CLIENT_ID: 'a', AUTH_GITHUB_CLIENT_SECRET: MARKER },
    secret: MARKER,
  },
  'apple.privateKey': {
    env: {
      AUTH_APPLE_CLIENT_ID: 'a',
      AUTH_APPLE_TEAM_ID: 'b',
      AUTH_APPLE_KEY_ID: 'c',
      AUTH_APPLE_PRIVATE_KEY: keyText,
    },
    secret: privatePart,
  },
  devToken: { env: { AUTH_DEV_TOKEN: MARKER }, secret: MARKER },
};
/** From the reference, not from the code: whatever holds a key, a secret, a password or a token. */
const secretPaths = [
  'store.url',
  'jwt.secret',
  'jwt.secretPrevious',
  'jwt.privateKey',
  'jwt.privateKeyPrevious',
  'secret',
  'secretPrevious',
  'oidc.*.clientSecret',
  'google.clientSecret',
  'github.clientSecret',
  'apple.privateKey',
  'devToken',
];
const base = { AUTH_PUBLIC_URL: 'https://app.example' };

/** Every group of the tree, itself included. */
function groupsOf(node: unknown): object[] {
  if (typeof node !== 'object' || node === null) return [];
  return [node, ...Object.values(node).flatMap(groupsOf)];
}

function printsOf(value: object): string {
  return [
    inspect(value, { depth: null }),
    inspect(value, { depth: null, showHidden: true }),
    inspect(value, { depth: null, showHidden: true, customInspect: false }),
    format('%o %O %j', value, value, value),
    JSON.stringify(value),
    JSON.stringify({ ...value }),
    inspect({ ...value }, { depth: null }),
    JSON.stringify(Object.entries(value)),
  ].join('\n');
}

function worldOf(path: string) {
  const world = worlds[path];
  if (!world) throw new Error(`no world for the secret setting ${path}`);
  return world;
}

describe.each(secretPaths)('the secret %s', (path) => {
  it('never shows in what prints, serialises or spreads the config or a part of it', () => {
    const { env, secret } = worldOf(path);
    const config = configOf({ env: { ...base, ...env } });
    for (const group of groupsOf(config)) expect(printsOf(group)).not.toContain(secret);
    expect(JSON.stringify(config)).toContain('[redacted]');
    expect(inspect(config, { depth: null })).toContain('[redacted]');
    expect(format('%s', config)).not.toContain(secret);
  });

  it('never shows in a problem or warning, wherever and however it is misplaced', () => {
    const { env, secret } = worldOf(path);
    const broken = { ...base, ...env, AUTH_ACCESS_TTL: 'x', AUTH_UNKNOWN: secret };
    expect(load({ env: broken }).output).not.toContain(secret);
    const everywhere = settings.map(({ variable }) => [
      `AUTH_${variable.replace('*', 'A')}`,
      secret,
    ]);
    const misplaced = load({ env: Object.fromEntries(everywhere) });
    expect(misplaced.problems.length).toBeGreaterThan(10);
    expect(misplaced.output).not.toContain(secret);
    const asFiles = everywhere.map(([name, text]) => [`${name}_FILE`, text]);
    expect(load({ env: Object.fromEntries(asFiles) }).output).not.toContain(secret);
    const inFile = fileWith(`${keysTo(path, '${X} ')}\naccessTtlSeconds: x`);
    expect(load({ file: inFile, env: { X: secret } }).output).not.toContain(secret);
  });
});

it('every setting whose name says secret, key or token is known as secret, but for the public key', () => {
  const telling = settings.map(({ path }) => path).filter((path) => /secret|key|token/i.test(path));
  expect(telling.filter((path) => !secretPaths.includes(path))).toEqual([
    'jwt.publicKey',
    'apple.keyId',
    'acceptApiKeys',
    'apiKeyEnvironment',
  ]);
});

/** One line of YAML that holds a value at a path. */
function keysTo(path: string, value: string): string {
  const steps = path.replace('*', 'a').split('.');
  return `${steps.join(': {')}: "${value}"${'}'.repeat(steps.length - 1)}`;
}

describe('the config', () => {
  it('still has its secrets where they are read by name', () => {
    const config = configOf({
      env: {
        ...base,
        AUTH_JWT_SECRET: SECRET,
        AUTH_GITHUB_CLIENT_ID: 'a',
        AUTH_GITHUB_CLIENT_SECRET: 'b',
      },
    });
    expect([
      config.jwt.secret,
      config.secret,
      config.github.clientSecret,
      config.store.url,
    ]).toEqual([SECRET, SECRET, 'b', 'memory:']);
  });

  it('is frozen through and through', () => {
    const env = {
      ...base,
      AUTH_JWT_SECRET: SECRET,
      AUTH_JWT_SECRET_PREVIOUS: OTHER_SECRET,
      AUTH_CLAIMS_ROLES: 'a,b',
    };
    const trustedIssuers: Config['trustedIssuers'] = [
      { issuer: 'a', audience: ['x'], keys: { jwks: { keys: [{ kty: 'RSA' }] } } },
    ];
    const config = configOf({
      env,
      overrides: { trustedIssuers, oidc: { a: { issuer: 'https://a.example', clientId: 'a' } } },
    });
    expect(groupsOf(config).filter((group) => !Object.isFrozen(group))).toEqual([]);
    expect(Object.isFrozen(config.jwt.secretPrevious)).toBe(true);
    expect(Object.isFrozen(trustedIssuers)).toBe(false);
  });

  it.each([
    { title: 'a secret', keys: { secret: MARKER } },
    { title: 'bytes', keys: { secret: Buffer.from(MARKER) } },
    { title: 'a private key given as a public one', keys: { publicKey: { ...jwk, d: MARKER } } },
    { title: 'a set of them', keys: { jwks: { keys: [{ ...jwk, d: MARKER }] } } },
    {
      title: 'a client secret',
      keys: {
        introspection: { endpoint: 'https://a.example/', clientId: 'x', clientSecret: MARKER },
      },
    },
    {
      title: 'a set of keys for signed answers',
      keys: {
        introspection: {
          discovery: true as const,
          clientId: 'x',
          clientSecret: MARKER,
          signedResponses: { jwks: { keys: [{ ...jwk, d: MARKER }] } },
        },
      },
    },
  ])('does not show $title of a trusted issuer', ({ keys }) => {
    const config = configOf({
      overrides: { trustedIssuers: [{ issuer: 'a', audience: 'x', keys }] },
    });
    const [trusted] = config.trustedIssuers;
    const prints = [
      inspect(config, { depth: null }),
      JSON.stringify(config),
      inspect(trusted),
      inspect({ ...trusted?.keys, shown: '[redacted]' }, { depth: null }),
      inspect({ ...structuredClone(config), shown: '[redacted]' }, { depth: null }),
      inspect([structuredClone(trusted), '[redacted]'], { depth: null }),
    ];
    for (const print of prints) {
      expect(print).toContain('[redacted]');
      expect(print).not.toContain(MARKER);
      expect(print).not.toContain(Buffer.from(MARKER).toString('hex', 0, 4));
    }
    const [name = ''] = Object.keys(keys);
    expect(Reflect.get(trusted?.keys ?? {}, name)).toBeDefined();
  });

  it('is still printed where there is nothing to hide', () => {
    expect(JSON.parse(JSON.stringify(configOf({})))).toMatchObject({
      jwt: { secretPrevious: [] },
      accessTtlSeconds: 900,
    });
  });
});
