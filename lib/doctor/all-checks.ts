import type { Check } from './check.js';
import { mail } from './checks/accounts.js';
import { nodeVersion, packageVersions } from './checks/versions.js';
import { settingChecks } from './setting-checks.js';

/** Every check that needs no network, in the order of the report. */
export const allChecks: readonly Check[] = [...settingChecks, mail, nodeVersion, packageVersions];
