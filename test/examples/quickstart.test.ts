import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { root } from '../package/build-package.js';
import {
  plainEnvironment,
  type Script,
  startScript,
  stop,
  until,
} from '../package/start-script.js';
import { compiledExamples } from './compiled-examples.js';
import { freePort } from '../world/free-port.js';

const run = promisify(execFile);
// Processes start slowly on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

/** What `npm run quickstart` runs once the package is built. The same code starts several times as fast without tsx. */
const asShown = [
  path.join(root, 'node_modules/tsx/dist/cli.mjs'),
  '--tsconfig',
  'examples/tsconfig.installed.json',
  'examples/quickstart/server.ts',
];

const missing = ['bash', 'curl'].filter((tool) => spawnSync(tool, ['--version']).status !== 0);
const because =
  missing.length > 0 ? ` (skipped: this machine has no ${missing.join(' and no ')})` : '';

/** What the printed commands answer, in their order, by the comment above each. */
const expected: readonly {
  readonly comment: string;
  readonly status: number;
  readonly challenge?: string;
  readonly body: object;
}[] = [
  {
    comment: '# Alice signs in: 200',
    status: 200,
    body: { token_type: 'Bearer', expires_in: 900, must_reset_password: false },
  },
  { comment: '# Bob signs in: 200', status: 200, body: { token_type: 'Bearer' } },
  {
    comment: '# A wrong password: 401',
    status: 401,
    challenge: 'Bearer realm="api"',
    body: { code: 'INVALID_CREDENTIALS' },
  },
  {
    comment: '# No token: 401, and a challenge that names no error',
    status: 401,
    challenge: 'Bearer realm="api"',
    body: { code: 'CREDENTIALS_MISSING' },
  },
  {
    comment: '# Who is Alice: 200',
    status: 200,
    body: { user: { username: 'alice' }, orgs: [{ id: 'acme', default: true }] },
  },
  {
    comment: '# A route that answers without a token as well: 200',
    status: 200,
    body: { hello: 'stranger' },
  },
  {
    comment: '# Alice is an analyst and has the scope reports:read: 200',
    status: 200,
    body: ['annual', 'quarterly'],
  },
  {
    comment: '# Bob lacks it: 403 insufficient_scope',
    status: 403,
    challenge: 'Bearer realm="api", error="insufficient_scope", scope="reports:read"',
    body: { code: 'INSUFFICIENT_SCOPE' },
  },
  {
    comment: '# Alice belongs to one organisation, so there is no doubt which: 200',
    status: 200,
    body: { org: 'acme', chosenBy: 'claim' },
  },
  {
    comment: '# Bob belongs to two and names none: 400',
    status: 400,
    body: { code: 'ORG_REQUIRED' },
  },
  {
    comment: '# Bob names one of his, of which he is no admin: 403',
    status: 403,
    body: { code: 'INSUFFICIENT_ROLE' },
  },
  { comment: '# In the other one he is: 204', status: 204, body: {} },
  {
    comment: '# Bob administers users: 200',
    status: 200,
    body: { users: expect.arrayContaining([expect.objectContaining({ username: 'alice' })]) },
  },
  {
    comment: '# Alice makes an API key for a program: 201',
    status: 201,
    body: { key: expect.stringMatching(/^lk_dev_/), scopes: ['reports:read'] },
  },
  { comment: '# It reads reports for her: 200', status: 200, body: ['annual', 'quarterly'] },
  {
    comment: '# It makes no further key: 401',
    status: 401,
    challenge: 'Bearer realm="api", error="invalid_token"',
    body: { code: 'INVALID_TOKEN' },
  },
  { comment: '# She deletes it: 204', status: 204, body: {} },
  {
    comment: '# From then on it is refused: 401',
    status: 401,
    challenge: 'Bearer realm="api", error="invalid_token"',
    body: { code: 'INVALID_TOKEN' },
  },
  {
    comment: '# Alice gets new tokens for her refresh token: 200',
    status: 200,
    body: { token_type: 'Bearer' },
  },
  {
    comment: '# Her sessions: 200',
    status: 200,
    body: { sessions: [expect.objectContaining({ current: true, device: 'curl' })] },
  },
  { comment: '# Her session is ended by its refresh token: 200', status: 200, body: {} },
  {
    comment: '# From then on its access token is refused as well: 401',
    status: 401,
    challenge: 'Bearer realm="api", error="invalid_token"',
    body: { code: 'TOKEN_REVOKED' },
  },
  {
    comment: '# Bob has forgotten his password, and a mail is on its way: 202',
    status: 202,
    body: {},
  },
  {
    comment: '# He sets a new one, which is the old one with -changed at its end from now on: 200',
    status: 200,
    body: { token_type: 'Bearer' },
  },
  {
    comment: '# And is signed out everywhere else: 401',
    status: 401,
    challenge: 'Bearer realm="api", error="invalid_token"',
    body: { code: 'TOKEN_REVOKED' },
  },
];

const serverOf = compiledExamples();

/** A folder for users and sessions, until the tests of this file are over. */
const data = mkdtempSync(path.join(tmpdir(), 'latchkey-quickstart-'));
afterAll(() => rmSync(data, { recursive: true, force: true }));

async function startQuickstart(): Promise<Script> {
  const started = startScript([serverOf('quickstart')], {
    env: { PORT: String(port), QUICKSTART_DATA: data },
  });
  await until(started, () => started.output.stdout.includes('signed out everywhere else: 401'));
  return started;
}

