import { describe, expect, it } from 'vitest';
import { settings } from '../../lib/config/setting-table.js';
import { configOf, load } from './world.js';

describe('a boolean', () => {
  it.each(['true', '1', 'yes', 'on', 'TRUE', ' On '])('%j is true', (AUTH_COOKIE_SESSIONS) => {
    expect(configOf({ env: { AUTH_COOKIE_SESSIONS } }).cookieSessions).toBe(true);
  });

  it.each(['false', '0', 'no', 'off', 'OFF'])('%j is false', (AUTH_SECURITY_HEADERS) => {
    expect(configOf({ env: { AUTH_SECURITY_HEADERS } }).securityHeaders).toBe(false);
  });

  it.each(['enabled', '2', 'truee'])('%j is a problem', (AUTH_COOKIE_SESSIONS) => {
    expect(load({ env: { AUTH_COOKIE_SESSIONS } }).settings).toEqual(['AUTH_COOKIE_SESSIONS']);
  });
});

describe('a duration', () => {
  it.each([
    ['900', 900],
    ['90s', 90],
    ['15m', 900],
    ['12h', 43_200],
    ['1d', 86_400],
    [' 60 ', 60],
  ])('%j is %i seconds', (AUTH_ACCESS_TTL, seconds) => {
    expect(configOf({ env: { AUTH_ACCESS_TTL } }).accessTtlSeconds).toBe(seconds);
  });

  it.each(['59', '2592001', '31d', '15 min', '1.5h', '-60', 'm', '1w', '1e3', '99999999999'])(
    '%j is a problem',
    (AUTH_ACCESS_TTL) => {
      expect(load({ env: { AUTH_ACCESS_TTL } }).settings).toEqual(['AUTH_ACCESS_TTL']);
    },
  );

  it('takes a number in code and nothing else', () => {
    expect(configOf({ overrides: { accessTtlSeconds: 61 } }).accessTtlSeconds).toBe(61);
    const overrides: object = {
      accessTtlSeconds: [60, 60],
      refreshTtlSeconds: {},
      loginLimit: null,
    };
    expect(load({ overrides }).settings).toHaveLength(2);
  });
});

describe('a limit', () => {
  it.each([
    ['5/1s', { max: 5, windowSeconds: 1 }],
    ['10/15m', { max: 10, windowSeconds: 900 }],
    ['1000000/7d', { max: 1_000_000, windowSeconds: 604_800 }],
    [' 3 / 60 ', { max: 3, windowSeconds: 60 }],
  ])('%j is count and window', (AUTH_LOGIN_LIMIT, limit) => {
    expect(configOf({ env: { AUTH_LOGIN_LIMIT } }).loginLimit).toEqual(limit);
  });

  it.each(['5', '0/1s', '5/0', '1000001/1s', '5/8d', '5/1s/2', 'a/b', '/'])(
    '%j is a problem',
    (AUTH_RATE_LIMIT) => {
      expect(load({ env: { AUTH_RATE_LIMIT } }).settings).toEqual(['AUTH_RATE_LIMIT']);
    },
  );

  it('takes both members in code, and no others', () => {
    const rateLimit = { max: 2, windowSeconds: 3 };
    expect(configOf({ overrides: { rateLimit } }).rateLimit).toEqual(rateLimit);
    const overrides: object = { rateLimit: { max: 2, windowMs: 3 } };
    expect(load({ overrides }).settings).toEqual(['the option rateLimit']);
  });
});

describe('a list', () => {
  it.each([
    ['a,b', ['a', 'b']],
    [' a , b ,', ['a', 'b']],
    ['["a", "b,c"]', ['a', 'b,c']],
    ['a', ['a']],
  ])('%j is read', (AUTH_JWT_AUDIENCE, audience) => {
    expect(configOf({ env: { AUTH_JWT_AUDIENCE } }).jwt.audience).toEqual(audience);
  });

  it.each(['["a", 1]', '["a"', '["a", ""]', '[["a"]]'])('%j is a problem', (AUTH_JWT_AUDIENCE) => {
    expect(load({ env: { AUTH_JWT_AUDIENCE } }).settings).toEqual(['AUTH_JWT_AUDIENCE']);
  });

  it('says which item is wrong', () => {
    expect(load({ env: { AUTH_GOOGLE_ALLOWED_DOMAINS: 'a.example,@b.example' } }).output).toContain(
      'number 2',
    );
  });
});

