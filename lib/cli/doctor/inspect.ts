import path from 'node:path';
import {
  type Config,
  ConfigError,
  type ConfigProblem,
  loadConfig,
  originsOf,
} from '../../config/config.js';
import type { ForwardedSample, Inspected } from '../../doctor/check.js';
import { isRecord } from '../../is-record.js';
import { loadApp } from '../app/load.js';
import { LoadFailure } from '../app/load-failure.js';
import type { Terminal } from '../terminal.js';
import { UsageError } from '../usage-error.js';

/** What the variables say of an application. */
export function inspectEnvironment(terminal: Terminal): Inspected {
  const surroundings = surroundingsOf(terminal, path.resolve('.'));
  const read = readEnvironment(terminal);
  if (read.settings && !hasIssuer(read.settings.config))
    throw new UsageError(
      'no issuer is configured: set the AUTH_… variables of the application, or name the file that starts it: npx latchkey doctor app.js',
    );
  return { ...surroundings, ...read };
}

interface Loading {
  readonly file: string;
  readonly forwarded: ForwardedSample | undefined;
}

interface InspectedFile {
  /** One for each `createAuth()`; one without settings for an application that calls it nowhere. */
  readonly inspected: readonly Inspected[];
  close(): Promise<void>;
}

/**
 * Loads an application and says what is to be looked at. Where its `createAuth()` refuses the configuration, that is what is found.
 * Rejects with a `LoadFailure` for one that doesn't load for another reason.
 */
export async function inspectApplication(
  { file, forwarded }: Loading,
  terminal: Terminal,
): Promise<InspectedFile> {
  const surroundings = surroundingsOf(terminal, path.dirname(path.resolve(file)));
  const loaded = await loadApp(file, terminal).catch((error: unknown) => {
    const problems = error instanceof LoadFailure ? problemsIn(error.cause) : undefined;
    if (!problems) throw error;
    return problems;
  });
  if (!('auths' in loaded)) {
    const inspected = [{ ...surroundings, settings: undefined, problems: loaded }];
    return { inspected, close: () => Promise.resolve() };
  }
  const { apps, auths } = loaded;
  const application = { apps, auths, forwarded };
  const common = { ...surroundings, problems: [], application };
  const inspected = auths.map(({ config, origins, hasOwnStore }): Inspected => {
    const env = { ...terminal.env, ...origins.env };
    return { ...common, env, settings: { config, origins, hasOwnStore } };
  });
  return {
    inspected: auths.length > 0 ? inspected : [{ ...common, settings: undefined }],
    close: () => loaded.close(),
  };
}

function surroundingsOf(
  { env }: Terminal,
  folder: string,
): Pick<Inspected, 'env' | 'today' | 'folder'> {
  return { env, folder, today: { now: Date.now(), nodeVersion: process.versions.node } };
}

function readEnvironment({ env }: Terminal): Pick<Inspected, 'settings' | 'problems'> {
  try {
    const config = loadConfig({ env, onWarning: () => undefined });
    return { settings: { config, origins: originsOf(config), hasOwnStore: false }, problems: [] };
  } catch (error) {
    if (error instanceof ConfigError) return { settings: undefined, problems: error.problems };
    throw error;
  }
}

function hasIssuer({ jwt, trustedIssuers }: Config): boolean {
  const { secret, privateKey, jwksUrl, publicKey } = jwt;
  return [secret, privateKey, jwksUrl, publicKey, ...trustedIssuers].some(Boolean);
}

/** By its shape: the application may have another copy of the package, and an error of its own around it. */
function problemsIn(error: unknown): readonly ConfigProblem[] | undefined {
  if (!(error instanceof Error)) return undefined;
  const problems: unknown = Reflect.get(error, 'problems');
  if (error.name === 'ConfigError' && Array.isArray(problems)) return problems.filter(isProblem);
  return problemsIn(error.cause);
}

function isProblem(value: unknown): value is ConfigProblem {
  return (
    isRecord(value) &&
    ['setting', 'problem', 'fix'].every((name) => typeof value[name] === 'string')
  );
}
