import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { settings } from '../../lib/config/setting-table.js';
import { loadConfig } from '../../lib/config/config.js';
import { configOf, fileWith, load, OTHER_SECRET, SECRET } from './world.js';

describe('defaults', () => {
  it('are those of the table when nothing is given', () => {
    expect(configOf({})).toMatchObject({
      production: false,
      store: { url: 'memory:' },
      accessTtlSeconds: 900,
      refreshIdleTtlSeconds: 604_800,
      refreshTtlSeconds: 2_592_000,
      trustedIssuers: [],
      claims: { preset: 'generic' },
      corsOrigins: [],
      frameAncestors: [],
      securityHeaders: true,
      rateLimit: { max: 5, windowSeconds: 1 },
      loginLimit: { max: 10, windowSeconds: 900 },
      cookieSessions: false,
      standalone: false,
    });
  });

  it('come from process.env when no environment is passed', () => {
    vi.stubEnv('AUTH_ACCESS_TTL', '2m');
    expect(loadConfig().accessTtlSeconds).toBe(120);
    vi.unstubAllEnvs();
  });
});

describe('precedence', () => {
  const env = { AUTH_ACCESS_TTL: '2m' };

  it('is code, then environment, then file, then default', () => {
    const file = fileWith('accessTtlSeconds: 3m\nrefreshTtlSeconds: 20d\n');
    const overrides = { accessTtlSeconds: 60 };
    expect(configOf({ env, file, overrides }).accessTtlSeconds).toBe(60);
    expect(configOf({ env, file }).accessTtlSeconds).toBe(120);
    expect(configOf({ file }).accessTtlSeconds).toBe(180);
    expect(configOf({ file }).refreshTtlSeconds).toBe(1_728_000);
    expect(configOf({}).accessTtlSeconds).toBe(900);
  });

  it('is decided setting by setting, also inside a group', () => {
    const file = fileWith('jwt: { issuer: https://file.example, audience: [a, b] }');
    const config = configOf({ file, env: { AUTH_JWT_ISSUER: 'https://env.example' } });
    expect(config.jwt).toMatchObject({ issuer: 'https://env.example', audience: ['a', 'b'] });
  });

  it('spares a shadowed value any judgement', () => {
    const file = fileWith('accessTtlSeconds: ${UNSET}\n');
    expect(configOf({ file, env: { AUTH_ACCESS_TTL: '2m' } }).accessTtlSeconds).toBe(120);
    const nonsense = { AUTH_ACCESS_TTL: 'nonsense' };
    const overrides = { accessTtlSeconds: 60 };
    expect(configOf({ env: nonsense, overrides }).accessTtlSeconds).toBe(60);
  });

  it('leaves a setting alone that code gives as undefined', () => {
    expect(configOf({ env, overrides: { accessTtlSeconds: undefined } }).accessTtlSeconds).toBe(
      120,
    );
  });

  it('lets the option `file` win over the variable', () => {
    const file = fileWith('accessTtlSeconds: 60');
    const AUTH_CONFIG_FILE = fileWith('accessTtlSeconds: 90');
    expect(configOf({ env: { AUTH_CONFIG_FILE } }).accessTtlSeconds).toBe(90);
    expect(configOf({ file, env: { AUTH_CONFIG_FILE } }).accessTtlSeconds).toBe(60);
  });
});