describe('AUTH_PUBLIC_URL', () => {
  it.each([
    ['https://App.Example.com', 'https://app.example.com'],
    ['https://a.example/', 'https://a.example'],
    ['https://a.example:443/base//', 'https://a.example/base'],
    ['http://localhost:3000', 'http://localhost:3000'],
    ['http://127.0.0.1', 'http://127.0.0.1'],
    ['http://[::1]:3000/', 'http://[::1]:3000'],
  ])('%s becomes %s', (AUTH_PUBLIC_URL, publicUrl) => {
    expect(configOf({ env: { AUTH_PUBLIC_URL } }).publicUrl).toBe(publicUrl);
  });

  it.each([
    'a.example',
    'http://a.example',
    'http://localhost.evil.example',
    'http://127.0.0.1.evil.example',
    'https://user:hunter2@a.example',
    'https://user@a.example',
    'https://a.example?x=1',
    'https://a.example/?',
    'https://a.example#x',
    'ftp://a.example',
    'javascript:alert(1)',
  ])('%s is a problem, and is not quoted', (AUTH_PUBLIC_URL) => {
    const { settings: names, output } = load({ env: { AUTH_PUBLIC_URL } });
    expect(names).toEqual(['AUTH_PUBLIC_URL']);
    expect(output).not.toContain(AUTH_PUBLIC_URL);
  });

  it.each([42, {}, []])('refuses %j in code', (publicUrl) => {
    const overrides: object = { publicUrl };
    expect(load({ overrides }).settings).toEqual(['the option publicUrl']);
  });
});

describe('AUTH_STORE_URL', () => {
  it.each([
    'memory:',
    'file:./auth.db',
    'file:///var/lib/auth.db',
    'postgres://u:p%40ss@db/auth?sslmode=require',
    'postgresql://db/auth',
    'redis://cache:6379/1',
    'rediss://:pass@cache',
  ])('%s is accepted', (AUTH_STORE_URL) => {
    expect(configOf({ env: { AUTH_STORE_URL } }).store.url).toBe(AUTH_STORE_URL);
  });

  it.each([
    'mysql://u:hunter2@db/auth',
    'memory:x',
    'file:',
    'auth.db',
    'postgres:auth',
    'postgres://u:hunter2[@db:x/auth',
    'constructor:',
    // Half of the password would pass for a port.
    'postgres://u:1234#hunter2@db/auth',
    'postgres://u:1234/hunter2@db/auth',
  ])('%s is a problem, and is not quoted', (AUTH_STORE_URL) => {
    const { settings: names, output } = load({ env: { AUTH_STORE_URL } });
    expect(names).toEqual(['AUTH_STORE_URL']);
    expect(output).not.toContain('hunter2');
  });
});

describe('a likely mistake in AUTH_STORE_URL', () => {
  it.each([
    { url: 'mysql://db/auth', cure: 'there is no store for this database' },
    { url: 'mongodb+srv://db/auth', cure: 'there is no store for this database' },
    { url: 'jdbc:postgresql://db/auth', cure: 'write postgres://' },
    { url: 'postgresql+psycopg://db/auth', cure: 'write postgres://' },
    { url: 'redis:cache', cure: 'write redis://' },
    { url: 'redis+sentinel://cache', cure: 'write redis+sentinel://' },
    { url: ':memory:', cure: 'write memory:' },
    { url: 'sqlite:///var/lib/auth.db', cure: 'write file:' },
    { url: './auth.db', cure: 'write file:' },
    { url: 'file:./auth.db?mode=rwc', cure: 'without ? or #' },
    { url: 'db.example:5432/auth', cure: 'write memory:, file:./auth.db, postgres://' },
  ])('$url: $cure', ({ url, cure }) => {
    expect(load({ env: { AUTH_STORE_URL: url } }).output).toContain(cure);
  });
});

