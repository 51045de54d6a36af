import { AuthError } from '../errors.js';
import { ConfigError } from '../config/config.js';
import { StoreFailure } from '../stores/failures/store-failure.js';
import { VERSION } from '../version.js';
import { commandAmong, helpOf, overviewOf } from './help.js';
import { LoadFailure } from './app/load-failure.js';
import { createPaint } from './output/paint.js';
import type { Terminal } from './terminal.js';
import { topics } from './topics.js';
import { unknownName, UsageError } from './usage-error.js';
import { visible } from './output/visible-text.js';
import { widthOf } from './output/wrap.js';

const HELP: readonly string[] = ['--help', '-h'];
const VERSIONS: readonly string[] = ['version', '--version', '-v'];

/** Runs a command. Returns the exit code: 0 done, 1 failed, 2 wrong usage, or an application that cannot be loaded. */
export async function runCommandLine(line: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...args] = line[0] === 'help' ? [...line.slice(1), '--help'] : line;
  const width = widthOf(terminal);
  if (name === undefined) {
    terminal.complain(overviewOf(topics, width));
    return 2;
  }
  if (HELP.includes(name)) return say(overviewOf(topics, width), terminal);
  if (VERSIONS.includes(name)) return say(`${VERSION}\n`, terminal);
  const topic = topics.get(name);
  if (topic && optionsIn(args).some((each) => HELP.includes(each)))
    return say(helpOf(name, topic, { args, width }), terminal);
  try {
    if (topic) return (await topic.run(args, terminal)) ?? 0;
    if (name.startsWith('-'))
      throw new UsageError('options come after the command; alone are only --help and --version');
    throw unknownName('command', name, [...topics.keys()]);
  } catch (error) {
    const command = topic && commandAmong(topic, args);
    // Commands of one topic. A topic that has no others is its own help.
    const words = topic ? [name, ...(command === undefined ? [] : [command])] : [];
    return explain(error, terminal, `Help: npx latchkey ${[...words, '--help'].join(' ')}`);
  }
}

function say(text: string, { print }: Terminal): number {
  print(text);
  return 0;
}

/** Behind `--`, nothing is an option. */
function optionsIn(args: readonly string[]): readonly string[] {
  const end = args.indexOf('--');
  return end === -1 ? args : args.slice(0, end);
}

function explain(error: unknown, terminal: Terminal, help: string): number {
  const isUsage = error instanceof UsageError;
  const text = isUsage ? error.message : sentenceOf(error);
  // One problem a line, or what a module has thrown; of anything else, a line break may come from outside.
  const hasLines = error instanceof ConfigError || error instanceof LoadFailure;
  const sentence = hasLines ? text.split('\n').map(visible).join('\n') : visible(text);
  const mark = createPaint(terminal, 'stderr')('red', 'latchkey:');
  terminal.complain(`${mark} ${sentence}\n${isUsage ? `${help}\n` : ''}`);
  return isUsage || error instanceof LoadFailure ? 2 : 1;
}

function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed';
  const fields = error instanceof AuthError ? (error.problem.errors ?? []) : [];
  if (fields.length > 0)
    return fields.map(({ pointer, detail }) => `${memberOf(pointer)} ${detail}`).join('; ');
  const { cause } = error;
  const text = cause instanceof Error && cause.message !== '' ? wordsOf(cause) : undefined;
  const isStore = error instanceof AuthError && error.code === 'STORE_UNAVAILABLE';
  if (isStore) return `the store cannot be used: ${text ?? 'it failed'}`;
  return text === undefined ? error.message : `${error.message}: ${text}`;
}

/** Why a store failed, and the driver's own words where that has none: the reader has configured the store. */
function wordsOf(error: Error): string {
  const { message, cause } = error;
  const isUnknown = error instanceof StoreFailure && error.reason === 'error';
  return isUnknown && cause instanceof Error ? `${message}: ${cause.message}` : message;
}

/** `password` for `#/new_password`, the member of a request body. */
function memberOf(pointer: string): string {
  return pointer.replace(/^#\/(?:new_)?/, '');
}
