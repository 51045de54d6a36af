import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { didYouMean, nearestNames } from '../known-options.js';
import { parseYaml } from './parse-yaml.js';
import { readTable } from './setting-rows.js';
import { settings, table } from './setting-table.js';
import type { Settings } from './settings.js';
import { isPlainObject, readJson, Refusal, RefusalList, refuseUnsafeTree } from './values.js';

/** One thing wrong with the configuration. Holds no value that was given. */
export interface ConfigProblem {
  /** The variable, the place in the file, or the place in the tree given in code. */
  readonly setting: string;
  readonly problem: string;
  readonly fix: string;
}

/** What is odd, but no error. */
export interface ConfigWarning extends ConfigProblem {
  /** What happens because of it. */
  readonly why: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export interface SourceOptions {
  readonly env: Environment;
  readonly prefix: string;
  readonly file: string | undefined;
  readonly overrides: unknown;
}

interface Given {
  readonly value: unknown;
  /** Where it was given, as shown to people. */
  readonly origin: string;
  /** The file that a variable with `_FILE` names. */
  readonly file?: string;
}

/** Everything that was given, by path in the config tree, and what is wrong with how it was given. */
export interface GivenSettings {
  readonly values: Map<string, Given>;
  readonly problems: ConfigProblem[];
  readonly warnings: ConfigWarning[];
}

/**
 * Gathers what code, environment and file give, in this order of precedence. A value that another one
 * shadows is not looked at. Judges names and places, not values.
 */
export function gatherSettings(options: SourceOptions): GivenSettings {
  const given: GivenSettings = { values: new Map(), problems: [], warnings: [] };
  const originInCode = (path: string) =>
    path === '' ? 'the options object' : `the option ${path}`;
  addTree(given, options.overrides, { originOf: originInCode, adapt: (value) => value });
  addEnvironment(given, options);
  const fileName = options.file ?? (options.env[`${options.prefix}CONFIG_FILE`] || undefined);
  if (fileName !== undefined) addFile(given, fileName, options.env);
  return given;
}

/** The variable's name, where a setting has to be called by one. */
export function variableOf(path: string, prefix: string): string {
  const steps = stepsOf(path);
  const setting = settings.find((candidate) => matches(stepsOf(candidate.path), steps));
  const provider = path.split('.')[1];
  const name = provider === 'default' ? '' : `${provider?.toUpperCase().replaceAll('-', '_')}_`;
  return prefix + (setting?.variable.replace('*_', name) ?? path);
}

/** What can be said of a login provider: the ends of its variables. */
const PROVIDER_MEMBERS = settings
  .filter(({ variable }) => variable.startsWith('OIDC_*_'))
  .map(({ variable }) => variable.slice('OIDC_*_'.length));
const OIDC_VARIABLE = new RegExp(
  `^OIDC_(?:([A-Z\\d]+(?:_[A-Z\\d]+)*)_)?(${PROVIDER_MEMBERS.join('|')})$`,
);

/** The path that a variable (without prefix) stands for. */
function pathOf(variable: string): string | undefined {
  const [, provider = 'default', member] = OIDC_VARIABLE.exec(variable) ?? [];
  if (member === undefined) return settings.find((row) => row.variable === variable)?.path;
  const row = settings.find(({ variable: name }) => name === `OIDC_*_${member}`);
  return row?.path.replace('*', provider.toLowerCase().replaceAll('_', '-'));
}

function addEnvironment(given: GivenSettings, { env, prefix }: SourceOptions): void {
  const fromCode = new Set(given.values.keys());
  for (const [name, text] of Object.entries(env)) {
    const suffix = name.slice(prefix.length);
    if (!name.startsWith(prefix) || !text || suffix === 'CONFIG_FILE') continue;
    const direct = pathOf(suffix);
    const path = direct ?? (suffix.endsWith('_FILE') ? pathOf(suffix.slice(0, -5)) : undefined);
    if (path === undefined) given.warnings.push(unknownVariable(suffix, prefix));
    else if (!fromCode.has(path)) addVariable(given, path, { name, text, isFile: !direct });
  }
}

interface Variable {
  readonly name: string;
  readonly text: string;
  readonly isFile: boolean;
}

function addVariable(given: GivenSettings, path: string, variable: Variable): void {
  const { name, text, isFile } = variable;
  // A secret of white space only is a mistake worth hearing about; anything else counts as unset.
  if (text.trim() === '' && (isFile || !isSecret(path))) return;
  const other = given.values.get(path);
  if (other)
    given.problems.push({
      setting: `${other.origin}, ${name}`,
      problem: 'are both given',
      fix: 'keep one of them',
    });
  const value = isFile ? readMounted(given, variable) : text;
  given.values.set(path, { value, origin: name, ...(isFile && { file: text }) });
}

const secretPaths = settings.filter((row) => row.isSecret).map(({ path }) => path);
// Asked for every member of a configuration, nearly all of which have a path without a provider's name.
const secretsByPath = new Set(secretPaths.filter((path) => !path.includes('*')));
const secretsOfProviders = secretPaths.filter((path) => path.includes('*')).map(stepsOf);

/** Whether the setting at this path must never be printed. */
export function isSecret(path: string): boolean {
  if (secretsByPath.has(path)) return true;
  const steps = stepsOf(path);
  return secretsOfProviders.some((pattern) => matches(pattern, steps));
}

/** Undefined stands for a file that cannot be read, which is then already reported. */
function readMounted({ problems }: GivenSettings, { name, text }: Variable): unknown {
  const content = readFile(text);
  if (content.text !== undefined) return content.text.replace(/\r?\n$/, '');
  // It may be the value itself, in the place of its file's path.
  const isPath = /^(?:\.{0,2}|[A-Za-z]:)[\\/][\w .@-]+(?:[\\/][\w .@-]+)*$/.test(text);
  problems.push({
    setting: name,
    problem: `names ${isPath ? text : 'a file'} that cannot be read (${content.failure})`,
    fix: 'give the path of a readable file',
  });
  return undefined;
}

function readFile(path: string): { readonly text?: string; readonly failure?: string } {
  try {
    return { text: readFileSync(path, 'utf8') };
  } catch (error) {
    const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
    return { failure: typeof code === 'string' ? code : 'unknown reason' };
  }
}

function unknownVariable(suffix: string, prefix: string): ConfigWarning {
  const words = suffix.split('_');
  const providers = words.map((_, index) => words.slice(1, index + 1).join('_'));
  const names = settings.flatMap(({ variable }) =>
    variable.includes('*')
      ? providers.map((provider) => variable.replace('*_', provider && `${provider}_`))
      : [variable],
  );
  const candidates = ['CONFIG_FILE', ...names.filter((name) => pathOf(name) !== undefined)];
  const ending = suffix.endsWith('_FILE') ? '_FILE' : '';
  const nearest = nearestNames(suffix.slice(0, suffix.length - ending.length), candidates);
  const cure = didYouMean(
    nearest.map((name) => prefix + (name === 'CONFIG_FILE' ? name : name + ending)),
  );
  return {
    setting: `${prefix}${suffix}`,
    problem: 'is no setting',
    why: 'it has no effect',
    fix: cure ?? 'remove it, or write the name of a setting',
  };
}

interface TreeSource {
  originOf(path: string): string;
  /** Called for each value that counts. Undefined: not given after all. May throw a {@link Refusal}. */
  adapt(value: unknown): unknown;
}

function addTree(given: GivenSettings, tree: unknown, source: TreeSource): void {
  refusing(given, source.originOf(''), () => {
    refuseUnsafeTree(tree);
    addGroup(given, { group: tree, path: [] }, source);
  });
}

interface Group {
  readonly group: unknown;
  readonly path: readonly string[];
}

function addGroup(given: GivenSettings, { group, path }: Group, source: TreeSource): void {
  if (group === undefined || group === null) return;
  const known = knownKeys(path);
  if (!isPlainObject(group))
    throw new Refusal('is not a group of settings', `give it keys: ${known.join(', ')}`);
  for (const [key, value] of Object.entries(group)) {
    const memberPath = [...path, key];
    const member = memberPath.join('.');
    refusing(given, source.originOf(member), () => {
      if (known.includes('*') ? !/^[a-z\d]+(?:-[a-z\d]+)*$/.test(key) : !known.includes(key))
        throw unknownKey(key, known);
      if (knownKeys(memberPath).length > 0)
        return addGroup(given, { group: value, path: memberPath }, source);
      if (value === undefined || value === null || given.values.has(member)) return;
      // Stays so if the value cannot be adapted: given, but not readable.
      given.values.set(member, { value: undefined, origin: source.originOf(member) });
      const adapted = source.adapt(value);
      if (adapted === undefined) given.values.delete(member);
      else given.values.set(member, { value: adapted, origin: source.originOf(member) });
    });
  }
}

function unknownKey(key: string, known: readonly string[]): Refusal {
  if (known.includes('*'))
    return new Refusal(
      'is not the name of a provider',
      'use lower-case letters, digits and single hyphens, e.g. oidc.default.issuer',
    );
  const paths = settings.map(({ path }) => path).filter((path) => !path.includes('*'));
  // A variable's name, or a whole path as one word: `jwtSecret`.
  const place =
    settings.find(({ variable }) => key.endsWith(`_${variable}`))?.path ??
    paths.find((path) => path.replace('.', '').toLowerCase() === key.toLowerCase());
  const cure = place
    ? `write ${place}`
    : (didYouMean(nearestNames(key, known)) ?? didYouMean(nearestNames(key, paths)));
  return new Refusal('is no setting', cure ?? `use ${known.join(', ')}`);
}

/** The keys that may follow a path; none after a setting. */
function knownKeys(path: readonly string[]): readonly string[] {
  const below = settingSteps.filter(
    (steps) => steps.length > path.length && matches(steps.slice(0, path.length), path),
  );
  return [...new Set(below.map((steps) => steps[path.length] ?? ''))];
}

const settingSteps = settings.map(({ path }) => stepsOf(path));

function stepsOf(path: string): readonly string[] {
  return path.split('.');
}

function matches(pattern: readonly string[], steps: readonly string[]): boolean {
  return (
    pattern.length === steps.length &&
    pattern.every((step, index) => step === '*' || step === steps[index])
  );
}

function refusing(given: GivenSettings, setting: string, add: () => void): void {
  try {
    add();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    given.problems.push({ setting, problem: error.message, fix: error.fix });
  }
}

function addFile(given: GivenSettings, fileName: string, env: Environment): void {
  const label = isFileName(fileName) ? fileName : 'the configuration file';
  refusing(given, label, () => {
    const tree = parseFile(fileName);
    addTree(given, tree, {
      originOf: (path) => (path === '' ? label : `${label}: ${path}`),
      adapt: (value) => emptyAsUnset(interpolate(value, env)),
    });
  });
}

/** False for the contents of a file in the place of its name, which must not be printed. */
function isFileName(text: string): boolean {
  return /^[^{}\n]+\.(?:ya?ml|json)$/i.test(text);
}

function parseFile(fileName: string): unknown {
  const extension = extname(fileName).toLowerCase();
  if (!isFileName(fileName))
    throw new Refusal('is neither YAML nor JSON', 'name a .yaml, .yml or .json file');
  const { text, failure } = readFile(fileName);
  if (text === undefined)
    throw new Refusal(`cannot be read (${failure})`, 'give the path of a readable file');
  const source = text.replace(/^\uFEFF/, '');
  return extension === '.json' ? readJson(source) : parseYaml(source);
}

function emptyAsUnset(value: unknown): unknown {
  return value === '' ? undefined : value;
}

const PLACEHOLDER = /\$\$\{|\$\{(?:([A-Za-z_]\w*)(?::-([^}]*))?\})?/g;

/** Replaces `${VAR}` and `${VAR:-default}` in every text; `$${` stands for a plain `${`. */
function interpolate(value: unknown, env: Environment): unknown {
  if (Array.isArray(value)) return value.map((item) => interpolate(item, env));
  if (isPlainObject(value))
    return Object.fromEntries(
      Object.entries(value).map(([key, member]) => [key, interpolate(member, env)]),
    );
  if (typeof value !== 'string') return value;
  return value.replace(PLACEHOLDER, (match: string, name?: string, fallback?: string) => {
    if (match === '$${') return '${';
    if (name === undefined)
      throw new Refusal('has ${ without a variable', 'write ${NAME}, or $${ for the characters ${');
    const text = (Object.hasOwn(env, name) && env[name]) || fallback;
    if (text === undefined)
      throw new Refusal(
        `refers to ${name}, which is not set`,
        `set ${name} or write \${${name}:-default}`,
      );
    return text;
  });
}

/**
 * Reads the given values. Refused ones are reported, all of them, and then count as given but not readable, so that the
 * others can still be compared.
 */
export function readSettings({ values, problems }: GivenSettings): Settings {
  return readTable(table, {
    valueAt: (path) => values.get(path)?.value,
    namesIn: (path) => namesIn(values, path),
    attempt(path, read) {
      try {
        return read();
      } catch (error) {
        // A list of refusals is an error, which takes long to make: only where there is something to refuse.
        refuse(path, error);
        return undefined;
      }
    },
  });

  function refuse(path: string, error: unknown): void {
    const origin = values.get(path)?.origin ?? path;
    const refused = new RefusalList();
    refused.attempt('', () => {
      throw error;
    });
    for (const { refusal, place } of refused.refusals) {
      const problem = place === '' ? refusal.message : `at ${place.slice(1)}: ${refusal.message}`;
      problems.push({ setting: origin, problem, fix: refusal.fix });
    }
    if (refused.refusals.length > 0) values.set(path, { value: undefined, origin });
  }
}

/** The members of a group that the application named: a provider counts as named even when nothing about it is readable. */
function namesIn(values: GivenSettings['values'], group: string): readonly string[] {
  const start = `${group}.`;
  const paths = [...values.keys()].filter((path) => path.startsWith(start));
  return [...new Set(paths.map((path) => path.slice(start.length).split('.')[0] ?? ''))];
}