describe('AUTH_CORS_ORIGINS', () => {
  it.each([
    ['https://a.example,http://localhost:5173', ['https://a.example', 'http://localhost:5173']],
    ['capacitor://localhost', ['capacitor://localhost']],
    ['http://[::1]:3000', ['http://[::1]:3000']],
    ['*', ['*']],
    ['https://*.a.example', ['https://*.a.example']],
    ['https://*.b.a.example:8443', ['https://*.b.a.example:8443']],
  ])('%s is accepted', (AUTH_CORS_ORIGINS, origins) => {
    expect(configOf({ env: { AUTH_CORS_ORIGINS } }).corsOrigins).toEqual(origins);
  });

  it.each([
    ['https://a.example/', 'write https://a.example\n'],
    ['https://A.example/path', 'write https://a.example\n'],
    ['https://user:hunter2@a.example', 'write https://a.example\n'],
    ['https://a.example:443', 'write https://a.example\n'],
    ['a.example', 'write https://a.example'],
    ['null', 'an origin of its own'],
    ['file:///tmp', 'write https://app.example.com'],
    ['https://a;b', 'write https://app.example.com'],
    ['*,https://a.example', '* alone'],
    ['https://*', 'https://*.example.com'],
    ['https://*.com', 'https://*.example.com'],
    ['https://*.co.uk', 'https://*.example.com'],
    ['https://*.vercel.app', 'https://*.example.com'],
    ['http://*.a.example', 'https://*.example.com'],
    ['https://*.*.a.example', 'https://*.example.com'],
    ['https://a*.a.example', 'https://*.example.com'],
    ['https://a.*.example', 'https://*.example.com'],
    ['https://*.a.example/', 'https://*.example.com'],
    ['https://*.A.example', 'https://*.example.com'],
    ['https://*.127.0.0.1', 'https://*.example.com'],
  ])('%s is a problem with a cure', (AUTH_CORS_ORIGINS, cure) => {
    const { settings: names, output } = load({ env: { AUTH_CORS_ORIGINS } });
    expect(names).toEqual(['AUTH_CORS_ORIGINS']);
    expect(output).toContain(cure);
    expect(output).not.toContain('hunter2');
  });
});

describe('AUTH_FRAME_ANCESTORS', () => {
  it.each([
    ["'self'", ["'self'"]],
    ['NONE', ["'none'"]],
    ['self,https://portal.example', ["'self'", 'https://portal.example']],
  ])('%s is accepted', (AUTH_FRAME_ANCESTORS, ancestors) => {
    expect(configOf({ env: { AUTH_FRAME_ANCESTORS } }).frameAncestors).toEqual(ancestors);
  });

  it.each([
    "'none','self'",
    'https://*.portal.example',
    'https://a.example/x',
    "'unsafe-inline'",
    'https://a; script-src *',
  ])('%s is a problem', (AUTH_FRAME_ANCESTORS) => {
    expect(load({ env: { AUTH_FRAME_ANCESTORS } }).settings).toEqual(['AUTH_FRAME_ANCESTORS']);
  });
});

describe('claims', () => {
  it('are paths, lists of paths and a preset', () => {
    const env = {
      AUTH_CLAIMS_PRESET: 'keycloak',
      AUTH_CLAIMS_ROLES: 'realm_access.roles, roles',
      AUTH_CLAIMS_USER_ID: 'https://a.example/uid',
      AUTH_CLAIMS_USERNAME: '["preferred_username"]',
      AUTH_CLAIMS_ATTRIBUTES: '["tenant","region"]',
    };
    expect(configOf({ env }).claims).toEqual({
      preset: 'keycloak',
      roles: ['realm_access.roles', 'roles'],
      userId: 'https://a.example/uid',
      username: 'preferred_username',
      attributes: ['tenant', 'region'],
    });
  });

  it('refuse an unknown preset and an empty path', () => {
    const env = { AUTH_CLAIMS_PRESET: 'keyclaok', AUTH_CLAIMS_ROLES: '[]' };
    expect(load({ env }).settings).toEqual(['AUTH_CLAIMS_PRESET', 'AUTH_CLAIMS_ROLES']);
  });
});

