import type { Terminal } from './terminal.js';

/** Commands that belong together, and their help. */
export interface Topic {
  /** Resolves with the exit code; undefined is 0. */
  readonly run: (args: readonly string[], terminal: Terminal) => Promise<number | void>;
  /** What follows the topic in its usage line. */
  readonly usage: string;
  readonly commands: Readonly<Record<string, CommandHelp>>;
  /** What holds for all of its commands. A paragraph a line: help wraps them. */
  readonly notes: string;
}

export interface CommandHelp {
  /** What follows the command in its usage line. */
  readonly takes?: string;
  readonly says: string;
  readonly example: string;
}
