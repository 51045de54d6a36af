import { ConfigError } from '../config/config.js';
import type { InspectedSettings } from './check.js';
import { examine, isFlaw } from './examine.js';
import { settingChecks } from './setting-checks.js';

/**
 * AUTH_STRICT: throws a `ConfigError` that lists what fails and what is warned of, each with its cure. Neither asks the network nor
 * depends on the date.
 */
export function refuseFlaws(settings: InspectedSettings): void {
  const { env } = settings.origins;
  const flaws = examine(settingChecks, { env, settings, problems: [] }).filter(isFlaw);
  if (flaws.length === 0) return;
  const accepted = settings.origins.nameOf('acceptedWarnings');
  throw new ConfigError(
    flaws.map(({ check, outcome, says, fix }) => ({
      setting: `${check}:`,
      problem: says,
      fix: outcome === 'fail' ? fix : `${fix}; or, where it is meant, add ${check} to ${accepted}`,
    })),
  );
}