/** What has been started last, on a port and a folder that all of them share. */
let script: Script;
let port: number;
/** What the first one has printed: the only one that knows the passwords. */
let printed: string;
beforeAll(async () => {
  port = await freePort();
  script = await startQuickstart();
  printed = script.output.stdout;
}, 60_000);
afterAll(() => stop(script));

describe.skipIf(missing.length > 0)(`the quickstart's printed commands${because}`, () => {
  let answers: ReturnType<typeof parseAnswers>;
  beforeAll(async () => {
    answers = parseAnswers(await paste(printed.slice(printed.indexOf('ALICE_PASSWORD='))));
  }, 60_000);

  it('are as many as this test knows, and announce their status', () => {
    const comments = printed.split('\n').filter((line) => /^# .*: \d{3}/.test(line));
    expect(comments).toEqual(expected.map(({ comment }) => comment));
    for (const { comment, status } of expected) expect(comment).toContain(`: ${status}`);
    expect(answers).toHaveLength(expected.length);
  });

  it.each(expected.map((each, at) => ({ ...each, at })))(
    '$comment',
    ({ at, status, challenge, body }) => {
      const answer = answers[at];
      expect(answer?.status).toBe(status);
      expect(answer?.headers.get('www-authenticate') ?? undefined).toBe(challenge);
      expect(answer?.body).toMatchObject(body);
    },
  );

  it('keeps passwords out of everything that it writes', async () => {
    const [, password = ''] = /ALICE_PASSWORD=(\S+)/.exec(printed) ?? [];
    expect(password).toMatch(/^[a-z2-9-]{23}$/);
    const { stdout } = await run('grep', ['-rlF', password, data]).catch(
      (error: { stdout: string }) => error,
    );
    expect(stdout).toBe('');
  });
});

describe('the quickstart after a restart', () => {
  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'still knows who signed in before %s, and prints no password again',
    async (signal) => {
      const [, password = ''] = /ALICE_PASSWORD=(\S+)/.exec(printed) ?? [];
      const auth = `http://127.0.0.1:${port}/api/auth`;
      const signedIn = await post(`${auth}/login`, { username: 'alice', password });
      expect(signedIn.status).toBe(200);
      const tokens = (await signedIn.json()) as { refresh_token: string; access_token: string };
      script.child.kill(signal);
      await script.exit;

      script = await startQuickstart();
      expect(script.output.stdout).not.toContain(password);
      const headers = { authorization: `Bearer ${tokens.access_token}` };
      expect((await fetch(`${auth}/me`, { headers })).status).toBe(200);
      const { refresh_token } = tokens;
      expect((await post(`${auth}/refresh`, { refresh_token })).status).toBe(200);
    },
  );
});

function post(url: string, body: object): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

describe('the quickstart', () => {
  it('says in one line that its port is taken, and exits with 1', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port: used } = taken.address() as AddressInfo;
    const second = startScript([serverOf('quickstart')], {
      env: { PORT: String(used), QUICKSTART_DATA: data },
    });
    expect(await second.exit).toBe(1);
    taken.close();
    expect(second.output).toEqual({
      stdout: '',
      stderr: expect.stringMatching(new RegExp(`^Port ${used} is taken\\..+\\n$`)) as string,
    });
  });

  it('ends on SIGTERM without waiting for what a browser has opened ahead', async () => {
    await endsWhileConnected(script, { signal: 'SIGTERM', port });
  });
});

describe('the quickstart as its one command starts it', () => {
  let started: Script;
  let its: number;
  beforeAll(async () => {
    its = await freePort();
    started = startScript(asShown, { env: { PORT: String(its), QUICKSTART_DATA: data } });
    await until(started, () => started.output.stdout.includes('curl'));
  }, 120_000);
  afterAll(() => stop(started));

  it('ends on SIGINT without waiting for what a browser has opened ahead', async () => {
    await endsWhileConnected(started, { signal: 'SIGINT', port: its });
  });
});

async function endsWhileConnected(
  { child, exit, output }: Script,
  { signal, port: its }: { readonly signal: NodeJS.Signals; readonly port: number },
): Promise<void> {
  // Node itself would give it a minute for its first request, twice as long as this test has.
  const silent = connect(its, '127.0.0.1');
  silent.on('error', () => {});
  await once(silent, 'connect');
  child.kill(signal);
  await exit;
  expect(output.stderr).toBe('');
}

/** Gives the lines to bash as a terminal would. Curl's progress goes to stderr and does not count. */
async function paste(pasted: string): Promise<string> {
  const { stdout } = await run('bash', ['--noprofile', '--norc', '-c', pasted], {
    env: plainEnvironment(),
  });
  return stdout;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/** Takes apart what several `curl -i` printed one after the other. */
function parseAnswers(text: string): readonly Answer[] {
  return text
    .replaceAll('\r', '')
    .split(/^(?=HTTP\/1\.1 )/m)
    .map(parseAnswer);
}

function parseAnswer(text: string): Answer {
  const [head = '', body = ''] = text.split(/\n\n(.*)/s);
  const [statusLine = '', ...fields] = head.split('\n');
  const pairs = fields.map((field): [string, string] => {
    const at = field.indexOf(':');
    return [field.slice(0, at), field.slice(at + 1).trim()];
  });
  return {
    status: Number(statusLine.split(' ')[1]),
    headers: new Headers(pairs),
    body: JSON.parse(body.trim() || '{}'),
  };
}
