import {
  type ClaimsMapping,
  type ClaimsReader,
  type ClientReader,
  createClaimsReader,
  createClientReader,
  type OrgFilter,
} from '../../claims/claims-mapping.js';
import { spellTenants } from './entra-clouds.js';
import { type IssuerNames, readIssuerNames } from './issuer-names.js';
import { nonEmptyTexts } from './non-empty-texts.js';
import { createKeySet, isSource, type KeySourceContext } from './key-source.js';
import type { IssuerOptions, SignatureAlgorithm } from './options.js';
import {
  type IntrospectionPolicy,
  readIntrospection,
} from '../introspection/read-introspection.js';
import { numberInRange, refuseUnknownOptions } from '../../known-options.js';
import type { KeySet } from '../keys/key-sets.js';
import { generic } from '../../claims/presets/generic.js';
import { isPresetName, mappingOf, presetNames } from '../../claims/presets/presets.js';
import { canonicalAlgorithm, isSignatureAlgorithm, isSymmetric } from '../keys/signatures.js';
import { type ClaimsFreezer, createClaimsFreezer } from '../../claims/frozen-claims.js';
import { createSharedMemory } from '../../claims/sharing.js';

/** A prepared and frozen policy: what {@link IssuerOptions} say, checked and with every default filled in. */
export interface IssuerPolicy {
  /** Every accepted `iss`. */
  readonly names: IssuerNames;
  readonly audience: ReadonlySet<string> | null;
  readonly clientIds: ReadonlySet<string> | undefined;
  /** Of its tokens; of its answers where it is asked about its tokens, and empty where those are not signed. */
  readonly keys: KeySet;
  /** Undefined for an issuer whose tokens are verified by its keys. */
  readonly introspection: IntrospectionPolicy | undefined;
  readonly algorithms: ReadonlySet<string>;
  readonly profile: 'rfc9068' | 'at+jwt' | 'jwt';
  readonly readClaims: ClaimsReader;
  readonly clients: ClientReader;
  readonly freezeClaims: ClaimsFreezer;
  readonly clockToleranceSeconds: number;
  readonly maxTokenAgeSeconds: number | undefined;
  readonly requiredClaims: readonly string[];
  readonly check: IssuerOptions['check'];
}

/** What all issuers of a verifier share. */
export interface IssuerPolicyContext extends Omit<KeySourceContext, 'algorithms'> {
  /** For issuers that have no tolerance of their own. */
  readonly clockToleranceSeconds: number;
  /** Memory that this issuer's verified tokens may take; 0 where none are remembered. */
  readonly maxCacheBytes: number;
}

/** Checks an issuer's options and prepares its policy. Throws a TypeError that names the issuer and the cure. */
export function createIssuerPolicy(
  options: IssuerOptions,
  context: IssuerPolicyContext,
): IssuerPolicy {
  refuseUnknownOptions('an issuer', options, optionNames);
  if (typeof options.issuer !== 'string' || options.issuer === '')
    throw new TypeError('an issuer needs `issuer`: the exact `iss` of its tokens');
  try {
    const introspection = readIntrospection(options, context);
    const algorithms = readAlgorithms(options);
    const keys = introspection?.signedResponses ?? options.keys;
    const names = readIssuerNames(options);
    const mapping = readMapping(options.claims);
    const memory = createSharedMemory(context.maxCacheBytes);
    return Object.freeze({
      names,
      audience: readAudience(options),
      clientIds: options.clientIds && new Set(nonEmptyTexts(options.clientIds, 'clientIds')),
      keys: createKeySet(options.issuer, keys, { ...context, algorithms }),
      introspection,
      algorithms: new Set<string>(algorithms.flatMap(namesOf)),
      profile: readProfile(options.profile),
      readClaims: createClaimsReader(mapping, readAllowedOrgs(options, names), memory),
      clients: createClientReader(mapping),
      freezeClaims: createClaimsFreezer(memory),
      clockToleranceSeconds: numberInRange(
        options.clockToleranceSeconds ?? context.clockToleranceSeconds,
        [0, 300],
        'clockToleranceSeconds',
      ),
      maxTokenAgeSeconds:
        options.maxTokenAgeSeconds === undefined
          ? undefined
          : numberInRange(options.maxTokenAgeSeconds, [1, 31_536_000], 'maxTokenAgeSeconds'),
      requiredClaims: readRequiredClaims(options),
      check: readCheck(options),
    });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new TypeError(`issuer ${JSON.stringify(options.issuer)}: ${error.message}`, {
      cause: error,
    });
  }
}

