/** What the loop tells a run of vitest. Its processes pass it on to each other by environment variables. */
export interface MutationEnvironment {
  /** Folder with the sources that replace others, by their paths from the root. */
  readonly sources: string;
  /** Test files from the root, in order. */
  readonly files: readonly string[];
  /** What all runs together have found out. */
  readonly findings: string;
  /** How far the run of one file has come that switches mutants; without, none is switched. */
  readonly progress?: string;
}

const NAME = 'LATCHKEY_MUTATION';

export function readEnvironment(): MutationEnvironment {
  return JSON.parse(process.env[NAME] ?? '{}') as MutationEnvironment;
}

export function writeEnvironment(environment: MutationEnvironment): Record<string, string> {
  return { [NAME]: JSON.stringify(environment) };
}
