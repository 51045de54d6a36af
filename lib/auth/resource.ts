import type { RequestHandler } from 'express';
import type { AuthenticatorContext } from '../authenticate/authenticator.js';
import type { DpopMode } from '../authenticate/dpop/guard-proofs.js';
import { proofAlgorithms } from '../authenticate/dpop/proof-keys.js';
import { isScopeList } from '../errors/challenges.js';
import type { Config } from '../config/config.js';
import { definedOnly, refuseUnknownOptions } from '../known-options.js';
import { optionalAuth, type OptionalAuthOptions } from '../middleware/optional-auth.js';
import type { orgContext } from '../middleware/org-context.js';
import { requireAnyScope } from '../middleware/require-any-scope.js';
import { requireAuth, type RequireAuthOptions } from '../middleware/require-auth.js';
import type { RequireAuthContextOptions } from '../middleware/require-auth-context.js';
import type { requireRoles } from '../middleware/require-roles.js';
import { requireScopes } from '../middleware/require-scopes.js';
import { resourceMetadata, type ResourceMetadata } from '../middleware/resource-metadata.js';
import type { ScopesAndOptions } from '../middleware/scopes.js';
import type { Verifier } from '../verifier/verifier.js';

export interface ProtectedResourceOptions {
  /** Where the resource is below AUTH_PUBLIC_URL: a path that begins with `/`. @defaultValue `'/'`: the whole application */
  readonly path?: string;
  /** Scopes for the metadata that no guard of the resource names, e.g. those that a handler looks at. @defaultValue `[]` */
  readonly scopes?: readonly string[];
  /** What people call it (`resource_name`). @defaultValue none */
  readonly name?: string;
  /** URL of a page for developers (`resource_documentation`). @defaultValue none */
  readonly documentation?: string;
  /**
   * Issuer identifiers of the authorization servers where clients get tokens for it. `[]` tells none.
   * @defaultValue the issuers that the application trusts and whose name is a URL
   */
  readonly authorizationServers?: readonly string[];
  /**
   * What the `aud` of its tokens must name instead of the identifier: one of these values. `'issuer'` keeps the `audience` of each
   * issuer's policy; tokens for other parts of the application are then taken here, too. @defaultValue the identifier
   */
  readonly audience?: string | readonly string[];
}

/** A guarded part of the application that clients discover by its metadata (RFC 9728), and the guards that belong to it. */
export interface ProtectedResource {
  /** The resource identifier, and what the `aud` of its tokens names: AUTH_PUBLIC_URL with the path. */
  readonly identifier: string;
  /** Where the metadata is; the `resource_metadata` of challenges. */
  readonly metadataUrl: string;
  /** Answers for `metadataUrl`. Goes before `auth.securityHeaders()`, at the root of the application. */
  metadata(): RequestHandler;
  /** As `auth.requireAuth()`, for tokens that are meant for the resource. Takes other credentials only where `methods` names them. */
  requireAuth(options?: RequireAuthOptions): RequestHandler;
  /** As `auth.optionalAuth()`, for tokens that are meant for the resource. Takes other credentials only where `methods` names them. */
  optionalAuth(options?: OptionalAuthOptions): RequestHandler;
  /** As `auth.requireScopes()`; the metadata names the scopes. */
  readonly requireScopes: typeof requireScopes;
  /** As `auth.requireAnyScope()`; the metadata names the scopes. */
  readonly requireAnyScope: typeof requireAnyScope;
  readonly requireRoles: typeof requireRoles;
  requireAuthContext(options: RequireAuthContextOptions): RequestHandler;
  readonly orgContext: typeof orgContext;
}

/** What the application knows that a resource needs. */
interface ResourceParts {
  readonly config: Pick<Config, 'publicUrl' | 'production'>;
  /** `iss` of every issuer that is trusted by name. */
  readonly issuers: readonly string[];
  readonly verifier: Verifier;
  /** A verifier of the same issuers whose tokens must name one of these audiences. */
  readonly verifierFor: (audience: readonly string[]) => Verifier;
  readonly context: AuthenticatorContext;
  readonly guards: Pick<ProtectedResource, 'requireRoles' | 'requireAuthContext' | 'orgContext'>;
}

