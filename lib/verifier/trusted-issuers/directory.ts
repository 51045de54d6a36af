import { trusting } from '../../http/bounded-fetch.js';
import { isRecord } from '../../is-record.js';
import type { IssuerOptions } from './options.js';
import { createIssuerPolicy, type IssuerPolicyContext } from './policy.js';
import {
  createResolvedIssuers,
  type IssuerResolver,
  type TrustedIssuer,
} from './resolved-issuers.js';
import {
  createVerifiedTokenCache,
  type VerifiedTokenCacheOptions,
} from '../tokens/verified-tokens.js';

export interface IssuerDirectoryOptions extends Omit<IssuerPolicyContext, 'maxCacheBytes'> {
  readonly issuers: IssuerOptions | readonly IssuerOptions[];
  readonly resolveIssuer: IssuerResolver | undefined;
  readonly cache: VerifiedTokenCacheOptions | false | undefined;
}

export interface IssuerDirectory {
  /** The issuer with exactly this `iss`. Throws or rejects with KEYS_UNAVAILABLE when the resolver fails. */
  find(iss: unknown): TrustedIssuer | undefined | Promise<TrustedIssuer | undefined>;
  /** Resolves when every configured issuer has its keys. Rejects with KEYS_UNAVAILABLE. */
  ready(): Promise<void>;
  /** The configured issuers, and those that the resolver has returned and that are still kept. */
  all(): readonly TrustedIssuer[];
}

/** Prepares the issuers. Throws a TypeError when there is none, when one is unsafe, or when one is listed twice. */
export function createIssuerDirectory(options: IssuerDirectoryOptions): IssuerDirectory {
  const configured = [options.issuers]
    .flat()
    .map((issuer) => trust(issuer, trusting(options, writtenUrls(issuer))));
  if (configured.length === 0 && !options.resolveIssuer)
    throw new TypeError(
      'a verifier needs `issuers` or `resolveIssuer`: the issuers whose tokens it accepts',
    );
  const byIssuer = new Map<string, TrustedIssuer>();
  for (const trusted of configured)
    for (const issuer of trusted.policy.names.listed) {
      if (byIssuer.has(issuer))
        throw new TypeError(`issuer ${JSON.stringify(issuer)} is listed twice`);
      byIssuer.set(issuer, trusted);
    }
  const open = configured.filter(({ policy }) => policy.names.template !== undefined);
  const templates = open.map(({ policy }) => policy.names.template);
  if (new Set(templates).size < templates.length)
    throw new TypeError("an issuer with `tenants: ['any']` is listed twice");
  const resolved =
    options.resolveIssuer &&
    createResolvedIssuers({
      resolveIssuer: options.resolveIssuer,
      trust: (issuer) => trust(issuer, options),
      events: options.events,
      now: options.now,
    });
  return {
    find(iss) {
      if (typeof iss !== 'string') return undefined;
      const known = byIssuer.get(iss) ?? open.find(({ policy }) => policy.names.includes(iss));
      return known ?? resolved?.find(iss);
    },
    async ready() {
      await Promise.all(configured.map(({ policy }) => policy.keys.load()));
    },
    all: () => [...configured, ...(resolved?.all() ?? [])],
  };
}

/** Where the keys of a configured issuer are, or the metadata that names them. What only the metadata names was not written by the operator. */
function writtenUrls(options: unknown): readonly string[] {
  const { issuer, keys } = isRecord(options) ? options : {};
  const url = isRecord(keys) ? (keys['jwksUri'] ?? issuer) : issuer;
  return typeof url === 'string' ? [url] : [];
}

function trust(issuer: IssuerOptions, options: IssuerDirectoryOptions): TrustedIssuer {
  const cache = options.cache === false ? undefined : createVerifiedTokenCache(options.cache);
  return {
    policy: createIssuerPolicy(issuer, { ...options, maxCacheBytes: cache?.maxBytes ?? 0 }),
    cache,
    trustedUntil: Number.POSITIVE_INFINITY,
  };
}
