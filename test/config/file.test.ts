import { describe, expect, it } from 'vitest';
import { configOf, fileWith, load } from './world.js';

describe('a configuration file', () => {
  it.each([
    {
      name: 'auth.yaml',
      content: 'jwt:\n  audience:\n    - a\n    - b\nsecurityHeaders: off\nrateLimit: 7/2s\n',
    },
    {
      name: 'auth.yml',
      content:
        '{ jwt: { audience: "a,b" }, securityHeaders: false, rateLimit: { max: 7, windowSeconds: 2 } }',
    },
    {
      name: 'auth.json',
      content:
        '\uFEFF{ "jwt": { "audience": ["a", "b"] }, "securityHeaders": "no", "rateLimit": "7/2s" }',
    },
  ])('$name holds the same tree', ({ name, content }) => {
    expect(configOf({ file: fileWith(content, name) })).toMatchObject({
      jwt: { audience: ['a', 'b'] },
      securityHeaders: false,
      rateLimit: { max: 7, windowSeconds: 2 },
    });
  });

  it('may be empty, and may hold groups and settings without a value', () => {
    expect(configOf({ file: fileWith('') }).accessTtlSeconds).toBe(900);
    expect(
      configOf({ file: fileWith('jwt:\naccessTtlSeconds:\npublicUrl: ""\n') }).accessTtlSeconds,
    ).toBe(900);
  });

  it('takes variables, defaults and escapes in its texts', () => {
    const file = fileWith(
      [
        'publicUrl: https://${HOST}:${PORT:-8443}',
        'jwt: { issuer: "$${HOST}", audience: ["${HOST}", "${NONE:-}x"] }',
        'trustedIssuers: [{ issuer: "https://${HOST}", audience: null, keys: { discovery: true } }]',
        'google: { clientId: "${EMPTY:-}" }',
      ].join('\n'),
    );
    const config = configOf({ file, env: { HOST: 'a.example', EMPTY: '' } });
    expect(config.publicUrl).toBe('https://a.example:8443');
    expect(config.jwt).toMatchObject({ issuer: '${HOST}', audience: ['a.example', 'x'] });
    expect(config.trustedIssuers[0]?.issuer).toBe('https://a.example');
    expect(config.google.clientId).toBeUndefined();
  });

  it('reports each variable that is not set, by its name', () => {
    const file = fileWith(
      'jwt: { issuer: "${MISSING_A}", audience: ["${MISSING_B}", "${constructor}"] }\nsecret: ${EMPTY}',
    );
    const { settings, output } = load({ file, env: { EMPTY: '' } });
    expect(settings).toEqual([`${file}: jwt.issuer`, `${file}: jwt.audience`, `${file}: secret`]);
    expect(output).toMatch(/MISSING_A.*MISSING_B.*EMPTY/s);
  });

  it('reports ${ without a name', () => {
    expect(load({ file: fileWith('jwt: { issuer: "a${1x}" }') }).settings).toHaveLength(1);
  });

  it.each([
    { content: 'jwt: { sercet: x }', at: 'jwt.sercet', nearest: 'secret' },
    { content: 'acessTtlSeconds: 5', at: 'acessTtlSeconds', nearest: 'accessTtlSeconds' },
    { content: 'oidc: { default: { isuer: x } }', at: 'oidc.default.isuer', nearest: 'issuer' },
    { content: '{ "__proto__": { "publicUrl": "x" } }', at: '', nearest: '__proto__' },
    { content: '{ "jwt": { "__proto__": { "secret": "x" } } }', at: '', nearest: '__proto__' },
    { content: 'production: true', at: 'production', nearest: '' },
    { content: 'constructor: { a: 1 }', at: 'constructor', nearest: '' },
    { content: 'oidc: { Corp_A: { issuer: x } }', at: 'oidc.Corp_A', nearest: 'lower-case' },
    { content: 'oidc: { issuer: "https://a.example" }', at: 'oidc.issuer', nearest: 'clientId' },
    { content: 'jwt: secret', at: 'jwt', nearest: 'secretPrevious' },
    { content: '- a\n- b', at: '', nearest: 'publicUrl' },
    { content: 'jwt: { audience: &a [x, *a] }', at: '', nearest: 'alias' },
  ])('refuses $content and says where', ({ content, at, nearest }) => {
    const file = fileWith(content);
    const { settings, output } = load({ file });
    expect(settings).toEqual([at === '' ? file : `${file}: ${at}`]);
    expect(output).toContain(nearest);
  });

  it.each([
    { title: 'YAML that is broken', content: 'secret: hunter2-in-a-file\n  jwt: [' },
    { title: 'a key given twice', content: 'secret: hunter2-in-a-file\nsecret: b' },
    { title: 'a custom tag', content: 'secret: !!js/function "hunter2-in-a-file"' },
    { title: 'a binary tag', content: 'secret: !!binary aHVudGVyMi1pbi1hLWZpbGU=' },
    { title: 'two documents', content: 'secret: hunter2-in-a-file\n---\nsecret: b' },
    {
      title: 'JSON that is broken',
      content: '{ "secret": "hunter2-in-a-file" ',
      name: 'auth.json',
    },
    { title: 'another format', content: 'secret=hunter2-in-a-file', name: 'auth.toml' },
  ])('refuses $title without quoting it', ({ content, name = 'auth.yaml' }) => {
    const { settings, output } = load({ file: fileWith(content, name) });
    expect(settings).toHaveLength(1);
    expect(output).not.toContain('hunter2-in-a-file');
  });

  it('survives an alias bomb', () => {
    const levels = Array.from({ length: 12 }, (_, level) => {
      const item = level === 0 ? 'x' : `*l${level - 1}`;
      return `  - &l${level} [${Array.from({ length: 10 }, () => item).join(', ')}]`;
    });
    const file = fileWith(`corsOrigins:\n${levels.join('\n')}\n`);
    expect(load({ file }).settings).toEqual([file]);
  });

  it('may use aliases in moderation', () => {
    const file = fileWith('jwt: { audience: &list [a, b] }\nclaims: { roles: *list }');
    expect(configOf({ file }).claims.roles).toEqual(['a', 'b']);
  });

  it('is a problem when it is missing, and when its contents were given for its name', () => {
    const missing = `${fileWith('x')}.missing.yaml`;
    expect(load({ file: missing }).settings).toEqual([missing]);
    const inline = '{"secret":"hunter2-in-a-file"}';
    expect(load({ env: { AUTH_CONFIG_FILE: inline } }).output).not.toContain('hunter2');
  });
});
