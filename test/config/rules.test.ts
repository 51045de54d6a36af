import { generateKeyPairSync } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createVerifier } from 'latchkey';
import { ConfigError, isConfig, loadConfig } from '../../lib/config/config.js';
import { createAccessTokenSigner } from '../../lib/issuing/access-token-signer.js';
import { keyPair } from '../world/key-pairs.js';
import { configOf, fileWith, load, OTHER_SECRET, SECRET } from './world.js';

const production = {
  NODE_ENV: 'production',
  AUTH_PUBLIC_URL: 'https://app.example',
  AUTH_STORE_URL: 'postgres://db/auth',
};
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const AUTH_JWT_PRIVATE_KEY = ec.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
const AUTH_JWT_PUBLIC_KEY = ec.publicKey.export({ format: 'pem', type: 'spki' }).toString();
const appleEnv = {
  AUTH_APPLE_CLIENT_ID: 'com.example.web',
  AUTH_APPLE_TEAM_ID: 'DEF123GHIJ',
  AUTH_APPLE_KEY_ID: 'ABC123DEFG',
  AUTH_APPLE_PRIVATE_KEY: AUTH_JWT_PRIVATE_KEY,
};
const AUTH_JWKS_URL = 'https://idp.example/jwks';
const AUTH_JWT_SECRET = SECRET;
const AUTH_PUBLIC_URL = 'https://app.example';

describe('all problems', () => {
  it('are reported at once, one a line, each with a cure', () => {
    const file = fileWith('secert: x\nloginLimit: often\n');
    const env = {
      NODE_ENV: 'production',
      AUTH_JWT_SECRET: 'changeme',
      AUTH_JWKS_URL: 'http://idp.example',
      AUTH_ACCESS_TTL: '99d',
      AUTH_SECRET_FILE: '/nowhere/secret',
      AUTH_DEV_TOKEN: 'x',
    };
    const { settings, output, problems } = load({ env, file });
    expect(settings.toSorted()).toEqual(
      [
        `${file}: secert`,
        `${file}: loginLimit`,
        'AUTH_JWT_SECRET',
        'AUTH_JWT_SECRET',
        'AUTH_JWKS_URL',
        'AUTH_ACCESS_TTL',
        'AUTH_SECRET_FILE',
        'AUTH_DEV_TOKEN',
        'AUTH_PUBLIC_URL',
        'AUTH_STORE_URL',
      ].toSorted(),
    );
    for (const problem of problems) expect(output).toContain(`- ${problem}\n`);
  });

  it('are on the error, frozen, with setting, problem and fix', () => {
    const attempt = () => loadConfig({ env: { AUTH_ACCESS_TTL: 'x' } });
    expect(attempt).toThrow(ConfigError);
    expect(attempt).toThrow(
      expect.objectContaining({
        name: 'ConfigError',
        problems: [
          { setting: 'AUTH_ACCESS_TTL', problem: 'is not a duration', fix: expect.any(String) },
        ],
      }),
    );
    const { problems } = new ConfigError([{ setting: 'a', problem: 'b', fix: 'c' }]);
    expect([problems, problems[0]].every(Object.isFrozen)).toBe(true);
  });

  it('are there once where Node prints the error as it ends the process', () => {
    const problems = ['AUTH_A', 'AUTH_B'].map((setting) => ({ setting, problem: 'b', fix: 'c' }));
    const printed = inspect(new ConfigError(problems));
    expect(printed.match(/AUTH_[AB]/g)).toEqual(['AUTH_A', 'AUTH_B']);
  });
});

