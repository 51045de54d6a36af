import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SECRET } from '../../world/auth-server.js';
import { latchkey, type Outcome } from '../../world/command-line.js';
import { serve } from '../../world/serve.js';

const env = { AUTH_JWT_SECRET: SECRET, AUTH_PUBLIC_URL: 'http://localhost:3000' };

const mint = async (...args: readonly string[]): Promise<string> =>
  (await latchkey(['token', 'mint', '--sub', 'alice', ...args], { env })).stdout.trim();

interface Report {
  readonly verdict: string;
  readonly reason?: string;
  readonly kind: string;
  readonly checks: readonly { name: string; outcome: string; facts?: string }[];
}

const reportOf = ({ stdout }: Outcome): Report => JSON.parse(stdout) as Report;

const explain = (token: string, args: readonly string[] = [], others: object = env) =>
  latchkey(['token', 'explain', '-', ...args], { env: { ...others }, stdin: `${token}\n` });

describe("the application's own tokens", () => {
  it('an accepted token: code 0, every check in a line, its claims, but not the token', async () => {
    const token = await mint('--scope', 'invoices:read');
    const { code, stdout, stderr } = await explain(token);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.match(/^ {2}PASS {2}\w+/gm)).toHaveLength(17);
    expect(stdout).toMatch(/^ {2}scope +"invoices:read"$/m);
    for (const part of [token, ...token.split('.')]) expect(stdout).not.toContain(part);
  });

  it('a refused one: code 1 and the first reason', async () => {
    const token = await mint();
    const changed = { ...env, AUTH_JWT_SECRET: `another ${SECRET}` };
    const outcome = await explain(token, [], changed);
    expect(outcome.code).toBe(1);
    expect(outcome.stdout).toMatch(/^ {2}FAIL {2}signature$/m);
    expect(outcome.stdout).toContain('401 INVALID_TOKEN');
    const renamed = { ...env, AUTH_JWT_ISSUER: 'https://other.example' };
    const report = reportOf(await explain(token, ['--json'], renamed));
    expect(report).toMatchObject({
      verdict: 'refused',
      reason: 'issuer',
      code: '401 INVALID_TOKEN',
    });
    expect(JSON.stringify(report)).not.toContain(token.split('.')[2]);
  });

  it('takes the token as an argument too, and warns of the history of the shell', async () => {
    const token = await mint();
    const outcome = await latchkey(['token', 'explain', `Bearer ${token}`], { env });
    expect(outcome.code).toBe(0);
    expect(outcome.stderr).not.toBe('');
    expect(outcome.stderr).not.toContain(token);
  });

  it('writes what claims hold of control characters as escapes (W13)', async () => {
    const token = await mint('--claim', 'odd=\u001B[2J\u202Ex', '--claim', '\u009Bname=1');
    for (const args of [[], ['--json']]) {
      const { code, stdout } = await explain(token, args);
      expect(code).toBe(0);
      expect(stdout).toContain('\\u202e');
      expect(stdout).not.toMatch(/\p{Cf}|(?!\n)\p{Cc}/u);
    }
  });
});

