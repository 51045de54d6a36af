import type { Topic } from './topic.js';
import { hang } from './output/wrap.js';

/** The first page: every command in a line. */
export function overviewOf(topics: ReadonlyMap<string, Topic>, width: number): string {
  const usages = [...topics].map(([name, { usage }]) => `npx latchkey ${name} ${usage}`);
  const lines = [...topics].flatMap(([name, { commands }]) =>
    Object.entries(commands).map(([command, { says }]) => [`${name} ${command}`, says] as const),
  );
  const column = Math.max(...lines.map(([name]) => name.length));
  return `Usage: ${usages.join('\n       ')}

${lines.flatMap(([name, says]) => hang(`  ${name.padEnd(column)}  `, says, width)).join('\n')}

${paragraphs(
  'Add --help to a command for its options and an example. --version prints the version. Exit codes: 0 done, 1 failed, 2 wrong usage.',
  width,
)}
`;
}

interface HelpOptions {
  /** What follows the topic. The first command among it is told of alone. */
  readonly args: readonly string[];
  readonly width: number;
}

/** The help of a topic, or of one of its commands. */
export function helpOf(name: string, topic: Topic, { args, width }: HelpOptions): string {
  const { usage, commands, notes } = topic;
  const all = Object.entries(commands);
  const command = commandAmong(topic, args);
  const one = all.filter(([each]) => each === command);
  const shown = one.length > 0 ? one : all;
  const entries = shown.flatMap(([each, { takes = '', says }]) => [
    ...hang(`  ${name} ${each} `, takes, width).map((line) => line.trimEnd()),
    ...hang('      ', says, width),
  ]);
  const examples = shown.map(([, { example }]) => example);
  return `Usage: npx latchkey ${name} ${usage}

${entries.join('\n')}

Examples:
${examples.map((example) => `  ${example}`).join('\n')}

${paragraphs(notes, width)}
`;
}

/** The first word that is a command of the topic. */
export function commandAmong(topic: Topic, words: readonly string[]): string | undefined {
  return words.find((each) => Object.hasOwn(topic.commands, each));
}

function paragraphs(text: string, width: number): string {
  return text
    .split('\n')
    .flatMap((each) => hang('', each, width))
    .join('\n');
}