describe('production', () => {
  it('is NODE_ENV of the given environment', () => {
    expect(configOf({ env: production }).production).toBe(true);
    expect(configOf({ env: { NODE_ENV: 'test' } }).production).toBe(false);
  });

  it.each([
    { AUTH_JWKS_URL, AUTH_JWT_ISSUER: 'i' },
    { AUTH_JWT_PUBLIC_KEY, AUTH_JWT_ISSUER: 'i' },
    {
      AUTH_TRUSTED_ISSUERS: '{"issuer":"i","audience":"a","keys":{"jwksUri":"https://a.example"}}',
    },
  ])('asks for neither public URL nor store where tokens are only verified: %j', (env) => {
    expect(load({ env: { NODE_ENV: 'production', ...env } })).toMatchObject({
      problems: [],
      warnings: [],
    });
  });

  it.each(['AUTH_API_KEYS', 'AUTH_SERVICE_ACCOUNTS', 'AUTH_ORGANISATIONS', 'AUTH_IMPERSONATION'])(
    'refuses %s where tokens are only verified: there are no users of our own',
    (name) => {
      const env = { AUTH_JWKS_URL, AUTH_JWT_ISSUER: 'i', [name]: 'on' };
      expect(load({ env }).settings).toEqual([name]);
    },
  );

  it.each([{ AUTH_JWT_SECRET }, { AUTH_JWT_PRIVATE_KEY, AUTH_SECRET: SECRET }])(
    'asks for both where tokens are signed: %#',
    (env) => {
      expect(load({ env: { NODE_ENV: 'production', ...env } }).settings).toEqual([
        'AUTH_PUBLIC_URL',
        'AUTH_STORE_URL',
      ]);
    },
  );

  it('asks for the issuer of keys when there is no public URL either', () => {
    const env = { NODE_ENV: 'production', AUTH_JWKS_URL };
    expect(load({ env }).settings).toEqual(['AUTH_JWT_ISSUER']);
  });

  it.each([
    {
      title: 'no public URL',
      change: { AUTH_PUBLIC_URL: '', AUTH_JWT_SECRET },
      settings: ['AUTH_PUBLIC_URL'],
    },
    {
      title: 'http on loopback',
      change: { AUTH_PUBLIC_URL: 'http://localhost' },
      settings: ['AUTH_PUBLIC_URL'],
    },
    {
      title: 'no store',
      change: { AUTH_STORE_URL: '', AUTH_JWT_SECRET },
      settings: ['AUTH_STORE_URL'],
    },
    {
      title: 'AUTH_STANDALONE',
      change: { AUTH_STANDALONE: 'true' },
      settings: ['AUTH_STANDALONE'],
    },
    { title: 'AUTH_DEV_TOKEN', change: { AUTH_DEV_TOKEN: 'x' }, settings: ['AUTH_DEV_TOKEN'] },
    {
      title: 'both of these',
      change: { AUTH_STANDALONE: '1', AUTH_DEV_TOKEN: 'x' },
      settings: ['AUTH_STANDALONE', 'AUTH_DEV_TOKEN'],
    },
    {
      title: 'a key set on http',
      change: { AUTH_JWKS_URL: 'http://localhost/jwks', AUTH_JWT_ISSUER: 'i' },
      settings: ['AUTH_JWKS_URL'],
    },
    {
      title: 'an issuer on http',
      change: { AUTH_OIDC_ISSUER: 'http://127.0.0.1:80', AUTH_OIDC_CLIENT_ID: 'x' },
      settings: ['AUTH_OIDC_ISSUER'],
    },
    {
      title: 'a key without a public URL',
      change: { AUTH_PUBLIC_URL: '', AUTH_JWT_SECRET },
      settings: ['AUTH_PUBLIC_URL'],
    },
  ])('refuses $title', ({ change, settings }) => {
    expect(load({ env: { ...production, ...change } }).settings).toEqual(settings);
  });

  it('accepts memory: that is written down, and AUTH_STANDALONE=false', () => {
    const env = { ...production, AUTH_STORE_URL: 'memory:', AUTH_STANDALONE: 'false' };
    expect(configOf({ env }).store.url).toBe('memory:');
  });
});

