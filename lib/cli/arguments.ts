import { parseArgs, type ParseArgsConfig } from 'node:util';
import { didYouMean, nearestNames } from '../known-options.js';
import { shownName, unknownName, UsageError } from './usage-error.js';

type OptionTypes = NonNullable<ParseArgsConfig['options']>;

type Parsed<Options extends OptionTypes> = ReturnType<
  typeof parseArgs<{ options: Options; allowPositionals: true }>
>;

/** The options of a topic as they were given. */
export type GivenOf<Options extends OptionTypes> = Parsed<Options>['values'];

/**
 * Reads the options of a topic. A value that begins with `-` is written `--name=-value`; an argument may begin with it, as one id in
 * 64 does. Refuses an empty value, mostly a shell variable that is not set, and a second value for an option that takes one: it would
 * silently replace the first.
 */
export function parseArguments<const Options extends OptionTypes>(
  args: readonly string[],
  options: Options,
): Parsed<Options> {
  const config = { args: [...args], options, allowPositionals: true } as const;
  refuseDoubtfulValues(config);
  try {
    return parseArgs({ ...config, args: withDashedLast(config) });
  } catch (error) {
    throw new UsageError(sentenceOf(error, Object.keys(options)));
  }
}

function refuseDoubtfulValues(config: ParseArgsConfig & { readonly options: object }): void {
  const seen = new Set<string>();
  const { tokens } = parseArgs({ ...config, strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind !== 'option' || token.value === undefined) continue;
    const option = config.options?.[token.name];
    if (token.value === '') throw new UsageError(`--${token.name} has an empty value`);
    if (option && !option.multiple && seen.has(token.name))
      throw new UsageError(`--${token.name} is given twice, and takes one value`);
    seen.add(token.name);
  }
}

/** The same arguments, those that begin with `-` behind a `--`. No option of ours has one dash. */
function withDashedLast(config: ParseArgsConfig & { readonly options: object }): string[] {
  const { args = [], options } = config;
  const { tokens } = parseArgs({ ...config, strict: false, tokens: true });
  const end = tokens.find(({ kind }) => kind === 'option-terminator')?.index ?? args.length;
  const dashed = new Set(
    tokens.flatMap((token) =>
      token.kind === 'option' && !token.rawName.startsWith('--') ? [token.index] : [],
    ),
  );
  for (const index of dashed) {
    const arg = args[index] ?? '';
    const known = Object.keys(options);
    if (arg.length === 2 || nearestNames(arg.replace(/=.*/s, ''), known).length > 0)
      throw new UsageError(noOption(arg, known));
  }
  return [
    ...args.slice(0, end).filter((_, index) => !dashed.has(index)),
    '--',
    ...[...dashed].map((index) => args[index] ?? ''),
    ...args.slice(end + 1),
  ];
}

function noOption(written: string, known: readonly string[]): string {
  const name = written.replace(/=.*/s, '');
  const cure = didYouMean(nearestNames(name, known).map((each) => `--${each}`));
  return `there is no option ${shownName(name)}${cure === undefined ? '' : `; ${cure}`}`;
}

function sentenceOf(error: unknown, known: readonly string[]): string {
  if (!(error instanceof Error)) return 'cannot be read';
  const name = /^Unknown option '(--[^']+)'/.exec(error.message)?.[1];
  if (name !== undefined) return noOption(name, known);
  // `'--store <value>'`, `'-s, --store <value>'`
  const [, option, rest = ''] = /^Option '(--[^' ]+)[^']*' (.*)/.exec(error.message) ?? [];
  if (option === undefined) return error.message;
  return rest.startsWith('does not')
    ? `${option} takes no value`
    : `${option} needs a value; one that begins with - is written ${option}=-…`;
}

/** What a command of a topic takes. */
export interface CommandShape {
  /** What its one argument is, such as `one client id`. Undefined for a command that takes options only. */
  readonly argument?: string;
  /** The options of the topic that are its own. */
  readonly flags: readonly string[];
}

/**
 * Finds the command that the arguments of a topic name. Refuses options of other commands, and an argument too many or too few.
 */
export function readCommand<const Options extends OptionTypes, Command extends CommandShape>(
  topic: string,
  { options, commands }: { options: Options; commands: Readonly<Record<string, Command>> },
  args: readonly string[],
): { readonly command: Command; readonly given: GivenOf<Options>; readonly argument: string } {
  const { values, positionals } = parseArguments(args, options);
  const [name, argument = '', ...more] = positionals;
  const known = Object.keys(commands);
  if (name === undefined) throw new UsageError(`${topic} takes a command: ${known.join(', ')}`);
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) throw unknownName('command', name, known);
  const { argument: wanted, flags } = command;
  if ((wanted !== undefined) !== (argument !== '') || more.length > 0)
    throw new UsageError(`${topic} ${name} takes ${wanted ?? 'options only'}`);
  const stray = Object.keys(values).find((flag) => !flags.includes(flag));
  if (stray !== undefined) throw new UsageError(`${topic} ${name} has no option --${stray}`);
  return { command, given: values, argument };
}
