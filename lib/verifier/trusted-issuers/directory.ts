import { trusting } from '../../http/bounded-fetch.js';
import { isRecord } from '../../is-record.js';
import type { IssuerState } from '../../status.js';
import { createIntrospector, type Introspector } from '../introspection/introspector.js';
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

/** An issuer that is asked about its tokens. */
export interface AskedIssuer {
  readonly trusted: TrustedIssuer;
  readonly introspector: Introspector;
}

export interface IssuerDirectory {
  /** The issuer with exactly this `iss`. Throws or rejects with KEYS_UNAVAILABLE when the resolver fails. */
  find(iss: unknown): TrustedIssuer | undefined | Promise<TrustedIssuer | undefined>;
  /** The configured issuer that an opaque token is asked of; undefined when it can be no issuer's. */
  findOpaque(token: string): AskedIssuer | undefined;
  /** Resolves when every configured issuer has its keys. Rejects with KEYS_UNAVAILABLE. */
  ready(): Promise<void>;
  /** What is known of the keys of each configured issuer. Starts fetches that are due. */
  states(): readonly IssuerState[];
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
  const asked = askedIssuers(configured);
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
    findOpaque: (token) => asked.find(({ prefix }) => token.startsWith(prefix)),
    async ready() {
      await Promise.all(
        configured.map(({ policy, introspector }) => introspector?.ready() ?? policy.keys.load()),
      );
    },
    states: () => configured.map((trusted) => stateOf(trusted, options.now())),
    all: () => [...configured, ...(resolved?.all() ?? [])],
  };
}

function stateOf({ policy: { names, keys } }: TrustedIssuer, nowMs: number): IssuerState {
  keys.isServing(nowMs);
  const issuer = names.listed[0] ?? names.template ?? '';
  return Object.freeze({ issuer, keys: keys.state(nowMs) });
}

/** The issuers that are asked about opaque tokens, by what those begin with. Throws a TypeError where a token could be of two. */
function askedIssuers(
  configured: readonly TrustedIssuer[],
): readonly (AskedIssuer & { readonly prefix: string })[] {
  const asked = configured.flatMap((trusted) => {
    const { policy, introspector } = trusted;
    const prefix = policy.introspection?.tokenPrefix ?? '';
    return introspector ? [{ trusted, introspector, prefix }] : [];
  });
  const isAmbiguous = asked.some(({ prefix }) =>
    asked.some((other) => other.prefix !== prefix && other.prefix.startsWith(prefix)),
  );
  if (isAmbiguous || new Set(asked.map(({ prefix }) => prefix)).size < asked.length)
    throw new TypeError(
      'several issuers have `introspection`: give each a `tokenPrefix` that no token of the others begins with',
    );
  return asked;
}

/** Where the keys of a configured issuer are, or the metadata that names them. What only the metadata names was not written by the operator. */
function writtenUrls(options: unknown): readonly string[] {
  const { issuer, keys } = isRecord(options) ? options : {};
  const { introspection, jwksUri } = isRecord(keys) ? keys : {};
  const { endpoint, signedResponses } = isRecord(introspection) ? introspection : {};
  const answerKeys = isRecord(signedResponses) ? signedResponses['jwksUri'] : undefined;
  return [jwksUri ?? endpoint ?? issuer, answerKeys ?? issuer].filter(
    (url) => typeof url === 'string',
  );
}

function trust(issuer: IssuerOptions, options: IssuerDirectoryOptions): TrustedIssuer {
  const trustedUntil = Number.POSITIVE_INFINITY;
  const ofSigned = options.cache === false ? undefined : createVerifiedTokenCache(options.cache);
  const maxCacheBytes = ofSigned?.maxBytes ?? 0;
  const policy = createIssuerPolicy(issuer, { ...options, maxCacheBytes });
  const { introspection } = policy;
  if (!introspection) return { policy, cache: ofSigned, introspector: undefined, trustedUntil };
  const { cacheSeconds: maxAgeSeconds, maxEntries } = introspection;
  const cache =
    ofSigned && maxAgeSeconds > 0
      ? createVerifiedTokenCache({ maxEntries, maxAgeSeconds, maxBytes: ofSigned.maxBytes })
      : undefined;
  const introspector = createIntrospector({ ...options, policy, introspection, cache });
  return { policy, cache, introspector, trustedUntil };
}