describe('development', () => {
  it('does without a public URL, with a warning where sign-in needs it', () => {
    const providers = [
      { AUTH_GOOGLE_CLIENT_ID: 'x' },
      { AUTH_GITHUB_CLIENT_ID: 'x', AUTH_GITHUB_CLIENT_SECRET: 'y' },
      appleEnv,
      { AUTH_OIDC_ISSUER: 'https://idp.example', AUTH_OIDC_CLIENT_ID: 'x' },
    ];
    for (const env of providers) {
      expect(load({ env }).warnings).toEqual([expect.stringContaining('AUTH_PUBLIC_URL')]);
      expect(load({ env: { ...env, AUTH_PUBLIC_URL } }).warnings).toEqual([]);
    }
    expect(load({}).warnings).toEqual([]);
  });

  it('may fetch keys and sign in over http on loopback', () => {
    const env = {
      AUTH_PUBLIC_URL: 'http://localhost:3000',
      AUTH_JWKS_URL: 'http://localhost:8080/jwks',
      AUTH_JWT_ISSUER: 'http://localhost:8080',
      AUTH_OIDC_ISSUER: 'http://localhost:8080',
      AUTH_OIDC_CLIENT_ID: 'x',
    };
    expect(configOf({ env }).jwt.jwksUrl).toBe('http://localhost:8080/jwks');
  });

  it('needs AUTH_DEV_TOKEN with AUTH_STANDALONE', () => {
    expect(load({ env: { AUTH_STANDALONE: 'on' } }).settings).toEqual(['AUTH_STANDALONE']);
    const env = { AUTH_STANDALONE: 'on', AUTH_DEV_TOKEN: 'a.b.c' };
    expect(configOf({ env })).toMatchObject({ standalone: true, devToken: 'a.b.c' });
  });

  it('warns of AUTH_DEV_TOKEN without AUTH_STANDALONE', () => {
    expect(load({ env: { AUTH_DEV_TOKEN: 'a.b.c' } })).toMatchObject({
      problems: [],
      warnings: [expect.stringContaining('AUTH_STANDALONE')],
    });
    const env = { AUTH_DEV_TOKEN: 'a.b.c', AUTH_STANDALONE: 'false' };
    expect(load({ env }).warnings).toEqual([]);
  });
});