describe('the environment', () => {
  it('counts empty and blank variables as unset', () => {
    const env = {
      AUTH_ACCESS_TTL: '',
      AUTH_JWT_ISSUER: '  ',
      AUTH_CONFIG_FILE: '',
      AUTH_JWT_SECRET: '',
    };
    expect(configOf({ env })).toMatchObject({ accessTtlSeconds: 900, jwt: {} });
  });

  it('trims values that are no secrets', () => {
    expect(configOf({ env: { AUTH_JWT_ISSUER: ' https://a.example\n' } }).jwt.issuer).toBe(
      'https://a.example',
    );
  });

  it('is read under another prefix, and then only there', () => {
    const env = { MY_APP_ACCESS_TTL: '2m', AUTH_REFRESH_TTL: 'nonsense', AUTH_FOO: 'x' };
    const loaded = load({ env, prefix: 'MY_APP_' });
    expect(loaded.config?.accessTtlSeconds).toBe(120);
    expect(loaded.warnings).toEqual([]);
    const signing = { NODE_ENV: 'production', MY_APP_JWT_SECRET: SECRET };
    const refused = load({ env: signing, prefix: 'MY_APP_' });
    expect(refused.settings).toEqual(['MY_APP_PUBLIC_URL', 'MY_APP_STORE_URL']);
  });

  it.each(['auth_', 'AUTH', '', '_', '1_', 'A-B_'])('refuses the prefix %j', (prefix) => {
    expect(() => loadConfig({ env: {}, prefix })).toThrow(TypeError);
  });

  it('is not reached by an option that does not exist', () => {
    const options = { env: {}, prefx: 'MY_' };
    expect(() => loadConfig(options)).toThrow(/prefx/);
    expect(() => loadConfig(options)).toThrow(TypeError);
  });
});

describe('a variable with _FILE', () => {
  it.each([
    { ending: '', title: 'no newline' },
    { ending: '\n', title: 'one newline' },
    { ending: '\r\n', title: 'one Windows newline' },
  ])('gives the content of the file, which ends in $title', ({ ending }) => {
    const AUTH_JWT_SECRET_FILE = fileWith(SECRET + ending, 'secret');
    const env = { AUTH_JWT_SECRET_FILE, AUTH_PUBLIC_URL: 'https://a.example' };
    expect(configOf({ env }).jwt.secret).toBe(SECRET);
  });

  it('loses one newline only', () => {
    const env = { AUTH_SECRET_FILE: fileWith(`${SECRET}\n\n`, 'secret') };
    expect(load({ env }).settings).toEqual(['AUTH_SECRET_FILE']);
  });

  it('works for every kind of setting, with a provider in its name too', () => {
    const env = {
      AUTH_ACCESS_TTL_FILE: fileWith('2m\n', 'ttl'),
      AUTH_OIDC_CORP_ISSUER: 'https://idp.example',
      AUTH_OIDC_CORP_CLIENT_ID: 'app',
      AUTH_OIDC_CORP_CLIENT_SECRET_FILE: fileWith('s3cret\n', 'secret'),
    };
    const config = configOf({ env });
    expect(config.accessTtlSeconds).toBe(120);
    expect(config.oidc['corp']?.clientSecret).toBe('s3cret');
  });

  it('excludes the variable without _FILE', () => {
    const env = { AUTH_SECRET: SECRET, AUTH_SECRET_FILE: fileWith(SECRET, 'secret') };
    expect(load({ env }).settings).toEqual(['AUTH_SECRET, AUTH_SECRET_FILE']);
  });

  it('is a problem when the file cannot be read or is empty', () => {
    const missing = join(fileWith('x', 'secret'), '..', 'missing');
    const unreadable = load({ env: { AUTH_SECRET_FILE: missing } });
    expect(unreadable.settings).toEqual(['AUTH_SECRET_FILE']);
    expect(unreadable.output).toContain(missing);
    expect(load({ env: { AUTH_SECRET_FILE: fileWith('\n', 'secret') } }).settings).toHaveLength(1);
  });

  it.each([
    { title: 'a secret', text: 'kTv3q9Zr1LwXb7NfYc5JhGm2Pd' },
    { title: 'a secret that begins like a path', text: '/q9Zr1LwXb7NfYc5JhGm2Pd+a8EuQ=' },
    { title: 'a JSON text', text: '{"kty":"oct","k":"kTv3q9Zr"}' },
  ])('never shows $title that was put in the place of the path', ({ text }) => {
    const loaded = load({ env: { AUTH_SECRET_FILE: text, AUTH_TRUSTED_ISSUERS_FILE: text } });
    expect(loaded.settings).toEqual(['AUTH_SECRET_FILE', 'AUTH_TRUSTED_ISSUERS_FILE']);
    expect(loaded.output).not.toContain(text);
  });
});

