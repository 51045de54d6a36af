import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../../lib/config/config.js';
import { configOf, fileWith, load, OTHER_SECRET, SECRET } from './world.js';

const production = {
  NODE_ENV: 'production',
  AUTH_PUBLIC_URL: 'https://app.example',
  AUTH_STORE_URL: 'postgres://db/auth',
};
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const AUTH_JWT_PRIVATE_KEY = ec.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
const AUTH_JWT_PUBLIC_KEY = ec.publicKey.export({ format: 'pem', type: 'spki' }).toString();
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
});

describe('production', () => {
  it('is NODE_ENV of the given environment', () => {
    expect(configOf({ env: production }).production).toBe(true);
    expect(configOf({ env: { NODE_ENV: 'test' } }).production).toBe(false);
  });

  it.each([
    { title: 'no public URL', change: { AUTH_PUBLIC_URL: '' }, settings: ['AUTH_PUBLIC_URL'] },
    {
      title: 'http on loopback',
      change: { AUTH_PUBLIC_URL: 'http://localhost' },
      settings: ['AUTH_PUBLIC_URL'],
    },
    { title: 'no store', change: { AUTH_STORE_URL: '' }, settings: ['AUTH_STORE_URL'] },
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
    const env = { AUTH_JWT_ISSUER: 'https://u:hunter2@a.example' };
    expect(load({ env }).output).not.toContain('hunter2');
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
    { env: { AUTH_GITHUB_CLIENT_ID: 'x' }, settings: ['AUTH_GITHUB_CLIENT_SECRET'] },
    { env: { AUTH_GITHUB_CLIENT_SECRET: 'x' }, settings: ['AUTH_GITHUB_CLIENT_ID'] },
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
