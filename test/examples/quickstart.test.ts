import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { buildPackage, root } from '../package/build-package.js';
import {
  freePort,
  plainEnvironment,
  type Script,
  startScript,
  stop,
  until,
} from '../package/start-script.js';

const run = promisify(execFile);
// Processes start slowly on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

/** What `npm run quickstart` runs once the package is built. */
const quickstart = [
  path.join(root, 'node_modules/tsx/dist/cli.mjs'),
  '--tsconfig',
  'examples/tsconfig.installed.json',
  'examples/quickstart/server.ts',
];

const missing = ['bash', 'curl'].filter((tool) => spawnSync(tool, ['--version']).status !== 0);
const because =
  missing.length > 0 ? ` (skipped: this machine has no ${missing.join(' and no ')})` : '';

/** What the printed commands answer, by the comment above each. */
const expected: readonly {
  readonly comment: string;
  readonly status: number;
  readonly type?: string;
  readonly challenge?: string;
  readonly body: object;
}[] = [
  {
    comment: '# No token: 401, and a challenge that names no error',
    status: 401,
    type: 'application/problem+json',
    challenge: 'Bearer realm="api"',
    body: { code: 'CREDENTIALS_MISSING' },
  },
  {
    comment: '# Text that is no token: 401 invalid_token',
    status: 401,
    type: 'application/problem+json',
    challenge: 'Bearer realm="api", error="invalid_token"',
    body: { code: 'INVALID_TOKEN' },
  },
  {
    comment: '# Alice: 200',
    status: 200,
    type: 'application/json',
    body: { id: 'user-1', username: 'alice' },
  },
  {
    comment: '# A route that answers without a token as well: 200',
    status: 200,
    type: 'application/json',
    body: { hello: 'stranger' },
  },
  {
    comment: '# Alice has the scope reports:read: 200',
    status: 200,
    type: 'application/json',
    body: ['annual', 'quarterly'],
  },
  {
    comment: '# Bob lacks it: 403 insufficient_scope',
    status: 403,
    type: 'application/problem+json',
    challenge: 'Bearer realm="api", error="insufficient_scope", scope="reports:read"',
    body: { code: 'INSUFFICIENT_SCOPE' },
  },
  {
    comment: '# Alice belongs to one organisation, so there is no doubt which: 200',
    status: 200,
    type: 'application/json',
    body: { org: 'acme', chosenBy: 'claim' },
  },
  {
    comment: '# Bob belongs to two and names none: 400',
    status: 400,
    type: 'application/problem+json',
    body: { code: 'ORG_REQUIRED' },
  },
  {
    comment: '# Bob names one of his: 200',
    status: 200,
    type: 'application/json',
    body: { org: 'globex', chosenBy: 'header' },
  },
  {
    comment: '# Bob names another one: 403',
    status: 403,
    type: 'application/problem+json',
    body: { code: 'ORG_FORBIDDEN' },
  },
  { comment: '# Bob is admin of acme: 204', status: 204, body: {} },
  {
    comment: '# Bob is no admin of globex: 403',
    status: 403,
    type: 'application/problem+json',
    body: { code: 'INSUFFICIENT_ROLE' },
  },
];

beforeAll(buildPackage, 120_000);

describe.skipIf(missing.length > 0)(`the quickstart's printed commands${because}`, () => {
  let script: Script;
  let lines: readonly string[];

  beforeAll(async () => {
    script = startScript(quickstart, { env: { PORT: String(await freePort()) } });
    await until(script, () => script.output.stdout.includes('/datasets/sales\n\n'));
    lines = script.output.stdout.split('\n');
  }, 60_000);
  afterAll(() => stop(script));

  it('are as many as this test knows', () => {
    expect(lines.filter((line) => line.startsWith('# '))).toEqual(
      expected.map(({ comment }) => comment),
    );
    expect(lines.filter((line) => line.startsWith('curl '))).toHaveLength(expected.length);
  });

  it('name their status in the comment', () => {
    for (const { comment, status } of expected) expect(comment).toContain(`: ${status}`);
  });

  it.each(expected)('$comment', async ({ comment, status, type, challenge, body }) => {
    const command = lines[lines.indexOf(comment) + 1] ?? '';
    const answer = parseAnswer(
      await paste([...lines.filter((line) => /^[A-Z]+=/.test(line)), command]),
    );
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')?.split(';')[0]).toBe(type);
    expect(answer.headers.get('www-authenticate') ?? undefined).toBe(challenge);
    expect(answer.body).toMatchObject(body);
  });

  it('can be pasted all at once', async () => {
    const pasted = await paste(lines.slice(lines.findIndex((line) => line.startsWith('ALICE='))));
    const statuses = [...pasted.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) =>
      Number(status),
    );
    expect(statuses).toEqual(expected.map(({ status }) => status));
  });
});

describe('the quickstart', () => {
  it('says in one line that its port is taken, and exits with 1', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const script = startScript(quickstart, { env: { PORT: String(port) } });
    expect(await script.exit).toBe(1);
    taken.close();
    expect(script.output).toEqual({
      stdout: '',
      stderr: expect.stringMatching(new RegExp(`^Port ${port} is taken\\..+\\n$`)) as string,
    });
  });

  it.each(['http', '65536', '80.5', ''])(
    'says in one line that PORT=%j is no port, and exits with 1',
    async (port) => {
      const script = startScript(quickstart, { env: { PORT: port } });
      expect(await script.exit).toBe(1);
      expect(script.output).toEqual({
        stdout: '',
        stderr: expect.stringMatching(/^PORT is a whole number .+\n$/) as string,
      });
    },
  );

  it.each(['SIGINT', 'SIGTERM'] as const)('ends at once on %s', async (signal) => {
    const script = startScript(quickstart, { env: { PORT: '0' } });
    await until(script, () => script.output.stdout.includes('curl'));
    script.child.kill(signal);
    const before = performance.now();
    await script.exit;
    expect(performance.now() - before).toBeLessThan(2000);
    expect(script.output.stderr).toBe('');
  });
});

/** Gives the lines to bash as a terminal would. Curl's progress goes to stderr and does not count. */
async function paste(pasted: readonly string[]): Promise<string> {
  const { stdout } = await run('bash', ['--noprofile', '--norc', '-c', pasted.join('\n')], {
    env: plainEnvironment(),
  });
  return stdout;
}

function parseAnswer(text: string): { status: number; headers: Headers; body: unknown } {
  const [head = '', body = ''] = text.replaceAll('\r', '').split(/\n\n(.*)/s);
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