describe('providers', () => {
  const client = { AUTH_OIDC_CLIENT_ID: 'app' };
  const github = { AUTH_GITHUB_CLIENT_ID: 'x', AUTH_GITHUB_CLIENT_SECRET: 'y' };

  it.each([
    { AUTH_OIDC_ISSUER: 'http://idp.example' },
    { AUTH_OIDC_ISSUER: 'https://u:hunter2@idp.example' },
    { AUTH_OIDC_ISSUER: 'https://idp.example/?x' },
    { AUTH_OIDC_ISSUER: 'https://idp.example', AUTH_OIDC_SCOPE: 'profile' },
    { AUTH_OIDC_ISSUER: 'https://idp.example', AUTH_OIDC_SCOPE: 'openid "x"' },
    { AUTH_OIDC_ISSUER: 'https://idp.example', AUTH_OIDC_CLIENT_SECRET: ' x' },
  ])('refuse %j', (env) => {
    expect(load({ env: { ...client, ...env } }).settings).toEqual([Object.keys(env).at(-1)]);
  });

  it('keep the issuer as written', () => {
    const env = { ...client, AUTH_OIDC_ISSUER: 'https://IdP.example/tenant/' };
    expect(configOf({ env }).oidc['default']?.issuer).toBe('https://IdP.example/tenant/');
  });

  it.each(['@a.example', 'https://a.example', 'example', 'a b.example'])(
    'refuse the domain %j',
    (AUTH_GOOGLE_ALLOWED_DOMAINS) => {
      const env = { AUTH_GOOGLE_CLIENT_ID: 'x', AUTH_GOOGLE_ALLOWED_DOMAINS };
      expect(load({ env }).settings).toEqual(['AUTH_GOOGLE_ALLOWED_DOMAINS']);
    },
  );

  it.each(['@acme', 'https://github.com/acme', 'acme/team', '-acme', 'a'.repeat(40)])(
    'refuse the organisation %j',
    (AUTH_GITHUB_ALLOWED_ORGS) => {
      expect(load({ env: { ...github, AUTH_GITHUB_ALLOWED_ORGS } }).settings).toEqual([
        'AUTH_GITHUB_ALLOWED_ORGS',
      ]);
    },
  );

  it('take organisations in any case', () => {
    const env = { ...github, AUTH_GITHUB_ALLOWED_ORGS: 'Acme, globex-2' };
    expect(configOf({ env }).github.allowedOrgs).toEqual(['acme', 'globex-2']);
  });

  it.each([
    { env: { AUTH_GITHUB_ALLOWED_ORGS: ',' } },
    { env: { AUTH_GITHUB_ALLOWED_ORGS: '[]' } },
    { env: { AUTH_GOOGLE_ALLOWED_DOMAINS: ' , ' } },
    { overrides: { github: { allowedOrgs: [] } } },
    { overrides: { google: { allowedDomains: [] } } },
  ])('do not let everybody in by a list of nobody: %j', ({ env = {}, overrides = {} }) => {
    const given = { ...github, AUTH_GOOGLE_CLIENT_ID: 'x', ...env };
    expect(load({ env: given, overrides }).settings).toHaveLength(1);
  });

  it('take domains in any case', () => {
    const env = {
      AUTH_GOOGLE_CLIENT_ID: 'x',
      AUTH_GOOGLE_ALLOWED_DOMAINS: 'A.example,b.co.example',
    };
    expect(configOf({ env }).google.allowedDomains).toEqual(['a.example', 'b.co.example']);
  });
});

describe('the table', () => {
  it('has one row a variable and one a path', () => {
    expect(new Set(settings.map(({ variable }) => variable)).size).toBe(settings.length);
    expect(new Set(settings.map(({ path }) => path)).size).toBe(settings.length);
  });

  it('says of every setting what it means', () => {
    expect(settings.filter(({ meaning }) => meaning.length < 10)).toEqual([]);
  });

  it('marks as secret whatever its name calls a secret', () => {
    const unmarked = settings.filter(
      ({ isSecret, variable }) => !isSecret && /SECRET|PRIVATE|TOKEN/.test(variable),
    );
    expect(unmarked).toEqual([]);
  });
});

