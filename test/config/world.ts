import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import {
  type Config,
  ConfigError,
  loadConfig,
  type LoadConfigOptions,
} from '../../lib/config/config.js';

/** Random, so that no rule about weak secrets touches it. */
export const SECRET = 'vT3kq9Zr1LwXb7NfYc5JhGm2PdSa8EuQ';
export const OTHER_SECRET = 'Qn6RzW0tKy4VbHx9LmCe2FsJd7GpUa3i';

export interface Loaded {
  /** Undefined if it was refused. */
  readonly config: Config | undefined;
  /** `setting problem; fix`, one each. */
  readonly problems: readonly string[];
  /** The settings that have a problem. */
  readonly settings: readonly string[];
  readonly warnings: readonly string[];
  /** Everything that people would see of the failure. */
  readonly output: string;
}

/** Loads from exactly these options: no variable of this process gets in. */
export function load(options: LoadConfigOptions): Loaded {
  const warnings: string[] = [];
  const onWarning = (message: string) => void warnings.push(message);
  try {
    const config = loadConfig({ env: {}, onWarning, ...options });
    return { config, problems: [], settings: [], warnings, output: warnings.join('\n') };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return {
      config: undefined,
      problems: error.problems.map(({ setting, problem, fix }) => `${setting} ${problem}; ${fix}`),
      settings: error.problems.map(({ setting }) => setting),
      warnings,
      output: [...warnings, error.message, JSON.stringify(error), String(error.stack)].join('\n'),
    };
  }
}

/** The config of an environment that has to be fine. */
export function configOf(options: LoadConfigOptions): Config {
  const { config, problems } = load(options);
  if (!config) throw new Error(`unexpectedly refused: ${problems.join('\n')}`);
  return config;
}

/** Writes a file into a directory of its own, which goes when the test ends. */
export function fileWith(content: string, name = 'auth.yaml'): string {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-config-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}
