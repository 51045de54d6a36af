import { ConfigError } from '../config/config.js';
import type { InspectedSettings } from './check.js';
import { acceptable, examine, isFlaw } from './examine.js';
import type { Finding } from './finding.js';
import { settingChecks } from './setting-checks.js';

/**
 * AUTH_STRICT: throws a `ConfigError` that lists what fails and what is warned of, each with its cure. Neither asks the network nor
 * depends on the date.
 */
export function refuseFlaws(settings: InspectedSettings): void {
  const { env } = settings.origins;
  const findings = examine(settingChecks, { env, settings, problems: [] });
  const flaws = findings.filter(isFlaw);
  if (flaws.length === 0) return;
  throw new ConfigError(
    flaws.map(({ check, says, fix }) => ({ setting: `${check}:`, problem: says, fix })),
    adviceOn(findings, settings),
  );
}

function adviceOn(findings: readonly Finding[], { origins }: InspectedSettings): string {
  const asks = `${origins.nameOf('strict')} asks for these checks`;
  const names = acceptable(findings);
  return names.length === 0
    ? asks
    : `${asks}; ${origins.nameOf('acceptedWarnings')}=${names.join(',')} accepts what is right for this application`;
}
