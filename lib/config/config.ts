import type { Judgement } from './judgement.js';
import { redact } from './redact.js';
import { rules } from './rules.js';
import {
  type ConfigProblem,
  type ConfigWarning,
  type Environment,
  gatherSettings,
  isSecret,
  readSettings,
  variableOf,
} from './sources.js';
import type { OidcSettings, Settings } from './settings.js';
import { refuseUnknownOptions } from '../known-options.js';

export type { ConfigProblem, Environment };

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
  // Not enumerable: Node prints the members of an error that ends the process, and each problem would be there twice.
  readonly #problems: readonly ConfigProblem[];

  /** `advice` is for all of the problems, below them. @defaultValue none */
  constructor(problems: readonly ConfigProblem[], advice?: string) {
    const lines = problems.map(({ setting, problem, fix }) => `- ${setting} ${problem}; ${fix}`);
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    const all = advice === undefined ? lines : [...lines, advice];
    super(`the configuration has ${count}:\n${all.join('\n')}`);
    this.#problems = Object.freeze(problems.map((problem) => Object.freeze({ ...problem })));
  }

  /** The same, for programs. */
  get problems(): readonly ConfigProblem[] {
    return this.#problems;
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
    warn(path, problem, advice) {
      given.warnings.push({ setting: judgement.nameOf(path), problem, ...advice });
    },
  };
  for (const judge of rules) judge(judgement);
  for (const { setting, problem, why, fix } of given.warnings)
    onWarning(`${setting} ${problem}: ${why}; ${fix}`);
  if (given.problems.length > 0) throw new ConfigError(given.problems);
  const config = complete(judgement);
  const { isGiven, nameOf } = judgement;
  const fileOf = (path: string): string | undefined => given.values.get(path)?.file;
  const { warnings } = given;
  origins.set(config, Object.freeze({ env, warnings, isGiven, nameOf, fileOf }));
  return config;
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
  return redact(config, isSecret);
}

/** Where the settings of a configuration come from, to those who judge it as a whole. */
export interface ConfigOrigins {
  /** What was read as environment. */
  readonly env: Environment;
  readonly warnings: readonly ConfigWarning[];
  /** Whether the setting at a path of the config tree was given, and is not its default. */
  isGiven(path: string): boolean;
  /** The variable, the place in the file or in code where it was given, or else could be. */
  nameOf(path: string): string;
  /** The file that held it, for a variable that ends in `_FILE`. */
  fileOf(path: string): string | undefined;
}

const origins = new WeakMap<object, ConfigOrigins>();

/** Throws a TypeError for what `loadConfig()` of this copy of the package has not returned. */
export function originsOf(config: Config): ConfigOrigins {
  const found = origins.get(config);
  if (found) return found;
  throw new TypeError('this is no configuration of loadConfig(), but a copy of one');
}

/** Whether a value is what `loadConfig()` returned, whole and checked; not a copy of it, which lacks the secrets. */
export function isConfig(value: object): value is Config {
  return origins.has(value);
}
