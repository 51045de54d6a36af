import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, it } from 'vitest';
import { buildPackage, root } from '../package/build-package.js';
import { plainEnvironment, startScript } from '../package/start-script.js';

const run = promisify(execFile);

beforeAll(() => buildPackage(), 120_000);

it('a second example leaves the package alone from which the first one runs', async () => {
  const changedAt = async () => (await stat(path.join(root, 'dist/index.cjs'))).ctimeMs;
  const before = await changedAt();
  const { stdout } = await run('npm', ['run', '--silent', 'example'], {
    cwd: root,
    env: plainEnvironment(),
  });
  expect(stdout).toContain('\n  multi-tenant\n');
  expect(await changedAt()).toBe(before);
}, 60_000);

it.each([
  { title: 'no example of that name', name: 'multi-tennant', env: {}, told: [/multi-tennant/] },
  { title: 'no such port', name: 'analytics-api', env: { PORT: '70000' }, told: [/^PORT .*70000/] },
  {
    title: 'a database that nobody has started',
    name: 'scale-out',
    env: { PORT: '0', AUTH_STORE_URL: 'redis://127.0.0.1:1' },
    told: [/cannot start/, /^Redis at 127\.0\.0\.1:1 is not reached/],
  },
])(
  '$title is told in so many lines',
  async ({ name, env, told }) => {
    const script = startScript(['--import', 'tsx', 'examples/start.ts', name], {
      env: { ...env, TSX_TSCONFIG_PATH: 'examples/tsconfig.installed.json' },
    });
    expect(await script.exit).toBe(1);
    const lines = script.output.stderr.trim().split('\n');
    expect(lines).toEqual(told.map((pattern) => expect.stringMatching(pattern) as string));
  },
  60_000,
);
