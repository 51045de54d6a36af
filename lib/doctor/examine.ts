import type { Config } from '../config/config.js';
import type { Check, Inspected } from './check.js';
import type { Finding } from './finding.js';

/** Makes the checks, in their order. A warning that AUTH_ACCEPTED_WARNINGS names is marked as accepted. */
export function examine(checks: readonly Check[], inspected: Inspected): readonly Finding[] {
  const { settings } = inspected;
  return checks.flatMap((check): Finding[] => {
    const verdicts = check.judge(inspected) ?? [];
    return [verdicts].flat().map((verdict) => {
      const finding = { check: check.name, ...verdict };
      return settings ? markAccepted(finding, settings.config) : finding;
    });
  });
}

/** The finding, marked where it is a warning that AUTH_ACCEPTED_WARNINGS names. */
export function markAccepted(
  finding: Finding,
  { acceptedWarnings }: Pick<Config, 'acceptedWarnings'>,
): Finding {
  const isAccepted = finding.outcome === 'warn' && acceptedWarnings.includes(finding.check);
  return isAccepted ? { ...finding, accepted: true } : finding;
}

/** Whether a finding keeps an application from starting with AUTH_STRICT, and `doctor --strict` from success. */
export function isFlaw(finding: Finding): finding is Exclude<Finding, { outcome: 'pass' }> {
  return finding.outcome === 'fail' || (finding.outcome === 'warn' && !finding.accepted);
}

/** What AUTH_ACCEPTED_WARNINGS may name: the checks that warn, with those that it names already. */
export function acceptable(findings: readonly Finding[]): readonly string[] {
  const warned = findings.filter(({ outcome }) => outcome === 'warn');
  return [...new Set(warned.map(({ check }) => check))];
}