const WELL_KNOWN = '/.well-known/oauth-protected-resource';

const optionNames: readonly (keyof ProtectedResourceOptions)[] = [
  'path',
  'scopes',
  'name',
  'documentation',
  'authorizationServers',
  'audience',
];

/** The protected resources of one application. */
interface Resources {
  readonly create: (options?: ProtectedResourceOptions) => ProtectedResource;
  /** Resolves when the keys of every issuer are there for each of them. Rejects with the reason. */
  readonly ready: () => Promise<void>;
}

/** Prepares `auth.protectedResource()`. */
export function createResources(parts: ResourceParts): Resources {
  const verifiers = new Map<string, Verifier>();
  return {
    create(options = {}) {
      refuseUnknownOptions('protectedResource()', options, optionNames);
      const urls = urlsOf(options, parts.config);
      if (verifiers.has(urls.identifier))
        throw new TypeError(
          `protectedResource() was called twice for ${urls.identifier}: keep the first result, whose guards are in its metadata`,
        );
      const verifier = verifierOf(options, urls.identifier, parts);
      const resource = createResource(options, { ...parts, ...urls, verifier });
      verifiers.set(urls.identifier, verifier);
      return resource;
    },
    async ready() {
      await Promise.all([...verifiers.values()].map((verifier) => verifier.ready()));
    },
  };
}

type ResourceUrls = Pick<ProtectedResource, 'identifier' | 'metadataUrl'>;

function createResource(
  options: ProtectedResourceOptions,
  parts: ResourceParts & ResourceUrls,
): ProtectedResource {
  const { identifier, metadataUrl, verifier } = parts;
  const scopes = new Set(readScopes(options.scopes ?? []));
  const document = documentOf(identifier, options, parts);
  const context: AuthenticatorContext = {
    ...parts.context,
    resourceMetadata: metadataUrl,
    // A client without a credential must be told where to get one, also in development.
    devToken: undefined,
  };

  function noting(guard: RequestHandler, names: readonly unknown[]): RequestHandler {
    for (const name of names) if (typeof name === 'string') scopes.add(name);
    return guard;
  }

  return Object.freeze({
    identifier,
    metadataUrl,
    metadata: () =>
      resourceMetadata({
        path: new URL(metadataUrl).pathname,
        document: () => document([...scopes]),
      }),
    requireAuth: (demands: RequireAuthOptions = {}) =>
      noting(requireAuth(verifier, byToken(demands), context), demands.challengeScopes ?? []),
    optionalAuth: (demands: OptionalAuthOptions = {}) =>
      optionalAuth(verifier, byToken(demands), context),
    requireScopes: (...names: ScopesAndOptions) => noting(requireScopes(...names), names),
    requireAnyScope: (...names: readonly string[]) => noting(requireAnyScope(...names), names),
    ...parts.guards,
  });
}

/** Clients that discover the resource bring access tokens; sessions and API keys have no audience that could be compared. */
function byToken<Options extends RequireAuthOptions | OptionalAuthOptions>(
  demands: Options,
): Options {
  return { ...demands, methods: demands.methods ?? ['jwt', 'opaque'] };
}

function urlsOf(
  { path = '/' }: ProtectedResourceOptions,
  { publicUrl }: ResourceParts['config'],
): ResourceUrls {
  if (publicUrl === undefined)
    throw new TypeError(
      'protectedResource() needs AUTH_PUBLIC_URL: the identifier that clients see begins with it, and a `Host` header may be made up',
    );
  const { origin, pathname } = new URL(publicUrl);
  if (typeof path !== 'string' || !isPath(path))
    throw new TypeError(
      "protectedResource(): `path` is a path such as '/mcp', without query, fragment and dots",
    );
  const place = pathname.replace(/\/+$/, '') + (path === '/' ? '' : path);
  return { identifier: `${origin}${place}`, metadataUrl: `${origin}${WELL_KNOWN}${place}` };
}

