import { rmSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { topics } from '../../lib/cli/topics.js';
import { withProgress } from '../../lib/cli/output/progress.js';
import { tableOf } from '../../lib/cli/output/table.js';
import { visible } from '../../lib/cli/output/visible-text.js';
import { latchkey } from '../world/command-line.js';

const onTerminal = { isTty: { stdout: true, stderr: true } };
// oxlint-disable-next-line no-control-regex
const COLOUR = /\u001B\[\d+m/;

it.each([
  { title: 'a terminal', given: onTerminal, isColoured: true },
  { title: 'a pipe', given: {}, isColoured: false },
  {
    title: 'a terminal with NO_COLOR',
    given: { ...onTerminal, env: { NO_COLOR: '1' } },
    isColoured: false,
  },
  {
    title: 'a terminal with an empty NO_COLOR',
    given: { ...onTerminal, env: { NO_COLOR: '' } },
    isColoured: true,
  },
  {
    title: 'a terminal without abilities',
    given: { ...onTerminal, env: { TERM: 'dumb' } },
    isColoured: false,
  },
  {
    title: 'a pipe with FORCE_COLOR',
    given: { env: { FORCE_COLOR: '1', NO_COLOR: '1' } },
    isColoured: true,
  },
  {
    title: 'a terminal with FORCE_COLOR=0',
    given: { ...onTerminal, env: { FORCE_COLOR: '0' } },
    isColoured: false,
  },
])('$title: coloured $isColoured', async ({ given, isColoured }) => {
  expect(COLOUR.test((await latchkey(['users', 'list'], given)).stderr)).toBe(isColoured);
});

const commands = [...topics].flatMap(([topic, { commands: all }]) =>
  Object.keys(all).map((command) => [topic, command] as const),
);

it.each(commands)(
  '%s %s --help tells of this command alone, with an example',
  async (topic, command) => {
    const help = await latchkey([topic, command, '--help']);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toMatch(new RegExp(`Examples:\n {2}.*npx latchkey ${topic} ${command}\\b`));
    expect(help.stdout.match(new RegExp(`^ {2}${topic} `, 'gm'))).toHaveLength(1);
    expect(await latchkey(['help', topic, command])).toEqual(help);
  },
);

it('without a command it prints the first page, and ends with 2', async () => {
  const { stdout } = await latchkey(['--help']);
  expect(await latchkey([])).toEqual({ code: 2, stdout: '', stderr: stdout });
});

it.each(['--version', '-v', 'version'])('%s prints the version alone', async (word) => {
  const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
  expect(await latchkey([word])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
});

it('every command is on the first page', async () => {
  const { code, stdout } = await latchkey(['--help']);
  expect(code).toBe(0);
  for (const [topic, command] of commands)
    expect(stdout).toMatch(new RegExp(`^ {2}${topic} ${command} `, 'm'));
  expect(await latchkey(['help'])).toEqual({ code, stdout, stderr: '' });
});

it.each([
  { args: ['frob'], help: '--help' },
  { args: ['help', 'frob'], help: '--help' },
  { args: ['frob', '--help'], help: '--help' },
  { args: ['--json'], help: '--help' },
  { args: ['users', 'frob'], help: 'users --help' },
  { args: ['users', 'list', '--frob'], help: 'users list --help' },
  { args: ['keys', 'generate', '--alg', 'frob'], help: 'keys generate --help' },
  { args: ['routes', 'a', 'b'], help: 'routes --help' },
])('$args: one sentence, and which help to ask for', async ({ args, help }) => {
  const { code, stdout, stderr } = await latchkey(args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  const [sentence, ...more] = stderr.split('\n');
  expect(sentence).toMatch(/^latchkey: ./);
  expect(more).toEqual([`Help: npx latchkey ${help}`, '']);
  expect(await latchkey(help.split(' '))).toMatchObject({ code: 0, stderr: '' });
});

it.each([
  { args: ['user', 'list'], nearest: 'users' },
  { args: ['users', 'lsit'], nearest: 'list' },
  { args: ['users', 'list', '--jsno'], nearest: '--json' },
  { args: ['service-account', 'list'], nearest: 'service-accounts' },
])('$args: the answer offers $nearest', async ({ args, nearest }) => {
  const { code, stderr } = await latchkey(args);
  expect(code).toBe(2);
  expect(stderr.split('\n')[0]).toContain(nearest);
});

it('work of more than a second shows a line on a terminal, gone when it is done', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const written: string[] = [];
  const output = { print: () => undefined, complain: (text: string) => void written.push(text) };
  const terminal = { env: {}, read: async function* read() {}, ...output };
  const wait = (ms: number) => new Promise((resolve) => void setTimeout(resolve, ms));

  for (const { given, ms } of [
    { given: terminal, ms: 5000 },
    { given: { ...terminal, ...onTerminal }, ms: 900 },
  ]) {
    const work = withProgress(given, 'fetching', wait(ms));
    await vi.advanceTimersByTimeAsync(ms);
    await work;
  }
  expect(written).toEqual([]);

  const slow = withProgress({ ...terminal, ...onTerminal }, 'fetching', wait(2500));
  await vi.advanceTimersByTimeAsync(2500);
  await slow;
  expect(written).toEqual(['\rfetching … 1 s', '\rfetching … 2 s', '\r\u001B[K']);
});

const widths = [60, undefined].flatMap((columns) =>
  [[], ...commands].map((words) => ({ columns, words: words.join(' ') })),
);

it.each(widths)('help $words fits into $columns columns', async ({ columns, words }) => {
  const { stdout } = await latchkey(['help', ...words.split(' ').filter(Boolean)], { columns });
  // What is copied stays whole.
  const lines = stdout.split('\n').filter((line) => !line.includes('npx latchkey'));
  expect(lines.filter((line) => line.length > (columns ?? 100))).toEqual([]);
});

describe('W13: what is printed neither moves the cursor nor hides', () => {
  const HOSTILE = '\u0000\u001B[2J\u009B31m\r\n\u202E\u200B\uFEFF\uD800\u{E0041}';
  // oxlint-disable-next-line no-control-regex
  const RAW = /[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u200B\u202E\uD800-\uDFFF\uFEFF]/;

  // Many lines a test: a test of its own for each would take longer to report than to run.
  it.each(commands)('%s %s', async (topic, command) => {
    const outcomes = await Promise.all(
      [
        [HOSTILE],
        [command, HOSTILE],
        [command, HOSTILE, HOSTILE],
        [command, `--${HOSTILE}`],
        [command, '--', HOSTILE],
        [command, HOSTILE, `--store=${HOSTILE}`],
        [command, HOSTILE, `--issuer=${HOSTILE}`],
        [command, HOSTILE, `--jwks=${HOSTILE}`, `--issuer=https://issuer.example`],
        [command, `--alg=${HOSTILE}`],
        [command, `--allow=${HOSTILE}`],
        [command, '--sub=a', `--ttl=${HOSTILE}`, `--claim=${HOSTILE}`],
      ].map((args) => latchkey([topic, ...args])),
    );
    for (const { code, stdout, stderr } of outcomes) {
      expect([1, 2]).toContain(code);
      expect(stdout + stderr).not.toMatch(RAW);
    }
  });

  it('in JSON it is the same text, halves of surrogate pairs and letters outside the basic plane included', () => {
    const written = visible(JSON.stringify(HOSTILE));
    expect(written).not.toMatch(RAW);
    expect(JSON.parse(written)).toBe(HOSTILE);
    expect(visible('Zoë 漢字 😀')).toBe('Zoë 漢字 😀');
  });

  it('keys generate --json names its files that way', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'latchkey-manners-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const out = path.join(folder, 'a\u202Eb');
    const { code, stdout } = await latchkey(['keys', 'generate', '--json', '--out', out]);
    expect(code).toBe(0);
    expect(stdout).not.toMatch(RAW);
    expect(JSON.parse(stdout)).toMatchObject({ files: [path.join(out, 'private-key.pem'), {}] });
  });
});

/** The options with a value that help tells of. */
const valued = [...topics].flatMap(([topic, { usage, commands: all }]) =>
  Object.entries(all).flatMap(([command, { takes = '' }]) =>
    [...`${usage} ${takes}`.matchAll(/--([a-z-]+) <[^>]*>(\S*)/g)].map(
      ([, option = '', rest = '']) => ({ topic, command, option, isMany: rest.endsWith('…') }),
    ),
  ),
);

it.each(valued)('$topic $command --$option needs a value', async ({ topic, command, option }) => {
  for (const rest of [[`--${option}`], [`--${option}`, '--json'], [`--${option}=`]]) {
    // oxlint-disable-next-line no-await-in-loop
    const { code, stdout, stderr } = await latchkey([topic, command, ...rest]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.split('\n')[0]).toContain(`--${option} `);
  }
});

it.each(valued.filter(({ isMany }) => !isMany))(
  '$topic $command takes one --$option',
  async ({ topic, command, option }) => {
    const { code, stderr } = await latchkey([topic, command, `--${option}=a`, `--${option}=b`]);
    expect(code).toBe(2);
    expect(stderr.split('\n')[0]).toContain(`--${option} is given twice`);
  },
);

it.each([
  { title: 'options before the command', args: ['--json', 'users', 'list'] },
  { title: '-- before the command', args: ['--', 'users', 'list'] },
  { title: 'a login that looks like an option', args: ['users', 'disable', '--', '--help'] },
  { title: 'a long name, such as a token', args: ['x'.repeat(10_000)] },
  { title: 'a long option, such as a token', args: ['users', 'list', `--${'x'.repeat(10_000)}`] },
])('$title: exit code 2 and a short sentence', async ({ args }) => {
  const { code, stdout, stderr } = await latchkey(args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr.split('\n')[0]?.length).toBeLessThan(120);
});

it.each([
  { given: '-store', sentence: 'there is no option "-store"; did you mean --store?' },
  { given: '-store=file:x', sentence: 'there is no option "-store"; did you mean --store?' },
  { given: '-x', sentence: 'there is no option "-x"' },
  { given: '--stroe', sentence: 'there is no option "--stroe"; did you mean --store?' },
])('$given is no option', async ({ given, sentence }) => {
  const { code, stderr } = await latchkey(['users', 'list', given]);
  expect(code).toBe(2);
  expect(stderr.split('\n')[0]).toBe(`latchkey: ${sentence}`);
});

it('ideographs and accents keep columns aligned, and a very long cell does not push them away', () => {
  const rows = [
    ['漢字', 'a'],
    ['e\u0301', 'b'],
    ['x'.repeat(10_000), 'c'],
  ];
  expect(tableOf(['NAME', 'ROLE'], rows)).toEqual([
    'NAME  ROLE',
    '漢字  a',
    'e\u0301     b',
    `${'x'.repeat(10_000)}  c`,
  ]);
});

it.each([
  { command: 'doctor', options: ['--live', '--json', '--strict'] },
  { command: 'routes', options: ['--json', '--fail-unguarded'] },
])('the usage line of $command names $options', async ({ command, options }) => {
  const [usage = ''] = (await latchkey([command, '--help'])).stdout.split('\n');
  expect(options.filter((option) => !usage.includes(option))).toEqual([]);
});
