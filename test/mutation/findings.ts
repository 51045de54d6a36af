import { appendFileSync, existsSync, readFileSync } from 'node:fs';

/** One line of what the runs have found out about mutants. */
export interface Finding {
  readonly kind:
    /** Written before a mutant is tried: where a run stops at this, the mutant never ends. */
    | 'trying'
    | 'tried'
    | 'killed'
    /** Run through by tests, which therefore could have noticed. */
    | 'covered'
    /** Only a process of its own can tell: see {@link SwitchingRunner}. */
    | 'undecided';
  readonly mutants: readonly string[];
  /** Test file and test. */
  readonly by: string;
}

export function writeFinding(file: string, finding: Finding): void {
  appendFileSync(file, `${JSON.stringify(finding)}\n`);
}

/** In order. A line that is just being written is left out. */
export function readFindings(file: string): readonly Finding[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as Finding);
}

export function mutantsIn(file: string, kind: Finding['kind']): ReadonlySet<string> {
  return new Set(
    readFindings(file).flatMap((finding) => (finding.kind === kind ? finding.mutants : [])),
  );
}
