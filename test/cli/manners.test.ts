import { expect, it, onTestFinished, vi } from 'vitest';
import { topics } from '../../lib/cli/topics.js';
import { withProgress } from '../../lib/cli/progress.js';
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

it.each([undefined, 60])(
  'no words of help are longer than a terminal is wide: %s',
  async (columns) => {
    for (const topic of [undefined, ...topics.keys()]) {
      const { stdout } = await latchkey(['help', ...(topic ? [topic] : [])], { columns });
      const [words = ''] = stdout.split('Examples:');
      const long = words.split('\n').filter((line) => line.length > (columns ?? 100));
      // What is copied stays whole.
      expect(long.filter((line) => !/^(Usage:)? +npx/.test(line))).toEqual([]);
    }
  },
);

it('every command is on the first page', async () => {
  const { code, stdout } = await latchkey(['--help']);
  expect(code).toBe(0);
  for (const [topic, command] of commands)
    expect(stdout).toMatch(new RegExp(`^ {2}${topic} ${command} `, 'm'));
  expect(await latchkey(['help'])).toEqual({ code, stdout, stderr: '' });
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