describe('an unknown variable', () => {
  it.each([
    ['AUTH_JWT_SERCET', 'AUTH_JWT_SECRET'],
    ['AUTH_JWT_SERCET_FILE', 'AUTH_JWT_SECRET_FILE'],
    ['AUTH_ACCES_TTL', 'AUTH_ACCESS_TTL'],
    ['AUTH_OIDC_ISUER', 'AUTH_OIDC_ISSUER'],
    ['AUTH_OIDC_CORP_ISUER', 'AUTH_OIDC_CORP_ISSUER'],
    ['AUTH_OIDC_BIG_CORP_CLIENTID', 'AUTH_OIDC_BIG_CORP_CLIENT_ID'],
    ['AUTH_OIDC_BIG_CORP_CLIENT_SECRT_FILE', 'AUTH_OIDC_BIG_CORP_CLIENT_SECRET_FILE'],
    ['AUTH_CONFIGFILE', 'AUTH_CONFIG_FILE'],
    ['AUTH_GITHUB_ID', 'AUTH_GITHUB_CLIENT_ID'],
    ['AUTH_ISSUER', 'AUTH_JWT_ISSUER or AUTH_OIDC_ISSUER'],
  ])('%s is a warning that names %s and not the value', (name, nearest) => {
    const { warnings, problems } = load({ env: { [name]: 'the-value' } });
    expect(problems).toEqual([]);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(`did you mean ${nearest}?`);
    expect(warnings[0]).not.toContain('the-value');
  });

  it.each(['AUTH_FOO', 'AUTH_PORT', 'AUTH_TIMEOUT', 'AUTH_DATABASE_PASSWORD_FILE'])(
    '%s is a warning that suggests nothing',
    (name) => {
      const { warnings } = load({ env: { [name]: 'x' } });
      expect(warnings).toEqual([expect.stringContaining(name)]);
      expect(warnings[0]).not.toContain('did you mean');
    },
  );

  it('is reported by process.emitWarning unless somebody listens', () => {
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    loadConfig({ env: { AUTH_FOO: 'x' } });
    expect(emitWarning).toHaveBeenCalledWith(expect.any(String), 'LatchkeyWarning');
    emitWarning.mockRestore();
  });

  it('is reported also when the configuration is refused', () => {
    const { warnings, problems } = load({ env: { AUTH_FOO: 'x', AUTH_ACCESS_TTL: 'x' } });
    expect([warnings.length, problems.length]).toEqual([1, 1]);
  });
});

