import type { Check } from './check.js';
import { mail } from './checks/accounts.js';
import { acceptedWarnings } from './checks/configuration.js';
import { authRouter, errorHandling, headers, packageCopies } from './checks/middlewares.js';
import { forwardedFor, trustProxy } from './checks/proxy.js';
import { routes, unguardedChanges } from './checks/routes.js';
import { nodeVersion, packageVersions } from './checks/versions.js';
import { settingChecks } from './setting-checks.js';

const judging: readonly Check[] = [
  ...settingChecks,
  mail,
  nodeVersion,
  packageVersions,
  packageCopies,
  routes,
  unguardedChanges,
  errorHandling,
  headers,
  authRouter,
  trustProxy,
  forwardedFor,
];

/** Every check that needs no network, in the order of the report. */
export const allChecks: readonly Check[] = [...judging, acceptedWarnings(judging)];
