import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { sourcesIn } from './generated-mutants.js';
import { clientRules } from './client-rules.js';
import { inspectionRules } from './inspection-rules.js';
import { machineRules } from './machine-rules.js';
import { root } from './run-vitest.js';
import { type SecurityRule, securityRules } from './security-rules.js';
import { sideBySide } from './side-by-side.js';
import { startWarmVitest, type WarmVitest } from './warm-vitest.js';

const TIMEOUT_MS = 180_000;

interface RemoveRulesOptions {
  /** Only the rules in whose words or file it occurs. @defaultValue all */
  readonly text?: string | undefined;
  /** After so many seconds no other rule is tried. */
  readonly seconds: number;
}

/**
 * Takes each rule of security out by itself and runs its tests. Prints the removals that no test noticed, and how many rules
 * there was no time for; returns whether all that were tried were noticed.
 */
export async function removeRules({ text = '', seconds }: RemoveRulesOptions): Promise<boolean> {
  const rules = rotated([
    ...securityRules,
    ...machineRules,
    ...clientRules,
    ...inspectionRules,
  ]).filter(({ rule, file }) => `${file} ${rule}`.includes(text));
  const endsAt = performance.now() + seconds * 1000;
  const problems: string[] = [];
  let tried = 0;
  const vitests = await Promise.all(
    Array.from({ length: Math.min(availableParallelism(), rules.length) }, () =>
      startWarmVitest(TIMEOUT_MS),
    ),
  );
  await sideBySide(rules, vitests.length, async (rule, lane) => {
    const vitest = vitests[lane];
    if (vitest === undefined || performance.now() > endsAt) return;
    tried += 1;
    const problem = await problemOf(rule, vitest);
    if (problem !== undefined) problems.push(`${rule.file}: ${rule.rule}: ${problem}`);
  });
  await Promise.all(vitests.map((vitest) => vitest.close()));
  for (const problem of problems) console.log(problem);
  if (tried < rules.length)
    console.log(`Left out for want of time: ${rules.length - tried} removals of a security rule`);
  console.log(`${tried - problems.length} of ${tried} removals of a security rule were noticed`);
  return problems.length === 0;
}

/** Begins with another rule on each commit, so that every rule gets its turn where time is short. */
function rotated<Rule>(rules: readonly Rule[]): readonly Rule[] {
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' });
  const start = Number.parseInt(commit.slice(0, 8), 16) % rules.length;
  return [...rules.slice(start), ...rules.slice(0, start)];
}

async function problemOf(rule: SecurityRule, vitest: WarmVitest): Promise<string | undefined> {
  const source = readFileSync(path.join(root, rule.file), 'utf8');
  if (source.split(rule.find).length !== 2)
    return `does not apply: no such text, or more than once`;
  const files = rule.tests.flatMap(sourcesIn).filter((name) => name.endsWith('.test.ts'));
  const text = source.replace(rule.find, () => rule.replace);
  const { failed, passed, broken, hasTimedOut } = await vitest.run(files, {
    file: rule.file,
    text,
  });
  if (failed.length > 0) return undefined;
  // Code that does not load says nothing about the rule.
  if (broken[0] !== undefined) return `cannot be tried: ${broken[0]}`;
  if (hasTimedOut) return `its tests took longer than ${TIMEOUT_MS / 1000} s`;
  return `none of ${passed} tests noticed`;
}
