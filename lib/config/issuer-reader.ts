import { KeyObject } from 'node:crypto';
import type { ClaimsMapping } from '../claims/claims-mapping.js';
import { type PresetName, presetNames } from '../claims/presets/presets.js';
import { didYouMean, nearestNames } from '../known-options.js';
import type {
  IntrospectionOptions,
  IssuerOptions,
  KeySource,
  PublicKey,
  PublishedKeys,
  RemoteKeyOptions,
  Secret,
  SignatureAlgorithm,
} from '../verifier/trusted-issuers/options.js';
import {
  isPlainObject,
  oneOf,
  type Reader,
  readClaimPath,
  readJson,
  Refusal,
  RefusalList,
} from './values.js';
import { readGivenSecret } from './key-readers.js';
import { readIssuerName, readKeysUrl } from './url-readers.js';
import type { JsonWebKey } from '../verifier/keys/json-web-key.js';

export const signatureAlgorithms: readonly SignatureAlgorithm[] = [
  'HS256',
  'HS384',
  'HS512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];

export const readPresetName: Reader<PresetName> = oneOf(presetNames);

/** Trusted issuers: JSON text, a list, or one issuer without a list around it. */
export function readIssuers(input: unknown): readonly IssuerOptions[] {
  const issuers = typeof input === 'string' ? readJson(input) : input;
  return listOf(readIssuer)(Array.isArray(issuers) ? issuers : [issuers]);
}

type Members<Shape> = { readonly [Name in keyof Shape]-?: Reader<Shape[Name]> };

/** Reads an object of known members; absent ones are handed to their readers as undefined. Reports everything wrong at once. */
function shaped<Shape extends object>(members: Members<Shape>): Reader<Shape> {
  const readers = Object.entries<Reader<unknown>>(members);
  const names = readers.map(([name]) => name);
  return function readShape(input) {
    if (!isPlainObject(input)) throw new Refusal('is no object', `give it ${names.join(', ')}`);
    const problems = new RefusalList();
    for (const name of Object.keys(input))
      if (!Object.hasOwn(members, name))
        problems.add(
          new Refusal(
            'is no option',
            didYouMean(nearestNames(name, names)) ?? `use ${names.join(', ')}`,
          ),
          name,
        );
    const values = readers.map(([name, read]) => [
      name,
      problems.attempt(name, () => read(Object.hasOwn(input, name) ? input[name] : undefined)),
    ]);
    problems.throwAny();
    // The readers' types say what the loop builds; the compiler cannot follow it through Object.entries().
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return Object.fromEntries(values.filter(([, value]) => value !== undefined)) as Shape;
  };
}

function maybe<Value>(read: Reader<Value>): Reader<Value | undefined> {
  return (input) => (input === undefined ? undefined : read(input));
}

function listOf<Item>(readItem: Reader<Item>, least = 0): Reader<readonly Item[]> {
  return function readList(input) {
    if (!Array.isArray(input)) throw new Refusal('is no list', 'write it in brackets');
    if (input.length < least) throw new Refusal('is empty', 'give it an item or leave it out');
    const problems = new RefusalList();
    const items = input.map((item: unknown, index) =>
      problems.attempt(String(index), () => readItem(item)),
    );
    problems.throwAny();
    return items.filter((item): item is Item => item !== undefined);
  };
}

/** One item or a list of them. */
function oneOrMore<Item>(readItem: Reader<Item>): Reader<Item | readonly Item[]> {
  const readItems = listOf(readItem, 1);
  return (input) => (Array.isArray(input) ? readItems(input) : readItem(input));
}

function readWord(input: unknown): string {
  if (typeof input === 'string' && input !== '') return input;
  throw new Refusal('is not text', 'write it as text, in quotes');
}

function numberFrom(min: number, max = Number.MAX_SAFE_INTEGER): Reader<number> {
  return function readNumber(input) {
    if (typeof input === 'number' && input >= min && input <= max) return input;
    throw new Refusal('is out of range', `write a number from ${min} to ${max}`);
  };
}

function readFunction<Kind>(isOne: (input: unknown) => input is Kind): Reader<Kind> {
  return (input) => {
    if (isOne(input)) return input;
    throw new Refusal('is no function', 'give a function, in code');
  };
}

// What a function takes and returns shows only when it is called.
const readFetch = readFunction((input): input is typeof fetch => typeof input === 'function');
const readCheck = readFunction(
  (input): input is NonNullable<IssuerOptions['check']> => typeof input === 'function',
);

function readJwk(input: unknown): JsonWebKey {
  if (isPlainObject(input)) return structuredClone(input);
  throw new Refusal('is no JWK', 'give an object with `kty`');
}

function readPublicKey(input: unknown): PublicKey {
  return typeof input === 'string' || input instanceof KeyObject
    ? input || readWord(input)
    : readJwk(input);
}

function readSecret(input: unknown): Secret {
  return input instanceof Uint8Array ? Uint8Array.from(input) : readWord(input);
}

const readJwks = shaped<{ readonly keys: readonly JsonWebKey[] }>({ keys: listOf(readJwk, 1) });

const remote: Members<RemoteKeyOptions> = {
  initial: maybe(readJwks),
  cacheSeconds: maybe(numberFrom(1, 86_400)),
  staleSeconds: maybe(numberFrom(0, 604_800)),
  timeoutMs: maybe(numberFrom(1, 60_000)),
  fetch: maybe(readFetch),
};

function readTrue(input: unknown): true {
  if (input === true) return true;
  throw new Refusal('is not true', 'write true, or name another source');
}

/** By the member that tells one from the others. */
type Kinds<Kind> = Readonly<Record<string, Reader<Kind>>>;

const publishedKeys: Kinds<PublishedKeys> = {
  jwksUri: shaped<Extract<KeySource, { jwksUri: unknown }>>({ jwksUri: readKeysUrl, ...remote }),
  discovery: shaped<Extract<KeySource, { discovery: unknown }>>({
    discovery: readTrue,
    ...remote,
  }),
  jwks: shaped<Extract<KeySource, { jwks: unknown }>>({
    jwks: readJwks,
  }),
};

const introspection: Members<Omit<IntrospectionOptions, 'endpoint' | 'discovery'>> = {
  clientId: readWord,
  clientSecret: readGivenSecret,
  authMethod: maybe(oneOf(['client_secret_basic', 'client_secret_post'])),
  cacheSeconds: maybe(numberFrom(0, 3600)),
  negativeCacheSeconds: maybe(numberFrom(0, 60)),
  maxEntries: maybe(numberFrom(1, 1_000_000)),
  timeoutMs: maybe(numberFrom(1, 60_000)),
  tokenPrefix: maybe(readWord),
  signedResponses: maybe(oneKind(publishedKeys)),
  fetch: maybe(readFetch),
};

const introspectionPlaces: Kinds<IntrospectionOptions> = {
  endpoint: shaped<Extract<IntrospectionOptions, { endpoint: unknown }>>({
    endpoint: readKeysUrl,
    ...introspection,
  }),
  discovery: shaped<Extract<IntrospectionOptions, { discovery: unknown }>>({
    discovery: readTrue,
    ...introspection,
  }),
};

const readKeySource = oneKind<KeySource>({
  ...publishedKeys,
  publicKey: shaped<Extract<KeySource, { publicKey: unknown }>>({
    publicKey: oneOrMore(readPublicKey),
  }),
  secret: shaped<Extract<KeySource, { secret: unknown }>>({ secret: oneOrMore(readSecret) }),
  introspection: shaped<Extract<KeySource, { introspection: unknown }>>({
    introspection: oneKind(introspectionPlaces),
  }),
});

function oneKind<Kind>(kinds: Kinds<Kind>): Reader<Kind> {
  const readers = Object.entries(kinds);
  const names = readers.map(([name]) => (name === 'discovery' ? 'discovery: true' : name));
  return function readKind(input) {
    const given = isPlainObject(input)
      ? readers.filter(([name]) => Object.hasOwn(input, name))
      : [];
    const [kind, ...others] = given;
    if (kind !== undefined && others.length === 0) return kind[1](input);
    throw new Refusal(`needs exactly one of ${names.join(', ')}`, 'name the one source');
  };
}

function readAudience(input: unknown): IssuerOptions['audience'] {
  if (input === null) return null;
  if (input !== undefined) return oneOrMore(readWord)(input);
  throw new Refusal('is missing', 'give a text, a list of texts, or null to opt out');
}

const path = maybe(readClaimPath);
const readMapping = shaped<ClaimsMapping & { readonly preset?: PresetName }>({
  preset: maybe(readPresetName),
  userId: path,
  email: path,
  emailVerified: path,
  username: path,
  roles: path,
  groups: path,
  attributes: path,
  scopes: path,
  orgs: path,
  clientId: path,
  sessionId: path,
});

/** Shapes only: whether keys are strong and fit the algorithms is judged where the issuers are used. */
const readIssuer = shaped<IssuerOptions>({
  issuer: readIssuerName,
  tenants: maybe(listOf(readWord, 1)),
  audience: readAudience,
  clientIds: maybe(listOf(readWord, 1)),
  keys: readKeySource,
  algorithms: maybe(listOf(oneOf(signatureAlgorithms), 1)),
  profile: maybe(oneOf(['rfc9068', 'at+jwt', 'jwt'])),
  claims: maybe((input) =>
    typeof input === 'string' ? readPresetName(input) : readMapping(input),
  ),
  allowedOrgs: maybe((input) => (input === 'any' ? 'any' : listOf(readWord)(input))),
  clockToleranceSeconds: maybe(numberFrom(0, 300)),
  maxTokenAgeSeconds: maybe(numberFrom(1)),
  requiredClaims: maybe(listOf(readWord)),
  check: maybe(readCheck),
});