describe('providers', () => {
  it.each(['', 'PARTNER_', 'BIG_CORP_'])('are set by every variable of theirs: %j', (name) => {
    const values: Record<string, string> = {
      ISSUER: 'https://id.example',
      CLIENT_ID: 'app',
      CLIENT_SECRET: 'a secret',
      SCOPE: 'openid',
      LABEL: 'Corp',
      PRESET: 'okta',
      TRUST_EMAIL: 'true',
      RESPONSE_MODE: 'form_post',
      TENANTS: 'a,b',
    };
    const known = settings
      .map(({ variable }) => variable)
      .filter((variable) => variable.startsWith('OIDC_*_'));
    expect(Object.keys(values).map((member) => `OIDC_*_${member}`)).toEqual(
      expect.arrayContaining(known),
    );
    const env = Object.fromEntries(
      Object.entries(values).map(([member, value]) => [`AUTH_OIDC_${name}${member}`, value]),
    );
    const { warnings, problems } = load({ env });
    expect(problems).toEqual([]);
    expect(warnings.filter((warning) => warning.includes('no setting'))).toEqual([]);
    const key = name === '' ? 'default' : name.slice(0, -1).toLowerCase().replace('_', '-');
    expect(configOf({ env }).oidc[key]).toMatchObject({
      label: 'Corp',
      preset: 'okta',
      trustEmail: true,
      responseMode: 'form_post',
      tenants: ['a', 'b'],
    });
  });

  it('are named by their variables, `default` without a name', () => {
    const env = {
      AUTH_OIDC_ISSUER: 'https://one.example',
      AUTH_OIDC_CLIENT_ID: 'one',
      AUTH_OIDC_BIG_CORP_ISSUER: 'https://two.example/',
      AUTH_OIDC_BIG_CORP_CLIENT_ID: 'two',
      AUTH_OIDC_BIG_CORP_SCOPE: 'openid  groups',
    };
    expect(configOf({ env }).oidc).toMatchObject({
      default: { issuer: 'https://one.example', clientId: 'one', scope: 'openid profile email' },
      'big-corp': { issuer: 'https://two.example/', clientId: 'two', scope: 'openid groups' },
    });
  });

  it('merge from all sources', () => {
    const file = fileWith('oidc: { big-corp: { issuer: "https://two.example", clientId: two } }');
    const config = configOf({
      file,
      env: { AUTH_OIDC_BIG_CORP_CLIENT_SECRET: 'x' },
      overrides: { oidc: { 'big-corp': { scope: 'openid' } } },
    });
    expect(config.oidc['big-corp']).toMatchObject({
      clientId: 'two',
      clientSecret: 'x',
      scope: 'openid',
    });
  });

  it('are looked up without finding what every object has', () => {
    expect(configOf({}).oidc['constructor']).toBeUndefined();
    const constructor = { issuer: 'https://a.example', clientId: 'a' };
    expect(configOf({ overrides: { oidc: { constructor } } }).oidc['constructor']).toMatchObject(
      constructor,
    );
  });

  it('cannot be given twice under two names of one provider', () => {
    const env = {
      AUTH_OIDC_CLIENT_ID: 'a',
      AUTH_OIDC_DEFAULT_CLIENT_ID: 'b',
      AUTH_OIDC_ISSUER: 'https://a.example',
    };
    expect(load({ env }).settings).toEqual(['AUTH_OIDC_CLIENT_ID, AUTH_OIDC_DEFAULT_CLIENT_ID']);
  });
});

describe('an unknown key in code or file', () => {
  it.each([
    ['jwtSecret', 'jwt.secret'],
    ['AUTH_JWT_SECRET', 'write jwt.secret'],
    ['corsOrigin', 'corsOrigins'],
    ['accessTtl', 'accessTtlSeconds'],
  ])('%s is refused with the place of %s', (key, cure) => {
    const overrides: object = { [key]: 'x' };
    const { problems } = load({ overrides });
    expect(problems).toEqual([expect.stringContaining(cure)]);
  });

  it('is refused with all there are where it resembles none', () => {
    const overrides: object = { github: { colour: 'x' } };
    expect(load({ overrides }).problems).toEqual([
      expect.stringContaining('use clientId, clientSecret'),
    ]);
  });
});

describe('settings in code', () => {
  it('are named as such in problems', () => {
    const overrides: object = { jwt: { sercet: 'x' }, accessTtlSeconds: 1, secret: '' };
    expect(load({ overrides }).settings).toEqual([
      'the option jwt.sercet',
      'the option secret',
      'the option accessTtlSeconds',
    ]);
  });

  it('refuse __proto__ and anything that is not a tree', () => {
    const polluting: object = JSON.parse('{ "jwt": { "__proto__": { "secret": "x" } } }');
    expect(load({ overrides: polluting }).settings).toEqual(['the options object']);
    expect(load({ overrides: [] as object }).settings).toEqual(['the options object']);
    const cyclic: Record<string, unknown> = {};
    cyclic['jwt'] = cyclic;
    expect(load({ overrides: cyclic }).settings).toEqual(['the options object']);
  });

  it('are copied, so that changing them later changes nothing', () => {
    const audience = ['a'];
    const overrides = { jwt: { audience, secret: OTHER_SECRET, issuer: 'i' } };
    const config = configOf({ overrides });
    audience.push('b');
    expect(config.jwt.audience).toEqual(['a']);
  });
});