describe('the main key', () => {
  const sources = { AUTH_JWT_SECRET, AUTH_JWT_PRIVATE_KEY, AUTH_JWKS_URL, AUTH_JWT_PUBLIC_KEY };
  const names = Object.keys(sources);
  const pairs = names.flatMap((one, index) => names.slice(index + 1).map((other) => [one, other]));

  it.each(pairs)('is not both %s and %s', (one = '', other = '') => {
    const env: Record<string, string> = {
      AUTH_PUBLIC_URL,
      AUTH_SECRET: OTHER_SECRET,
      AUTH_JWT_ISSUER: 'i',
    };
    for (const [name, text] of Object.entries(sources))
      if (name === one || name === other) env[name] = text;
    const { settings, output } = load({ env });
    expect(settings).toEqual([one]);
    expect(output).toContain(other);
  });

  it.each([
    { env: { AUTH_JWT_SECRET_PREVIOUS: SECRET }, setting: 'AUTH_JWT_SECRET_PREVIOUS' },
    {
      env: { AUTH_JWT_PRIVATE_KEY_PREVIOUS: AUTH_JWT_PRIVATE_KEY },
      setting: 'AUTH_JWT_PRIVATE_KEY_PREVIOUS',
    },
    { env: { AUTH_SECRET_PREVIOUS: SECRET }, setting: 'AUTH_SECRET_PREVIOUS' },
  ])('cannot have a predecessor only ($setting)', ({ env, setting }) => {
    expect(load({ env }).settings).toEqual([setting]);
  });

  it.each([
    { env: { AUTH_JWT_SECRET, AUTH_JWT_ALGORITHM: 'HS256' }, settings: [] },
    { env: { AUTH_JWT_SECRET, AUTH_JWT_ALGORITHM: 'RS256' }, settings: ['AUTH_JWT_ALGORITHM'] },
    { env: { AUTH_JWT_PRIVATE_KEY, AUTH_JWT_ALGORITHM: 'ES256' }, settings: [] },
    {
      env: { AUTH_JWT_PRIVATE_KEY, AUTH_JWT_ALGORITHM: 'HS256' },
      settings: ['AUTH_JWT_ALGORITHM'],
    },
    {
      env: { AUTH_JWT_PRIVATE_KEY, AUTH_JWT_ALGORITHM: 'RS256' },
      settings: ['AUTH_JWT_ALGORITHM'],
    },
    { env: { AUTH_JWT_PUBLIC_KEY, AUTH_JWT_ALGORITHM: 'EdDSA' }, settings: ['AUTH_JWT_ALGORITHM'] },
    { env: { AUTH_JWKS_URL, AUTH_JWT_ALGORITHM: 'PS256' }, settings: [] },
    { env: { AUTH_JWKS_URL, AUTH_JWT_ALGORITHM: 'HS512' }, settings: ['AUTH_JWT_ALGORITHM'] },
    { env: { AUTH_JWKS_URL, AUTH_JWT_ALGORITHM: 'none' }, settings: ['AUTH_JWT_ALGORITHM'] },
    { env: { AUTH_JWT_ALGORITHM: 'ES256' }, settings: [] },
  ])('fits its algorithm: %j', ({ env, settings }) => {
    const whole = { AUTH_PUBLIC_URL, AUTH_SECRET: OTHER_SECRET, AUTH_JWT_ISSUER: 'i', ...env };
    expect(load({ env: whole }).settings).toEqual(settings);
  });

  const rsa = keyPair('RSA-2048');
  const pem = (key: typeof ec.privateKey) =>
    key.export({ format: 'pem', type: 'pkcs8' }).toString();
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
  const p521 = generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey;
  const ed25519 = generateKeyPairSync('ed25519').privateKey;

  it.each([
    ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'].map((algorithm) => ({
      algorithm,
      key: pem(rsa.privateKey),
    })),
    { algorithm: 'ES384', key: pem(p384) },
    { algorithm: 'ES512', key: pem(p521) },
    { algorithm: 'EdDSA', key: pem(ed25519) },
    { algorithm: 'Ed25519', key: pem(ed25519) },
  ])('may be $algorithm, which the signer then uses', async ({ algorithm, key }) => {
    const env = { AUTH_PUBLIC_URL, AUTH_SECRET: SECRET, AUTH_JWT_PRIVATE_KEY: key };
    const config = configOf({ env: { ...env, AUTH_JWT_ALGORITHM: algorithm } });
    const issuer = createAccessTokenSigner(config, { now: Date.now });
    const { token } = await issuer.sign({ subject: 'u', sessionId: 's' });
    const verifier = createVerifier({ issuers: issuer.issuerOptions() });
    expect((await verifier.verify(token)).subject).toBe('u');
    const header: unknown = JSON.parse(
      Buffer.from(token.split('.')[0] ?? '', 'base64url').toString(),
    );
    expect(header).toMatchObject({ alg: algorithm });
  });

  it('decides the default algorithm', () => {
    expect(configOf({ env: { AUTH_PUBLIC_URL, AUTH_JWT_SECRET } }).jwt.algorithm).toBe('HS256');
    const env = { AUTH_PUBLIC_URL, AUTH_SECRET: SECRET, AUTH_JWT_PRIVATE_KEY };
    expect(configOf({ env }).jwt.algorithm).toBeUndefined();
  });
});

