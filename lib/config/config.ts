import { algorithmsOf } from './key-readers.js';
import { redact } from './redact.js';
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
export interface Config extends Omit<Settings, 'oidc'> {
  /** Whether NODE_ENV is `production`. */
  readonly production: boolean;
  /** Log-in providers by name; the variables without a name make the one named `default`. Has no prototype. */
  readonly oidc: Readonly<Record<string, OidcProvider>>;
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
  /** Told what is odd but no error. @defaultValue `process.emitWarning(message, 'LatchkeyWarning')` */
  readonly onWarning?: (message: string) => void;
}

/** The configuration cannot be used. Says everything that is wrong, and never quotes a value. */
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

/** What the rules below look at. A value that was refused before is given, but undefined or its default. */
interface Judgement {
  readonly values: Settings;
  readonly production: boolean;
  readonly isGiven: (path: string) => boolean;
  readonly nameOf: (path: string) => string;
  readonly refuse: (path: string, problem: string, fix: string) => void;
  readonly warn: (message: string) => void;
}

/** What can only be judged by looking at several settings. */
const rules: readonly ((judgement: Judgement) => void)[] = [
  judgePublicUrl,
  judgeTransport,
  judgeStore,
  judgeKeySource,
  judgeAlgorithm,
  judgeIssuer,
  judgeSecrets,
  judgeLifetimes,
  judgeStandalone,
  judgeOidc,
  judgeSocial,
];

function judgePublicUrl({ values, production, isGiven, nameOf, refuse, warn }: Judgement): void {
  if (isGiven('publicUrl')) return;
  const { oidc, google, github } = values;
  if (production)
    refuse(
      'publicUrl',
      'is missing',
      'set the origin that users see, e.g. https://app.example.com',
    );
  else if (Object.keys(oidc).length > 0 || google.clientId || github.clientId)
    warn(`${nameOf('publicUrl')} is not set; sign-in with a provider needs it for its redirects`);
}

function judgeTransport({ values, production, refuse }: Judgement): void {
  if (!production) return;
  const urls = {
    publicUrl: values.publicUrl,
    'jwt.jwksUrl': values.jwt.jwksUrl,
    ...Object.fromEntries(
      Object.entries(values.oidc).map(([name, { issuer }]) => [`oidc.${name}.issuer`, issuer]),
    ),
  };
  for (const [path, url] of Object.entries(urls))
    if (url && /^http:/i.test(url)) refuse(path, 'uses http', 'use https in production');
}

function judgeStore({ production, isGiven, refuse }: Judgement): void {
  if (production && !isGiven('store.url'))
    refuse(
      'store.url',
      'is missing',
      'name a store, e.g. postgres://…; write memory: if every session may end with the process',
    );
}

const KEY_SOURCES = ['jwt.secret', 'jwt.privateKey', 'jwt.jwksUrl', 'jwt.publicKey'] as const;
type KeySourcePath = (typeof KEY_SOURCES)[number];

/** The one main key source; undefined where there is none or a choice. */
function keySource({ isGiven }: Judgement): KeySourcePath | undefined {
  const given = KEY_SOURCES.filter(isGiven);
  return given.length === 1 ? given[0] : undefined;
}

function judgeKeySource({ values, isGiven, nameOf, refuse }: Judgement): void {
  const [first, ...others] = KEY_SOURCES.filter(isGiven);
  if (first !== undefined && others.length > 0)
    refuse(
      first,
      `is given together with ${others.map(nameOf).join(', ')}`,
      'keep the one that the main issuer uses; further issuers are trusted issuers',
    );
  const { jwt, secretPrevious } = values;
  const rotations = [
    { previous: 'jwt.secretPrevious', count: jwt.secretPrevious.length, current: ['jwt.secret'] },
    {
      previous: 'jwt.privateKeyPrevious',
      count: jwt.privateKeyPrevious.length,
      current: ['jwt.privateKey'],
    },
    { previous: 'secretPrevious', count: secretPrevious.length, current: ['secret', 'jwt.secret'] },
  ];
  for (const { previous, count, current } of rotations)
    if (count > 0 && !current.some(isGiven))
      refuse(
        previous,
        `is given without ${current.map(nameOf).join(' or ')}`,
        'give the current one',
      );
}

