import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { equivalentMutants } from './equivalent-mutants.js';
import type { MutationEnvironment } from './environment.js';
import { mutantsIn, readFindings, writeFinding } from './findings.js';
import { type GeneratedMutant, instrument, sourcesIn } from './generated-mutants.js';
import { runVitest } from './run-vitest.js';
import { sideBySide } from './side-by-side.js';

/** Score that each room has to reach, in percent of the mutants that change anything. */
const LEAST_SCORE = 95;

/** What notices mutants of these rooms, those that notice most first. */
const RELATED = [
  'test/verifier',
  'test/authenticate',
  'test/attacks/forged-tokens.test.ts',
  'test/claims',
  'test/attacks/keys.test.ts',
  'test/attacks/issuers.test.ts',
  'test/attacks/caches.test.ts',
  'test/middleware',
  'test/attacks/transport.test.ts',
  'test/attacks/auth-transport.test.ts',
  'test/attacks/late-sessions.test.ts',
  'test/attacks/unsafe-options.test.ts',
  'test/journeys/key-rotation.test.ts',
  'test/journeys/oidc-provider-rotation.test.ts',
  'test/journeys/oidc-provider-outage.test.ts',
  'test/journeys/oidc-provider.test.ts',
  'test/auth.test.ts',
  'test/config/trusted-issuers.test.ts',
  'test/issuing',
];

const FILE_TIMEOUT_MS = 900_000;
const MUTANT_TIMEOUT_MS = 180_000;
/** Longer than the slowest test that is tried may take, and its repetition. */
const HANG_MS = 40_000;
/** Runs that end because a mutant never does. */
const MOST_HANGS = 20;

/** Measures how many generated mutants the tests notice. Says which they don't, and whether every room reaches its score. */
export async function measure(places: readonly string[]): Promise<boolean> {
  const folder = mkdtempSync(path.join(tmpdir(), 'latchkey-mutation-'));
  try {
    const mutants = await instrument(places.flatMap(sourcesIn), folder);
    const files = RELATED.flatMap(sourcesIn).filter((name) => name.endsWith('.test.ts'));
    const findings = path.join(folder, 'findings.jsonl');
    writeFileSync(findings, '');
    const environment = { sources: folder, files, findings };
    console.log(`${mutants.length} mutants, ${files.length} test files`);
    await sideBySide(files, availableParallelism(), (file) => switchWithin(file, environment));
    const undecided = mutantsIn(findings, 'undecided');
    const killed = mutantsIn(findings, 'killed');
    const alone = mutants.filter(({ id }) => undecided.has(id) && !killed.has(id));
    console.log(`${killed.size} killed; ${alone.length} to be tried in processes of their own`);
    await sideBySide(alone, availableParallelism(), (mutant) => tryAlone(mutant, environment));
    return report(mutants, findings);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Tries what can be switched while one test file runs. Goes on behind a mutant that never ends. */
async function switchWithin(file: string, environment: MutationEnvironment): Promise<void> {
  const { findings } = environment;
  const progress = `${findings}.${file.replaceAll('/', '-')}`;
  const lastOf = () => readFindings(progress).at(-1);
  for (let hangs = 0; hangs < MOST_HANGS; hangs += 1) {
    let seen = { last: lastOf(), at: performance.now() };
    const { hasTimedOut, failed, broken } = await runVitest({
      environment: { ...environment, files: [file], progress },
      args: ['--maxWorkers=1'],
      timeoutMs: FILE_TIMEOUT_MS,
      isHanging() {
        const last = lastOf();
        if (last?.kind !== 'trying' || !isDeepStrictEqual(last, seen.last))
          seen = { last, at: performance.now() };
        return performance.now() - seen.at > HANG_MS;
      },
    });
    if (!hasTimedOut) {
      const problems = [...failed, ...broken].map((problem) => `; without a mutant: ${problem}`);
      console.log(`${mutantsIn(findings, 'killed').size} killed after ${file}${problems.join('')}`);
      return;
    }
    const { mutants = [], by = file } = lastOf() ?? {};
    writeFinding(findings, { kind: 'killed', mutants, by: `${by} (never ended)` });
  }
}

/** Runs the tests with a mutant that is there from the first import on. */
async function tryAlone({ id }: GeneratedMutant, environment: MutationEnvironment): Promise<void> {
  const outcome = await runVitest({
    environment,
    args: ['--bail=1', '--maxWorkers=1'],
    env: { __STRYKER_ACTIVE_MUTANT__: id },
    timeoutMs: MUTANT_TIMEOUT_MS,
  });
  const hang = outcome.hasTimedOut ? 'never ended' : undefined;
  const by = outcome.failed[0] ?? outcome.broken[0] ?? hang;
  if (by !== undefined) writeFinding(environment.findings, { kind: 'killed', mutants: [id], by });
}

function report(mutants: readonly GeneratedMutant[], findings: string): boolean {
  const killed = mutantsIn(findings, 'killed');
  const covered = mutantsIn(findings, 'covered');
  const isEquivalent = ({ file, original, replacement }: GeneratedMutant): boolean =>
    equivalentMutants.some(
      (known) =>
        known.file === file && known.original === original && known.replacement === replacement,
    );
  const counted = mutants.filter((mutant) => killed.has(mutant.id) || !isEquivalent(mutant));
  for (const mutant of counted.filter(({ id }) => !killed.has(id))) {
    const { id, file, line, mutator, original, replacement } = mutant;
    const reach = covered.has(id) ? '' : ' (no test runs through it)';
    console.log(`\n${file}:${line} ${mutator}${reach}\n- ${original}\n+ ${replacement}`);
  }
  console.log('');
  for (const room of new Set(counted.map(({ file }) => path.dirname(file)))) {
    const inside = counted.filter(({ file }) => path.dirname(file) === room);
    console.log(`${room}: ${summary(inside, killed)}`);
  }
  console.log(`in all: ${summary(counted, killed)}`);
  return scoreOf(counted, killed) >= LEAST_SCORE;
}

function summary(mutants: readonly GeneratedMutant[], killed: ReadonlySet<string>): string {
  const noticed = mutants.filter(({ id }) => killed.has(id)).length;
  return `${noticed} of ${mutants.length} mutants noticed, ${scoreOf(mutants, killed).toFixed(1)} %`;
}

function scoreOf(mutants: readonly GeneratedMutant[], killed: ReadonlySet<string>): number {
  if (mutants.length === 0) return 100;
  return (mutants.filter(({ id }) => killed.has(id)).length / mutants.length) * 100;
}
