import { type JsonWebKey, KeyObject } from 'node:crypto';
import { z } from 'zod';
import type { ClaimPath } from '../claims/claim-paths.js';
import type { ClaimsMapping } from '../claims/claims-mapping.js';
import {
  isPlainObject,
  list,
  oneOf,
  type Reader,
  readClaimPath,
  readEndpointUrl,
  readFlag,
  readIssuerName,
  readJson,
  Refusal,
} from './values.js';
import type {
  IssuerOptions,
  KeySource,
  SignatureAlgorithm,
} from '../verifier/trusted-issuers/options.js';
import { type PresetName, presetNames } from '../claims/presets/presets.js';

/** A schema that reads by one function; its refusal becomes an issue with the cure in `params.fix`. */
export function value<Value>(read: Reader<Value>): z.ZodType<Value> {
  return z.unknown().transform((input, context) => {
    try {
      return read(input);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { message, fix } = error;
      context.issues.push({ code: 'custom', message, params: { fix }, input });
      return z.NEVER;
    }
  });
}

/** Undefined where nobody gave a value. */
export function optional<Value>(read: Reader<Value>): z.ZodType<Value | undefined> {
  return value(read)
    .optional()
    .transform((given) => given);
}

export function listed<Item>(readItem: Reader<Item>): z.ZodType<readonly Item[]> {
  return value(list(readItem)).default([]);
}

export function flag(byDefault: boolean): z.ZodType<boolean> {
  return value(readFlag).default(byDefault);
}

const signatureAlgorithms = [
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
] as const satisfies readonly SignatureAlgorithm[];

export const presetName: z.ZodType<PresetName> = value(oneOf(presetNames));
export const claimPath: z.ZodExactOptional<z.ZodType<ClaimPath>> = z.exactOptional(
  value<ClaimPath>(readClaimPath),
);

const texts = z.array(z.string().min(1)).min(1);
const jwk = z.custom<JsonWebKey>(isPlainObject).transform((given) => structuredClone(given));
const publicKey = z.union([
  z.string().min(1),
  z.custom<KeyObject>((given) => given instanceof KeyObject),
  jwk,
]);
const sharedSecret = z.union([
  z.string().min(1),
  z.instanceof(Uint8Array).transform((given) => Uint8Array.from(given)),
]);
const remote = {
  cacheSeconds: z.exactOptional(z.number().min(1).max(86_400)),
  staleSeconds: z.exactOptional(z.number().min(0).max(604_800)),
  timeoutMs: z.exactOptional(z.number().min(1).max(60_000)),
  fetch: z.exactOptional(z.custom<typeof fetch>((given) => typeof given === 'function')),
};
const keySource: z.ZodType<KeySource> = z.union(
  [
    z.strictObject({ jwksUri: value(readEndpointUrl), ...remote }),
    z.strictObject({ discovery: z.literal(true), ...remote }),
    z.strictObject({ jwks: z.strictObject({ keys: z.array(jwk).min(1) }) }),
    z.strictObject({ publicKey: z.union([publicKey, z.array(publicKey).min(1)]) }),
    z.strictObject({ secret: z.union([sharedSecret, z.array(sharedSecret).min(1)]) }),
  ],
  { error: 'holds not exactly one of jwksUri, discovery: true, jwks, publicKey, secret' },
);

const claimPaths = {
  userId: claimPath,
  email: claimPath,
  username: claimPath,
  roles: claimPath,
  groups: claimPath,
  attributes: claimPath,
  scopes: claimPath,
  orgs: claimPath,
  clientId: claimPath,
  sessionId: claimPath,
} satisfies Record<keyof ClaimsMapping, z.ZodType>;

/** Shapes only: whether keys are strong and fit the algorithms is judged where the issuers are used. */
const issuerOptions: z.ZodType<IssuerOptions> = z.strictObject({
  issuer: value(readIssuerName),
  tenants: z.exactOptional(texts),
  audience: z.union([z.string().min(1), texts, z.null()], {
    error: 'is missing; give a text, a list of texts, or null to opt out',
  }),
  clientIds: z.exactOptional(texts),
  keys: keySource,
  algorithms: z.exactOptional(z.array(value(oneOf(signatureAlgorithms))).min(1)),
  profile: z.exactOptional(value(oneOf(['rfc9068', 'jwt']))),
  claims: z.exactOptional(
    z.union([presetName, z.strictObject({ ...claimPaths, preset: z.exactOptional(presetName) })], {
      error: 'is neither a preset nor a mapping of known members',
    }),
  ),
  allowedOrgs: z.exactOptional(z.union([z.literal('any'), z.array(z.string().min(1))])),
  clockToleranceSeconds: z.exactOptional(z.number().min(0).max(300)),
  maxTokenAgeSeconds: z.exactOptional(z.number().min(1)),
  requiredClaims: z.exactOptional(z.array(z.string().min(1))),
  check: z.exactOptional(
    z.custom<NonNullable<IssuerOptions['check']>>((given) => typeof given === 'function'),
  ),
} satisfies Record<keyof IssuerOptions, z.ZodType>);

/** JSON text, or the list itself, or one issuer. */
export const issuerList: z.ZodType<IssuerOptions[]> = value((input) => {
  const issuers = typeof input === 'string' ? readJson(input) : input;
  return Array.isArray(issuers) ? issuers : [issuers];
}).pipe(z.array(issuerOptions));