describe('issuer and audience', () => {
  it('default to the public URL and to the issuer', () => {
    const env = { AUTH_JWT_SECRET, AUTH_PUBLIC_URL: 'https://app.example/' };
    expect(configOf({ env }).jwt).toMatchObject({
      issuer: 'https://app.example',
      audience: ['https://app.example'],
    });
    expect(configOf({ env: { ...env, AUTH_JWT_ISSUER: 'i' } }).jwt.audience).toEqual(['i']);
    expect(configOf({}).jwt.audience).toBeUndefined();
  });

  it.each([{ AUTH_JWT_SECRET }, { AUTH_JWKS_URL }, { AUTH_JWT_PUBLIC_KEY }])(
    'are a problem when a key has no issuer',
    (env) => {
      expect(load({ env }).settings).toEqual(['AUTH_JWT_ISSUER']);
    },
  );

  it.each([{ AUTH_JWKS_URL }, { AUTH_JWT_PUBLIC_KEY }])(
    'are worth a warning when somebody else’s key gets our own URL as its issuer',
    (env) => {
      expect(load({ env: { ...env, AUTH_PUBLIC_URL } }).warnings).toEqual([
        expect.stringContaining('AUTH_JWT_ISSUER'),
      ]);
    },
  );

  it('refuse credentials in a URL', () => {
    const { settings, output } = load({ env: { AUTH_JWT_ISSUER: 'https://u:hunter2@a.example' } });
    expect(settings).toEqual(['AUTH_JWT_ISSUER']);
    expect(output).not.toContain('hunter2');
  });
});

describe('AUTH_SECRET', () => {
  it('defaults to AUTH_JWT_SECRET, predecessors included', () => {
    const env = { AUTH_PUBLIC_URL, AUTH_JWT_SECRET, AUTH_JWT_SECRET_PREVIOUS: OTHER_SECRET };
    expect(configOf({ env })).toMatchObject({ secret: SECRET, secretPrevious: [OTHER_SECRET] });
  });

  it('goes its own way once it is given', () => {
    const env = { AUTH_PUBLIC_URL, AUTH_JWT_SECRET, AUTH_JWT_SECRET_PREVIOUS: OTHER_SECRET };
    const config = configOf({
      env: { ...env, AUTH_SECRET: OTHER_SECRET, AUTH_SECRET_PREVIOUS: SECRET },
    });
    expect(config).toMatchObject({ secret: OTHER_SECRET, secretPrevious: [SECRET] });
  });

  it('is required with a private key', () => {
    expect(load({ env: { AUTH_PUBLIC_URL, AUTH_JWT_PRIVATE_KEY } }).settings).toEqual([
      'AUTH_SECRET',
    ]);
  });
});

