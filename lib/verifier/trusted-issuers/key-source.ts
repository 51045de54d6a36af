import type { EventSink } from '../../events.js';
import { assertRemoteUrl, type HttpPermission } from '../../http/bounded-fetch.js';
import { isRecord } from '../../is-record.js';
import { numberInRange, refuseUnknownOptions } from '../../known-options.js';
import { createLocalKeySet, createRemoteKeySet, type KeySet } from '../keys/key-sets.js';
import { type KeySetContext, readKeySet } from '../keys/read-key-set.js';
import type { VerificationKey } from '../keys/signatures.js';
import { readPublicKey, readSecret } from '../keys/verification-keys.js';
import { placeTenant } from './entra-clouds.js';
import type { KeySource, SignatureAlgorithm } from './options.js';

/** What key sets are made and fetched with. */
export interface KeySourceContext extends HttpPermission {
  readonly algorithms: readonly SignatureAlgorithm[];
  readonly events: EventSink;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * Creates the key set of an issuer; an empty one for an issuer that is asked about its tokens. Throws a TypeError for keys
 * that can't be used, or may not be fetched.
 */
export function createKeySet(issuer: string, keys: KeySource, context: KeySourceContext): KeySet {
  const { algorithms } = context;
  if (isSource(keys, 'introspection')) return createLocalKeySet([]);
  if (isSource(keys, 'secret'))
    return createLocalKeySet(
      asList(keys.secret, 'secret').map((secret) => readSecret(secret, algorithms[0] ?? 'HS256')),
    );
  if (isSource(keys, 'publicKey'))
    return createLocalKeySet(
      asList(keys.publicKey, 'publicKey').flatMap((key) => readPublicKey(key, algorithms)),
    );
  const keySetContext = { issuer, algorithms, events: context.events };
  if (isSource(keys, 'jwks')) return createLocalKeySet(keysIn(keys.jwks, keySetContext));
  refuseUnknownOptions('`keys`', keys, ['jwksUri', 'discovery', ...remoteNames]);
  const jwksUri = isSource(keys, 'jwksUri') ? keys.jwksUri : undefined;
  assertRemoteUrl(jwksUri ?? placeTenant(issuer, 'common'), context);
  return createRemoteKeySet({
    ...context,
    ...keySetContext,
    jwksUri,
    initial: keys.initial === undefined ? undefined : membersOf(keys.initial, 'initial'),
    fetch: keys.fetch,
    timeoutMs: numberInRange(keys.timeoutMs ?? 5000, [1, 60_000], 'timeoutMs'),
    cacheSeconds: numberInRange(keys.cacheSeconds ?? 600, [1, 86_400], 'cacheSeconds'),
    staleSeconds: numberInRange(keys.staleSeconds ?? 86_400, [0, 604_800], 'staleSeconds'),
  });
}

const remoteNames = ['cacheSeconds', 'staleSeconds', 'timeoutMs', 'fetch', 'initial'] as const;
const sourceNames = [
  'jwksUri',
  'discovery',
  'jwks',
  'publicKey',
  'secret',
  'introspection',
] as const;
type SourceName = (typeof sourceNames)[number];

/** Tells which source it is. Throws a TypeError unless it is exactly one. */
export function isSource<Name extends SourceName>(
  keys: KeySource,
  name: Name,
): keys is Extract<KeySource, Record<Name, unknown>> {
  const given = isRecord(keys) ? sourceNames.filter((source) => Object.hasOwn(keys, source)) : [];
  if (given.length !== 1)
    throw new TypeError(`\`keys\` needs exactly one of ${sourceNames.join(', ')}`);
  return given[0] === name;
}

function asList<Item>(value: Item | readonly Item[], name: string): readonly Item[] {
  const list: readonly Item[] = isList(value) ? value : [value];
  if (list.length === 0) throw new TypeError(`\`${name}\` is an empty list`);
  return list;
}

function isList<Item>(value: Item | readonly Item[]): value is readonly Item[] {
  return Array.isArray(value);
}

function keysIn(jwks: unknown, context: KeySetContext): readonly VerificationKey[] {
  const keys = [...readKeySet(membersOf(jwks, 'jwks'), context).values()].flat();
  if (keys.length === 0)
    throw new TypeError(`\`jwks\` has no public key usable with ${context.algorithms.join(', ')}`);
  return keys;
}

function membersOf(jwks: unknown, name: string): readonly unknown[] {
  if (isRecord(jwks) && Array.isArray(jwks['keys'])) return jwks['keys'];
  throw new TypeError(`\`${name}\` is not a JWK Set: write { keys: [ … ] }`);
}