function judgeAlgorithm(judgement: Judgement): void {
  const { values, refuse } = judgement;
  const { algorithm, secret, secretPrevious, privateKey, publicKey } = values.jwt;
  const source = keySource(judgement);
  if (algorithm === undefined || source === undefined) return;
  const isForSecrets = algorithm.startsWith('HS');
  const key = privateKey ?? publicKey;
  if (isForSecrets !== (source === 'jwt.secret'))
    refuse(
      'jwt.algorithm',
      'is not for this kind of key',
      'HS… is for secrets, the others for key pairs',
    );
  else if (key !== undefined && !algorithmsOf(key).includes(algorithm))
    refuse(
      'jwt.algorithm',
      'does not fit the key',
      `use ${algorithmsOf(key).join(' or ')}, or leave it out`,
    );
  if (!isForSecrets) return;
  const bytes = Number(algorithm.slice(2)) / 8;
  const isShort = (text: string) => Buffer.byteLength(text) < bytes;
  const problem = `is shorter than the ${bytes} bytes that ${algorithm} needs`;
  const fix = `make one with \`openssl rand -base64 ${bytes}\``;
  if (secret !== undefined && isShort(secret)) refuse('jwt.secret', problem, fix);
  if (secretPrevious.some(isShort)) refuse('jwt.secretPrevious', problem, 'drop it, or keep HS256');
}

function judgeIssuer(judgement: Judgement): void {
  const { production, isGiven, nameOf, refuse, warn } = judgement;
  if (isGiven('jwt.issuer') || !KEY_SOURCES.some(isGiven)) return;
  const source = keySource(judgement);
  // In production a missing public URL is reported by itself.
  if (!isGiven('publicUrl') && !production)
    refuse(
      'jwt.issuer',
      'is missing',
      `set it, or ${nameOf('publicUrl')}, to the \`iss\` of the tokens`,
    );
  else if (source === 'jwt.jwksUrl' || source === 'jwt.publicKey')
    warn(
      `${nameOf('jwt.issuer')} is not set, so ${nameOf(source)} verifies only tokens whose \`iss\` is ${nameOf('publicUrl')}; set it to the issuer that owns the keys`,
    );
}

function judgeSecrets({ isGiven, refuse }: Judgement): void {
  if (isGiven('jwt.privateKey') && !isGiven('secret') && !isGiven('jwt.secret'))
    refuse(
      'secret',
      'is missing; with a private key nothing else can protect refresh tokens and cookies',
      'make one with `openssl rand -base64 48`',
    );
}

function judgeLifetimes({ values, isGiven, nameOf, refuse }: Judgement): void {
  const { refreshIdleTtlSeconds: idle, refreshTtlSeconds: absolute } = values;
  if (isGiven('refreshIdleTtlSeconds') && idle > absolute)
    refuse(
      'refreshIdleTtlSeconds',
      `is longer than ${nameOf('refreshTtlSeconds')}`,
      'shorten it, or lengthen the other',
    );
}

function judgeStandalone({ values, production, isGiven, nameOf, refuse, warn }: Judgement): void {
  const { standalone, devToken } = values;
  const fix = 'remove it; in production every request brings its own credential';
  if (production) {
    if (standalone) refuse('standalone', 'is on in production', fix);
    if (isGiven('devToken')) refuse('devToken', 'is given in production', fix);
  } else if (standalone && !isGiven('devToken'))
    refuse(
      'standalone',
      `is on without ${nameOf('devToken')}`,
      `set ${nameOf('devToken')} to a token`,
    );
  else if (devToken !== undefined && !isGiven('standalone'))
    warn(`${nameOf('devToken')} has no effect without ${nameOf('standalone')}=true`);
}

function judgeOidc({ values, isGiven, refuse }: Judgement): void {
  for (const [name, provider] of Object.entries(values.oidc)) {
    for (const member of ['issuer', 'clientId'] as const)
      if (provider[member] === undefined && !isGiven(`oidc.${name}.${member}`))
        refuse(
          `oidc.${name}.${member}`,
          'is missing',
          'a login provider needs issuer and client id',
        );
    if ((name === 'google' || name === 'github') && isGiven(`${name}.clientId`))
      refuse(`oidc.${name}.issuer`, `is a second provider named ${name}`, 'give it another name');
  }
}

function judgeSocial({ values, isGiven, refuse }: Judgement): void {
  const fix = 'client id and client secret belong together';
  const { google } = values;
  if (
    !isGiven('google.clientId') &&
    (isGiven('google.clientSecret') || google.allowedDomains.length > 0)
  )
    refuse('google.clientId', 'is missing', 'set it, or remove the other Google settings');
  for (const [member, other] of [
    ['clientId', 'clientSecret'],
    ['clientSecret', 'clientId'],
  ])
    if (isGiven(`github.${other}`) && !isGiven(`github.${member}`))
      refuse(`github.${member}`, 'is missing', fix);
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
    // Without a prototype, since providers are looked up by names out of requests.
    oidc: Object.assign(Object.create(null), ...providers),
  };
  return redact(config, isSecret);
}