describe.each(['AUTH_CORS_HEADERS', 'AUTH_CORS_EXPOSED_HEADERS'])('%s', (name) => {
  it('is a list of header names', () => {
    const config = configOf({ env: { [name]: 'X-Tenant, x_b' } });
    expect([...config.corsHeaders, ...config.corsExposedHeaders]).toEqual(['X-Tenant', 'x_b']);
  });

  it.each(['X-A: b', '*', 'X A', 'Ü'])('refuses %j', (text) => {
    expect(load({ env: { [name]: text } }).settings).toEqual([name]);
  });
});

describe('AUTH_CLAIMS_PRESET', () => {
  it.each(['generic', 'keycloak', 'okta', 'entra', 'auth0', 'cognito', 'google'])(
    'takes %s, and so do AUTH_OIDC_PRESET and AUTH_TRUSTED_ISSUERS',
    (preset) => {
      const issuer = { issuer: 'i', audience: 'a', keys: { discovery: true } };
      const config = configOf({
        env: {
          AUTH_CLAIMS_PRESET: preset,
          AUTH_OIDC_ISSUER: 'https://id.example',
          AUTH_OIDC_CLIENT_ID: 'app',
          AUTH_OIDC_PRESET: preset,
          AUTH_PUBLIC_URL: 'https://a.example',
          AUTH_TRUSTED_ISSUERS: JSON.stringify([
            { ...issuer, claims: preset },
            { ...issuer, claims: { preset } },
          ]),
        },
      });
      expect(config.claims.preset).toBe(preset);
      expect(config.oidc['default']?.preset).toBe(preset);
      expect(config.trustedIssuers.map(({ claims }) => claims)).toEqual([preset, { preset }]);
    },
  );
});

describe('AUTH_HOME', () => {
  it.each([
    ['/', '/'],
    ['/welcome?from=auth', '/welcome?from=auth'],
    [' /a/../b ', '/b'],
  ])('%j is the path %j', (AUTH_HOME, home) => {
    expect(configOf({ env: { AUTH_HOME } }).home).toBe(home);
  });

  it.each(['https://evil.example/', '//evil.example', '/.//evil.example', 'home', '/a b'])(
    '%j, which could lead elsewhere, is a problem',
    (AUTH_HOME) => {
      expect(load({ env: { AUTH_HOME } }).settings).toEqual(['AUTH_HOME']);
    },
  );
});

describe('the name of cookies', () => {
  it.each(['a', 'my-app', 'My_App.2', 'login', 'x'.repeat(40)])('%j is one', (AUTH_COOKIE_NAME) => {
    expect(configOf({ env: { AUTH_COOKIE_NAME } }).cookieName).toBe(AUTH_COOKIE_NAME);
  });

  it('is latchkey by default', () => {
    expect(configOf({}).cookieName).toBe('latchkey');
  });

  it.each([
    '__Host-app',
    '__secure-app',
    '-a',
    'a b',
    'a;b',
    'a=b',
    'ä',
    'x'.repeat(41),
    // Cookies of the application named `app` begin like this.
    'app-login',
    'app-session',
    'app-exchange-1',
    'app-device',
  ])('%j is none', (AUTH_COOKIE_NAME) => {
    expect(load({ env: { AUTH_COOKIE_NAME } }).settings).toEqual(['AUTH_COOKIE_NAME']);
  });
});

describe('the path of AUTH_PUBLIC_URL', () => {
  it.each([
    ['https://example.com/', 'https://example.com'],
    ['https://EXAMPLE.com/App/', 'https://example.com/App'],
    ['https://example.com/a/../b', 'https://example.com/b'],
    ['https://example.com/a b', 'https://example.com/a%20b'],
  ])('%s is kept without a slash at its end: %s', (AUTH_PUBLIC_URL, publicUrl) => {
    expect(configOf({ env: { AUTH_PUBLIC_URL } }).publicUrl).toBe(publicUrl);
  });

  it.each([
    'https://example.com//evil.example',
    'https://example.com/a//b',
    'https://example.com/a%2fb',
    'https://example.com/%5cevil',
    'https://example.com/.//evil.example',
  ])('%s is refused', (AUTH_PUBLIC_URL) => {
    expect(load({ env: { AUTH_PUBLIC_URL } }).settings).toEqual(['AUTH_PUBLIC_URL']);
  });
});
