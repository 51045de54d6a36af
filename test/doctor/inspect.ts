import { ConfigError, loadConfig, type LoadConfigOptions } from 'latchkey';
import { originsOf } from '../../lib/config/config.js';
import { allChecks } from '../../lib/doctor/all-checks.js';
import type { Inspected } from '../../lib/doctor/check.js';
import { examine } from '../../lib/doctor/examine.js';
import type { Finding } from '../../lib/doctor/finding.js';
import { SECRET } from '../world/auth-server.js';

export const TODAY = { now: Date.UTC(2026, 0), nodeVersion: '24.1.0' };

/** A healthy application that signs tokens, in production. */
export const HEALTHY = {
  NODE_ENV: 'production',
  AUTH_PUBLIC_URL: 'https://app.example.com',
  AUTH_JWT_SECRET: SECRET,
  AUTH_STORE_URL: 'postgres://db.example.com/app',
};

/** What all checks find of an application with these settings. */
export function findingsOf(
  env: Readonly<Record<string, string | undefined>>,
  { overrides, hasOwnStore = false, ...others }: Surroundings = {},
): readonly Finding[] {
  const loaded = loadSettings(env, overrides);
  const settings = loaded.settings && { ...loaded.settings, hasOwnStore };
  return examine(allChecks, { env, today: TODAY, ...loaded, settings, ...others });
}

interface Surroundings extends Pick<Inspected, 'today' | 'folder' | 'application'> {
  readonly overrides?: LoadConfigOptions['overrides'];
  readonly hasOwnStore?: boolean;
}

function loadSettings(
  env: Readonly<Record<string, string | undefined>>,
  overrides: LoadConfigOptions['overrides'],
) {
  try {
    const config = loadConfig({ env, onWarning: () => undefined, ...(overrides && { overrides }) });
    return { settings: { config, origins: originsOf(config) }, problems: [] };
  } catch (error) {
    if (error instanceof ConfigError) return { settings: undefined, problems: error.problems };
    throw error;
  }
}

/** Checks that fail or warn, each as `warn access_lifetime`. */
export function flawsIn(findings: readonly Finding[]): readonly string[] {
  return findings
    .filter(({ outcome }) => outcome !== 'pass')
    .map(({ check, outcome }) => `${outcome} ${check}`);
}