const optionNames = [
  'issuer',
  'tenants',
  'audience',
  'clientIds',
  'keys',
  'algorithms',
  'profile',
  'claims',
  'allowedOrgs',
  'clockToleranceSeconds',
  'maxTokenAgeSeconds',
  'requiredClaims',
  'check',
] as const satisfies readonly (keyof IssuerOptions)[];

/** Which organisations an issuer's tokens may name: the listed ones, and the tenant that a token is of. */
function readAllowedOrgs({ allowedOrgs = [] }: IssuerOptions, names: IssuerNames): OrgFilter {
  if (allowedOrgs === 'any') return () => true;
  if (allowedOrgs.length > 0 || !Array.isArray(allowedOrgs))
    nonEmptyTexts(allowedOrgs, 'allowedOrgs');
  const allowed = new Set(allowedOrgs);
  return (orgId, { iss }) => allowed.has(orgId) || names.tenantOf(iss) === spellTenants(orgId);
}

function readAudience({ audience }: IssuerOptions): ReadonlySet<string> | null {
  if (audience === null) return null;
  if (audience === undefined)
    throw new TypeError(
      '`audience` is missing; write `audience: null` to accept tokens made for others',
    );
  return new Set(nonEmptyTexts(typeof audience === 'string' ? [audience] : audience, 'audience'));
}

function readRequiredClaims({ requiredClaims }: IssuerOptions): readonly string[] {
  return Object.freeze(requiredClaims ? [...nonEmptyTexts(requiredClaims, 'requiredClaims')] : []);
}

function readCheck({ check }: IssuerOptions): IssuerOptions['check'] {
  if (check === undefined || typeof check === 'function') return check;
  throw new TypeError('`check` is a function that returns whether the claims are accepted');
}

function readProfile(profile: unknown = 'jwt'): IssuerPolicy['profile'] {
  if (profile === 'jwt' || profile === 'at+jwt' || profile === 'rfc9068') return profile;
  throw new TypeError("`profile` is 'jwt', 'at+jwt' or 'rfc9068'");
}

/** The algorithms that an issuer's tokens may have. Throws a TypeError for those that its keys can't have. */
export function readAlgorithms({
  algorithms,
  keys,
}: Pick<IssuerOptions, 'algorithms' | 'keys'>): readonly SignatureAlgorithm[] {
  const hasSecret = isSource(keys, 'secret');
  if (!algorithms) return hasSecret ? ['HS256'] : ['RS256', 'ES256', 'Ed25519'];
  const unknown = nonEmptyTexts(algorithms, 'algorithms').find(
    (name) => !isSignatureAlgorithm(name),
  );
  if (unknown !== undefined)
    throw new TypeError(
      `\`algorithms\` has ${JSON.stringify(unknown)}, which this package does not verify`,
    );
  if (algorithms.some((algorithm) => isSymmetric(algorithm) !== hasSecret))
    throw new TypeError(
      'HS256, HS384 and HS512 go with `secret`, all other algorithms with public keys',
    );
  if (hasSecret && algorithms.length > 1)
    throw new TypeError('a secret serves one algorithm; name just that one');
  return algorithms;
}

/** What tokens may call an algorithm. */
function namesOf(algorithm: SignatureAlgorithm): readonly SignatureAlgorithm[] {
  return canonicalAlgorithm(algorithm) === 'Ed25519' ? ['Ed25519', 'EdDSA'] : [algorithm];
}

function readMapping(claims: IssuerOptions['claims'] = 'generic'): Required<ClaimsMapping> {
  const { preset = 'generic', ...own } = typeof claims === 'string' ? { preset: claims } : claims;
  if (!isPresetName(preset))
    throw new TypeError(
      `\`claims\` names the preset ${JSON.stringify(preset)}; there are ${presetNames.join(', ')}`,
    );
  const unknown = Object.keys(own).find((name) => !Object.hasOwn(generic, name));
  if (unknown) throw new TypeError(`\`claims\` has no member \`${unknown}\``);
  const given = Object.entries(own).filter(([, path]) => path !== undefined);
  return { ...mappingOf(preset), ...Object.fromEntries(given) };
}
