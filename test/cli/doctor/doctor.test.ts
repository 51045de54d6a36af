import { z } from 'zod';
import { describe, expect, it } from 'vitest';
import { createAppFolder } from '../../world/app-folder.js';
import { latchkey } from '../../world/command-line.js';
import { HEALTHY } from '../../doctor/inspect.js';

// The Node that runs the tests may be past its end.
const env = { ...HEALTHY, AUTH_ACCEPTED_WARNINGS: 'node_version' };

it('prints what it found, and ends with 0 when nothing is wrong', async () => {
  const { code, stdout, stderr } = await latchkey(['doctor', '--strict'], { env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('PASS  access_lifetime');
  expect(stdout).not.toContain('FAIL');
});

it.each([
  { title: 'what fails', wrong: { AUTH_ACCESS_TTL: 'soon' }, codes: [1, 1], verdict: 'fail' },
  { title: 'a warning', wrong: { AUTH_ACCESS_TTL: '1d' }, codes: [0, 1], verdict: 'warn' },
  {
    title: 'an accepted warning',
    wrong: { AUTH_ACCESS_TTL: '1d', AUTH_ACCEPTED_WARNINGS: 'node_version, access_lifetime' },
    codes: [0, 0],
    verdict: 'pass',
  },
])('says of $title why it matters and what to do, and ends with $codes', async (row) => {
  const surroundings = { env: { ...env, ...row.wrong } };
  const shown = await latchkey(['doctor'], surroundings);
  const strict = await latchkey(['doctor', '--strict', '--json'], surroundings);
  expect([shown.code, strict.code]).toEqual(row.codes);
  const report = JSON.parse(strict.stdout) as {
    readonly verdict: string;
    readonly findings: readonly Record<string, string>[];
  };
  expect(report.verdict).toBe(row.verdict);
  const flaws = report.findings.filter(({ outcome }) => outcome !== 'pass');
  expect(flaws.every(({ why, fix }) => why && fix)).toBe(true);
});

it('prints reports that its own JSON Schema describes', async () => {
  const { stdout } = await latchkey(['doctor', '--json-schema']);
  const schema = z.fromJSONSchema(JSON.parse(stdout) as Parameters<typeof z.fromJSONSchema>[0]);
  const wrong = { AUTH_ACCESS_TTL: '1d', AUTH_CORS_ORIGINS: '*', AUTH_CLOCK_TOLERANCE: '5m' };
  const reports = await Promise.all(
    [{}, wrong, { AUTH_ACCESS_TTL: 'soon' }].map(async (each) => {
      const report = await latchkey(['doctor', '--json'], { env: { ...env, ...each } });
      return JSON.parse(report.stdout) as Record<string, unknown>;
    }),
  );
  for (const report of reports) expect(schema.safeParse(report).error).toBeUndefined();
  expect(schema.safeParse({ ...reports[0], verdict: 'good' }).success).toBe(false);
  expect(schema.safeParse({ ...reports[0], findings: [{ check: 'store' }] }).success).toBe(false);
});

it('writes control characters out of settings as visible text, in words and in JSON', async () => {
  const surroundings = { env: { ...env, AUTH_JWT_ISSUER: 'a\u001B[2Jb', 'AUTH_X\u001B[2J': '1' } };
  for (const args of [['doctor'], ['doctor', '--json']]) {
    const { stdout } = await latchkey(args, surroundings);
    expect(stdout).not.toContain('\u001B');
    expect(stdout).toContain('\\u001b');
  }
});

it('puts the text below the name where a terminal is too narrow for both', async () => {
  const { stdout } = await latchkey(['doctor'], {
    env: { ...env, AUTH_ACCESS_TTL: '1d' },
    columns: 60,
  });
  expect(stdout).toMatch(/^ {2}WARN {2}access_lifetime\n {8}an access token .*\n {8}why: /m);
  expect(stdout.split('\n').filter((line) => line.length > 60)).toEqual([]);
});

it('asks for settings where there are none', async () => {
  const { code, stderr } = await latchkey(['doctor']);
  expect(code).toBe(2);
  expect(stderr).toContain('AUTH_');
});

describe('with the file of an application', () => {
  const { write } = createAppFolder();
  const appWith = (lines: string, options = '') => `
    import express from 'express';
    import { createAuth, principalOf } from 'latchkey';
    const auth = createAuth({ store: { url: 'memory:' }, ${options} });
    export const app = express();
    ${lines}`;
  const healthy = `
    app.use(auth.securityHeaders());
    app.use('/api/auth', auth.router({ sendMail: () => undefined }));
    app.get('/me', auth.requireAuth(), (req, res) => res.json(principalOf(req).user));
    app.use(auth.errorHandler());`;
  const accepting = { ...env, AUTH_ACCEPTED_WARNINGS: 'node_version, store' };
  // The application reads the environment of its process.
  const options = `env: ${JSON.stringify(accepting)}`;
  const diagnose = (source: string, ...args: readonly string[]) =>
    latchkey(['doctor', write(source), ...args], { env: accepting });

  it('finds nothing wrong with a healthy one', async () => {
    const { code, stdout } = await diagnose(appWith(healthy, options), '--strict');
    expect(code).toBe(0);
    for (const check of ['routes', 'error_handler', 'security_headers', 'auth_router', 'mail'])
      expect(stdout).toMatch(new RegExp(`PASS  ${check} `));
  });

  it('looks at what createAuth() got in code, and at each that was called, once', async () => {
    const second = `createAuth({ env: ${JSON.stringify(accepting)}, store: { url: 'memory:' } });`;
    const code = appWith(`${healthy} ${second}`, `${options}, accessTtlSeconds: 86400`);
    const { stdout } = await diagnose(code, '--json');
    const { findings } = JSON.parse(stdout) as { readonly findings: readonly { check: string }[] };
    const named = findings.map(({ check }) => check);
    expect(named.filter((check) => check === 'node_env')).toHaveLength(1);
    const lifetimes = findings.filter(({ check }) => check === 'access_lifetime');
    expect(lifetimes).toMatchObject([{ outcome: 'warn' }, { outcome: 'pass' }]);
  });

  it.each([
    { title: 'as it is thrown', code: appWith('', `${options}, accessTtlSeconds: 1`) },
    {
      title: 'inside of an error of the application',
      code: `import { createAuth } from 'latchkey';
        try { createAuth({ env: {}, accessTtlSeconds: 1 }); }
        catch (cause) { throw new Error('my settings are wrong', { cause }); }`,
    },
  ])('takes a configuration that createAuth() refuses for what it found, $title', async (row) => {
    const { code, stdout } = await diagnose(row.code);
    expect(code).toBe(1);
    expect(stdout).toContain('FAIL  configuration');
    expect(stdout).toContain('accessTtlSeconds');
  });

  it('warns where createAuth() is not called, since nothing of it was looked at', async () => {
    const { code, stdout } = await diagnose(
      `import express from 'express'; express().get('/', () => {}).listen(0);`,
      '--strict',
    );
    expect(code).toBe(1);
    expect(stdout).toContain('WARN  configuration');
  });

  it('names warnings that are accepted with those that may be', async () => {
    const code = appWith(healthy, `${options}, accessTtlSeconds: 86400`);
    const { stdout } = await diagnose(code);
    const [, line = ''] = /^ {2}AUTH_ACCEPTED_WARNINGS=(.*)$/m.exec(stdout) ?? [];
    expect(line.split(',').toSorted()).toEqual(
      expect.arrayContaining(['access_lifetime', 'store']),
    );
  });

  it('shows the address that a sample of a proxy leads to', async () => {
    const sample = ['--forwarded-for', '203.0.113.9', '--remote', '10.0.0.3'];
    const off = await diagnose(appWith(healthy, options), ...sample);
    expect(off.code).toBe(1);
    expect(off.stdout).toContain('FAIL  forwarded_for');
    const on = await diagnose(appWith(`app.set('trust proxy', 1); ${healthy}`, options), ...sample);
    expect(on.code).toBe(0);
  });

  it.each([
    {
      title: 'a module that throws',
      args: (file: string) => [file],
      source: `throw new Error('no')`,
    },
    {
      title: 'a sample without the address',
      args: (file: string) => [file, '--forwarded-for', 'a'],
    },
    { title: 'two files', args: (file: string) => [file, file] },
    {
      title: 'a sample without a file',
      args: () => ['--forwarded-for', '203.0.113.9', '--remote', '10.0.0.3'],
    },
    {
      title: 'a sample from no address',
      args: (file: string) => [file, '--forwarded-for', '203.0.113.9', '--remote', ''],
    },
    { title: 'a file that is none', args: (file: string) => [`${file}x`] },
  ])('ends with 2 for $title', async ({ args, source = appWith(healthy, options) }) => {
    expect(await latchkey(['doctor', ...args(write(source))], { env })).toMatchObject({
      code: 2,
      stdout: '',
    });
  });
});
