import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { sourcesIn } from './generated-mutants.js';
import { clientRules } from './client-rules.js';
import { machineRules } from './machine-rules.js';
import { root, runVitest } from './run-vitest.js';
import { type SecurityRule, securityRules } from './security-rules.js';
import { sideBySide } from './side-by-side.js';

const TIMEOUT_MS = 180_000;

/**
 * Takes each rule of security out by itself and runs its tests. Prints the removals that no test noticed; returns whether there was none.
 * With `text`, only the rules in whose words or file it occurs.
 */
export async function removeRules(text = ''): Promise<boolean> {
  const rules = [...securityRules, ...machineRules, ...clientRules].filter(({ rule, file }) =>
    `${file} ${rule}`.includes(text),
  );
  const folder = mkdtempSync(path.join(tmpdir(), 'latchkey-rules-'));
  const problems: string[] = [];
  try {
    await sideBySide([...rules.entries()], availableParallelism(), async ([at, rule]) => {
      const problem = await problemOf(rule, path.join(folder, String(at)));
      if (problem !== undefined) problems.push(`${rule.file}: ${rule.rule}: ${problem}`);
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  for (const problem of problems) console.log(problem);
  const noticed = rules.length - problems.length;
  console.log(`${noticed} of ${rules.length} removals of a security rule were noticed`);
  return problems.length === 0;
}

async function problemOf(rule: SecurityRule, folder: string): Promise<string | undefined> {
  const source = readFileSync(path.join(root, rule.file), 'utf8');
  if (source.split(rule.find).length !== 2)
    return `does not apply: no such text, or more than once`;
  const copy = path.join(folder, rule.file);
  mkdirSync(path.dirname(copy), { recursive: true });
  writeFileSync(
    copy,
    source.replace(rule.find, () => rule.replace),
  );
  const files = rule.tests.flatMap(sourcesIn).filter((name) => name.endsWith('.test.ts'));
  const { failed, passed, broken, hasTimedOut } = await runVitest({
    environment: { sources: folder, files, findings: path.join(folder, 'findings') },
    args: ['--bail=1', '--maxWorkers=1'],
    timeoutMs: TIMEOUT_MS,
  });
  if (failed.length > 0) return undefined;
  // Code that does not load says nothing about the rule.
  if (broken[0] !== undefined) return `cannot be tried: ${broken[0]}`;
  if (hasTimedOut) return `its tests took longer than ${TIMEOUT_MS / 1000} s`;
  return `none of ${passed} tests noticed`;
}