describe("another issuer's tokens", () => {
  async function world() {
    const requests: IncomingMessage[] = [];
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    const served = await serve((req, res) => {
      requests.push(req);
      res.setHeader('content-type', 'application/json').end(JSON.stringify(issuer.jwks()));
    });
    const settings = {
      ...{ AUTH_JWKS_URL: `${served.origin}/keys`, AUTH_JWT_ISSUER: issuer.issuer },
      AUTH_JWT_AUDIENCE: issuer.audience,
    };
    return { issuer, settings, requests, close: () => served.close() };
  }

  it('fetches the keys and nothing else, without the token; with --offline nothing at all', async () => {
    const { issuer, settings, requests } = await world();
    const token = await issuer.mint();
    const offline = await explain(token, ['--offline', '--json'], settings);
    expect(offline.code).toBe(1);
    expect(reportOf(offline)).toMatchObject({ verdict: 'undecided' });
    expect(requests).toEqual([]);
    expect((await explain(token, [], settings)).code).toBe(0);
    expect(requests.map(({ method, url }) => [method, url])).toEqual([['GET', '/keys']]);
    const [, claims, signature] = token.split('.');
    const sent = JSON.stringify(requests.map(({ rawHeaders, url }) => [rawHeaders, url]));
    expect(sent).not.toContain(claims);
    expect(sent).not.toContain(signature);
  });

  it('keys that cannot be had are 503, not a bad token', async () => {
    const { issuer, settings, close } = await world();
    await close();
    const report = reportOf(await explain(await issuer.mint(), ['--json'], settings));
    expect(report).toMatchObject({ reason: 'keys_unavailable', code: '503 KEYS_UNAVAILABLE' });
  });

  it('--issuer and --jwks need no configuration', async () => {
    const { issuer, requests } = await world();
    const folder = mkdtempSync(path.join(tmpdir(), 'latchkey-jwks-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = path.join(folder, 'jwks.json');
    writeFileSync(file, JSON.stringify(issuer.jwks()));
    const args = ['--issuer', issuer.issuer, '--jwks', file, '--json'];
    const token = await issuer.mint();
    expect(reportOf(await explain(token, args, {}))).toMatchObject({ verdict: 'accepted' });
    const other = await explain(token, [...args, '--audience', 'https://other.example'], {});
    expect(reportOf(other)).toMatchObject({ verdict: 'refused', reason: 'audience' });
    const late = await issuer.mint({ exp: Math.floor(Date.now() / 1000) - 7200 });
    const report = reportOf(await explain(late, args, {}));
    expect(report).toMatchObject({ reason: 'expired', code: '401 TOKEN_EXPIRED' });
    expect(report.checks.find(({ name }) => name === 'times')?.facts).toMatch(/exp 2 hours.* ago/);
    expect(requests).toEqual([]);
  });
});

it.each([
  { title: 'an API key', text: `lk_live_${'a'.repeat(16)}_${'b'.repeat(38)}`, kind: /API key/ },
  {
    title: 'a refresh token',
    text: `r1.${'a'.repeat(8)}.${'b'.repeat(22)}.3.${'c'.repeat(43)}`,
    kind: /refresh token/,
  },
  { title: "a service account's secret", text: `lks_${'a'.repeat(49)}`, kind: /service account/ },
  { title: 'an encrypted token', text: 'eyJhbGciOiJkaXIifQ..aa.bb.cc', kind: /JWE/ },
  { title: 'an opaque token', text: '2YotnFZFEjr1zCsicMWpAA', kind: /opaque/ },
])('says what it is: $title', async ({ text, kind }) => {
  const outcome = await explain(text, ['--json']);
  expect(outcome.code).toBe(1);
  expect(reportOf(outcome)).toMatchObject({
    verdict: 'refused',
    kind: expect.stringMatching(kind),
  });
  expect(outcome.stdout).not.toContain(text);
});

it('says that an ID token is one', async () => {
  const token = await mint('--claim', 'at_hash=x');
  expect(reportOf(await explain(token, ['--json']))).toMatchObject({ reason: 'token_kind' });
});

it.each([
  { title: 'no token', args: ['explain'] },
  { title: 'an empty one', args: ['explain', '-'] },
  { title: 'no configuration', args: ['explain', 'abc'], given: {} },
  { title: 'keys of no issuer', args: ['explain', 'abc', '--jwks', 'x.json'] },
  { title: 'a token in the place of the command', args: ['a'.repeat(400)] },
])('$title is wrong usage, and the answer holds no token', async ({ args, given = env }) => {
  const outcome = await latchkey(['token', ...args], { env: given });
  expect(outcome).toMatchObject({ code: 2, stdout: '' });
  expect(outcome.stderr).not.toContain('aaaa');
});