describe('keys over plain http', () => {
  const keys = { jwksUri: 'http://keycloak:8080/keys' };
  const trusted = (change: object) =>
    JSON.stringify([{ issuer: 'http://keycloak:8080/realms/a', audience: 'x', keys, ...change }]);
  const sources = [
    { title: 'AUTH_JWKS_URL', env: { AUTH_JWKS_URL: keys.jwksUri, AUTH_JWT_ISSUER: 'i' } },
    { title: 'AUTH_TRUSTED_ISSUERS', env: { AUTH_TRUSTED_ISSUERS: trusted({}) } },
    {
      title: 'AUTH_TRUSTED_ISSUERS',
      env: { AUTH_TRUSTED_ISSUERS: trusted({ keys: { discovery: true } }) },
    },
  ];

  it.each(sources)('are refused unless their host is named: $title', ({ title, env }) => {
    expect(load({ env }).settings).toEqual([title]);
    expect(load({ env }).output).toContain('AUTH_JWKS_ALLOW_HTTP');
    expect(load({ env: { ...env, AUTH_JWKS_ALLOW_HTTP: 'other' } }).settings).toEqual([title]);
  });

  it.each(sources)('are taken from a host that is named: $title', ({ env }) => {
    const loaded = load({ env: { ...env, AUTH_JWKS_ALLOW_HTTP: 'other, Keycloak' } });
    expect(loaded).toMatchObject({ problems: [], warnings: [] });
    expect(loaded.config?.jwksAllowHttp).toEqual(['other', 'keycloak']);
  });

  it('are taken from a named port only where one is named', () => {
    const env = { AUTH_JWKS_URL: keys.jwksUri, AUTH_JWT_ISSUER: 'i' };
    const settingsWith = (AUTH_JWKS_ALLOW_HTTP: string) =>
      load({ env: { ...env, AUTH_JWKS_ALLOW_HTTP } }).settings;
    expect(settingsWith('keycloak:8080')).toEqual([]);
    expect(settingsWith('keycloak:8081')).toEqual(['AUTH_JWKS_URL']);
  });

  it('are a warning in production, where loopback has to be named, too', () => {
    const env = { NODE_ENV: 'production', AUTH_JWT_ISSUER: 'i' };
    const local = { ...env, AUTH_JWKS_URL: 'http://localhost:8080/keys' };
    expect(load({ env: local }).settings).toEqual(['AUTH_JWKS_URL']);
    const { problems, warnings } = load({ env: { ...local, AUTH_JWKS_ALLOW_HTTP: 'localhost' } });
    expect(problems).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining('AUTH_JWKS_ALLOW_HTTP')]);
  });

  it.each(['http://keycloak', 'keycloak:x', 'a/b', 'a b', '*', ''])(
    'are not allowed by %j, which is no host',
    (host) => {
      const AUTH_JWKS_ALLOW_HTTP = JSON.stringify([host]);
      expect(load({ env: { AUTH_JWKS_ALLOW_HTTP } }).settings).toEqual(['AUTH_JWKS_ALLOW_HTTP']);
    },
  );
});

describe('addresses of DPoP proofs', () => {
  const env = { NODE_ENV: 'production', AUTH_DPOP: 'required' };

  it.each([
    { AUTH_DPOP_ORIGINS: 'https://api.test,http://api.test', told: ['AUTH_DPOP_ORIGINS'] },
    { AUTH_DPOP_ORIGINS: 'http://localhost:3000', told: ['AUTH_DPOP_ORIGINS'] },
    { AUTH_DPOP_ORIGINS: 'https://api.test', told: [] },
  ])('$AUTH_DPOP_ORIGINS in production: a warning of $told', ({ AUTH_DPOP_ORIGINS, told }) => {
    const given = { ...env, AUTH_JWT_ISSUER: 'i', AUTH_DPOP_ORIGINS };
    const { problems, warnings } = load({
      env: { ...given, AUTH_JWKS_URL: 'https://i.test/keys' },
    });
    expect(problems).toEqual([]);
    expect(warnings.map((warning) => warning.split(' ', 1)[0])).toEqual(told);
  });

  it('on plain http are none in development', () => {
    const AUTH_DPOP_ORIGINS = 'http://localhost:3000';
    expect(load({ env: { AUTH_DPOP: 'accepted', AUTH_DPOP_ORIGINS } }).warnings).toEqual([]);
  });
});

describe('lifetimes', () => {
  it('are idle at most as long as absolute', () => {
    const env = { AUTH_REFRESH_IDLE_TTL: '8d', AUTH_REFRESH_TTL: '7d' };
    expect(load({ env }).settings).toEqual(['AUTH_REFRESH_IDLE_TTL']);
    const equal = { AUTH_REFRESH_IDLE_TTL: '7d', AUTH_REFRESH_TTL: '7d' };
    expect(configOf({ env: equal }).refreshIdleTtlSeconds).toBe(604_800);
  });

  it('shorten the default idle one when the absolute one is shorter', () => {
    const config = configOf({ env: { AUTH_REFRESH_TTL: '12h' } });
    expect(config.refreshIdleTtlSeconds).toBe(43_200);
  });
});

