import { tmpdir } from 'node:os';
import path from 'node:path';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { AuthError, type AuthErrorCode, createVerifier, loadConfig } from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { presetNames } from '../../lib/claims/presets/presets.js';
import { settings } from '../../lib/config/setting-table.js';
import { root } from './build-package.js';
import { readReadmes } from './readmes.js';

const readmes = await readReadmes();
const textOf = (room: string) =>
  readmes.find(({ file }) => file === path.join('lib', room, 'README.md'))?.text ?? '';
const allText = readmes.map(({ text }) => text).join('\n');
const configReadme = textOf('config');

it('tests to copy say what they take', () => {
  const RUNNERS = ['vitest', 'supertest'];
  const shown = readmes.filter(({ blocks }) =>
    blocks.some(({ code }) => code.includes("from 'supertest'")),
  );
  expect(shown.length).toBeGreaterThan(1);
  const lacking = shown.filter(({ text }) => {
    const [, installed = ''] = /npm install --save-dev ([\w ]+)/.exec(text) ?? [];
    return !RUNNERS.every((name) => installed.split(' ').includes(name));
  });
  expect(lacking.map(({ file }) => file)).toEqual([]);
});

describe('the settings', () => {
  const variables = settings.map(({ variable }) => variable);
  // A login provider's settings may have its name inside: `OIDC_PARTNER_ISSUER`.
  const isVariable = (name: string) =>
    variables.some((variable) =>
      new RegExp(`^${variable.replace('*_', '(?:[A-Z]+_)?')}(?:_FILE)?$`).test(name),
    );

  it('that a README names exist', () => {
    const { names } = settingsNamedIn(allText);
    expect(
      names.filter(
        (name) => !['CONFIG_FILE', 'CONTEXT_REQUIRED'].includes(name) && !isVariable(name),
      ),
    ).toEqual([]);
  });

  it('are all in the README of the config loader', () => {
    const { names, beginnings } = settingsNamedIn(configReadme);
    const isNamed = (variable: string) =>
      names.includes(variable.replace('*_', '')) ||
      beginnings.some((start) => variable.startsWith(start));
    expect(variables.filter((variable) => !isNamed(variable))).toEqual([]);
  });

  it('stand at the given place in code and file', () => {
    const rows = [...configReadme.matchAll(/^\| `AUTH_(\w+)`[^|]*\| `([\w.]+)`/gm)];
    expect(rows.length).toBeGreaterThan(10);
    const shown = rows.map(([, variable = '', place = '']) => ({
      variable: variable.replace(/^OIDC_/, 'OIDC_*_'),
      path: place.replace('oidc.default.', 'oidc.*.'),
    }));
    for (const row of shown) expect(settings).toContainEqual(expect.objectContaining(row));
  });
});

it('the YAML file in the README of the config loader is a valid configuration', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'latchkey-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = path.join(folder, 'auth.yaml');
  await writeFile(file, /^```yaml\n(.*?)^```$/ms.exec(configReadme)?.[1] ?? '');
  const warnings: string[] = [];
  const config = loadConfig({ env: {}, file, onWarning: (message) => warnings.push(message) });
  expect(config.publicUrl).toBe('https://app.example.com');
  expect(config.trustedIssuers).toHaveLength(1);
  expect(warnings).toEqual([]);
});

it('the error message in the README of the config loader is what the loader says', () => {
  const shown = /^```\n(ConfigError: .*?)\n```$/ms.exec(configReadme)?.[1];
  const env = {
    AUTH_JWKS_URL: 'http://id.example.com/',
    AUTH_CORS_ORIGINS: 'https://app.example/',
  };
  expect(() => loadConfig({ env: { ...env, AUTH_JWT_ISSUER: 'https://id.example.com/' } })).toThrow(
    shown?.replace('ConfigError: ', '').replace('app.example.com', 'app.example') ??
      'nothing shown',
  );
});

it('every error code in the READMEs has the status shown there', () => {
  const rows = [...allText.matchAll(/^\| ([A-Z_]+) +\| (\d{3}) +\|/gm)];
  expect(rows.length).toBeGreaterThan(10);
  const actual = rows.map(([, code]) => new AuthError(code as AuthErrorCode).status);
  expect(actual).toEqual(rows.map(([, , status]) => Number(status)));
});

it.each([
  { of: 'error code', file: 'errors/error-table.ts', pattern: /^ {2}\| '([A-Z_]+)'/gm },
  { of: 'event', file: 'events/auth-events.ts', pattern: /^ {2}'([a-z_.]+)': /gm },
])('every $of is in the README of the middlewares', async ({ file, pattern }) => {
  const source = await readFile(path.join(root, 'lib', file), 'utf8');
  const names = [...source.matchAll(pattern)].map(([, name = '']) => name);
  expect(names.length).toBeGreaterThan(15);
  const rows = [...textOf('middleware').matchAll(/^\| `?([\w.]+)`? /gm)].map(([, name]) => name);
  expect(names.filter((name) => !rows.includes(name))).toEqual([]);
});

it('the presets in the README of the verifier are the ones there are', () => {
  const section = /^## Presets\n(.*?)^## /ms.exec(textOf('verifier'))?.[1] ?? '';
  const rows = [...section.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
  expect(new Set(rows)).toEqual(new Set<string>(presetNames));
});

it('the parts of a principal that the README of the verifier lists are all there are', async () => {
  const issuer = await createTestIssuer({ algorithm: 'ES256' });
  const principal = await createVerifier({ issuers: issuer.policy }).verify(await issuer.mint());
  const section = /^## The principal\n(.*?)^## /ms.exec(textOf('verifier'))?.[1] ?? '';
  const rows = [...section.matchAll(/^\| `(\w+)` +\| (.*) \|$/gm)];
  const ofUser = rows.find(([, name]) => name === 'user')?.[2] ?? '';
  const listed = [
    ...rows.map(([, name = '']) => name),
    ...[...ofUser.matchAll(/`(\w+)`/g)].map(([, name = '']) => name),
  ];
  const actual = [...Object.keys(principal), ...Object.keys(principal.user), 'actor', 'token'];
  expect(new Set(listed)).toEqual(new Set(actual));
});

/**
 * Settings by their name without AUTH_. Names may share a beginning (`AUTH_GOOGLE_CLIENT_ID`, `_CLIENT_SECRET`), and
 * `AUTH_GOOGLE_` alone stands for all that begin so.
 */
function settingsNamedIn(text: string): {
  readonly names: readonly string[];
  readonly beginnings: readonly string[];
} {
  const rows = [...text.matchAll(/`AUTH_([A-Z]+)_[A-Z_]+`((?:, `_[A-Z_]+`)+)/g)];
  const shortened = rows.flatMap(([, start = '', rest = '']) =>
    [...rest.matchAll(/`(_[A-Z_]+)`/g)].map(([, end = '']) => `${start}${end}`),
  );
  const named = [...text.matchAll(/\bAUTH_([A-Z_]*[A-Z]\b|[A-Z]+_(?=`))/g)].map(
    ([, name = '']) => name,
  );
  return {
    names: [...new Set([...named, ...shortened])].filter((name) => !name.endsWith('_')),
    beginnings: [...new Set(named.filter((name) => name.endsWith('_')))],
  };
}