/** Spelt as a URL spells it, so that what clients and servers compare is the same text. */
function isPath(path: string): boolean {
  return /^\/(?!\/)[^?#\\]*$/.test(path) && new URL(path, 'https://host').pathname === path;
}

function verifierOf(
  { audience }: ProtectedResourceOptions,
  identifier: string,
  { verifier, verifierFor }: ResourceParts,
): Verifier {
  if (audience === 'issuer') return verifier;
  if (audience !== undefined) return verifierFor([audience].flat());
  // Without a path both are the same URI (RFC 3986 §6.2.3), and clients ask for either.
  const isOrigin = new URL(identifier).origin === identifier;
  return verifierFor(isOrigin ? [identifier, `${identifier}/`] : [identifier]);
}

function readScopes(scopes: readonly string[]): readonly string[] {
  if (isScopeList(scopes)) return scopes;
  throw new TypeError("protectedResource(): `scopes` is a list such as ['notes:read']");
}

/** Not what a resource needs: whether a client gets refresh tokens is between it and the authorization server. */
const OFFLINE_ACCESS = 'offline_access';

/** Returns what tells the metadata by the scopes that are known. Lists without entries are left out (RFC 9728 §3.2). */
function documentOf(
  identifier: string,
  { name, documentation, authorizationServers }: ProtectedResourceOptions,
  { config, issuers, context }: ResourceParts,
): (scopes: readonly string[]) => ResourceMetadata {
  const servers = readServers(authorizationServers, { issuers, ...config });
  if (documentation !== undefined && !isServer(documentation.replace(/[?#].*$/, ''), config))
    throw new TypeError('protectedResource(): `documentation` is an https URL');
  return (known) => {
    const scopes = known.filter((scope) => scope !== OFFLINE_ACCESS).toSorted();
    return {
      resource: identifier,
      ...(servers.length > 0 && { authorization_servers: servers }),
      ...(scopes.length > 0 && { scopes_supported: scopes }),
      bearer_methods_supported: ['header'],
      ...definedOnly({ resource_name: name, resource_documentation: documentation }),
      ...proofMetadata(context.dpop),
      ...(context.clientCertificate && { tls_client_certificate_bound_access_tokens: true }),
    };
  };
}

/** What clients learn of DPoP (RFC 9728 §2). */
function proofMetadata(dpop: DpopMode = 'off') {
  return {
    ...(dpop !== 'off' && { dpop_signing_alg_values_supported: proofAlgorithms }),
    ...(dpop === 'required' && { dpop_bound_access_tokens_required: true }),
  };
}

function readServers(
  given: readonly string[] | undefined,
  { issuers, production }: { readonly issuers: readonly string[]; readonly production: boolean },
): readonly string[] {
  if (given === undefined) {
    const servers = issuers.filter((issuer) => isServer(issuer, { production }));
    if (servers.length > 0) return servers;
    throw new TypeError(
      'protectedResource() knows no issuer by URL: list `authorizationServers` where clients get tokens, or [] to tell none',
    );
  }
  if (Array.isArray(given) && given.every((server) => isServer(server, { production })))
    return Object.freeze([...new Set(given)]);
  throw new TypeError(
    "protectedResource(): `authorizationServers` is a list of issuers such as ['https://id.example.com']",
  );
}

/** An issuer identifier (RFC 8414 §2): https, or http in development, and neither query nor fragment. */
function isServer(text: unknown, { production }: { readonly production: boolean }): boolean {
  if (typeof text !== 'string' || !URL.canParse(text) || /[?#]/.test(text)) return false;
  const { protocol } = new URL(text);
  return protocol === 'https:' || (protocol === 'http:' && !production);
}
