import type { Check, Inspected } from './check.js';
import type { Finding } from './finding.js';

/** Makes the checks, in their order. A warning that AUTH_ACCEPTED_WARNINGS names is marked as accepted. */
export function examine(checks: readonly Check[], inspected: Inspected): readonly Finding[] {
  const accepted = inspected.settings?.config.acceptedWarnings ?? [];
  return checks.flatMap((check): Finding[] => {
    const verdicts = check.judge(inspected) ?? [];
    return [verdicts].flat().map((verdict) => {
      const finding = { check: check.name, ...verdict };
      const isAccepted = finding.outcome === 'warn' && accepted.includes(check.name);
      return isAccepted ? { ...finding, accepted: true } : finding;
    });
  });
}

/** Whether a finding keeps an application from starting with AUTH_STRICT, and `doctor --strict` from success. */
export function isFlaw(finding: Finding): finding is Exclude<Finding, { outcome: 'pass' }> {
  return finding.outcome === 'fail' || (finding.outcome === 'warn' && !finding.accepted);
}
