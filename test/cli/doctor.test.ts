import { z } from 'zod';
import { expect, it } from 'vitest';
import { latchkey } from '../world/command-line.js';
import { HEALTHY } from '../doctor/inspect.js';

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

it('asks for settings where there are none', async () => {
  const { code, stderr } = await latchkey(['doctor']);
  expect(code).toBe(2);
  expect(stderr).toContain('AUTH_');
});
