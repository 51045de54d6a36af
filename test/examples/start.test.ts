import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { root } from '../package/build-package.js';
import { readReadmes } from '../package/readmes.js';
import { plainEnvironment, startScript } from '../package/start-script.js';
import { bundle } from '../world/bundle.js';
import { compiledExamples } from './compiled-examples.js';

const run = promisify(execFile);
const serverOf = compiledExamples();

/** What a command has printed, and how it ended. */
interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  /** Of a command that failed. */
  readonly code?: number;
}

it('a second example leaves the package alone from which the first one runs, and one that does not exist is told in so many lines', async () => {
  const changedAt = async () => (await stat(path.join(root, 'dist/index.cjs'))).ctimeMs;
  const before = await changedAt();
  const ended: Ended = await run('npm', ['run', '--silent', 'example', 'multi-tennant'], {
    cwd: root,
    env: plainEnvironment(),
  }).catch((error: Ended) => error);
  expect(await changedAt()).toBe(before);
  expect(ended.code).toBe(1);
  expect(ended.stderr).toMatch(/^.*multi-tennant.*\n$/);
  const names = [...ended.stdout.matchAll(/^ {2}(\S+)$/gm)].map(([, name]) => name);
  expect(names).toContain('multi-tenant');
  // Whatever is said of starting one.
  const said = (await readReadmes()).flatMap(({ text }) => [
    ...text.matchAll(/npm run example ([\w/-]+)/g),
  ]);
  expect(names).toEqual(expect.arrayContaining(said.map(([, name]) => name)));
}, 60_000);

it.each([
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
    const script = startScript([serverOf(name)], { env });
    expect(await script.exit).toBe(1);
    const lines = script.output.stderr.trim().split('\n');
    expect(lines).toEqual(told.map((pattern) => expect.stringMatching(pattern) as string));
  },
  60_000,
);

describe('what starts every example', () => {
  let code: string;
  beforeAll(async () => {
    code = `${await bundle('examples/run-example.ts')}\nrunExample(() => new Promise(() => {}));`;
  });

  it.each(['http', '65536', '80.5', ''])(
    'says in one line that PORT=%j is no port, and exits with 1',
    async (port) => {
      const script = startScript(['--input-type=module', '-e', code], { env: { PORT: port } });
      expect(await script.exit).toBe(1);
      expect(script.output).toEqual({
        stdout: '',
        stderr: expect.stringMatching(/^PORT is a whole number .+\n$/) as string,
      });
    },
  );
});
