import type { Judgement } from './judgement.js';
import { redact } from './redact.js';
import { rules } from './rules.js';
import {
  type ConfigProblem,
  type Environment,
  gatherSettings,
  isSecret,
  readSettings,
  variableOf,
} from './sources.js';
import type { OidcSettings, Settings } from './settings.js';
import { refuseUnknownOptions } from '../known-options.js';

export type { ConfigProblem };

/**
 * Every setting, parsed, checked and deeply frozen. Printed or serialised, secrets show as
 * `[redacted]`; they are not enumerable, so a copy made by spreading lacks them.
 */
export interface Config extends Omit<Settings, 'oidc' | 'apiKeyEnvironment'> {
  /** Whether NODE_ENV is `production`. */
  readonly production: boolean;
  /** Log-in providers by name; the variables without a name make the one named `default`. Has no prototype. */
  readonly oidc: Readonly<Record<string, OidcProvider>>;
  /** Part of every API key: `live` in `lk_live_…`. */
  readonly apiKeyEnvironment: string;
}

export interface OidcProvider extends OidcSettings {
  readonly issuer: string;
  readonly clientId: string;
}

/** Any part of a config tree. */
export type ConfigOverrides = Overrides<Omit<Config, 'production'>>;

type Overrides<Tree> = {
  readonly [Key in keyof Tree]?:
    | (Tree[Key] extends Leaf ? Tree[Key] : Overrides<Tree[Key]>)
    | undefined;
};
type Leaf = string | number | boolean | readonly unknown[] | { max: number } | undefined;

export interface LoadConfigOptions {
  /** Where variables are read. @defaultValue `process.env` */
  readonly env?: Environment;
  /** YAML or JSON file with a config tree. @defaultValue the variable CONFIG_FILE (with prefix), else none */
  readonly file?: string;
  /** How our variables begin: upper-case letters, digits and `_`, ending in `_`. @defaultValue `'AUTH_'` */
  readonly prefix?: string;
  /** Settings given in code; they win over environment and file. */
  readonly overrides?: ConfigOverrides;
  /** Called with each warning: what is odd but no error. @defaultValue `process.emitWarning(message, 'LatchkeyWarning')` */
  readonly onWarning?: (message: string) => void;
}

/** The configuration cannot be used. The message lists every problem and never quotes a value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ setting, problem, fix }) => `- ${setting} ${problem}; ${fix}`);
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    super(`the configuration has ${count}:\n${lines.join('\n')}`);
    this.problems = Object.freeze(problems.map((problem) => Object.freeze({ ...problem })));
  }
}

/**
 * Loads the configuration from code, environment, file and defaults, in this order of precedence.
 * @throws {ConfigError} with every problem at once.
 * @throws {TypeError} for an option that does not exist or cannot be.
 *
 * @example
 * ```ts
 * const config = loadConfig({ file: 'auth.yaml' });
 * const auth = createAuth({ config });
 * ```
 */
export function loadConfig(options: LoadConfigOptions = {}): Config {
  refuseMisuse(options);
  const { env = process.env, file, prefix = 'AUTH_', overrides, onWarning = emitWarning } = options;
  const given = gatherSettings({ env, file, prefix, overrides });
  const values = readSettings(given);
  const judgement: Judgement = {
    values,
    production: env['NODE_ENV']?.trim() === 'production',
    isGiven: (path) => given.values.has(path),
    nameOf: (path) => given.values.get(path)?.origin ?? variableOf(path, prefix),
    refuse(path, problem, fix) {
      given.problems.push({ setting: judgement.nameOf(path), problem, fix });
    },
    warn: (message) => given.warnings.push(message),
  };
  for (const judge of rules) judge(judgement);
  for (const warning of given.warnings) onWarning(warning);
  if (given.problems.length > 0) throw new ConfigError(given.problems);
  return complete(judgement);
}

const optionNames: readonly string[] = ['env', 'file', 'prefix', 'overrides', 'onWarning'];

function refuseMisuse(options: LoadConfigOptions): void {
  refuseUnknownOptions('loadConfig()', options, optionNames);
  const { prefix = 'AUTH_' } = options;
  if (!/^[A-Z][A-Z0-9_]*_$/.test(prefix))
    throw new TypeError('prefix is upper-case letters, digits and _, ending in _, such as AUTH_');
}

function emitWarning(message: string): void {
  process.emitWarning(message, 'LatchkeyWarning');
}

/** Fills in what follows from other settings. */
function complete({ values, production }: Judgement): Config {
  const { jwt, secret, oidc } = values;
  const issuer = jwt.issuer ?? values.publicUrl;
  const providers = Object.entries(oidc).flatMap(([name, { issuer: url, clientId, ...provider }]) =>
    url === undefined || clientId === undefined
      ? []
      : [{ [name]: { ...provider, issuer: url, clientId } }],
  );
  const config: Config = {
    ...values,
    production,
    jwt: {
      ...jwt,
      issuer,
      audience: jwt.audience ?? (issuer === undefined ? undefined : [issuer]),
      algorithm: jwt.algorithm ?? (jwt.secret === undefined ? undefined : 'HS256'),
    },
    secret: secret ?? jwt.secret,
    // A root that is borrowed from the signing secret rotates with it.
    secretPrevious: [
      ...new Set([...values.secretPrevious, ...(secret === undefined ? jwt.secretPrevious : [])]),
    ],
    refreshIdleTtlSeconds: Math.min(values.refreshIdleTtlSeconds, values.refreshTtlSeconds),
    apiKeyEnvironment: values.apiKeyEnvironment ?? (production ? 'live' : 'dev'),
    // Without a prototype, since providers are looked up by names out of requests.
    oidc: Object.assign(Object.create(null), ...providers),
  };
  const redacted = redact(config, isSecret);
  loaded.add(redacted);
  return redacted;
}

const loaded = new WeakSet();

/** Whether a value is what `loadConfig()` returned, whole and checked; not a copy of it, which lacks the secrets. */
export function isConfig(value: object): value is Config {
  return loaded.has(value);
}
