import type { Topic } from './topic.js';

/** The first page: every command in a line. */
export function overviewOf(topics: ReadonlyMap<string, Topic>): string {
  const usages = [...topics].map(([name, { options }]) => `npx latchkey ${name} ${options}`);
  const lines = [...topics].flatMap(([name, { commands }]) =>
    Object.entries(commands).map(([command, { says }]) => [`${name} ${command}`, says] as const),
  );
  const width = Math.max(...lines.map(([name]) => name.length));
  return `Usage: ${usages.join('\n       ')}

${lines.map(([name, says]) => `  ${name.padEnd(width)}  ${says}`).join('\n')}

Add --help to a command for its options and an example. Exit codes: 0 done, 1 failed, 2 wrong usage.
`;
}

/** The help of a topic, or of one of its commands. */
export function helpOf(name: string, topic: Topic, command: string | undefined): string {
  const { options, commands, notes } = topic;
  const all = Object.entries(commands);
  const one = all.filter(([each]) => each === command);
  const shown = one.length > 0 ? one : all;
  const entries = shown.map(
    ([each, { takes, says }]) =>
      `  ${[name, each, takes].filter(Boolean).join(' ')}\n      ${says}`,
  );
  const examples = shown.flatMap(([, { example }]) => (example === undefined ? [] : [example]));
  return `Usage: npx latchkey ${name} ${options}

${entries.join('\n')}

Examples:
${examples.map((example) => `  ${example}`).join('\n')}

${notes}
`;
}