describe('providers', () => {
  it.each([
    { env: { AUTH_OIDC_ISSUER: 'https://a.example' }, settings: ['AUTH_OIDC_CLIENT_ID'] },
    {
      env: { AUTH_OIDC_BIG_CORP_CLIENT_SECRET: 'x' },
      settings: ['AUTH_OIDC_BIG_CORP_ISSUER', 'AUTH_OIDC_BIG_CORP_CLIENT_ID'],
    },
    { env: { AUTH_OIDC_CLIENT_ID: 'x', AUTH_OIDC_ISSUER: 'bad' }, settings: ['AUTH_OIDC_ISSUER'] },
    { env: { AUTH_OIDC_ISSUER: 'bad' }, settings: ['AUTH_OIDC_ISSUER', 'AUTH_OIDC_CLIENT_ID'] },
    { env: { AUTH_GOOGLE_CLIENT_SECRET: 'x' }, settings: ['AUTH_GOOGLE_CLIENT_ID'] },
    { env: { AUTH_GOOGLE_ALLOWED_DOMAINS: 'a.example' }, settings: ['AUTH_GOOGLE_CLIENT_ID'] },
    {
      env: { AUTH_APPLE_CLIENT_ID: 'x', AUTH_APPLE_KEY_ID: 'y' },
      settings: ['AUTH_APPLE_TEAM_ID', 'AUTH_APPLE_PRIVATE_KEY'],
    },
    {
      env: { AUTH_APPLE_TRUST_EMAIL: 'false' },
      settings: [
        'AUTH_APPLE_CLIENT_ID',
        'AUTH_APPLE_TEAM_ID',
        'AUTH_APPLE_KEY_ID',
        'AUTH_APPLE_PRIVATE_KEY',
      ],
    },
    {
      env: {
        ...appleEnv,
        AUTH_OIDC_APPLE_ISSUER: 'https://a.example',
        AUTH_OIDC_APPLE_CLIENT_ID: 'x',
      },
      settings: ['AUTH_OIDC_APPLE_ISSUER'],
    },
    { env: { AUTH_GITHUB_CLIENT_ID: 'x' }, settings: ['AUTH_GITHUB_CLIENT_SECRET'] },
    { env: { AUTH_GITHUB_CLIENT_SECRET: 'x' }, settings: ['AUTH_GITHUB_CLIENT_ID'] },
    { env: { AUTH_GITHUB_ALLOWED_ORGS: 'acme' }, settings: ['AUTH_GITHUB_CLIENT_ID'] },
    { env: { AUTH_GITHUB_TRUST_EMAIL: 'true' }, settings: ['AUTH_GITHUB_CLIENT_ID'] },
    {
      env: {
        AUTH_GOOGLE_CLIENT_ID: 'x',
        AUTH_OIDC_GOOGLE_ISSUER: 'https://accounts.google.com',
        AUTH_OIDC_GOOGLE_CLIENT_ID: 'x',
      },
      settings: ['AUTH_OIDC_GOOGLE_ISSUER'],
    },
  ])('are complete and have one meaning: %j', ({ env, settings }) => {
    expect(load({ env }).settings).toEqual(settings);
  });
});

describe('the clock tolerance', () => {
  it.each([
    ['0', 0],
    ['30s', 30],
    ['5m', 300],
  ])('may be %s', (AUTH_CLOCK_TOLERANCE, seconds) => {
    expect(configOf({ env: { AUTH_CLOCK_TOLERANCE } }).clockToleranceSeconds).toBe(seconds);
    expect(configOf({}).clockToleranceSeconds).toBe(5);
  });

  it.each(['301', '6m', '-1', 'x'])('is not %s', (AUTH_CLOCK_TOLERANCE) => {
    expect(load({ env: { AUTH_CLOCK_TOLERANCE } }).settings).toEqual(['AUTH_CLOCK_TOLERANCE']);
  });
});

it('a loaded config is told from a copy of it', () => {
  const config = configOf({});
  expect([isConfig(config), isConfig({ ...config }), isConfig({})]).toEqual([true, false, false]);
});
