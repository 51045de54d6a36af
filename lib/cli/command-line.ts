import { AuthError } from '../errors.js';
import { ConfigError } from '../config/config.js';
import { StoreFailure } from '../stores/failures/store-failure.js';
import { helpOf, overviewOf } from './help.js';
import { LoadFailure } from './app/load-failure.js';
import { createPaint } from './output/paint.js';
import type { Terminal } from './terminal.js';
import { topics } from './topics.js';
import { unknownName, UsageError } from './usage-error.js';
import { visible } from './output/visible-text.js';
import { widthOf } from './output/wrap.js';

const HELP_FLAGS: readonly (string | undefined)[] = ['--help', '-h'];

/** Runs a command. Returns the exit code: 0 done, 1 failed, 2 wrong usage, or an application that cannot be loaded. */
export async function runCommandLine(
  [first, ...args]: readonly string[],
  terminal: Terminal,
): Promise<number> {
  if (first === 'help') return runCommandLine([...args, '--help'], terminal);
  const name = first ?? '';
  const topic = topics.get(name);
  const width = widthOf(terminal);
  const help = topic ? helpOf(name, topic, { args, width }) : overviewOf(topics, width);
  const asksForHelp = optionsIn(topic ? args : [first]).some((each) => HELP_FLAGS.includes(each));
  if (asksForHelp) {
    terminal.print(help);
    return 0;
  }
  try {
    if (first === undefined) throw new UsageError('no command is given');
    if (name.startsWith('-')) throw new UsageError('options come after the command');
    if (!topic) throw unknownName('command', name, [...topics.keys()]);
    return (await topic.run(args, terminal)) ?? 0;
  } catch (error) {
    return explain(error, terminal, help);
  }
}

/** Behind `--`, nothing is an option. */
function optionsIn<Argument>(args: readonly Argument[]): readonly Argument[] {
  const end = args.findIndex((each) => each === '--');
  return end === -1 ? args : args.slice(0, end);
}

function explain(error: unknown, terminal: Terminal, help: string): number {
  const isUsage = error instanceof UsageError;
  const text = isUsage ? error.message : sentenceOf(error);
  // One problem a line, or what a module has thrown; of anything else, a line break may come from outside.
  const hasLines = error instanceof ConfigError || error instanceof LoadFailure;
  const sentence = hasLines ? text.split('\n').map(visible).join('\n') : visible(text);
  const mark = createPaint(terminal, 'stderr')('red', 'latchkey:');
  terminal.complain(`${mark} ${sentence}\n${isUsage ? `\n${help}` : ''}`);
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
